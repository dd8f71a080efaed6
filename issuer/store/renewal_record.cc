#include "issuer/store/renewal_record.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"
#include "issuer/store/record_fields.h"
#include "issuer/store/renewal_record.pb.h"

namespace norroy::store {
namespace {

using renewal::Basis;

constexpr std::pair<Basis, v1::RenewalBasis> kBases[] = {
    {Basis::kLifetime, v1::RENEWAL_BASIS_LIFETIME},
    {Basis::kWindow, v1::RENEWAL_BASIS_WINDOW},
    {Basis::kUrged, v1::RENEWAL_BASIS_URGED},
    {Basis::kIgnored, v1::RENEWAL_BASIS_IGNORED},
};

std::string Bytes(const Renewal& renewal) {
  v1::RenewalRecord record;
  record.set_ca(renewal.ca);
  record.set_creator(renewal.creator);
  SetNames(renewal.names, *record.mutable_names());
  SetMoment(renewal.not_before, *record.mutable_not_before());
  SetMoment(renewal.not_after, *record.mutable_not_after());
  SetMoment(renewal.issue_time, *record.mutable_issue_time());
  record.set_is_renewal(renewal.is_renewal);
  for (const auto& [basis, stored] : kBases) {
    if (basis == renewal.plan.basis) record.set_basis(stored);
  }
  if (renewal.plan.window.has_value()) {
    SetMoment(renewal.plan.window->start, *record.mutable_window_start());
    SetMoment(renewal.plan.window->end, *record.mutable_window_end());
  }
  record.set_explanation_url(renewal.explanation_url);
  SetMoment(renewal.poll_success_time, *record.mutable_poll_success_time());
  record.set_poll_failures(renewal.poll_failures);
  SetMoment(renewal.auto_renew_until, *record.mutable_auto_renew_until());
  record.set_order_id(renewal.order_id);
  record.set_attempts(renewal.attempts);
  SetMoment(renewal.attempt_time, *record.mutable_attempt_time());
  record.set_error_reason(renewal.error_reason);
  record.set_error_message(renewal.error_message);
  record.set_renewed_by(renewal.renewed_by);
  return record.SerializeAsString();
}

absl::Status ParseRecord(const std::string& bytes, Renewal& renewal) {
  v1::RenewalRecord record;
  if (!record.ParseFromString(bytes)) return BadRecord("the bytes are no renewal");
  renewal.ca = record.ca();
  renewal.creator = record.creator();
  NORROY_ASSIGN_OR_RETURN(renewal.names, NamesOf(record.names()));
  renewal.not_before = TimeOf(record.not_before());
  renewal.not_after = TimeOf(record.not_after());
  renewal.issue_time = TimeOf(record.issue_time());
  renewal.is_renewal = record.is_renewal();
  for (const auto& [basis, stored] : kBases) {
    if (stored == record.basis()) renewal.plan.basis = basis;
  }
  if (record.has_window_start()) {
    renewal.plan.window = {TimeOf(record.window_start()), TimeOf(record.window_end())};
  }
  renewal.explanation_url = record.explanation_url();
  renewal.poll_success_time = TimeOf(record.poll_success_time());
  renewal.poll_failures = record.poll_failures();
  renewal.auto_renew_until = TimeOf(record.auto_renew_until());
  renewal.order_id = record.order_id();
  renewal.attempts = record.attempts();
  renewal.attempt_time = TimeOf(record.attempt_time());
  renewal.error_reason = record.error_reason();
  renewal.error_message = record.error_message();
  renewal.renewed_by = record.renewed_by();
  return absl::OkStatus();
}

// Of what is over nothing is due any more.
int64_t DueColumn(const Renewal& renewal, absl::Time time) {
  return renewal.over ? sql::kInfiniteFuture : sql::TimeColumn(time);
}

}  // namespace

absl::Time Renewal::act_time() const {
  const absl::Time time = std::max(plan.time, attempt_time);
  return over || auto_renew_until < time ? absl::InfiniteFuture() : time;
}

absl::StatusOr<Renewal> ReadRenewal(const sql::Row& row) {
  Renewal renewal;
  renewal.certificate_id = row.Text(0);
  renewal.plan.time = sql::TimeOf(row.Int(1));
  renewal.poll_time = sql::TimeOf(row.Int(2));
  renewal.over = row.Int(3) != 0;
  renewal.change_time = sql::TimeOf(row.Int(4));
  const absl::Status parsed = ParseRecord(row.Bytes(5), renewal);
  if (!parsed.ok()) {
    return WithContext(parsed, absl::StrCat("renewal of certificate ", renewal.certificate_id));
  }
  return renewal;
}

absl::StatusOr<std::optional<Renewal>> FindRenewal(sql::Connection& connection,
                                                   absl::string_view certificate_id) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          absl::StrCat("SELECT ", kRenewalColumns, " FROM renewals r WHERE r.certificate_id = $1"),
          {std::string(certificate_id)}));
  if (rows.empty()) return std::optional<Renewal>();
  NORROY_ASSIGN_OR_RETURN(Renewal renewal, ReadRenewal(rows.front()));
  return std::optional<Renewal>(std::move(renewal));
}

absl::Status InsertRenewal(sql::Connection& connection, const Renewal& renewal) {
  return connection
      .Execute(
          "INSERT INTO renewals (certificate_id, ca, renewal_time, not_after, poll_time, "
          "act_time, ended, change_time, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
          "ON CONFLICT (certificate_id) DO NOTHING",
          {renewal.certificate_id, renewal.ca, sql::TimeColumn(renewal.plan.time),
           sql::TimeColumn(renewal.not_after), DueColumn(renewal, renewal.poll_time),
           DueColumn(renewal, renewal.act_time()), int64_t{renewal.over},
           sql::TimeColumn(renewal.change_time), sql::Blob{Bytes(renewal)}})
      .status();
}

absl::Status WriteRenewal(sql::Connection& connection, const Renewal& renewal) {
  return connection
      .Execute(
          "UPDATE renewals SET renewal_time = $2, poll_time = $3, act_time = $4, ended = $5, "
          "change_time = $6, record = $7 WHERE certificate_id = $1",
          {renewal.certificate_id, sql::TimeColumn(renewal.plan.time),
           DueColumn(renewal, renewal.poll_time), DueColumn(renewal, renewal.act_time()),
           int64_t{renewal.over}, sql::TimeColumn(renewal.change_time), sql::Blob{Bytes(renewal)}})
      .status();
}

}  // namespace norroy::store
