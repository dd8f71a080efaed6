#include "cli/grant.h"

#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/policy.h"
#include "cli/policy_text.h"
#include "cli/text.h"
#include "common/challenge/pattern.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using issuer::v1::ApplyPolicyRequest;
using issuer::v1::ApplyPolicyResponse;
using issuer::v1::IssuanceGrant;
using issuer::v1::Policy;
using Grants = google::protobuf::RepeatedPtrField<IssuanceGrant>;

constexpr int kTries = 5;

// Changes the grants that were applied; the second argument is all that is in force.
using Change = std::function<absl::Status(Grants&, const Policy&)>;

void Show(Context& context, const ApplyPolicyResponse& response) {
  PolicyChange change;
  change.set_version(response.version());
  for (const IssuanceGrant& grant : response.added()) change.add_added(GrantLine(grant));
  for (const IssuanceGrant& grant : response.removed()) change.add_removed(GrantLine(grant));
  if (context.output().json()) {
    context.output().Object(change, {});
  } else {
    context.output().Text(DiffText(change));
  }
  const bool same = change.added().empty() && change.removed().empty();
  context.output().Say(absl::StrCat(same ? "nothing differs: " : "", "policy version ",
                                    response.version(), same ? " stays" : " is", " in force"));
}

absl::Status ChangePolicy(Context& context, const std::string& comment, const Change& change) {
  NORROY_ASSIGN_OR_RETURN(const auto stub, ConnectPolicy(context));
  absl::Status last;
  for (int i = 0; i < kTries; ++i) {
    NORROY_ASSIGN_OR_RETURN(const Policy policy, ReadPolicy(context, *stub));
    ApplyPolicyRequest request;
    request.set_expected_version(policy.version());
    request.set_comment(comment);
    for (const IssuanceGrant& grant : policy.grants()) {
      if (!grant.from_configuration()) *request.add_grants() = grant;
    }
    NORROY_RETURN_IF_ERROR(change(*request.mutable_grants(), policy));
    const auto response = SendPolicy(context, *stub, request);
    if (response.ok()) {
      Show(context, *response);
      return absl::OkStatus();
    }
    last = response.status();
    // Somebody was quicker: once more, on what he applied.
    if (ErrorReason(last) != "VERSION_MISMATCH") return last;
  }
  return last;
}

// As the issuer keeps it; what is no pattern stays as it is, and matches nothing.
std::string NormalPattern(const std::string& text) {
  const auto pattern = challenge::Pattern::Parse(text);
  return pattern.ok() ? pattern->text() : text;
}

// Takes the names out of the principal's grants, and grants that have none left out of the list.
bool RemoveNames(const std::string& principal, const std::set<std::string>& names, Grants& grants) {
  Grants left;
  bool found = false;
  for (IssuanceGrant& grant : grants) {
    if (grant.principal() != principal) {
      *left.Add() = std::move(grant);
      continue;
    }
    IssuanceGrant rest = grant;
    rest.clear_names();
    for (const std::string& name : grant.names()) {
      if (!names.empty() && names.count(name) == 0) rest.add_names(name);
    }
    found = found || rest.names_size() < grant.names_size();
    if (rest.names_size() > 0) *left.Add() = std::move(rest);
  }
  grants = std::move(left);
  return found;
}

absl::Status NothingToRemove(const GrantRemoveOptions& options, const Policy& policy) {
  for (const IssuanceGrant& grant : policy.grants()) {
    if (grant.principal() != options.principal || !grant.from_configuration()) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition, "GRANT_CONFIGURED",
                     absl::StrCat("what ", options.principal, " may order stands in the issuer's ",
                                  "configuration (issuer.yaml, grants): change it there"));
  }
  return MakeError(
      absl::StatusCode::kNotFound, "GRANT_NOT_FOUND",
      absl::StrCat(options.principal, " has no grant ",
                   options.names.empty() ? std::string("at all")
                                         : absl::StrCat("that names ", ListText(options.names)),
                   "; `norroy grant list` shows those that there are"));
}

}  // namespace

absl::Status GrantAdd(Context& context, const GrantAddOptions& options) {
  IssuanceGrant grant;
  grant.set_principal(options.principal);
  for (const std::string& name : options.names) grant.add_names(name);
  for (const std::string& type : options.key_types) grant.add_key_types(type);
  for (const std::string& ca : options.cas) grant.add_cas(ca);
  for (const std::string& profile : options.profiles) grant.add_profiles(profile);
  if (options.orders_per_day != 0 || options.orders_per_domain_per_day != 0) {
    grant.mutable_quota()->set_orders_per_day(options.orders_per_day);
    grant.mutable_quota()->set_orders_per_domain_per_day(options.orders_per_domain_per_day);
  }
  NORROY_ASSIGN_OR_RETURN(const auto reuse, ParseEnum<issuer::v1::Reuse>("--reuse", options.reuse));
  if (reuse == issuer::v1::REUSE_NEVER) grant.set_reuse(reuse);
  return ChangePolicy(context, options.comment, [&grant](Grants& grants, const Policy&) {
    *grants.Add() = grant;
    return absl::OkStatus();
  });
}

absl::Status GrantList(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto stub, ConnectPolicy(context));
  NORROY_ASSIGN_OR_RETURN(const Policy policy, ReadPolicy(context, *stub));
  List list(context.output(), {"PRINCIPAL", "NAMES", "KEYS", "CAS", "PROFILES", "ORDERS/DAY",
                               "PER DOMAIN", "REUSE", "FROM"});
  const auto number = [](int value) {
    return value == 0 ? std::string("default") : absl::StrCat(value);
  };
  for (const IssuanceGrant& grant : policy.grants()) {
    list.Add(
        grant,
        {grant.principal(), ListText(grant.names()), ListText(grant.key_types()),
         ListText(grant.cas()), ListText(grant.profiles()), number(grant.quota().orders_per_day()),
         number(grant.quota().orders_per_domain_per_day()),
         grant.reuse() == issuer::v1::REUSE_NEVER ? "never" : "allowed",
         grant.from_configuration() ? "configuration" : absl::StrCat("v", policy.version())});
  }
  list.Finish();
  return absl::OkStatus();
}

absl::Status GrantRemove(Context& context, const GrantRemoveOptions& options) {
  std::set<std::string> names;
  for (const std::string& name : options.names) names.insert(NormalPattern(name));
  return ChangePolicy(context, options.comment, [&](Grants& grants, const Policy& policy) {
    return RemoveNames(options.principal, names, grants) ? absl::OkStatus()
                                                         : NothingToRemove(options, policy);
  });
}

}  // namespace norroy::cli
