// What the moves of certificates do with renewals, inside their own transactions.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/crypto/latest_renewal.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"
#include "issuer/store/renewal_record.h"
#include "issuer/store/renewals.h"
#include "issuer/store/rows.h"

namespace norroy::store {
namespace {

// The first look at what the CA suggests, after a certificate was issued.
constexpr absl::Duration kFirstPoll = absl::Seconds(10);
constexpr absl::Duration kFirstPollSpread = absl::Seconds(50);

constexpr char kRequestPrefix[] = "renew/";

// Ids are random: as good as another throw of the dice, and the same whenever it is asked for.
double FractionOf(const std::string& id) {
  uint64_t digits = 0;
  if (!absl::SimpleHexAtoi(absl::string_view(id).substr(0, 12), &digits)) return 0.5;
  return static_cast<double>(digits) / static_cast<double>(uint64_t{1} << 48);
}

struct Replaced {
  Renewal renewal;
  std::string public_key_sha256;
};

// Those whose place may be taken: not over, of the set and key type, or named by the order.
absl::StatusOr<std::vector<Replaced>> Candidates(sql::Connection& connection,
                                                 const flow::Order& order,
                                                 const flow::StoredCertificate& by) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query(
          absl::StrCat("SELECT ", kRenewalColumns,
                       ", c.public_key_sha256 FROM certificates c "
                       "JOIN renewals r ON r.certificate_id = c.id "
                       "WHERE r.ended = 0 AND c.id <> $1 AND "
                       "((c.ca = $2 AND c.set_hash = $3 AND c.key_type = $4) OR c.id = $5)"),
          {by.id, by.ca, HashKey(challenge::SetKey(by.names)), by.key_type, order.renews}));
  std::vector<Replaced> replaced;
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(Renewal renewal, ReadRenewal(row));
    replaced.push_back({std::move(renewal), row.Text(kRenewalColumnCount)});
  }
  return replaced;
}

bool TakesItsPlace(const flow::StoredCertificate& by, const flow::Order& order,
                   const Replaced& old) {
  if (old.renewal.certificate_id == order.renews) return true;
  // Whose CSR serves on, with it the certificate is renewed; with another key it stays in use.
  if (old.public_key_sha256 == by.public_key_sha256) return true;
  return old.renewal.creator == by.creator && old.renewal.auto_renew_until <= by.create_time;
}

}  // namespace

absl::Status BeginRenewal(sql::Connection& connection, const flow::Order& order,
                          const flow::StoredCertificate& certificate) {
  Renewal renewal{.certificate_id = certificate.id,
                  .ca = certificate.ca,
                  .creator = certificate.creator,
                  .names = certificate.names,
                  .not_before = certificate.not_before,
                  .not_after = certificate.not_after,
                  .issue_time = certificate.create_time,
                  .is_renewal = !order.renews.empty(),
                  .auto_renew_until = order.auto_renew_until,
                  .change_time = certificate.create_time};
  NORROY_ASSIGN_OR_RETURN(std::vector<Replaced> candidates,
                          Candidates(connection, order, certificate));
  for (Replaced& old : candidates) {
    if (!TakesItsPlace(certificate, order, old)) continue;
    renewal.is_renewal = true;
    // An owner who ordered with the same key has not taken back what it asked the issuer for.
    if (old.public_key_sha256 == certificate.public_key_sha256) {
      renewal.auto_renew_until = std::max(renewal.auto_renew_until, old.renewal.auto_renew_until);
    }
    old.renewal.over = true;
    old.renewal.renewed_by = certificate.id;
    old.renewal.error_reason.clear();
    old.renewal.error_message.clear();
    old.renewal.change_time = certificate.create_time;
    NORROY_RETURN_IF_ERROR(WriteRenewal(connection, old.renewal));
  }
  const double fraction = FractionOf(certificate.id);
  renewal.plan = renewal::PlanRenewal({.not_before = renewal.not_before,
                                       .not_after = renewal.not_after,
                                       .issue_time = renewal.issue_time,
                                       .now = certificate.create_time,
                                       .fraction = fraction},
                                      std::nullopt);
  renewal.poll_time = certificate.create_time + kFirstPoll + kFirstPollSpread * fraction;
  return InsertRenewal(connection, renewal);
}

absl::Status EndRenewal(sql::Connection& connection, absl::string_view certificate_id,
                        absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(std::optional<Renewal> renewal, FindRenewal(connection, certificate_id));
  if (!renewal.has_value() || renewal->over) return absl::OkStatus();
  renewal->over = true;
  renewal->change_time = now;
  return WriteRenewal(connection, *renewal);
}

absl::Status NoteRepeat(sql::Connection& connection, const flow::Order& order) {
  if (order.state != flow::State::kDone || order.auto_renew_until == absl::InfinitePast()) {
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(std::optional<Renewal> renewal,
                          FindRenewal(connection, order.certificate_id));
  if (!renewal.has_value() || renewal->over || renewal->creator != order.creator) {
    return absl::OkStatus();
  }
  renewal->auto_renew_until = std::max(renewal->auto_renew_until, order.auto_renew_until);
  return WriteRenewal(connection, *renewal);
}

std::string RenewalRequestId(absl::string_view certificate_id, int attempt) {
  return absl::StrCat(kRequestPrefix, certificate_id, "/", attempt);
}

void NoteFailedAttempt(const absl::Status& why, absl::Time now, Renewal& renewal) {
  ++renewal.attempts;
  renewal.attempt_time = renewal::NextAttempt(renewal.attempts, renewal.not_after, now);
  renewal.error_reason = ErrorReason(why);
  renewal.error_message = std::string(why.message());
  renewal.change_time = now;
}

absl::Status NoteRenewalFailed(sql::Connection& connection, const flow::Order& order) {
  if (order.renews.empty() || !absl::StartsWith(order.request_id, kRequestPrefix)) {
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(std::optional<Renewal> renewal, FindRenewal(connection, order.renews));
  // Only the last try counts, and that once.
  if (!renewal.has_value() || renewal->over ||
      order.request_id != RenewalRequestId(order.renews, renewal->attempts)) {
    return absl::OkStatus();
  }
  const absl::Status why = order.error.has_value()
                               ? order.error->ToStatus()
                               : MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                                           absl::StrCat("order ", order.id, " was cancelled"));
  renewal->order_id = order.id;
  NoteFailedAttempt(why, order.update_time, *renewal);
  return WriteRenewal(connection, *renewal);
}

absl::StatusOr<absl::Time> RenewalTimeOf(sql::Connection& connection,
                                         const flow::StoredCertificate& certificate) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT renewal_time FROM renewals WHERE certificate_id = $1",
                       {certificate.id}));
  if (!rows.empty()) return sql::TimeOf(rows.front().Int(0));
  return crypto::LatestRenewal(certificate.not_before, certificate.not_after);
}

}  // namespace norroy::store
