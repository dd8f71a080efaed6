#ifndef NORROY_ISSUER_METRICS_H_
#define NORROY_ISSUER_METRICS_H_

// What an issuer counts of its own work: orders that ended and how long they took, orders that are
// open, requests to CAs, what is left of their rate limits, when certificates end.
// docs/monitoring.md lists the names.

#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/metrics/registry.h"
#include "issuer/flow/order.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/store/inventory.h"
#include "issuer/store/ledger.h"

namespace norroy {

// Thread-safe. `registry` and `clock` outlive it.
class IssuerMetrics {
 public:
  IssuerMetrics(metrics::Registry& registry, Clock& clock);

  // For flow::Events: counts orders that have ended.
  void Note(const flow::Order& order);
  // Passes requests of one CA on, and counts them. It outlives the client.
  std::unique_ptr<http::Client> Count(const std::string& ca, std::unique_ptr<http::Client> client);
  // Read what is not counted where it happens; from one thread.
  void Sample(store::Inventory& inventory);
  void Sample(store::Ledger& ledger, const limits::KnownCas& cas);

 private:
  void SampleCertificates(store::Inventory& inventory);

  Clock& clock_;
  metrics::Counter& orders_;
  metrics::Histogram& order_seconds_;
  metrics::Gauge& open_orders_;
  metrics::Counter& requests_;
  metrics::Histogram& request_seconds_;
  metrics::Gauge& budget_left_;
  metrics::Gauge& not_after_;
  metrics::Gauge& renewal_;
  // Of the sampling thread: when certificates were read last, by the monotonic clock.
  absl::Duration certificates_at_ = -absl::InfiniteDuration();
};

}  // namespace norroy

#endif  // NORROY_ISSUER_METRICS_H_
