#ifndef NORROY_ISSUER_STORE_AUTHORIZATIONS_H_
#define NORROY_ISSUER_STORE_AUTHORIZATIONS_H_

// The authorizations that our accounts have, or may have, valid at their CAs (RFC 8555 7.1.4): what
// would let an order be issued without a new proof. Kept so that they can be deactivated (7.5.2)
// when a name loses its last agent, or when an order that shares none with others has ended.
//
// Orders write theirs as they are saved (NoteValid, inside SaveOrder), so that an order that proves
// its names costs no transaction more. Whoever decides that some must go marks them
// (Withdraw, Note); flow/withdrawal.h deactivates what is marked and forgets it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/audit/entry.h"
#include "common/sql/database.h"
#include "issuer/flow/order.h"

namespace norroy::store {

// For how long an authorization is remembered whose end was not asked for: no public CA may rely on
// a validation for longer (Baseline Requirements 4.2.1).
inline constexpr absl::Duration kLongestAuthorization = absl::Hours(24 * 398);

struct Authorization {
  std::string url;
  std::string ca;
  std::string account_url;
  std::string name;  // "*.example.com"
  absl::Time expire_time;
  std::string order_id;  // at the end of this order it must go; empty: any order may use it
  std::string reason;    // why it must go now; empty: it need not
};

// Notes the valid authorizations of an order that is being saved: once each, as the order's own if
// the order is to leave none behind.
absl::Status NoteValid(sql::Connection& connection, const flow::Order& order);

// Thread-safe.
class Authorizations {
 public:
  // As Store::Make.
  Authorizations(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  // Of one that is known already, what is set replaces what was there.
  absl::Status Note(const std::vector<Authorization>& authorizations);
  // Those of `urls` that are known.
  absl::StatusOr<std::vector<Authorization>> Find(absl::string_view ca,
                                                  const std::vector<std::string>& urls);
  // The names of those that need not go, each once, sorted; at most `limit`, behind `after`.
  absl::StatusOr<std::vector<std::string>> Names(absl::string_view after, int limit,
                                                 absl::Time now);

  // All of these names must go, at every CA. Audited as "authorization.withdraw" for every name
  // that has one. Returns how many authorizations that are.
  absl::StatusOr<int64_t> Withdraw(const std::vector<std::string>& names, absl::string_view reason,
                                   absl::Time now);
  // Those of an account that must go, each with its reason: marked, or of an order that has ended.
  absl::StatusOr<std::vector<Authorization>> Withdrawn(absl::string_view ca,
                                                       absl::string_view account_url, int limit,
                                                       absl::Time now);
  // It is valid no more. Audited with `entry` in the same transaction.
  absl::Status Forget(absl::string_view url, const audit::Entry& entry, absl::Time now);
  // Forgets what has expired. Returns how many.
  absl::StatusOr<int64_t> Prune(absl::Time now);

  // The CA order of `order` was placed in vain and is being replaced by us: it does not count for
  // Store::MayOrder.
  absl::Status DoNotCount(const flow::Order& order);

  // In audit entries, for what nobody asked for.
  const std::string& writer() const { return chain_.writer(); }

 private:
  sql::Database& database_;
  const audit::Chain chain_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_AUTHORIZATIONS_H_
