#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/audit.h"
#include "cli/audit_server.h"
#include "cli/audit_text.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using audit::v1::AuditRecord;
using audit::v1::ListRecordsRequest;

constexpr absl::Duration kFollowEvery = absl::Seconds(1);
constexpr int kMaxPage = 1000;

ListRecordsRequest Filtered(const AuditTailOptions& options) {
  ListRecordsRequest request;
  request.set_principal(options.principal);
  request.set_action(options.action);
  request.set_object(options.object);
  return request;
}

void Print(Context& context, const AuditRecord& record) {
  context.output().Text(context.output().json() ? absl::StrCat(ToJson(record), "\n")
                                                : RecordLine(record));
}

// The last records, oldest first.
absl::StatusOr<std::vector<AuditRecord>> Last(AuditServer& server, const AuditTailOptions& options,
                                              int limit) {
  ListRecordsRequest request = Filtered(options);
  std::vector<AuditRecord> records;
  do {
    request.set_page_size(std::min(limit - static_cast<int>(records.size()), kMaxPage));
    NORROY_ASSIGN_OR_RETURN(const auto response, server.List(request));
    records.insert(records.end(), response.records().begin(), response.records().end());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(records.size()) < limit);
  std::reverse(records.begin(), records.end());
  return records;
}

// Whatever is new in each chain that is known, then chains that are new.
absl::Status PrintNew(Context& context, AuditServer& server, const AuditTailOptions& options,
                      std::map<std::string, int64_t>& seen) {
  for (auto& [writer, seq] : seen) {
    ListRecordsRequest request = Filtered(options);
    request.set_writer(writer);
    request.set_oldest_first(true);
    request.set_page_size(kMaxPage);
    request.set_after_seq(seq);
    NORROY_ASSIGN_OR_RETURN(const auto response, server.List(request));
    for (const AuditRecord& record : response.records()) {
      Print(context, record);
      seq = record.seq();
    }
  }
  NORROY_ASSIGN_OR_RETURN(const std::vector<AuditRecord> last, Last(server, options, 100));
  for (const AuditRecord& record : last) {
    if (seen.count(record.writer()) > 0 && seen[record.writer()] >= record.seq()) continue;
    Print(context, record);
    seen[record.writer()] = record.seq();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AuditTail(Context& context, const AuditTailOptions& options) {
  NORROY_ASSIGN_OR_RETURN(AuditServer server, AuditServer::Connect(context, options.of));
  NORROY_ASSIGN_OR_RETURN(const std::vector<AuditRecord> records,
                          Last(server, options, options.limit));
  std::map<std::string, int64_t> seen;
  for (const AuditRecord& record : records) {
    Print(context, record);
    int64_t& seq = seen[record.writer()];
    seq = std::max(seq, record.seq());
  }
  while (options.follow) {
    absl::SleepFor(kFollowEvery);
    NORROY_RETURN_IF_ERROR(PrintNew(context, server, options, seen));
  }
  return absl::OkStatus();
}

}  // namespace norroy::cli
