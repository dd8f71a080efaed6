#include "cli/output.h"

#include <google/protobuf/util/json_util.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxCell = 1024;

// Characters, not bytes: a cell may hold UTF-8.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

void AppendRow(const std::vector<std::string>& row, const std::vector<size_t>& widths,
               std::string& text) {
  for (size_t i = 0; i < row.size(); ++i) {
    absl::StrAppend(&text, row[i]);
    if (i + 1 < row.size()) text.append(widths[i] - Width(row[i]) + 2, ' ');
  }
  text += '\n';
}

size_t TerminalColumns(FILE* file) {
  winsize size = {};
  if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

}  // namespace

absl::StatusOr<Format> ParseFormat(absl::string_view text) {
  if (text == "table") return Format::kTable;
  if (text == "json") return Format::kJson;
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   absl::StrCat("-o: \"", Printable(text), "\" is not one of table, json"));
}

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  // Zeros are printed: a script that asks for a count should find it.
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "{}";
}

std::string TableText(const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(header.size(), 0);
  std::vector<std::vector<std::string>> lines = {header};
  for (const auto& row : rows) {
    lines.emplace_back(row);
    for (std::string& cell : lines.back()) cell = Printable(cell.empty() ? "-" : cell, kMaxCell);
    lines.back().resize(header.size());
  }
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], Width(line[i]));
  }
  std::string text;
  for (const auto& line : lines) AppendRow(line, widths, text);
  return text;
}

void Output::Write(FILE* file, absl::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

void Output::Object(const google::protobuf::Message& message, const Fields& fields) {
  EndProgress();
  if (json()) return Write(data_, ToJson(message) + "\n");
  size_t width = 0;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) width = std::max(width, Width(name));
  }
  std::string text;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    absl::StrAppend(&text, name, std::string(width - Width(name) + 2, ' '),
                    Printable(value, kMaxCell), "\n");
  }
  Write(data_, text);
}

void Output::Text(absl::string_view text) {
  EndProgress();
  Write(data_, text);
}

void Output::Say(absl::string_view line) {
  EndProgress();
  if (!quiet_) Write(talk_, absl::StrCat(line, "\n"));
}

void Output::Progress(absl::string_view line) {
  if (quiet_ || progress_ == line) return;
  progress_ = std::string(line);
  if (!terminal_) return Write(talk_, absl::StrCat(line, "\n"));
  // Cut so that the line does not wrap: a carriage return goes to the start of one row only.
  Write(talk_, absl::StrCat("\r\033[K", Printable(line, TerminalColumns(talk_) - 4)));
}

void Output::EndProgress() {
  if (terminal_ && !progress_.empty()) Write(talk_, "\r\033[K");
  progress_.clear();
}

List::List(Output& output, std::vector<std::string> header)
    : output_(output), header_(std::move(header)) {}

void List::Add(const google::protobuf::Message& message, std::vector<std::string> row) {
  if (!output_.json()) {
    rows_.push_back(std::move(row));
    return;
  }
  output_.Write(output_.data_, absl::StrCat(first_ ? "[" : ",\n ", ToJson(message)));
  first_ = false;
}

void List::Finish() {
  output_.EndProgress();
  if (output_.json()) {
    output_.Write(output_.data_, first_ ? "[]\n" : "]\n");
  } else {
    output_.Write(output_.data_, TableText(header_, rows_));
  }
}

}  // namespace norroy::cli
