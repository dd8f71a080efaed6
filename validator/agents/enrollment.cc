#include "validator/agents/enrollment.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::validator {
namespace {

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_TOKEN_REQUEST", message);
}

absl::Status CheckGrant(const ChallengeGrant& grant) {
  if (grant.patterns.empty() || grant.patterns.size() > kMaxPatterns) {
    return Bad(
        absl::StrCat(grant.patterns.size(), " patterns: 1 to ", kMaxPatterns, " are needed"));
  }
  for (const challenge::Pattern& pattern : grant.patterns) {
    if (pattern.is_universal()) {
      return Bad(
          "pattern \".\": an agent answers for the names of its host, not for all; name "
          "them, or a zone as \".example.com\"");
    }
  }
  const std::set<challenge::ChallengeType> types(grant.types.begin(), grant.types.end());
  if (types.empty()) return Bad("no challenge type: say by what the agent answers");
  if (types.size() != grant.types.size()) return Bad("a challenge type twice");
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> TokenLifetime(const std::optional<absl::Time>& expire_time,
                                             absl::Time now) {
  if (!expire_time.has_value()) return kDefaultTokenLifetime;
  const absl::Duration lifetime = *expire_time - now;
  if (lifetime < kMinTokenLifetime || lifetime > kMaxTokenLifetime) {
    return Bad(absl::StrCat("expire_time must be between ", absl::FormatDuration(kMinTokenLifetime),
                            " and ", absl::FormatDuration(kMaxTokenLifetime), " from now, not ",
                            absl::FormatDuration(absl::Trunc(lifetime, absl::Seconds(1)))));
  }
  return lifetime;
}

}  // namespace

absl::Status CheckGrants(const std::vector<ChallengeGrant>& grants) {
  if (grants.empty() || grants.size() > kMaxGrants) {
    return Bad(absl::StrCat(grants.size(), " grants: 1 to ", kMaxGrants, " are needed"));
  }
  for (size_t i = 0; i < grants.size(); ++i) {
    NORROY_RETURN_IF_ERROR(WithContext(CheckGrant(grants[i]), absl::StrCat("grants[", i, "]")));
  }
  return absl::OkStatus();
}

absl::StatusOr<IssuedIdentity> Enrollment::CreateJoinToken(const JoinTokenOrder& order) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", order.agent_name));
  NORROY_RETURN_IF_ERROR(CheckGrants(order.grants));
  const absl::Time now = options_.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Duration lifetime, TokenLifetime(order.expire_time, now));
  const identity::Identity bootstrap = {options_.deployment, types::v1::ROLE_BOOTSTRAP,
                                        order.agent_name, options_.random.Id()};
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued, Issue(bootstrap, order.csr_der, lifetime));
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::ParseForIdentity(order.csr_der));
  NORROY_RETURN_IF_ERROR(options_.store.CreateJoinToken(
      {bootstrap.enrollment_id, order.agent_name, csr.public_key().spki_sha256(), order.grants,
       issued.expire_time},
      order.replace, now));
  NORROY_RETURN_IF_ERROR(options_.changed(order.agent_name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::Enroll(const identity::Identity& caller,
                                                  absl::string_view caller_key_sha256,
                                                  absl::string_view csr_der) {
  const identity::Identity agent = {options_.deployment, types::v1::ROLE_AGENT, caller.name,
                                    caller.enrollment_id};
  // First the certificate, which may be refused, then the token, which is gone once used.
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued,
                          Issue(agent, csr_der, options_.agent_identity_lifetime));
  NORROY_ASSIGN_OR_RETURN(const Agent enrolled,
                          options_.store.UseJoinToken(caller.enrollment_id, caller_key_sha256,
                                                      issued.expire_time, options_.clock.Now()));
  if (enrolled.name != caller.name) {
    return absl::InternalError(
        absl::StrCat("the token's agent is ", enrolled.name, ", the caller's ", caller.name));
  }
  NORROY_RETURN_IF_ERROR(options_.changed(enrolled.name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::Renew(const identity::Identity& caller,
                                                 absl::string_view csr_der) {
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued,
                          Issue(caller, csr_der, options_.agent_identity_lifetime));
  NORROY_RETURN_IF_ERROR(
      options_.store.NoteIdentity(caller.name, caller.enrollment_id, issued.expire_time));
  NORROY_RETURN_IF_ERROR(options_.changed(caller.name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::Issue(const identity::Identity& identity,
                                                 absl::string_view csr_der,
                                                 absl::Duration lifetime) const {
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::ParseForIdentity(csr_der));
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                          identity::IssueLeaf(options_.edge, csr.public_key(),
                                              {identity, {}, options_.clock.Now(), lifetime}));
  return IssuedIdentity{identity, {leaf.der(), options_.edge.certificate.der()}, leaf.not_after()};
}

}  // namespace norroy::validator
