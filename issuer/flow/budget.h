#ifndef NORROY_ISSUER_FLOW_BUDGET_H_
#define NORROY_ISSUER_FLOW_BUDGET_H_

// What an order costs of its CA's rate limits, and whether there is so much left: an order draws
// before it is placed, so that the CA never has to refuse it.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "issuer/flow/order.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/store/ledger.h"
#include "issuer/store/store.h"

namespace norroy::flow {

// In the line, lower ones go first.
enum class Priority { kExpiring = 0, kRenewal = 1, kNew = 2 };

// Where a CA's limits are kept: those of its account by the CA's name, those that all accounts
// share by its directory.
store::BucketKey AccountBucket(const std::string& ca);
store::BucketKey DomainBucket(const limits::KnownCa& ca, const std::string& subject);

// Thread-safe.
class Budget {
 public:
  // All outlive this object.
  Budget(store::Ledger& ledger, store::Store& store, limits::KnownCas cas)
      : ledger_(ledger), store_(store), cas_(std::move(cas)) {}

  // The CA has limits.
  bool Counts(const std::string& ca) const;
  // Draws, or waits: store::Ledger::Take. What the CA does not count draws nothing; `replaces`: the
  // order will say which certificate it replaces. ABORTED (LEASE_LOST).
  absl::StatusOr<store::Drawn> Draw(const Order& order, bool replaces, const store::Lease& lease,
                                    absl::Time now);
  // Whether the order would have to wait at this CA, as far as is known now.
  absl::StatusOr<bool> WouldWait(const Order& order, const std::string& ca, absl::Time now);
  // It ends without a certificate. One that may have been issued all the same is not given back.
  absl::Status GiveBack(const Order& order);

 private:
  absl::StatusOr<Priority> PriorityOf(const Order& order, absl::Time now);
  store::Buckets BucketsOf(const Order& order, const std::string& ca, bool urgent) const;

  store::Ledger& ledger_;
  store::Store& store_;
  const limits::KnownCas cas_;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_BUDGET_H_
