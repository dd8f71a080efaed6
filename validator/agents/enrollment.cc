#include "validator/agents/enrollment.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/log/log.h"
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

audit::Entry EntryFor(const audit::Entry& origin, absl::string_view action, absl::string_view agent,
                      std::string detail) {
  audit::Entry entry = origin;
  entry.action = std::string(action);
  entry.object = absl::StrCat("agent/", agent);
  entry.detail = std::move(detail);
  return entry;
}

}  // namespace

std::string GrantsText(const std::vector<ChallengeGrant>& grants) {
  const std::string text = absl::StrJoin(grants, "; ", [](std::string* out, const auto& grant) {
    absl::StrAppend(out, "may answer ",
                    absl::StrJoin(grant.patterns, ", ",
                                  [](std::string* out, const challenge::Pattern& pattern) {
                                    out->append(pattern.text());
                                  }),
                    " by ",
                    absl::StrJoin(grant.types, ", ",
                                  [](std::string* out, challenge::ChallengeType type) {
                                    absl::StrAppend(out, challenge::ChallengeTypeName(type));
                                  }),
                    grant.responders == Responders::kAll ? ", all" : ", one");
  });
  return Printable(text, kMaxGrantsText);
}

absl::Status CheckGrants(const std::vector<ChallengeGrant>& grants) {
  if (grants.empty() || grants.size() > kMaxGrants) {
    return Bad(absl::StrCat(grants.size(), " grants: 1 to ", kMaxGrants, " are needed"));
  }
  for (size_t i = 0; i < grants.size(); ++i) {
    NORROY_RETURN_IF_ERROR(WithContext(CheckGrant(grants[i]), absl::StrCat("grants[", i, "]")));
  }
  return absl::OkStatus();
}

absl::StatusOr<IssuedIdentity> Enrollment::CreateJoinToken(const JoinTokenOrder& order,
                                                           const audit::Entry& origin) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("agent name", order.agent_name));
  NORROY_RETURN_IF_ERROR(CheckGrants(order.grants));
  const absl::Time now = options_.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Duration lifetime, TokenLifetime(order.expire_time, now));
  const identity::Identity bootstrap = {options_.deployment, types::v1::ROLE_BOOTSTRAP,
                                        order.agent_name, options_.random.Id()};
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued, Issue(bootstrap, order.csr_der, lifetime));
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::ParseForIdentity(order.csr_der));
  const audit::Entry audit = EntryFor(
      origin, order.replace ? "agent.reinvite" : "agent.invite", order.agent_name,
      absl::StrCat("enrollment ", bootstrap.enrollment_id, "; until ",
                   absl::FormatTime(absl::RFC3339_sec, issued.expire_time, absl::UTCTimeZone()),
                   "; ", GrantsText(order.grants)));
  const absl::Status created = options_.store.CreateJoinToken(
      {bootstrap.enrollment_id, order.agent_name, csr.public_key().spki_sha256(), order.grants,
       issued.expire_time},
      order.replace, now, audit);
  if (!created.ok()) return Refused(created, audit);
  NORROY_RETURN_IF_ERROR(options_.changed(order.agent_name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::Enroll(const identity::Identity& caller,
                                                  absl::string_view caller_key_sha256,
                                                  absl::string_view csr_der,
                                                  const audit::Entry& origin) {
  const audit::Entry audit = EntryFor(origin, "agent.enroll", caller.name,
                                      absl::StrCat("enrollment ", caller.enrollment_id));
  absl::StatusOr<IssuedIdentity> issued = TryEnroll(caller, caller_key_sha256, csr_der, audit);
  if (!issued.ok()) return Refused(issued.status(), audit);
  NORROY_RETURN_IF_ERROR(options_.changed(caller.name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::TryEnroll(const identity::Identity& caller,
                                                     absl::string_view caller_key_sha256,
                                                     absl::string_view csr_der,
                                                     const audit::Entry& audit) {
  const identity::Identity agent = {options_.deployment, types::v1::ROLE_AGENT, caller.name,
                                    caller.enrollment_id};
  // First the certificate, which may be refused, then the token, which is gone once used.
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued,
                          Issue(agent, csr_der, options_.agent_identity_lifetime));
  NORROY_ASSIGN_OR_RETURN(
      const Agent enrolled,
      options_.store.UseJoinToken(caller.enrollment_id, caller_key_sha256, issued.expire_time,
                                  options_.clock.Now(), audit));
  if (enrolled.name != caller.name) {
    return absl::InternalError(
        absl::StrCat("the token's agent is ", enrolled.name, ", the caller's ", caller.name));
  }
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::Renew(const identity::Identity& caller,
                                                 absl::string_view csr_der,
                                                 const audit::Entry& origin) {
  const audit::Entry audit = EntryFor(origin, "agent.renew", caller.name,
                                      absl::StrCat("enrollment ", caller.enrollment_id));
  absl::StatusOr<IssuedIdentity> issued = TryRenew(caller, csr_der, audit);
  if (!issued.ok()) return Refused(issued.status(), audit);
  NORROY_RETURN_IF_ERROR(options_.changed(caller.name));
  return issued;
}

absl::StatusOr<IssuedIdentity> Enrollment::TryRenew(const identity::Identity& caller,
                                                    absl::string_view csr_der,
                                                    const audit::Entry& audit) {
  NORROY_ASSIGN_OR_RETURN(IssuedIdentity issued,
                          Issue(caller, csr_der, options_.agent_identity_lifetime));
  NORROY_RETURN_IF_ERROR(options_.store.NoteIdentity(
      caller.name, caller.enrollment_id, issued.expire_time, options_.clock.Now(), audit));
  return issued;
}

absl::Status Enrollment::Refused(const absl::Status& why, audit::Entry audit) {
  const absl::Time now = options_.clock.Now();
  const std::optional<std::string> note = refusals_.Take(audit.action, audit.object, now);
  if (!note.has_value()) return why;
  const bool ours = why.code() == absl::StatusCode::kInternal ||
                    why.code() == absl::StatusCode::kUnavailable ||
                    why.code() == absl::StatusCode::kResourceExhausted;
  audit.outcome = ours ? audit::kFailed : audit::kDenied;
  const std::string reason = ErrorReason(why);
  absl::StrAppend(&audit.detail, "; ",
                  reason.empty() ? absl::StatusCodeToString(why.code()) : reason, *note);
  const absl::Status noted = options_.store.Audit(audit, now);
  if (!noted.ok()) {
    log::Warning("agents", "a refusal is not in the audit log",
                 {{"action", audit.action}, {"object", audit.object}, {"error", noted.message()}});
  }
  return why;
}

absl::StatusOr<IssuedIdentity> Enrollment::Issue(const identity::Identity& identity,
                                                 absl::string_view csr_der,
                                                 absl::Duration lifetime) const {
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::ParseForIdentity(csr_der));
  const std::shared_ptr<const identity::Authority> current =
      options_.current_edge ? options_.current_edge() : nullptr;
  const identity::Authority& edge = current != nullptr ? *current : options_.edge;
  NORROY_ASSIGN_OR_RETURN(
      const crypto::Certificate leaf,
      identity::IssueLeaf(edge, csr.public_key(), {identity, {}, options_.clock.Now(), lifetime}));
  return IssuedIdentity{identity, {leaf.der(), edge.certificate.der()}, leaf.not_after()};
}

}  // namespace norroy::validator
