#ifndef NORROY_ISSUER_STORE_STORE_H_
#define NORROY_ISSUER_STORE_STORE_H_

// What the issuer must not forget, as whole moves: each call is one transaction. Orders are worked
// on under a lease with a fencing token; every move of the engine checks it, so a holder that was
// paused past its lease can change nothing. store_contract_test runs on every database.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/sql/database.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/order.h"
#include "issuer/store/quota.h"

namespace norroy::store {

// Keys of lists: (create_time, id) of the last row, newest first.
struct PageKey {
  absl::Time create_time = absl::InfiniteFuture();
  std::string id;
};

struct OrderFilter {
  std::optional<std::string> reader;  // creator or finalizer; unset: all
  std::vector<flow::State> states;    // empty: all
  std::optional<challenge::Name> name;
};

struct CertificateFilter {
  std::optional<std::string> reader;  // creator or reader; unset: all
  std::optional<challenge::Name> name;
};

// The right to work on one order.
struct Lease {
  std::string order_id;
  int64_t token = 0;
};

struct Leased {
  flow::Order order;
  Lease lease;
};

// Guards towards the CA, counted in the same transaction as what they guard.
struct Limits {
  int new_orders_per_set_per_hour = 2;
  int certificates_per_set_per_week = 3;
  int failures_per_name_per_hour = 3;
};

// Under which requests are held back (SetHold): all to a CA, because it asked for that or a human
// must see to it, or because it cannot be reached; and orders there for these names.
std::string CaScope(absl::string_view ca);
std::string UnreachedScope(absl::string_view ca);
std::string SetScope(const flow::Order& order);

using AuditEntry = audit::Entry;
using AuditHead = audit::Head;

// Where a new order comes from, and what it counts for.
struct OrderOrigin {
  std::string peer = {};
  std::string trace_id = {};
  std::optional<Spending> spending = {};  // unset: it is nobody's to be counted
  std::string by = {};                    // who made it, where that is not its creator
};

struct AccountRecord {
  std::string ca;
  std::string directory_url;
  std::string url;  // empty: not registered
  std::string status;
  std::vector<std::string> contacts;
  std::string key_thumbprint;
  std::string eab_kid;
  std::string terms_of_service;
  absl::Time create_time;
};

// Thread-safe.
class Store {
 public:
  // `database` outlives the store and was migrated with Migrations(). `writer` names the audit
  // chain of this process: no two that run at once share one.
  static std::unique_ptr<Store> Make(sql::Database& database, absl::string_view writer = "issuer");
  static const std::vector<sql::Migration>& Migrations();
  virtual ~Store() = default;

  // Stores a new order. If the creator used request_id in the last 7 days: the stored order if
  // request_hash is the same, else ALREADY_EXISTS (reason REQUEST_ID_REUSED). Else it is counted:
  // RESOURCE_EXHAUSTED, reason QUOTA_EXCEEDED (issuer/store/quota.h). Names, reading rights and the
  // set of an order are those of its creation. Audited as "order.create".
  virtual absl::StatusOr<flow::Order> CreateOrder(const flow::Order& order, absl::Time now,
                                                  const OrderOrigin& origin = {}) = 0;
  virtual absl::StatusOr<flow::Order> GetOrder(absl::string_view id) = 0;  // NOT_FOUND
  // Those of `ids` (at most 100) that there are, in any order.
  virtual absl::StatusOr<std::vector<flow::Order>> GetOrders(
      const std::vector<std::string>& ids) = 0;
  // At most `limit`, newest first, after `after`.
  virtual absl::StatusOr<std::vector<flow::Order>> ListOrders(const OrderFilter& filter,
                                                              const PageKey& after, int limit) = 0;

  // Takes the lease of the order that is due longest (due_time <= now, nobody's lease valid).
  // Unset: none is due.
  virtual absl::StatusOr<std::optional<Leased>> TakeDue(absl::string_view owner, absl::Time now,
                                                        absl::Duration lease) = 0;
  // The same for one order, due or not; unset: it is leased, final or unknown.
  virtual absl::StatusOr<std::optional<Leased>> TakeOrder(absl::string_view id,
                                                          absl::string_view owner, absl::Time now,
                                                          absl::Duration lease) = 0;
  // Ends all leases of `owner`: for a process that starts and knows that its former life is over.
  // Returns how many.
  virtual absl::StatusOr<int64_t> BreakLeases(absl::string_view owner) = 0;
  // The same within a transaction, for whoever knows that `owner` is no more (common/lease).
  static absl::StatusOr<int64_t> BreakLeases(sql::Connection& connection, absl::string_view owner);
  // The leases of `owner` that stand at `now`, their tokens by order.
  virtual absl::StatusOr<std::map<std::string, int64_t>> LeasesOf(absl::string_view owner,
                                                                  absl::Time now) = 0;
  // When the next order is due that nobody holds; InfiniteFuture if none. Leases that end count.
  virtual absl::StatusOr<absl::Time> NextDue(absl::Time now) = 0;
  // Keeps a lease longer. ABORTED (reason LEASE_LOST) if it is not ours any more.
  virtual absl::Status ExtendLease(const Lease& lease, absl::Time now, absl::Duration by) = 0;
  // Whether nobody has taken the order over since. ABORTED (LEASE_LOST).
  virtual absl::Status ConfirmLease(const Lease& lease) = 0;
  // Writes the order under the lease, and gives the lease back if asked. ABORTED (LEASE_LOST).
  virtual absl::Status SaveOrder(const flow::Order& order, const Lease& lease, bool give_back) = 0;
  // A caller's change (finalize, cancel, retry): reads the order, lets `change` alter it, writes
  // it, all in one transaction and whoever holds the lease; the holder's fencing token is made
  // stale if `take_over`, so that it drops its work; without it, a holder's next SaveOrder
  // overwrites the change. An error of `change` leaves all as it was. `change` may run more than
  // once, each time on the order as it is stored.
  using Change = std::function<absl::Status(flow::Order&)>;
  virtual absl::StatusOr<flow::Order> ChangeOrder(absl::string_view id, bool take_over,
                                                  const Change& change,
                                                  const AuditEntry& audit) = 0;

  // Single flight: the row (ca, profile, set of names), held while a CA order is in play. True:
  // ours now (or already). The flight of a final order is free.
  virtual absl::StatusOr<bool> TakeFlight(const flow::Order& order, const Lease& lease) = 0;
  // Frees it if this order has it. ABORTED (LEASE_LOST) if the lease is not ours any more: a holder
  // that was paused must not free what the order's next holder relies on.
  virtual absl::Status GiveFlightBack(const flow::Order& order, const Lease& lease) = 0;

  // Guards. Each returns the moment at which it may be tried (<= now: it may; InfiniteFuture: the
  // limit is 0). Sets are counted per CA, whatever the profile; failures per CA and identifier, so
  // that a wildcard and the name below it share one count, as they do at CAs. What is dated more
  // than one window ahead of `now` does not count: the clock was wrong when it was noted.
  // A newOrder for this set now? Counts distinct CA orders of the last hour (SaveOrder notes the
  // one of an order in state kOrdering, at its update_time), and certificates of the last 7 days.
  virtual absl::StatusOr<absl::Time> MayOrder(const flow::Order& order, const Limits& limits,
                                              absl::Time now) = 0;
  virtual absl::Status NoteCaOrder(const flow::Order& order, absl::string_view ca_order_url,
                                   absl::Time now) = 0;
  // The latest end of the names' cool-downs (failures of the last hour).
  virtual absl::StatusOr<absl::Time> MayValidate(const flow::Order& order, const Limits& limits,
                                                 absl::Time now) = 0;
  // The same, if every validation that is under way for other orders failed: then the answer is
  // soon. An order is under way for its names that are not valid from the SaveOrder on that stores
  // it in state kPresenting (at its update_time) to the one that stores it in another state than
  // kPresenting and kValidating, at most 15 minutes.
  virtual absl::StatusOr<absl::Time> MayBeginValidation(const flow::Order& order,
                                                        const Limits& limits, absl::Time now) = 0;
  // The same, asked last before the CA is told: only the orders count that were under way before
  // this one, so that of any number of orders the first always may. An order that was stored as
  // under way more than a minute ago comes last again, under its lease: ABORTED (LEASE_LOST).
  virtual absl::StatusOr<absl::Time> BeginValidation(const flow::Order& order, const Lease& lease,
                                                     const Limits& limits, absl::Time now) = 0;
  virtual absl::Status NoteFailure(const flow::Order& order, const challenge::Name& name,
                                   absl::string_view authorization_url, absl::Time now) = 0;
  // Holds that the CA asked for (429 and 503 with Retry-After), or that keep us from pressing it:
  // by `scope` ("ca/<ca>", "set/<ca>/<set key>", "paused/<ca>/<identifier>", ...). The latest end
  // counts; InfinitePast lifts the hold. `why`: it waits for a human, and this is what he reads.
  // GetHold: the end of the hold, past ones too, InfinitePast if there was none.
  virtual absl::Status SetHold(absl::string_view scope, absl::Time until,
                               absl::string_view why = "") = 0;
  virtual absl::StatusOr<absl::Time> GetHold(absl::string_view scope) = 0;
  // What it waits for; empty: for its end alone.
  virtual absl::StatusOr<std::string> WhyHeld(absl::string_view scope) = 0;
  // Lifts a hold that waits for a human, and no other.
  virtual absl::Status LiftHold(absl::string_view scope) = 0;

  // Stores a checked certificate, ends its order (state kDone, under the lease), marks what it
  // replaces (same CA, names and key type), gives the flight back, notes the set's certificate: one
  // transaction. Audited as "certificate.issue".
  virtual absl::Status FinishOrder(const flow::Order& order, const Lease& lease,
                                   const flow::StoredCertificate& certificate) = 0;
  virtual absl::StatusOr<flow::StoredCertificate> GetCertificate(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<flow::StoredCertificate>> ListCertificates(
      const CertificateFilter& filter, const PageKey& after, int limit) = 0;
  // A certificate that can serve again: same CA, profile, set and key, not revoked, before its
  // renewal time. Newest.
  virtual absl::StatusOr<std::optional<flow::StoredCertificate>> FindRepeat(
      const flow::Order& order, absl::string_view public_key_sha256, absl::Time now) = 0;
  // Both NOT_FOUND if there is none. Of several revocations the first counts.
  virtual absl::Status AddReader(absl::string_view certificate_id, absl::string_view principal,
                                 const AuditEntry& audit) = 0;
  virtual absl::Status NoteRevoked(absl::string_view certificate_id, int reason, absl::Time now,
                                   const AuditEntry& audit) = 0;

  // By (ca); audited. Of an account at the same directory only the key that is stored, or none, may
  // be that of `account` or `replaces`: else ABORTED, reason ACCOUNT_KEY_DIFFERS, for another
  // issuer on the database has it by a key of its own.
  virtual absl::Status PutAccount(const AccountRecord& account,
                                  absl::string_view replaces = "") = 0;
  virtual absl::StatusOr<AccountRecord> GetAccount(absl::string_view ca) = 0;  // NOT_FOUND
  virtual absl::StatusOr<std::vector<AccountRecord>> ListAccounts() = 0;

  virtual absl::Status Audit(const AuditEntry& entry, absl::Time now) = 0;
  // Recomputes every chain from its first entry. DATA_LOSS (reason AUDIT_BROKEN) names the writer
  // and the first entry that was altered, is missing or was put in between. Entries cut off a
  // chain's end show only against a head that was kept elsewhere.
  virtual absl::StatusOr<std::vector<AuditHead>> VerifyAudit() = 0;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_STORE_H_
