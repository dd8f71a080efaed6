#include "cli/order_text.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

using issuer::v1::Order;
using issuer::v1::OrderError;
using issuer::v1::OrderName;

// RFC 8555 6.7: the CA's own limit.
constexpr char kRateLimitedProblem[] = "urn:ietf:params:acme:error:rateLimited";

std::string NameText(const OrderName& name) {
  std::string text = absl::StrCat(name.name(), ": ", EnumText(name.state()));
  if (name.reused()) absl::StrAppend(&text, ", reused");
  if (name.challenge_type() != types::v1::CHALLENGE_TYPE_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", EnumText(name.challenge_type()));
  }
  if (!name.agents().empty()) absl::StrAppend(&text, " by ", ListText(name.agents()));
  if (!name.error().message().empty()) absl::StrAppend(&text, ": ", name.error().message());
  return text;
}

std::string ErrorText(const OrderError& error) {
  if (error.message().empty()) return "";
  if (error.info().reason().empty()) return error.message();
  return absl::StrCat(error.message(), " (", error.info().reason(), ")");
}

bool IsRateLimit(const OrderError& error) {
  // Time does not lift it.
  if (error.info().reason() == "CA_PAUSED") return false;
  return error.problem().type() == kRateLimitedProblem ||
         absl::StrContains(error.info().reason(), "RATE_LIMIT");
}

std::string LabelsText(const Order& order) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : order.labels()) labels.push_back(absl::StrCat(key, "=", value));
  return labels.empty() ? "" : ListText(labels);
}

// Where it is, and where it was before.
std::string CaText(const Order& order) {
  std::string text = order.ca();
  for (const issuer::v1::FailedCa& failed : order.failed_cas()) {
    absl::StrAppend(&text, "; not ", failed.ca(), ": ", ErrorText(failed.error()));
  }
  return text;
}

std::string UnlessUnset(const google::protobuf::Timestamp& time) {
  const std::string text = TimeText(time);
  return text == "-" ? "" : text;
}

}  // namespace

bool IsFinal(issuer::v1::OrderState state) {
  return state == issuer::v1::ORDER_STATE_VALID || state == issuer::v1::ORDER_STATE_INVALID ||
         state == issuer::v1::ORDER_STATE_CANCELLED;
}

Fields OrderFields(const Order& order) {
  Fields fields = {{"order", order.id()},
                   {"state", EnumText(order.state())},
                   {"step", absl::AsciiStrToLower(order.step())}};
  for (const OrderName& name : order.names()) fields.emplace_back("name", NameText(name));
  const Fields rest = {
      {"CA", CaText(order)},
      {"profile", order.profile()},
      {"creator", order.creator()},
      {"finalizers", order.finalizers().empty() ? "" : ListText(order.finalizers())},
      {"labels", LabelsText(order)},
      {"public key", order.public_key_sha256()},
      {"waits for", order.waiting_for()},
      {"next attempt", UnlessUnset(order.next_attempt_time())},
      {"error", ErrorText(order.error())},
      {"certificate", order.certificate_id()},
      {"created", UnlessUnset(order.create_time())},
      {"updated", UnlessUnset(order.update_time())},
      {"expires", UnlessUnset(order.expire_time())}};
  fields.insert(fields.end(), rest.begin(), rest.end());
  return fields;
}

std::string OrderProgress(const Order& order) {
  std::string text = absl::StrCat("order ", order.id().substr(0, 8), ": ", EnumText(order.state()));
  if (!order.waiting_for().empty()) absl::StrAppend(&text, ", waits for ", order.waiting_for());
  if (!order.error().message().empty()) {
    absl::StrAppend(&text, "; last error: ", ErrorText(order.error()));
  }
  return text;
}

absl::Status OrderOutcome(const Order& order) {
  if (order.state() == issuer::v1::ORDER_STATE_CANCELLED) {
    return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                     absl::StrCat("order ", order.id(), " was cancelled"));
  }
  if (order.state() != issuer::v1::ORDER_STATE_INVALID) return absl::OkStatus();
  std::string text = absl::StrCat("order ", order.id(), " failed: ", order.error().message());
  for (const OrderName& name : order.names()) {
    if (name.error().message().empty()) continue;
    absl::StrAppend(&text, "\n  ", name.name(), ": ", name.error().message());
  }
  const auto& info = order.error().info();
  absl::Status status =
      MakeError(IsRateLimit(order.error()) ? absl::StatusCode::kResourceExhausted
                                           : absl::StatusCode::kFailedPrecondition,
                info.reason(), text, {info.metadata().begin(), info.metadata().end()});
  if (order.error().has_problem()) {
    status.SetPayload(kProblemPayload, absl::Cord(order.error().problem().SerializeAsString()));
  }
  return status;
}

}  // namespace norroy::cli
