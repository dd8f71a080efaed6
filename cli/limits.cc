#include "cli/limits.h"

#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/rate_limit_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::PlannedRateLimit;
using issuer::v1::RateLimit;
using RateLimits = issuer::v1::RateLimitService;

// Far more than one call takes.
constexpr size_t kMaxNameFile = 4 << 20;

absl::StatusOr<std::unique_ptr<RateLimits::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return RateLimits::NewStub(channel);
}

std::string LimitText(const RateLimit& limit) {
  const absl::Duration per = absl::Seconds(limit.per().seconds());
  return absl::StrCat(limit.count(), " in ", absl::FormatDuration(per));
}

std::string SubjectText(const RateLimit& limit) {
  return limit.subject().empty() ? "-" : limit.subject();
}

// One a line; empty lines and what follows a # do not count.
absl::Status AddNamesOf(const std::string& file, issuer::v1::PlanOrdersRequest& request) {
  if (file.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::string text, identity::ReadFile(file, kMaxNameFile));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (!line.empty()) request.add_names(std::string(line));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LimitsShow(Context& context, const LimitsOptions& options) {
  issuer::v1::ListRateLimitsRequest request;
  request.set_ca(options.ca);
  for (const std::string& name : options.names) request.add_names(name);
  NORROY_ASSIGN_OR_RETURN(const auto limits, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*limits, &RateLimits::Stub::ListRateLimits, request));
  List list(context.output(),
            {"CA", "LIMIT", "OF", "THE CA GIVES", "LEFT FOR US", "WAITING", "NEXT"});
  for (const RateLimit& limit : response.rate_limits()) {
    list.Add(limit, {limit.ca(), limit.limit(), SubjectText(limit), LimitText(limit),
                     absl::StrCat(limit.left()), absl::StrCat(limit.waiting()),
                     TimeText(limit.next_time())});
  }
  list.Finish();
  for (const issuer::v1::CaHold& hold : response.holds()) {
    context.output().Say(absl::StrCat(
        hold.ca(), " is not asked until ", TimeText(hold.until()),
        hold.waiting_for().empty() ? ": it said so" : absl::StrCat(": ", hold.waiting_for())));
  }
  if (response.rate_limits().empty()) {
    context.output().Say(
        "no limits are known of these CAs: give them in issuer.yaml (cas[].limits)");
  }
  return absl::OkStatus();
}

absl::Status LimitsPlan(Context& context, const LimitsOptions& options) {
  issuer::v1::PlanOrdersRequest request;
  request.set_ca(options.ca);
  request.set_name_count(options.count);
  request.set_names_per_certificate(options.per_certificate);
  for (const std::string& name : options.names) request.add_names(name);
  NORROY_RETURN_IF_ERROR(AddNamesOf(options.file, request));
  NORROY_ASSIGN_OR_RETURN(const auto limits, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto plan,
                          context.Call(*limits, &RateLimits::Stub::PlanOrders, request));
  Fields fields = {{"certificates", absl::StrCat(plan.certificates())},
                   {"first", TimeText(plan.first_time())},
                   {"last", TimeText(plan.last_time())}};
  for (const PlannedRateLimit& planned : plan.rate_limits()) {
    const RateLimit& limit = planned.rate_limit();
    fields.emplace_back(
        absl::StrCat(limit.limit(), limit.subject().empty() ? "" : " ", limit.subject()),
        absl::StrCat(planned.orders(), " orders, ", limit.left(), " left now, ", limit.waiting(),
                     " wait; the last at ", TimeText(planned.last_time())));
  }
  context.output().Object(plan, fields);
  return absl::OkStatus();
}

}  // namespace norroy::cli
