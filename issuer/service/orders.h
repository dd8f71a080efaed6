#ifndef NORROY_ISSUER_SERVICE_ORDERS_H_
#define NORROY_ISSUER_SERVICE_ORDERS_H_

// What callers do with orders: checks, the store's moves, and a word to the engine. Knows nothing
// of gRPC: every door uses it, and tests call it as it is. The methods are those of
// protos/norroy/issuer/v1/order_service.proto, which says what each promises.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/rpc/caller.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"
#include "issuer/service/policy_denials.h"
#include "issuer/solver/solver.h"
#include "issuer/store/quota.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/order_service.pb.h"

namespace norroy::service {

struct OrdersOptions {
  store::Store& store;
  policy::Policy& policy;
  solver::Solver& solver;
  keys::Accounts& accounts;
  flow::Engine& engine;
  flow::Events& events;
  Clock& clock;
  crypto::Random& random;
  store::Quotas& quotas;
};

// Where a watch sends what it sees. Both may be called from any thread, not at once.
struct WatchSink {
  std::function<void(issuer::v1::WatchOrderResponse)> send;
  // Once, at the end; nothing is sent after it.
  std::function<void(const absl::Status&)> finish;
};

// Thread-safe.
class Orders {
 public:
  // What the options refer to outlives this object.
  explicit Orders(const OrdersOptions& options)
      : o_(options), denials_(options.store, options.clock) {}

  absl::StatusOr<issuer::v1::CreateOrderResponse> Create(
      const rpc::Caller& caller, const issuer::v1::CreateOrderRequest& request);
  absl::StatusOr<issuer::v1::GetOrderResponse> Get(const rpc::Caller& caller,
                                                   const issuer::v1::GetOrderRequest& request);
  absl::StatusOr<issuer::v1::ListOrdersResponse> List(const rpc::Caller& caller,
                                                      const issuer::v1::ListOrdersRequest& request);
  absl::StatusOr<issuer::v1::FinalizeOrderResponse> Finalize(
      const rpc::Caller& caller, const issuer::v1::FinalizeOrderRequest& request);
  absl::StatusOr<issuer::v1::CancelOrderResponse> Cancel(
      const rpc::Caller& caller, const issuer::v1::CancelOrderRequest& request);
  absl::StatusOr<issuer::v1::RetryOrderResponse> Retry(
      const rpc::Caller& caller, const issuer::v1::RetryOrderRequest& request);

  // Sends the order now and on every change. Returns what ends the watch early (the reader left);
  // it may be called late and more than once, not from within the sink's functions.
  absl::StatusOr<std::function<void()>> Watch(const rpc::Caller& caller,
                                              const issuer::v1::WatchOrderRequest& request,
                                              WatchSink sink);

  // The chain that the order prefers, of the certificate that it ended in; "" unless VALID.
  absl::StatusOr<std::string> CertificatePem(const flow::Order& order);

 private:
  // In whole microseconds: what is stored reads back equal.
  absl::Time Now();
  absl::StatusOr<flow::Order> Visible(const rpc::Caller& caller, const std::string& id);
  absl::Status CheckProfile(const flow::Order& order);
  absl::StatusOr<policy::Decision> CheckGrants(const std::string& principal,
                                               const flow::Order& order,
                                               std::optional<crypto::KeyType> key_type);
  // The creator's, and those of whoever handed in its CSR.
  absl::StatusOr<policy::Decision> CheckRetryGrants(const flow::Order& order);
  absl::StatusOr<issuer::v1::CreateOrderResponse> TryCreate(
      const rpc::Caller& caller, const issuer::v1::CreateOrderRequest& request);
  absl::StatusOr<issuer::v1::CreateOrderResponse> ValidateOnly(flow::Order order,
                                                               const store::Spending& spending);
  absl::StatusOr<flow::Order> TryFinalize(const rpc::Caller& caller,
                                          const issuer::v1::FinalizeOrderRequest& request);
  absl::StatusOr<flow::Order> TryRetry(const rpc::Caller& caller,
                                       const issuer::v1::RetryOrderRequest& request);
  // A request with what it leaves to the certificate that it renews, if it renews one.
  struct Renewed {
    issuer::v1::CreateOrderRequest request;
    std::optional<flow::StoredCertificate> certificate = {};
  };
  // As if there were no such certificate, where the caller may not see it.
  absl::StatusOr<Renewed> RenewedBy(const rpc::Caller& caller,
                                    const issuer::v1::CreateOrderRequest& request);
  // INVALID_ARGUMENT, reason OTHER_NAMES.
  static absl::Status CheckRenews(const Renewed& renewed, const flow::Order& order);
  // A stored certificate of the same account, profile, names and key that can serve again.
  absl::StatusOr<std::optional<flow::StoredCertificate>> FindRepeat(const flow::Order& order,
                                                                    absl::Time now);
  // The caller, who got it as a repeat, may read it from then on.
  absl::Status GrantReading(const rpc::Caller& caller, const flow::StoredCertificate& certificate,
                            const flow::Order& order, int64_t policy_version, absl::Time now);
  // One move of the store, then a word to engine and watchers.
  absl::StatusOr<flow::Order> Change(const rpc::Caller& caller, const std::string& action,
                                     const flow::Order& order, const std::string& detail,
                                     int64_t policy_version, const store::Store::Change& change);
  void Announce(const flow::Order& order);
  template <typename Response>
  absl::StatusOr<Response> Answer(const flow::Order& order);

  const OrdersOptions o_;
  Denials denials_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ORDERS_H_
