#include <memory>
#include <utility>

#include "common/error/error.h"
#include "common/sync/mutex.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/orders.h"

namespace norroy::service {
namespace {

using PemOf = std::function<absl::StatusOr<std::string>(const flow::Order&)>;

bool EndsWatch(const issuer::v1::Order& order, bool until_ready) {
  switch (order.state()) {
    case issuer::v1::ORDER_STATE_VALID:
    case issuer::v1::ORDER_STATE_INVALID:
    case issuer::v1::ORDER_STATE_CANCELLED:
      return true;
    case issuer::v1::ORDER_STATE_READY:
      return until_ready;
    default:
      return false;
  }
}

// One watcher of one order. Held by its listener and by whoever may end it; thread-safe.
class OrderWatch {
 public:
  OrderWatch(flow::Events& events, WatchSink sink, PemOf pem_of, bool until_ready)
      : events_(events),
        sink_(std::move(sink)),
        pem_of_(std::move(pem_of)),
        until_ready_(until_ready) {}

  void Subscribed(int64_t id) {
    {
      MutexLock lock(&mutex_);
      subscription_ = id;
      if (!done_) return;
    }
    events_.Unsubscribe(id);
  }

  void Offer(const flow::Order& order) {
    {
      MutexLock lock(&mutex_);
      // What was read before the last event was sent is older than it, or is told twice.
      if (done_ || order.update_time <= newest_) return;
      newest_ = order.update_time;
      done_ = Send(order);
      if (!done_) return;
    }
    Unsubscribe();
  }

  void Stop() {
    {
      MutexLock lock(&mutex_);
      done_ = true;
    }
    Unsubscribe();
  }

 private:
  // True: that was the last.
  bool Send(const flow::Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    issuer::v1::WatchOrderResponse response;
    *response.mutable_order() = ToProto(order);
    absl::StatusOr<std::string> pem = pem_of_(order);
    if (!pem.ok()) {
      sink_.finish(pem.status());
      return true;
    }
    response.set_certificate_pem(*std::move(pem));
    const bool last = EndsWatch(response.order(), until_ready_);
    sink_.send(std::move(response));
    if (last) sink_.finish(absl::OkStatus());
    return last;
  }

  void Unsubscribe() {
    int64_t id = 0;
    {
      MutexLock lock(&mutex_);
      std::swap(id, subscription_);
    }
    if (id != 0) events_.Unsubscribe(id);
  }

  flow::Events& events_;
  const WatchSink sink_;
  const PemOf pem_of_;
  const bool until_ready_;
  Mutex mutex_;
  int64_t subscription_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time newest_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::function<void()>> Orders::Watch(const rpc::Caller& caller,
                                                    const issuer::v1::WatchOrderRequest& request,
                                                    WatchSink sink) {
  const absl::Status visible = Visible(caller, request.id()).status();
  if (!visible.ok()) return visible;
  const auto watch = std::make_shared<OrderWatch>(
      o_.events, std::move(sink),
      [this](const flow::Order& order) { return CertificatePem(order); }, request.until_ready());
  watch->Subscribed(o_.events.Subscribe(
      request.id(), [watch](const flow::Order& order) { watch->Offer(order); }));
  // Read after the subscription: no change falls between the two.
  const absl::StatusOr<flow::Order> order = o_.store.GetOrder(request.id());
  if (!order.ok()) {
    watch->Stop();
    return order.status();
  }
  watch->Offer(*order);
  return [watch] { watch->Stop(); };
}

}  // namespace norroy::service
