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
  // At most `now`: it may be placed. Later: it is in the line, and that is its time as far as is
  // known. What CAs except from these limits draws nothing: an order that says what it replaces
  // (RFC 9773 5), and names that the CA has issued together in the last 120 days. ABORTED
  // (LEASE_LOST).
  absl::StatusOr<absl::Time> Draw(const Order& order, bool replaces, const store::Lease& lease,
                                  absl::Time now);
  // It ends without a certificate, or goes to another CA.
  absl::Status GiveBack(const Order& order);

 private:
  absl::StatusOr<Priority> PriorityOf(const Order& order, absl::Time now);

  store::Ledger& ledger_;
  store::Store& store_;
  const limits::KnownCas cas_;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_BUDGET_H_
