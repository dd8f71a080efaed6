// Lines of exported logs: what is accepted is written and read again unchanged, an accepted record
// is judged without a crash, and what is refused is refused in words that can be printed.

#include <cstddef>
#include <cstdint>

#include "common/audit/export_line.h"
#include "common/check.h"
#include "common/error/error.h"

namespace {

using norroy::audit::Checkpoint;
using norroy::audit::ExportLine;
using norroy::audit::Record;

void CheckRecord(const Record& record) {
  const norroy::audit::Link first;
  const auto link = norroy::audit::Follow(first, record);
  if (link.ok()) {
    NORROY_CHECK(record.seq == 1 && record.previous_hash == first.hash);
    NORROY_CHECK(link->hash == norroy::audit::HashOf(record));
  } else {
    NORROY_CHECK(norroy::ErrorReason(link.status()) == "AUDIT_BROKEN");
    NORROY_CHECK(norroy::Printable(link.status().message(), 8192) == link.status().message());
  }
#ifdef PLANTED
  NORROY_CHECK(record.entry.outcome != norroy::audit::kDenied || record.entry.policy_version < 2);
#endif
}

void CheckCheckpoint(const Checkpoint& checkpoint) {
  const auto statement = norroy::audit::ReadStatement(checkpoint);
  if (!statement.ok()) {
    NORROY_CHECK(norroy::ErrorReason(statement.status()) == "BAD_CHECKPOINT");
    return;
  }
  NORROY_CHECK(statement->number >= 1);
  NORROY_CHECK(statement->heads.size() <= norroy::audit::kMaxCheckpointHeads);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = norroy::audit::ParseExportLine(text);
  if (!line.ok()) {
    NORROY_CHECK(norroy::ErrorReason(line.status()) == "BAD_EXPORT");
    NORROY_CHECK(norroy::Printable(line.status().message(), 8192) == line.status().message());
    return 0;
  }
  const std::string written = norroy::audit::ToText(*line);
  const auto again = norroy::audit::ParseExportLine(written);
  NORROY_CHECK(again.ok());
  NORROY_CHECK(norroy::audit::ToText(*again) == written);
  NORROY_CHECK(again->index() == line->index());
  if (const auto* record = std::get_if<Record>(&*line)) {
    CheckRecord(*record);
    NORROY_CHECK(norroy::audit::HashOf(*record) == norroy::audit::HashOf(std::get<Record>(*again)));
  }
  if (const auto* checkpoint = std::get_if<Checkpoint>(&*line)) {
    CheckCheckpoint(*checkpoint);
    NORROY_CHECK(*checkpoint == std::get<Checkpoint>(*again));
  }
  return 0;
}
