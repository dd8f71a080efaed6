#include "common/audit/export_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::audit {
namespace {

absl::Status FileError(absl::string_view verb, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat(verb, " ", Printable(path)));
}

absl::Status Bad(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_EXPORT", what);
}

// A line without its break, capped. False: the end of the file.
absl::StatusOr<bool> ReadLine(std::istream& file, std::string& line) {
  line.clear();
  std::streambuf* const bytes = file.rdbuf();
  while (true) {
    const int c = bytes->sbumpc();
    if (c == std::char_traits<char>::eof()) return !line.empty();
    if (c == '\n') return true;
    if (line.size() >= kMaxExportLine) return Bad("the line is over 4 MiB");
    line.push_back(static_cast<char>(c));
  }
}

// The order of an export's lines, and their number.
class Order {
 public:
  absl::Status Take(const ExportLine& line) {
    const size_t kind = line.index();
    if (ended_) return Bad("there are lines behind the end");
    if (!began_ && kind != 0) return Bad("the first line is no {\"export\":...}");
    if (began_ && kind == 0) return Bad("a second {\"export\":...}");
    if (kind < last_) return Bad("checkpoints stand before records, and not behind one");
    began_ = true;
    last_ = kind;
    if (kind == 0 && std::get<ExportHeader>(line).version() != kExportVersion) {
      return Bad(absl::StrCat("it is of version ", std::get<ExportHeader>(line).version(),
                              "; this program reads version ", kExportVersion));
    }
    if (kind == 1) ++checkpoints_;
    if (kind == 2) ++records_;
    return kind == 3 ? TakeEnd(std::get<ExportEnd>(line)) : absl::OkStatus();
  }
  bool ended() const { return ended_; }

 private:
  absl::Status TakeEnd(const ExportEnd& end) {
    ended_ = true;
    if (end.checkpoints() == checkpoints_ && end.records() == records_) return absl::OkStatus();
    return Bad(absl::StrCat("there are ", checkpoints_, " checkpoints and ", records_,
                            " records; when it was written there were ", end.checkpoints(), " and ",
                            end.records()));
  }

  bool began_ = false;
  bool ended_ = false;
  size_t last_ = 0;
  int64_t checkpoints_ = 0;
  int64_t records_ = 0;
};

// Hands an export's lines to an examiner.
class Visitor {
 public:
  explicit Visitor(Examiner& examiner) : examiner_(examiner) {}
  absl::Status operator()(const ExportLine& line) {
    if (const auto* header = std::get_if<ExportHeader>(&line)) header_ = *header;
    if (const auto* checkpoint = std::get_if<Checkpoint>(&line)) {
      newest_sha256_ = crypto::Sha256(checkpoint->body);
      return examiner_.AddCheckpoint(*checkpoint);
    }
    if (const auto* record = std::get_if<Record>(&line)) return examiner_.AddRecord(*record);
    return absl::OkStatus();
  }
  const ExportHeader& header() const { return header_; }
  const std::string& newest_sha256() const { return newest_sha256_; }

 private:
  Examiner& examiner_;
  ExportHeader header_;
  std::string newest_sha256_;
};

absl::StatusOr<std::pair<ExportHeader, Findings>> Examine(const std::string& path,
                                                          Examiner& examiner,
                                                          std::string* newest_sha256) {
  Visitor visitor(examiner);
  NORROY_RETURN_IF_ERROR(ReadExport(path, std::ref(visitor)));
  absl::StatusOr<Findings> findings = examiner.Finish();
  if (!findings.ok()) return WithContext(findings.status(), Printable(path));
  if (newest_sha256 != nullptr) *newest_sha256 = visitor.newest_sha256();
  return std::make_pair(visitor.header(), *std::move(findings));
}

absl::StatusOr<ExportHeader> ReadHeader(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError("open", path);
  std::string text;
  absl::Status status = ReadLine(file, text).status();
  if (status.ok()) {
    absl::StatusOr<ExportLine> line = ParseExportLine(text);
    if (line.ok() && std::holds_alternative<ExportHeader>(*line)) {
      return std::get<ExportHeader>(*std::move(line));
    }
    status = line.ok() ? Bad("the first line is no {\"export\":...}") : line.status();
  }
  return WithContext(status, absl::StrCat(Printable(path), ":1"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ExportWriter>> ExportWriter::Create(const std::string& path,
                                                                   const ExportHeader& header) {
  const std::string temporary = path + ".new";
  std::FILE* const file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return FileError("create", temporary);
  std::unique_ptr<ExportWriter> writer(new ExportWriter(path, file));
  NORROY_RETURN_IF_ERROR(writer->Write(header));
  return writer;
}

ExportWriter::~ExportWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  ::unlink((path_ + ".new").c_str());
}

absl::Status ExportWriter::Write(const ExportLine& line) {
  const std::string text = ToText(line) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return absl::OkStatus();
  return FileError("write", path_ + ".new");
}

absl::Status ExportWriter::Add(const Checkpoint& checkpoint) {
  end_.set_checkpoints(end_.checkpoints() + 1);
  return Write(checkpoint);
}

absl::Status ExportWriter::Add(const Record& record) {
  end_.set_records(end_.records() + 1);
  return Write(record);
}

absl::Status ExportWriter::Finish() {
  NORROY_RETURN_IF_ERROR(Write(end_));
  const std::string temporary = path_ + ".new";
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) return FileError("sync", temporary);
  const int closed = std::fclose(std::exchange(file_, nullptr));
  if (closed != 0 || std::rename(temporary.c_str(), path_.c_str()) != 0) {
    const absl::Status status = FileError("rename", temporary);
    ::unlink(temporary.c_str());
    return status;
  }
  return absl::OkStatus();
}

absl::Status ReadExport(const std::string& path,
                        const std::function<absl::Status(const ExportLine&)>& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError("open", path);
  Order order;
  std::string text;
  int64_t number = 0;
  const auto take = [&]() -> absl::StatusOr<bool> {
    NORROY_ASSIGN_OR_RETURN(const bool more, ReadLine(file, text));
    if (!more) return order.ended() ? absl::StatusOr<bool>(false) : Bad("the file was cut off");
    NORROY_ASSIGN_OR_RETURN(const ExportLine line, ParseExportLine(text));
    NORROY_RETURN_IF_ERROR(order.Take(line));
    NORROY_RETURN_IF_ERROR(visit(line));
    return true;
  };
  while (true) {
    ++number;
    const absl::StatusOr<bool> more = take();
    if (!more.ok()) {
      return WithContext(more.status(), absl::StrCat(Printable(path), ":", number));
    }
    if (!*more) return absl::OkStatus();
  }
}

absl::StatusOr<ExaminedExport> ExamineExport(const std::string& path, const std::string& older,
                                             Trust trust) {
  NORROY_ASSIGN_OR_RETURN(const ExportHeader header, ReadHeader(path));
  if (trust.deployment.empty()) trust.deployment = header.deployment();
  Examiner examiner(trust);
  if (!older.empty()) {
    Examiner of_older(trust);
    std::string newest_sha256;
    NORROY_ASSIGN_OR_RETURN(const auto examined, Examine(older, of_older, &newest_sha256));
    if (examined.first.process() != header.process()) {
      return Bad(absl::StrCat(Printable(older), " is the log of ",
                              Printable(examined.first.process(), 64), ", ", Printable(path),
                              " that of ", Printable(header.process(), 64)));
    }
    const std::string where = Printable(older);
    for (const Head& head : examined.second.heads) examiner.Expect(head, where);
    if (examined.second.newest.has_value()) {
      examiner.ExpectCheckpoint(examined.second.newest->statement.number, newest_sha256, where);
    }
  }
  NORROY_ASSIGN_OR_RETURN(auto examined, Examine(path, examiner, nullptr));
  return ExaminedExport{std::move(examined.first), std::move(examined.second)};
}

}  // namespace norroy::audit
