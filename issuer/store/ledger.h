#ifndef NORROY_ISSUER_STORE_LEDGER_H_
#define NORROY_ISSUER_STORE_LEDGER_H_

// What is left of the CAs' rate limits, and who waits for it. An order draws one token of each of
// its limits in one transaction, or none and gets a place in the line: by priority, then by how
// many older orders its principal had in the line, then by age. So nobody who orders much keeps
// others waiting for long, and of two lines in which both stand the same one is first in both.
//
// Tables: ledger_buckets (when each is full again), ledger_draws (what an order has drawn, so that
// it draws nothing twice), ledger_waits (the line; those of orders that are no longer QUEUED do not
// count).

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sql/database.h"
#include "issuer/limits/token_bucket.h"
#include "issuer/store/store.h"

namespace norroy::store {

// As Let's Encrypt calls them.
inline constexpr char kNewOrdersPerAccount[] = "new_orders_per_account";
inline constexpr char kCertificatesPerDomain[] = "certificates_per_domain";

struct BucketKey {
  std::string scope;    // where it is kept: a directory URL, or an account there
  std::string limit;    // kNewOrdersPerAccount or kCertificatesPerDomain
  std::string subject;  // a registered domain; empty
  std::strong_ordering operator<=>(const BucketKey&) const = default;
};

struct Draw {
  std::string order_id;
  int turn = 0;  // of the order's CA orders, each of which draws anew
  std::string principal;
  int priority = 0;  // lower ones first
  absl::Time since;  // the order's age
  std::map<BucketKey, limits::BucketRule> buckets;
};

struct BucketState {
  BucketKey key;
  absl::Time full_at;
  int64_t waiting = 0;  // orders in the line
};

// Thread-safe.
class Ledger {
 public:
  // `database` outlives this object, and has the store's schema.
  explicit Ledger(sql::Database& database) : database_(database) {}

  // At most `now`: it has drawn (or had before). Later: it is in the line, and this is when it can
  // draw as far as is known now. ABORTED (LEASE_LOST).
  absl::StatusOr<absl::Time> Take(const Draw& draw, const Lease& lease, absl::Time now);
  // The order comes to nothing, or goes elsewhere: it leaves the line, and what only certificates
  // cost is given back. Under no lease: it does so once, whoever asks.
  absl::Status GiveBack(absl::string_view order_id);

  // The CA gave a certificate for these names, and no others, at `since` or later.
  absl::StatusOr<bool> HasIssued(const flow::Order& order, absl::Time since);

  // In the order of `keys`.
  absl::StatusOr<std::vector<BucketState>> Get(const std::vector<BucketKey>& keys);
  // Those of a limit that have least or are waited for, at most `most`.
  absl::StatusOr<std::vector<BucketState>> Scarcest(absl::string_view scope,
                                                    absl::string_view limit, absl::Time now,
                                                    int most);

 private:
  sql::Database& database_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_LEDGER_H_
