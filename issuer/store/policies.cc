#include "issuer/store/policies.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/policy_record.pb.h"

namespace norroy::store {
namespace {

constexpr int kMaxPage = 10'000;

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void SetTexts(const std::vector<std::string>& texts, Texts& out) {
  for (const std::string& text : texts) *out.Add() = text;
}

std::vector<std::string> TextsOf(const Texts& texts) { return {texts.begin(), texts.end()}; }

// The structured binding names every field, so that one that is added cannot be forgotten here.
void SetGrant(const policy::GrantText& grant, v1::GrantRecord& record) {
  const auto& [principal, names, key_types, cas, profiles, orders_per_day,
               orders_per_domain_per_day, reuse_never] = grant;
  record.set_principal(principal);
  SetTexts(names, *record.mutable_names());
  SetTexts(key_types, *record.mutable_key_types());
  SetTexts(cas, *record.mutable_cas());
  SetTexts(profiles, *record.mutable_profiles());
  record.set_orders_per_day(orders_per_day);
  record.set_orders_per_domain_per_day(orders_per_domain_per_day);
  record.set_reuse_never(reuse_never);
}

policy::GrantText GrantOf(const v1::GrantRecord& record) {
  return {.principal = record.principal(),
          .names = TextsOf(record.names()),
          .key_types = TextsOf(record.key_types()),
          .cas = TextsOf(record.cas()),
          .profiles = TextsOf(record.profiles()),
          .orders_per_day = record.orders_per_day(),
          .orders_per_domain_per_day = record.orders_per_domain_per_day(),
          .reuse_never = record.reuse_never()};
}

std::string Bytes(const std::vector<policy::GrantText>& grants) {
  v1::PolicyRecord record;
  for (const policy::GrantText& grant : grants) SetGrant(grant, *record.add_grants());
  return record.SerializeAsString();
}

bool HasUnknownFields(const google::protobuf::Message& message) {
  return !message.GetReflection()->GetUnknownFields(message).empty();
}

absl::Status Unreadable(int64_t version, absl::string_view why) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "POLICY_UNREADABLE",
      absl::StrCat("policy version ", version, " ", why,
                   "; nobody may order until this issuer runs the program that wrote it, or an "
                   "operator applies a version anew (norroy policy apply)"),
      {{"policy_version", absl::StrCat(version)}});
}

absl::StatusOr<std::vector<policy::GrantText>> ParseRecord(int64_t version,
                                                           const std::string& bytes) {
  v1::PolicyRecord record;
  if (!record.ParseFromString(bytes)) return Unreadable(version, "is damaged");
  bool unknown = HasUnknownFields(record);
  std::vector<policy::GrantText> grants;
  for (const v1::GrantRecord& grant : record.grants()) {
    unknown = unknown || HasUnknownFields(grant);
    grants.push_back(GrantOf(grant));
  }
  if (unknown) return Unreadable(version, "was written by a newer program");
  return grants;
}

PolicyVersion WithoutGrants(const sql::Row& row) {
  return {.version = row.Int(0),
          .create_time = sql::TimeOf(row.Int(1)),
          .creator = row.Text(2),
          .comment = row.Text(3)};
}

absl::StatusOr<int64_t> CurrentVersion(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT MAX(version) FROM policies", {}));
  return rows.empty() ? 0 : rows.front().Int(0);
}

}  // namespace

absl::Status VersionMismatch(int64_t expected, int64_t current) {
  return MakeError(absl::StatusCode::kAborted, "VERSION_MISMATCH",
                   absl::StrCat("expected_version is ", expected, ", but version ", current,
                                " is in force: somebody applied a policy in between; look at it, "
                                "and apply again"),
                   {{"field", "expected_version"}, {"version", absl::StrCat(current)}});
}

absl::StatusOr<int64_t> Policies::Current() {
  return sql::ReadFor<int64_t>(
      database_, [](sql::Connection& connection) { return CurrentVersion(connection); });
}

absl::StatusOr<PolicyVersion> Policies::Get(int64_t version) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      sql::ReadFor<std::vector<sql::Row>>(database_, [&](sql::Connection& connection) {
        return connection.Query(
            "SELECT version, create_time, creator, comment, record FROM policies "
            "WHERE version = $1",
            {version});
      }));
  if (rows.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "POLICY_NOT_FOUND",
                     absl::StrCat("there is no policy version ", version,
                                  "; `norroy policy history` lists those that there are"));
  }
  PolicyVersion found = WithoutGrants(rows.front());
  NORROY_ASSIGN_OR_RETURN(found.grants, ParseRecord(version, rows.front().Bytes(4)));
  return found;
}

absl::StatusOr<std::vector<PolicyVersion>> Policies::List(int64_t before, int limit) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      sql::ReadFor<std::vector<sql::Row>>(database_, [&](sql::Connection& connection) {
        return connection.Query(
            "SELECT version, create_time, creator, comment FROM policies WHERE version < $1 "
            "ORDER BY version DESC LIMIT $2",
            {before, int64_t{std::clamp(limit, 0, kMaxPage)}});
      }));
  std::vector<PolicyVersion> versions;
  for (const sql::Row& row : rows) versions.push_back(WithoutGrants(row));
  return versions;
}

absl::StatusOr<int64_t> Policies::Apply(const PolicyVersion& next, int64_t expected,
                                        const audit::Entry& entry) {
  return sql::WriteFor<int64_t>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<int64_t> {
        NORROY_ASSIGN_OR_RETURN(const int64_t current, CurrentVersion(connection));
        if (current != expected) return VersionMismatch(expected, current);
        const int64_t version = current + 1;
        // Of two that saw the same version, the primary key stops the second.
        const absl::Status inserted =
            connection
                .Execute(
                    "INSERT INTO policies (version, create_time, creator, comment, record) "
                    "VALUES ($1, $2, $3, $4, $5)",
                    {version, sql::TimeColumn(next.create_time), next.creator, next.comment,
                     sql::Blob{Bytes(next.grants)}})
                .status();
        if (absl::IsAlreadyExists(inserted)) return VersionMismatch(expected, version);
        NORROY_RETURN_IF_ERROR(inserted);
        audit::Entry told = entry;
        told.object = absl::StrCat("policy/", version);
        told.policy_version = version;
        NORROY_RETURN_IF_ERROR(chain_.Append(connection, told, next.create_time));
        return version;
      });
}

}  // namespace norroy::store
