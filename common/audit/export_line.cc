#include "common/audit/export_line.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/audit/to_proto.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::audit {
namespace {

constexpr char kExport[] = "export";
constexpr char kCheckpoint[] = "checkpoint";
constexpr char kRecord[] = "record";
constexpr char kEnd[] = "end";

absl::Status Bad(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_EXPORT",
                   absl::StrCat("this is no line of an exported audit log: ", what));
}

std::string Wrap(absl::string_view kind, const google::protobuf::Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  return absl::StrCat("{\"", kind, "\":", status.ok() ? json : "{}", "}");
}

struct Writer {
  std::string operator()(const ExportHeader& header) const { return Wrap(kExport, header); }
  std::string operator()(const ExportEnd& end) const { return Wrap(kEnd, end); }
  std::string operator()(const Checkpoint& checkpoint) const {
    return Wrap(kCheckpoint, ToProto(checkpoint));
  }
  std::string operator()(const Record& record) const { return Wrap(kRecord, ToProto(record)); }
};

// What stands in {"<kind>":...}; false: it is of another kind.
bool Unwrap(absl::string_view kind, absl::string_view& text) {
  return absl::ConsumePrefix(&text, absl::StrCat("{\"", kind, "\":")) &&
         absl::ConsumeSuffix(&text, "}");
}

template <typename Message>
absl::StatusOr<Message> Parse(absl::string_view json) {
  Message message;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), &message);
  if (status.ok()) return message;
  return Bad(Printable(absl::string_view(status.message().data(), status.message().size()), 256));
}

}  // namespace

std::string ToText(const ExportLine& line) { return std::visit(Writer(), line); }

absl::StatusOr<ExportLine> ParseExportLine(absl::string_view text) {
  if (text.size() > kMaxExportLine) return Bad("it is over 4 MiB");
  absl::string_view json = text;
  if (Unwrap(kRecord, json)) {
    NORROY_ASSIGN_OR_RETURN(const v1::AuditRecord record, Parse<v1::AuditRecord>(json));
    return ExportLine(FromProto(record));
  }
  json = text;
  if (Unwrap(kCheckpoint, json)) {
    NORROY_ASSIGN_OR_RETURN(const v1::Checkpoint checkpoint, Parse<v1::Checkpoint>(json));
    return ExportLine(FromProto(checkpoint));
  }
  json = text;
  if (Unwrap(kExport, json)) {
    NORROY_ASSIGN_OR_RETURN(ExportHeader header, Parse<ExportHeader>(json));
    return ExportLine(std::move(header));
  }
  json = text;
  if (Unwrap(kEnd, json)) {
    NORROY_ASSIGN_OR_RETURN(const ExportEnd end, Parse<ExportEnd>(json));
    return ExportLine(end);
  }
  return Bad("it begins with none of {\"export\": {\"checkpoint\": {\"record\": {\"end\":");
}

}  // namespace norroy::audit
