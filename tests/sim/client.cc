#include "tests/sim/client.h"

#include <optional>
#include <utility>

#include "common/error/error.h"
#include "tests/sim/fiber.h"
#include "tests/sim/key_ring.h"

namespace norroy::sim {
namespace {

using issuer::v1::CancelOrderRequest;
using issuer::v1::CancelOrderResponse;
using issuer::v1::CreateOrderRequest;
using issuer::v1::CreateOrderResponse;
using issuer::v1::FinalizeOrderRequest;
using issuer::v1::FinalizeOrderResponse;
using issuer::v1::GetOrderRequest;
using issuer::v1::GetOrderResponse;
using issuer::v1::RetryOrderRequest;
using issuer::v1::RetryOrderResponse;

constexpr absl::Duration kPatience = absl::Seconds(30);

rpc::Caller Caller() {
  rpc::Caller caller;
  caller.identity.deployment = kDeployment;
  caller.identity.role = types::v1::ROLE_OPERATOR;
  caller.identity.name = "sim";
  caller.certificate_not_after = absl::InfiniteFuture();
  return caller;
}

absl::Status NoAnswer() { return absl::UnavailableError("no answer"); }

bool IsEnd(issuer::v1::OrderState state) {
  return state == issuer::v1::ORDER_STATE_VALID || state == issuer::v1::ORDER_STATE_INVALID ||
         state == issuer::v1::ORDER_STATE_CANCELLED;
}

}  // namespace

Client::Client(Sim& sim, ClientPlan plan, std::vector<Issuer*> issuers)
    : sim_(sim),
      plan_(std::move(plan)),
      issuers_(std::move(issuers)),
      csr_(MakeCsr(plan_.names, plan_.key)),
      life_(std::make_shared<Life>("client " + plan_.request_id)) {}

void Client::Begin() {
  sim_.Start(life_, [this] { Run(); });
}

void Client::End() {
  life_->dead = true;
  sim_.Bury(*life_);
}

template <typename Response>
absl::StatusOr<Response> Client::Call(
    const char* what,
    const std::function<absl::StatusOr<Response>(service::Orders& orders)>& call) {
  struct Slot {
    std::optional<absl::StatusOr<Response>> answer;
  };
  Issuer& issuer = *sim_.chance.Of(issuers_);
  sim_.Pause(*life_, absl::Milliseconds(1), absl::Milliseconds(20));
  if (sim_.Strikes(Fault::kCallLost, order_id_) || !issuer.alive()) {
    sim_.Pause(*life_, absl::Milliseconds(100), absl::Seconds(5));
    return NoAnswer();
  }
  const LifePtr issuer_life = issuer.life();
  Fiber* const self = sim_.scheduler.current();
  const auto slot = std::make_shared<Slot>();
  const auto handle = [this, slot, call, self](service::Orders& orders) {
    absl::StatusOr<Response> answer = call(orders);
    if (!slot->answer.has_value()) slot->answer = std::move(answer);
    sim_.scheduler.Unpark(self);
  };
  issuer.Serve(order_id_, handle);
  if (sim_.Strikes(Fault::kCalledTwice, order_id_)) issuer.Serve(order_id_, handle);
  const absl::Duration end = sim_.now() + kPatience;
  const uint64_t alarm =
      sim_.scheduler.After(kPatience, [this, self] { sim_.scheduler.Unpark(self); });
  while (!slot->answer.has_value() && sim_.now() < end && !life_->dead) sim_.scheduler.Park();
  sim_.scheduler.Cancel(alarm);
  const bool lost = !slot->answer.has_value() || issuer_life->dead;
  const absl::StatusOr<Response> answer = lost ? NoAnswer() : *slot->answer;
  sim_.Note(life_->name, " ", what, " at ", issuer.name(), " -> ",
            answer.ok() ? "OK" : absl::StatusCodeToString(answer.status().code()), " ",
            ErrorReason(answer.status()));
  if (sim_.Strikes(Fault::kAnswerLost, order_id_)) return NoAnswer();
  return answer;
}

void Client::Run() {
  sim_.Pause(*life_, plan_.start);
  if (Create()) {
    do {
      const absl::Duration longest = plan_.watchful ? absl::Milliseconds(200) : absl::Seconds(4);
      sim_.Pause(*life_, absl::Milliseconds(50), sim_.faults.over() ? absl::Minutes(1) : longest);
    } while (!life_->dead && Turn());
  }
  done_ = true;
}

bool Client::Create() {
  CreateOrderRequest request;
  for (const std::string& name : plan_.names) request.add_names(name);
  request.set_request_id(plan_.request_id);
  request.set_force_new(plan_.force_new);
  if (plan_.with_csr) request.set_csr(csr_);
  const int64_t expire_seconds = absl::ToUnixSeconds(sim_.scheduler.clock().Now() + plan_.lifetime);
  const absl::Time expire = absl::FromUnixSeconds(expire_seconds);
  request.mutable_expire_time()->set_seconds(expire_seconds);
  while (!life_->dead) {
    const auto answer = Call<CreateOrderResponse>(
        "create", [request](service::Orders& orders) { return orders.Create(Caller(), request); });
    if (answer.ok()) {
      order_id_ = answer->order().id();
      KeepCertificate(answer->certificate_pem());
      Learn(answer->order());
      return true;
    }
    // A long time without an answer, or an issuer whose clock is ahead: nothing was accepted.
    const bool ahead = sim_.faults.struck(Fault::kIssuerClockJumps) > 0 &&
                       ErrorMetadataOf(answer.status())["field"] == "expire_time";
    if (ahead || sim_.scheduler.clock().Now() >= expire) return false;
    if (!absl::IsUnavailable(answer.status())) {
      sim_.Violate("I1", absl::StrCat("an order was not accepted: ", answer.status().ToString()));
      return false;
    }
    sim_.Pause(*life_, absl::Milliseconds(200), absl::Seconds(3));
  }
  return false;
}

void Client::Learn(const issuer::v1::Order& order) {
  // The end of an order is its end, unless it was retried.
  const bool left_its_end = IsEnd(state_) && order.state() != state_ &&
                            (retries_ == 0 || state_ != issuer::v1::ORDER_STATE_INVALID);
  if (left_its_end) {
    sim_.Violate("I1",
                 absl::StrCat(sim_.NameOf(order_id_), " was ", issuer::v1::OrderState_Name(state_),
                              " and is now ", issuer::v1::OrderState_Name(order.state())));
  }
  state_ = order.state();
  const bool ready = state_ == issuer::v1::ORDER_STATE_READY;
  if (!ready) ready_since_ = absl::InfiniteDuration();
  if (ready && ready_since_ == absl::InfiniteDuration()) ready_since_ = sim_.now();
}

void Client::KeepCertificate(const std::string& pem) {
  if (pem.empty()) return;
  if (!certificate_pem_.empty() && certificate_pem_ != pem) {
    sim_.Violate("I3", absl::StrCat(sim_.NameOf(order_id_), " has another certificate now"));
  }
  certificate_pem_ = pem;
}

bool Client::Turn() {
  GetOrderRequest request;
  request.set_id(order_id_);
  const auto answer = Call<GetOrderResponse>(
      "get", [request](service::Orders& orders) { return orders.Get(Caller(), request); });
  if (answer.ok()) Learn(answer->order());
  Disturb();
  if (IsEnd(state_)) return extra_looks_-- > 0;
  if (state_ == issuer::v1::ORDER_STATE_READY) {
    if (!plan_.finalizes || plan_.with_csr) return extra_looks_-- > 0;
    if (sim_.now() - ready_since_ >= plan_.until_finalize) Finalize();
  }
  return true;
}

void Client::Finalize() {
  FinalizeOrderRequest request;
  request.set_id(order_id_);
  request.set_csr(csr_);
  const auto answer = Call<FinalizeOrderResponse>("finalize", [request](service::Orders& orders) {
    return orders.Finalize(Caller(), request);
  });
  if (!answer.ok()) return;
  handed_in_ = true;
  KeepCertificate(answer->certificate_pem());
  Learn(answer->order());
}

// What callers do at any time.
void Client::Disturb() {
  if (sim_.Strikes(Fault::kCancelled, order_id_)) {
    CancelOrderRequest request;
    request.set_id(order_id_);
    const auto answer = Call<CancelOrderResponse>(
        "cancel", [request](service::Orders& orders) { return orders.Cancel(Caller(), request); });
    cancel_accepted_ = cancel_accepted_ || answer.ok();
  }
  if (sim_.Strikes(Fault::kRetried, order_id_)) {
    RetryOrderRequest request;
    request.set_id(order_id_);
    ++retries_;
    const auto answer = Call<RetryOrderResponse>(
        "retry", [request](service::Orders& orders) { return orders.Retry(Caller(), request); });
    if (answer.ok()) Learn(answer->order());
  }
}

}  // namespace norroy::sim
