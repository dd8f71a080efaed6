#ifndef NORROY_ISSUER_STORE_LEDGER_H_
#define NORROY_ISSUER_STORE_LEDGER_H_

// What is left of the CAs' rate limits, and who waits for it. An order draws one token of each of
// its limits in one transaction, or none; then it stands in the line of each limit that has none
// left for it. In a line those of a higher priority come first; among equals principals take turns,
// however many orders each has there; then the older order. Who is in a line says until when it
// will have looked again: a place that is not looked after ceases to count.
//
// Tables: ledger_buckets (when each is full again, and which turn of its line was served last),
// ledger_draws (what an order has drawn, so that it draws nothing twice and can give it back),
// ledger_waits (the lines).

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

using Buckets = std::map<BucketKey, limits::BucketRule>;

struct Draw {
  std::string order_id;
  int beginning = 0;  // Order::beginnings: each beginning draws anew
  std::string principal;
  int priority = 0;  // lower ones first
  absl::Time since;  // the order's age
  Buckets buckets;
};

struct Drawn {
  // At most the present: it has drawn. Later: it is in a line, and this is when it can draw as far
  // as is known.
  absl::Time turn;
  // When it is to ask again; it keeps its place for kPlaceKept more.
  absl::Time look_again;
};

struct BucketState {
  BucketKey key;
  absl::Time full_at;
  int64_t waiting = 0;  // orders in its line
};

// Thread-safe.
class Ledger {
 public:
  // Between two looks of who waits: ten minutes, and an eighth of its wait where that is more.
  static constexpr absl::Duration kLookAgain = absl::Minutes(10);
  static constexpr absl::Duration kPlaceKept = absl::Minutes(10);

  // `database` outlives this object, and has the store's schema.
  explicit Ledger(sql::Database& database) : database_(database) {}

  // Draws, or waits. What earlier beginnings drew and only certificates cost is given back. ABORTED
  // (LEASE_LOST).
  absl::StatusOr<Drawn> Take(const Draw& draw, const Lease& lease, absl::Time now);
  // The order comes to nothing: it leaves the lines, and what only certificates cost is given back.
  // Once, whoever asks.
  absl::Status GiveBack(absl::string_view order_id);
  // The CA gave a certificate for these names, and no others, at `since` or later.
  absl::StatusOr<bool> HasIssued(const flow::Order& order, absl::Time since);

  // In the order of `keys`.
  absl::StatusOr<std::vector<BucketState>> Get(const std::vector<BucketKey>& keys, absl::Time now);
  // Those of a limit that are not full, the emptiest first, at most `most`.
  absl::StatusOr<std::vector<BucketState>> Scarcest(absl::string_view scope,
                                                    absl::string_view limit, absl::Time now,
                                                    int most);

 private:
  sql::Database& database_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_LEDGER_H_
