#include "validator/store/records.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/store/agent_record.pb.h"

namespace norroy::validator {
namespace {

using Texts = google::protobuf::RepeatedPtrField<std::string>;

const absl::Duration kQuarterNano = absl::Nanoseconds(1) / 4;

absl::Status BadRecord(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "BAD_RECORD",
                   absl::StrCat("a stored record cannot be read: ", what));
}

void SetTypes(const std::vector<challenge::ChallengeType>& types, Texts& out) {
  for (const challenge::ChallengeType type : types) {
    *out.Add() = std::string(challenge::ChallengeTypeName(type));
  }
}

absl::StatusOr<std::vector<challenge::ChallengeType>> TypesOf(const Texts& texts) {
  std::vector<challenge::ChallengeType> types;
  for (const std::string& text : texts) {
    const absl::StatusOr<challenge::ChallengeType> type = challenge::ParseChallengeType(text);
    if (!type.ok()) return BadRecord(type.status().message());
    types.push_back(*type);
  }
  return types;
}

// Seconds rounded down, so that the rest is never negative.
void SetOffset(absl::Duration offset, store::v1::ReportRecord& record) {
  const absl::Time moment = absl::UnixEpoch() + offset;
  const int64_t seconds = absl::ToUnixSeconds(moment);
  record.set_clock_offset_seconds(seconds);
  if (seconds == INT64_MAX || seconds == INT64_MIN) return;
  const absl::Duration rest = moment - absl::FromUnixSeconds(seconds);
  record.set_clock_offset_quarter_nanos(static_cast<uint32_t>(rest / kQuarterNano));
}

absl::Duration OffsetOf(const store::v1::ReportRecord& record) {
  if (record.clock_offset_seconds() == INT64_MAX) return absl::InfiniteDuration();
  if (record.clock_offset_seconds() == INT64_MIN) return -absl::InfiniteDuration();
  return absl::Seconds(record.clock_offset_seconds()) +
         kQuarterNano * record.clock_offset_quarter_nanos();
}

absl::StatusOr<Responders> RespondersOf(store::v1::Responders responders) {
  switch (responders) {
    case store::v1::RESPONDERS_ALL:
      return Responders::kAll;
    case store::v1::RESPONDERS_ONE:
      return Responders::kOne;
    default:
      return BadRecord("responders are neither ALL nor ONE");
  }
}

}  // namespace

// The structured bindings name every field, so that one that is added cannot be forgotten here.

std::string GrantsBytes(const std::vector<ChallengeGrant>& grants) {
  store::v1::GrantsRecord record;
  for (const auto& [patterns, types, responders] : grants) {
    store::v1::GrantRecord& grant = *record.add_grants();
    for (const challenge::Pattern& pattern : patterns) grant.add_patterns(pattern.text());
    SetTypes(types, *grant.mutable_types());
    grant.set_responders(responders == Responders::kAll ? store::v1::RESPONDERS_ALL
                                                        : store::v1::RESPONDERS_ONE);
  }
  return record.SerializeAsString();
}

absl::StatusOr<std::vector<ChallengeGrant>> ParseGrants(absl::string_view bytes) {
  store::v1::GrantsRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BadRecord("the bytes are no grants");
  }
  std::vector<ChallengeGrant> grants;
  for (const store::v1::GrantRecord& stored : record.grants()) {
    ChallengeGrant grant;
    absl::StatusOr<std::vector<challenge::Pattern>> patterns =
        challenge::ParsePatterns({stored.patterns().begin(), stored.patterns().end()});
    if (!patterns.ok()) return BadRecord(patterns.status().message());
    grant.patterns = *std::move(patterns);
    NORROY_ASSIGN_OR_RETURN(grant.types, TypesOf(stored.types()));
    NORROY_ASSIGN_OR_RETURN(grant.responders, RespondersOf(stored.responders()));
    grants.push_back(std::move(grant));
  }
  return grants;
}

std::string ReportBytes(const AgentReport& report) {
  const auto& [version, types, scope, clock_offset, seen_time, presenters] = report;
  static_cast<void>(seen_time);
  store::v1::ReportRecord record;
  record.set_version(version);
  SetTypes(types, *record.mutable_types());
  for (const std::string& pattern : scope) record.add_scope(pattern);
  SetOffset(clock_offset, record);
  for (const auto& [name, type, zones] : presenters) {
    store::v1::PresenterRecord& presenter = *record.add_presenters();
    presenter.set_name(name);
    presenter.set_type(std::string(challenge::ChallengeTypeName(type)));
    for (const std::string& zone : zones) presenter.add_zones(zone);
  }
  return record.SerializeAsString();
}

absl::StatusOr<AgentReport> ParseReport(absl::string_view bytes) {
  store::v1::ReportRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BadRecord("the bytes are no report");
  }
  AgentReport report;
  report.version = record.version();
  NORROY_ASSIGN_OR_RETURN(report.types, TypesOf(record.types()));
  report.scope = {record.scope().begin(), record.scope().end()};
  report.clock_offset = OffsetOf(record);
  for (const store::v1::PresenterRecord& stored : record.presenters()) {
    const auto type = challenge::ParseChallengeType(stored.type());
    if (!type.ok()) return BadRecord(type.status().message());
    report.presenters.push_back({.name = stored.name(),
                                 .type = *type,
                                 .zones = {stored.zones().begin(), stored.zones().end()}});
  }
  return report;
}

}  // namespace norroy::validator
