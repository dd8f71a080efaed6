#include "validator/service/hello.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/challenge/proof.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/presentation/messages.h"
#include "validator/presentation/wish.h"

namespace norroy::validator {
namespace {

constexpr size_t kMaxVersion = 64;
constexpr size_t kMaxPatternText = 260;
constexpr int kMaxTypes = 16;
constexpr size_t kMaxPresenterName = 300;
constexpr size_t kMaxReason = 64;
constexpr size_t kMaxLastError = 256;

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_HELLO", message);
}

}  // namespace

absl::StatusOr<int> CheckHello(const agent::v1::AgentHello& hello) {
  const int protocol = std::min<int>(hello.protocol_max(), kMaxProtocol);
  if (protocol < std::max<int>(hello.protocol_min(), kMinProtocol)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "PROTOCOL_MISMATCH",
                     absl::StrCat("the agent speaks protocols ", hello.protocol_min(), " to ",
                                  hello.protocol_max(), ", this validator ", kMinProtocol, " to ",
                                  kMaxProtocol, ": bring the older one up to date"));
  }
  if (hello.presented_size() > kMaxPresented) {
    return Bad(absl::StrCat("more than ", kMaxPresented, " presentations"));
  }
  if (hello.scope_size() > kMaxScope || hello.types_size() > kMaxTypes) {
    return Bad(absl::StrCat("more than ", kMaxScope, " patterns or ", kMaxTypes, " types"));
  }
  for (const agent::v1::Presented& presented : hello.presented()) {
    NORROY_RETURN_IF_ERROR(CheckPresentationId(presented.presentation_id()));
    NORROY_RETURN_IF_ERROR(CheckGeneration(presented.generation()));
  }
  return protocol;
}

AgentReport ReportOf(const agent::v1::AgentHello& hello, absl::Time now) {
  AgentReport report;
  report.version = Printable(hello.version(), kMaxVersion);
  for (const int type : hello.types()) {
    // A newer agent may know types that we do not.
    const auto known = challenge::FromProto(static_cast<types::v1::ChallengeType>(type));
    if (known.ok()) report.types.push_back(*known);
  }
  for (const std::string& pattern : hello.scope()) {
    report.scope.push_back(Printable(pattern, kMaxPatternText));
  }
  for (const agent::v1::Presenter& presenter : hello.presenters()) {
    const auto type = challenge::FromProto(presenter.type());
    if (!type.ok() || report.presenters.size() >= kMaxShownPresenters) continue;
    AgentPresenter& shown = report.presenters.emplace_back();
    shown.name = Printable(presenter.name(), kMaxPresenterName);
    shown.type = *type;
    for (const std::string& zone : presenter.zones()) {
      if (shown.zones.size() >= kMaxShownZones) break;
      shown.zones.push_back(Printable(zone, kMaxPatternText));
    }
  }
  const absl::Time theirs = FromTimestamp(hello.now());
  if (theirs > absl::InfinitePast()) report.clock_offset = theirs - now;
  report.seen_time = now;
  return report;
}

AgentCounts CountsOf(const agent::v1::AgentCounters& counters) {
  const auto count = [](int64_t told) { return std::max<int64_t>(told, 0); };
  AgentCounts counts;
  for (const agent::v1::PresenterCounters& told : counters.presenters()) {
    if (counts.presenters.size() >= kMaxShownPresenters) break;
    counts.presenters.push_back({.name = Printable(told.name(), kMaxPresenterName),
                                 .put_up = count(told.put_up()),
                                 .taken_down = count(told.taken_down()),
                                 .failed = count(told.failed()),
                                 .served = count(told.served()),
                                 .unknown = count(told.unknown()),
                                 .last_error = Printable(told.last_error(), kMaxLastError),
                                 .last_error_time = told.has_last_error_time()
                                                        ? FromTimestamp(told.last_error_time())
                                                        : absl::InfinitePast()});
  }
  for (const auto& [reason, times] : counters.refused()) {
    if (counts.refused.size() >= kMaxShownReasons) break;
    counts.refused[Printable(reason, kMaxReason)] = count(times);
  }
  return counts;
}

}  // namespace norroy::validator
