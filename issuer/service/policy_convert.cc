#include "issuer/service/policy_convert.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "issuer/service/idna.h"

namespace norroy::service {
namespace {

// What stands before a pattern's name is ASCII in any case.
absl::StatusOr<std::string> PatternToAscii(const std::string& pattern) {
  absl::string_view name = pattern;
  if (name == "." || name.substr(0, 1) == "=") return pattern;
  const bool below = absl::ConsumePrefix(&name, ".");
  absl::StatusOr<std::string> ascii = ToAscii(name);
  if (!ascii.ok() || !below) return ascii;
  return absl::StrCat(".", *ascii);
}

}  // namespace

absl::StatusOr<policy::GrantText> GrantTextOf(const issuer::v1::IssuanceGrant& grant,
                                              absl::string_view where) {
  policy::GrantText text = {.principal = grant.principal(),
                            .key_types = {grant.key_types().begin(), grant.key_types().end()},
                            .cas = {grant.cas().begin(), grant.cas().end()},
                            .profiles = {grant.profiles().begin(), grant.profiles().end()},
                            .orders_per_day = grant.quota().orders_per_day(),
                            .orders_per_domain_per_day = grant.quota().orders_per_domain_per_day(),
                            .reuse_never = grant.reuse() == issuer::v1::REUSE_NEVER};
  for (int i = 0; i < grant.names_size(); ++i) {
    absl::StatusOr<std::string> ascii = PatternToAscii(grant.names(i));
    if (!ascii.ok()) {
      const std::string place = absl::StrCat(where, ".names[", i, "]");
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                       absl::StrCat(place, ": ", ascii.status().message()), {{"field", place}});
    }
    text.names.push_back(*std::move(ascii));
  }
  // Taken for ALLOWED, a value of a later version would widen what its writer meant.
  if (!issuer::v1::Reuse_IsValid(grant.reuse())) {
    const std::string place = absl::StrCat(where, ".reuse");
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                     absl::StrCat(place, ": ", static_cast<int>(grant.reuse()),
                                  " is none of Reuse that this issuer knows"),
                     {{"field", place}});
  }
  return text;
}

issuer::v1::IssuanceGrant ToProto(const policy::GrantText& grant) {
  issuer::v1::IssuanceGrant proto;
  proto.set_principal(grant.principal);
  for (const std::string& name : grant.names) proto.add_names(name);
  for (const std::string& type : grant.key_types) proto.add_key_types(type);
  for (const std::string& ca : grant.cas) proto.add_cas(ca);
  for (const std::string& profile : grant.profiles) proto.add_profiles(profile);
  if (grant.orders_per_day != 0) proto.mutable_quota()->set_orders_per_day(grant.orders_per_day);
  if (grant.orders_per_domain_per_day != 0) {
    proto.mutable_quota()->set_orders_per_domain_per_day(grant.orders_per_domain_per_day);
  }
  if (grant.reuse_never) proto.set_reuse(issuer::v1::REUSE_NEVER);
  return proto;
}

issuer::v1::Policy ToProto(const store::PolicyVersion& version) {
  issuer::v1::Policy proto;
  proto.set_version(version.version);
  if (version.version > 0) {
    const int64_t nanos = absl::ToUnixNanos(version.create_time);
    proto.mutable_create_time()->set_seconds(nanos / 1'000'000'000);
    proto.mutable_create_time()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  }
  proto.set_creator(version.creator);
  proto.set_comment(version.comment);
  return proto;
}

}  // namespace norroy::service
