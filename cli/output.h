#ifndef NORROY_CLI_OUTPUT_H_
#define NORROY_CLI_OUTPUT_H_

// Data goes to stdout, as a table for people or as JSON (proto3 JSON) for programs; everything
// else that is said goes to stderr. Progress overwrites one line on a terminal and is one line a
// change elsewhere.

#include <google/protobuf/message.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::cli {

enum class Format { kTable, kJson };
absl::StatusOr<Format> ParseFormat(absl::string_view text);

// One JSON object on one line.
std::string ToJson(const google::protobuf::Message& message);

// Columns as wide as their widest cell; control characters escaped.
std::string TableText(const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows);

using Fields = std::vector<std::pair<std::string, std::string>>;

// Not thread-safe.
class Output {
 public:
  // `data` and `talk` must outlive this; `terminal`: talk goes to a terminal.
  Output(Format format, FILE* data, FILE* talk, bool terminal, bool quiet)
      : format_(format), data_(data), talk_(talk), terminal_(terminal), quiet_(quiet) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  bool json() const { return format_ == Format::kJson; }

  // One object: `message` as JSON or `fields` as two columns (fields with empty values left out).
  void Object(const google::protobuf::Message& message, const Fields& fields);
  // Plain text in either format: a PEM file, say.
  void Text(absl::string_view text);
  // A line on stderr, unless quiet.
  void Say(absl::string_view line);
  void Progress(absl::string_view line);
  // Leaves the terminal's line empty for what comes next.
  void EndProgress();

 private:
  friend class List;
  void Write(FILE* file, absl::string_view text);

  const Format format_;
  FILE* const data_;
  FILE* const talk_;
  const bool terminal_;
  const bool quiet_;
  std::string progress_;
};

// Many objects: one JSON array, written as they come, or one table at the end.
class List {
 public:
  List(Output& output, std::vector<std::string> header);
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  void Add(const google::protobuf::Message& message, std::vector<std::string> row);
  // The end of it; a list that broke off midway has none, so that no part passes for the whole.
  void Finish();

 private:
  Output& output_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  bool first_ = true;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_OUTPUT_H_
