#include "issuer/acme/order.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

constexpr std::array<std::pair<absl::string_view, OrderStatus>, 6> kStatuses = {{
    {"pending", OrderStatus::kPending},
    {"ready", OrderStatus::kReady},
    {"processing", OrderStatus::kProcessing},
    {"valid", OrderStatus::kValid},
    {"invalid", OrderStatus::kInvalid},
    // RFC 8555 7.1.6 says invalid; Pebble says it like this when an authorization was deactivated.
    {"deactivated", OrderStatus::kInvalid},
}};

absl::StatusOr<OrderStatus> ReadStatus(const JsonObject& object) {
  NORROY_ASSIGN_OR_RETURN(const std::string text, object.RequiredString("status"));
  for (const auto& [name, status] : kStatuses) {
    if (name == text) return status;
  }
  return object.Error(absl::StrCat("status \"", Printable(text, 64), "\" is unknown"));
}

absl::StatusOr<challenge::Name> ReadName(const JsonObject& object) {
  NORROY_ASSIGN_OR_RETURN(const std::string type, object.RequiredString("type"));
  NORROY_ASSIGN_OR_RETURN(const std::string text, object.RequiredString("value"));
  absl::string_view value = text;
  const bool is_dns = type == "dns";
  if (!is_dns && type != "ip") {
    return object.Error(absl::StrCat("type \"", Printable(type, 64), "\" is unknown"));
  }
  // RFC 8555 7.1.3: in orders, wildcards are written into the identifier.
  const bool wildcard = is_dns && absl::ConsumePrefix(&value, "*.");
  const auto identifier = challenge::Identifier::Parse(
      is_dns ? challenge::IdentifierType::kDns : challenge::IdentifierType::kIp, value);
  if (!identifier.ok()) {
    return object.Error(absl::StrCat("value: ", identifier.status().message()));
  }
  return challenge::Name::Of(*identifier, wildcard);
}

absl::Status ReadNames(const JsonObject& object, Order& order) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<JsonObject> identifiers,
                          object.Objects("identifiers", challenge::kMaxNamesPerOrder));
  for (const JsonObject& identifier : identifiers) {
    NORROY_ASSIGN_OR_RETURN(challenge::Name name, ReadName(identifier));
    order.names.push_back(std::move(name));
  }
  if (order.names.empty()) return object.Error("identifiers is missing or empty");
  std::sort(order.names.begin(), order.names.end());
  if (std::adjacent_find(order.names.begin(), order.names.end()) != order.names.end()) {
    return object.Error("identifiers has one of them twice");
  }
  return absl::OkStatus();
}

absl::Status ReadUrls(const JsonObject& object, const UrlPolicy& urls, Order& order) {
  NORROY_ASSIGN_OR_RETURN(order.authorizations,
                          object.Strings("authorizations", challenge::kMaxNamesPerOrder));
  for (const std::string& url : order.authorizations) {
    NORROY_RETURN_IF_ERROR(urls.Check("an order's authorization", url));
  }
  NORROY_ASSIGN_OR_RETURN(order.finalize, object.RequiredString("finalize"));
  NORROY_RETURN_IF_ERROR(urls.Check("an order's finalize", order.finalize));
  NORROY_ASSIGN_OR_RETURN(order.certificate, object.OptionalString("certificate"));
  if (!order.certificate.empty()) {
    NORROY_RETURN_IF_ERROR(urls.Check("an order's certificate", order.certificate));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Order> Order::Parse(absl::string_view json, absl::string_view url,
                                   const UrlPolicy& urls) {
  NORROY_ASSIGN_OR_RETURN(const JsonObject object,
                          JsonObject::Parse(absl::StrCat("order ", url), json));
  Order order;
  order.url = std::string(url);
  NORROY_ASSIGN_OR_RETURN(order.status, ReadStatus(object));
  NORROY_ASSIGN_OR_RETURN(order.expires, object.OptionalTime("expires"));
  NORROY_RETURN_IF_ERROR(ReadNames(object, order));
  NORROY_RETURN_IF_ERROR(ReadUrls(object, urls, order));
  NORROY_ASSIGN_OR_RETURN(const std::string profile, object.OptionalString("profile"));
  order.profile = Printable(profile, 64);
  NORROY_ASSIGN_OR_RETURN(const auto error, object.OptionalObject("error"));
  if (error.has_value()) order.error = ReadProblem(*error);
  // RFC 8555 7.4: a valid order says where its certificate is.
  if (order.status == OrderStatus::kValid && order.certificate.empty()) {
    return object.Error("it is valid and has no certificate URL");
  }
  // RFC 8555 7.1.3: what must be proved, as long as something must.
  if (order.status == OrderStatus::kPending && order.authorizations.empty()) {
    return object.Error("it is pending and has no authorizations");
  }
  return order;
}

}  // namespace norroy::acme
