#include "validator/service/convert.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/challenge/pattern.h"
#include "common/challenge/proof.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/agents/enrollment.h"
#include "validator/presentation/messages.h"

namespace norroy::validator {
namespace {

absl::StatusOr<Responders> ParseResponders(const v1::ChallengeGrant& grant,
                                           const std::vector<challenge::ChallengeType>& types) {
  switch (grant.responders()) {
    case v1::RESPONDERS_ALL:
      return Responders::kAll;
    case v1::RESPONDERS_ONE:
      return Responders::kOne;
    case v1::RESPONDERS_UNSPECIFIED:
      return std::all_of(types.begin(), types.end(),
                         [](auto type) { return type == challenge::ChallengeType::kDns01; })
                 ? Responders::kOne
                 : Responders::kAll;
    default:
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_TOKEN_REQUEST",
                       absl::StrCat("responders ", static_cast<int>(grant.responders()),
                                    " is not known: ALL or ONE"));
  }
}

absl::StatusOr<ChallengeGrant> ParseGrant(const v1::ChallengeGrant& grant) {
  ChallengeGrant parsed;
  // Before anything is parsed: what comes may be long.
  if (grant.patterns_size() > kMaxPatterns || grant.types_size() > kMaxPatterns) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_TOKEN_REQUEST",
                     absl::StrCat("more than ", kMaxPatterns, " patterns or types"));
  }
  NORROY_ASSIGN_OR_RETURN(parsed.patterns, challenge::ParsePatterns(
                                               {grant.patterns().begin(), grant.patterns().end()}));
  for (const int type : grant.types()) {
    NORROY_ASSIGN_OR_RETURN(const challenge::ChallengeType known,
                            challenge::FromProto(static_cast<types::v1::ChallengeType>(type)));
    parsed.types.push_back(known);
  }
  NORROY_ASSIGN_OR_RETURN(parsed.responders, ParseResponders(grant, parsed.types));
  return parsed;
}

v1::ChallengeGrant ToProto(const ChallengeGrant& grant) {
  v1::ChallengeGrant proto;
  for (const challenge::Pattern& pattern : grant.patterns) proto.add_patterns(pattern.text());
  for (const challenge::ChallengeType type : grant.types) proto.add_types(challenge::ToProto(type));
  proto.set_responders(grant.responders == Responders::kAll ? v1::RESPONDERS_ALL
                                                            : v1::RESPONDERS_ONE);
  return proto;
}

v1::AgentState StateOf(const Agent& agent) {
  if (agent.state == AgentState::kEnrolled && agent.ban.has_value()) {
    return v1::AGENT_STATE_BANNED;
  }
  switch (agent.state) {
    case AgentState::kInvited:
      return v1::AGENT_STATE_INVITED;
    case AgentState::kEnrolled:
      return v1::AGENT_STATE_ENROLLED;
    case AgentState::kRemoved:
      return v1::AGENT_STATE_REMOVED;
  }
  return v1::AGENT_STATE_UNSPECIFIED;
}

// A time that never was stays unset.
bool IsSet(absl::Time time) { return time > absl::UnixEpoch() && time < absl::InfiniteFuture(); }

// What the agent has, with what it has counted of it.
void SetPresenters(const Agent& agent, const AgentCounts& counts, v1::Agent& proto) {
  for (const AgentPresenter& presenter : agent.report.presenters) {
    v1::AgentPresenter& shown = *proto.add_presenters();
    shown.set_name(presenter.name);
    shown.set_type(challenge::ToProto(presenter.type));
    for (const std::string& zone : presenter.zones) shown.add_zones(zone);
    const auto count = std::find_if(
        counts.presenters.begin(), counts.presenters.end(),
        [&presenter](const PresenterCounts& one) { return one.name == presenter.name; });
    if (count == counts.presenters.end()) continue;
    shown.set_put_up(count->put_up);
    shown.set_taken_down(count->taken_down);
    shown.set_failed(count->failed);
    shown.set_served(count->served);
    shown.set_unknown(count->unknown);
    shown.set_last_error(count->last_error);
    if (IsSet(count->last_error_time)) {
      *shown.mutable_last_error_time() = ToTimestamp(count->last_error_time);
    }
  }
  for (const auto& [reason, times] : counts.refused) (*proto.mutable_refused())[reason] = times;
}

void SetTimes(const Agent& agent, v1::Agent& proto) {
  if (IsSet(agent.enroll_time)) *proto.mutable_enroll_time() = ToTimestamp(agent.enroll_time);
  if (IsSet(agent.report.seen_time)) {
    *proto.mutable_last_seen_time() = ToTimestamp(agent.report.seen_time);
  }
  if (IsSet(agent.identity_expire_time)) {
    *proto.mutable_identity_expire_time() = ToTimestamp(agent.identity_expire_time);
  }
  if (IsSet(agent.duplicate_time)) {
    *proto.mutable_duplicate_time() = ToTimestamp(agent.duplicate_time);
  }
}

}  // namespace

absl::StatusOr<std::vector<ChallengeGrant>> ParseGrants(
    const google::protobuf::RepeatedPtrField<v1::ChallengeGrant>& grants) {
  std::vector<ChallengeGrant> parsed;
  for (const v1::ChallengeGrant& grant : grants) {
    absl::StatusOr<ChallengeGrant> one = ParseGrant(grant);
    if (!one.ok()) return WithContext(one.status(), absl::StrCat("grants[", parsed.size(), "]"));
    parsed.push_back(*std::move(one));
  }
  return parsed;
}

void AddGrants(const std::vector<ChallengeGrant>& grants,
               google::protobuf::RepeatedPtrField<v1::ChallengeGrant>* to) {
  for (const ChallengeGrant& grant : grants) *to->Add() = ToProto(grant);
}

v1::AgentGrants ToProto(const GrantsVersion& version) {
  v1::AgentGrants proto;
  proto.set_version(version.version);
  AddGrants(version.grants, proto.mutable_grants());
  *proto.mutable_create_time() = ToTimestamp(version.create_time);
  proto.set_creator(version.creator);
  proto.set_enrollment_id(version.enrollment_id);
  return proto;
}

v1::Agent ToProto(const Agent& agent, const AgentNow& now) {
  v1::Agent proto;
  proto.set_name(agent.name);
  proto.set_enrollment_id(agent.enrollment_id);
  proto.set_state(StateOf(agent));
  proto.set_drained(agent.drained);
  proto.set_attached(now.attached);
  proto.set_presented(now.presented);
  AddGrants(agent.grants, proto.mutable_grants());
  proto.set_grants_version(agent.grants_version);
  if (agent.ban.has_value()) {
    proto.set_ban_reason(agent.ban->reason);
    *proto.mutable_ban_time() = ToTimestamp(agent.ban->time);
  }
  for (const std::string& peer : agent.duplicate_peers) proto.add_duplicate_peers(peer);
  proto.set_version(agent.report.version);
  for (const auto type : agent.report.types) proto.add_types(challenge::ToProto(type));
  for (const std::string& pattern : agent.report.scope) proto.add_scope(pattern);
  proto.set_clock_offset_ms(absl::ToInt64Milliseconds(agent.report.clock_offset));
  SetPresenters(agent, now.counts, proto);
  SetTimes(agent, proto);
  return proto;
}

}  // namespace norroy::validator
