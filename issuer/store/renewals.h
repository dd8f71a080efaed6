#ifndef NORROY_ISSUER_STORE_RENEWALS_H_
#define NORROY_ISSUER_STORE_RENEWALS_H_

// When each certificate is to be renewed, who does it, and what came of it: one row a certificate,
// written in the transaction that stores the certificate. Rows of several keepers' processes: what
// one has taken, no other takes until the time that it named.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/audit/entry.h"
#include "common/sql/database.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/order.h"
#include "issuer/renewal/plan.h"

namespace norroy::store {

struct Renewal {
  // Of the certificate; never changed.
  std::string certificate_id;
  std::string ca;
  std::string creator;
  std::vector<challenge::Name> names;
  absl::Time not_before;
  absl::Time not_after;
  absl::Time issue_time;
  bool is_renewal = false;

  renewal::Plan plan;
  // What the CA says of the window, for humans.
  std::string explanation_url;
  // When the CA is asked next; InfiniteFuture: no more.
  absl::Time poll_time;
  absl::Time poll_success_time = absl::InfinitePast();
  int poll_failures = 0;  // in a row

  // Until then the issuer orders anew by itself, with the CSR of the certificate's order;
  // InfinitePast: its owner does.
  absl::Time auto_renew_until = absl::InfinitePast();
  // Of the issuer's own try: the order under way (or last), how many failed in a row, and when the
  // next is.
  std::string order_id;
  int attempts = 0;
  absl::Time attempt_time = absl::InfinitePast();
  std::string error_reason;  // empty: none
  std::string error_message;

  // It needs no renewal any more: another certificate took its place (renewed_by), or it was
  // revoked.
  bool over = false;
  std::string renewed_by;
  absl::Time change_time;  // of the last change that its owner may want to know of

  // The issuer renews it at this time by itself; InfiniteFuture: it does not.
  absl::Time act_time() const;
};

// Begins the renewal of a certificate that is being stored, and ends those of the certificates
// whose place it takes: the one that its order renews, and those of its creator with the same CA,
// names and key type.
absl::Status BeginRenewal(sql::Connection& connection, const flow::Order& order,
                          const flow::StoredCertificate& certificate);
// A certificate that was revoked is its owner's business alone.
absl::Status EndRenewal(sql::Connection& connection, absl::string_view certificate_id,
                        absl::Time now);
// An order that is answered with a certificate that was issued before may wish that the issuer
// renews it: of its own creator that holds.
absl::Status NoteRepeat(sql::Connection& connection, const flow::Order& order);
// An order that the issuer made to renew a certificate by itself has failed: when it tries again.
absl::Status NoteRenewalFailed(sql::Connection& connection, const flow::Order& order);
// The planned moment; LatestRenewal where there is no row yet.
absl::StatusOr<absl::Time> RenewalTimeOf(sql::Connection& connection,
                                         const flow::StoredCertificate& certificate);

// The request id of the issuer's own order; no caller can use one like it.
std::string RenewalRequestId(absl::string_view certificate_id, int attempt);
// One more of its own tries came to nothing.
void NoteFailedAttempt(const absl::Status& why, absl::Time now, Renewal& renewal);

// Keys of lists: the last row's (renewal time, certificate), soonest first.
struct RenewalKey {
  absl::Time renewal_time = absl::InfinitePast();
  std::string certificate_id;
};

struct RenewalFilter {
  std::optional<std::string> reader;  // creator or reader of the certificate; unset: all
  absl::Time due_by = absl::InfiniteFuture();
  bool with_over = false;
};

// Thread-safe.
class Renewals {
 public:
  // As Store::Make.
  Renewals(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  // Begins those of at most `limit` certificates that were stored before there were any; true:
  // there may be more.
  absl::StatusOr<bool> Adopt(int limit);

  absl::StatusOr<Renewal> Get(absl::string_view certificate_id);  // NOT_FOUND
  absl::StatusOr<std::vector<Renewal>> List(const RenewalFilter& filter, const RenewalKey& after,
                                            int limit);
  // Those that are over since `since`; at most `limit`, the oldest first.
  absl::StatusOr<std::vector<Renewal>> Ended(const std::optional<std::string>& reader,
                                             absl::Time since, int limit);

  // At most `limit` about which this CA is to be asked (poll_time <= now), those first that end
  // first; nobody else takes them before `until`. And how many there are.
  absl::StatusOr<std::vector<Renewal>> TakePolls(absl::string_view ca, absl::Time now,
                                                 absl::Time until, int limit);
  absl::StatusOr<int64_t> CountPolls(absl::string_view ca, absl::Time now);
  // The same of those that the issuer renews by itself (act_time <= now), of every CA.
  absl::StatusOr<std::vector<Renewal>> TakeActs(absl::Time now, absl::Time until, int limit);
  absl::StatusOr<int64_t> CountActs(absl::Time now);
  // The next poll_time and act_time of all.
  absl::StatusOr<absl::Time> NextDue();

  // Reads the row, lets `change` alter it, writes it: one transaction; `change` may run more than
  // once. An error of `change` leaves it as it was. NOT_FOUND. With `audit`, it is audited.
  using Change = std::function<absl::Status(Renewal&)>;
  absl::StatusOr<Renewal> Update(absl::string_view certificate_id, const Change& change,
                                 const std::optional<audit::Entry>& audit = std::nullopt,
                                 absl::Time now = absl::InfinitePast());

  // In audit entries, for what nobody asked for.
  const std::string& writer() const { return chain_.writer(); }

 private:
  // Of `ca`, or of every CA if it is empty.
  absl::StatusOr<std::vector<Renewal>> Take(absl::string_view column, absl::string_view ca,
                                            absl::Time now, absl::Time until, int limit);

  sql::Database& database_;
  const audit::Chain chain_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_RENEWALS_H_
