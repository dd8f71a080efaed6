#include "issuer/store/order_audit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace norroy::store {
namespace {

constexpr size_t kMaxMessage = 256;
constexpr int kMaxNames = 10;

std::string Brief(const flow::OrderError& error) {
  const absl::string_view message = error.message;
  return absl::StrCat(error.reason.empty() ? "UNKNOWN" : error.reason, " (",
                      message.substr(0, kMaxMessage), message.size() > kMaxMessage ? "...)" : ")");
}

audit::Entry AuditOf(const flow::Order& order, absl::string_view verb) {
  return {.principal = "",
          .action = absl::StrCat("order.", verb),
          .object = absl::StrCat("order/", order.id),
          .detail = "",
          .time = order.update_time,
          .policy_version = order.policy_version,
          .request_id = order.request_id};
}

bool IsFailing(const flow::Order& order) {
  return order.state == flow::State::kFailed ||
         (order.state == flow::State::kGivingUp && order.ending == flow::State::kFailed);
}

}  // namespace

std::string ProblemsOf(const flow::Order& order) {
  std::string text;
  if (order.error.has_value()) text = Brief(*order.error);
  int told = 0;
  for (const flow::NameProgress& progress : order.progress) {
    if (!progress.error.has_value()) continue;
    if (++told > kMaxNames) {
      absl::StrAppend(&text, "; and further names");
      break;
    }
    absl::StrAppend(&text, text.empty() ? "" : "; ", progress.name.text(), ": ",
                    Brief(*progress.error));
  }
  return text;
}

audit::Entry AuditOfState(const flow::Order& order, flow::State before) {
  audit::Entry entry = AuditOf(order, absl::AsciiStrToLower(flow::StateName(order.state)));
  entry.detail = absl::StrCat("after ", absl::AsciiStrToLower(flow::StateName(before)));
  if (!order.ca_order_url.empty()) absl::StrAppend(&entry.detail, " ca_order=", order.ca_order_url);
  const std::string problems = ProblemsOf(order);
  if (!problems.empty()) absl::StrAppend(&entry.detail, " problem: ", problems);
  if (IsFailing(order)) entry.outcome = audit::kFailed;
  return entry;
}

audit::Entry AuditOfFailOver(const flow::Order& order) {
  audit::Entry entry = AuditOf(order, "failed_over");
  const flow::FailedCa& failed = *std::max_element(
      order.failed_cas.begin(), order.failed_cas.end(),
      [](const flow::FailedCa& a, const flow::FailedCa& b) { return a.time < b.time; });
  entry.detail = absl::StrCat("from ", failed.ca, " to ", order.ca, ": ", Brief(failed.error));
  entry.outcome = audit::kFailed;
  return entry;
}

audit::Entry AuditOfProblem(const flow::Order& order) {
  audit::Entry entry = AuditOf(order, "problem");
  entry.detail = absl::StrCat("while ", absl::AsciiStrToLower(flow::StateName(order.state)), ": ",
                              ProblemsOf(order));
  entry.outcome = audit::kFailed;
  return entry;
}

}  // namespace norroy::store
