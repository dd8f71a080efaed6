#include "tests/sim/sim_link.h"

#include <optional>
#include <utility>

#include "common/check.h"
#include "common/error/error.h"
#include "tests/sim/fiber.h"

namespace norroy::sim {
namespace {

using validator::v1::LookPersistRequest;
using validator::v1::LookPersistResponse;
using validator::v1::LookRequest;
using validator::v1::LookResponse;
using validator::v1::PlanRequest;
using validator::v1::PlanResponse;
using validator::v1::PresentRequest;
using validator::v1::PresentResponse;
using validator::v1::ReleaseRequest;

absl::Status Gone() {
  return MakeError(absl::StatusCode::kUnavailable, "GONE", "the connection was lost");
}

absl::Status TooLate() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "TIMEOUT", "no answer in time");
}

// One call. Answered once, whatever comes first.
template <typename Answer>
class Call {
 public:
  explicit Call(std::function<void(Answer)> done) : done_(std::move(done)) {}
  bool over() const { return over_; }
  void Finish(Answer answer) {
    if (std::exchange(over_, true)) return;
    std::exchange(done_, nullptr)(std::move(answer));
  }

 private:
  bool over_ = false;
  std::function<void(Answer)> done_;
};

class SimLink final : public solver::ValidatorLink {
 public:
  explicit SimLink(LinkParts parts) : parts_(std::make_shared<LinkParts>(std::move(parts))) {}

  const std::string& address() const override { return parts_->validator.name(); }

  absl::StatusOr<PlanResponse> Plan(const PlanRequest& request, absl::Duration timeout) override {
    using Answer = absl::StatusOr<PlanResponse>;
    if (parts_->issuer->dead) return Dead();
    Sim& sim = parts_->sim;
    Fiber* const fiber = sim.scheduler.current();
    NORROY_CHECK(fiber != nullptr);
    const auto slot = std::make_shared<std::optional<Answer>>();
    Begin<Answer>(
        sim.CurrentOrder(), timeout, Fault::kPlanLost, Fault::kPlanLost,
        [request](Validator& validator, const std::function<void(Answer)>& done) {
          done(validator.coordinator().Plan(request));
        },
        [slot, fiber, &sim](Answer answer) {
          *slot = std::move(answer);
          sim.scheduler.Unpark(fiber);
        });
    while (!slot->has_value() && !parts_->issuer->dead) sim.scheduler.Park();
    return parts_->issuer->dead ? Answer(Dead()) : **slot;
  }

  Cancel Present(const PresentRequest& request, absl::Duration timeout, PresentDone done) override {
    return Begin<absl::StatusOr<PresentResponse>>(
        request.presentation_id(), timeout, Fault::kPresentLost, Fault::kPresentAnswerLost,
        [request](Validator& validator,
                  const std::function<void(absl::StatusOr<PresentResponse>)>& answer) {
          validator.coordinator().Present(request, answer);
        },
        std::move(done));
  }

  Cancel Release(const ReleaseRequest& request, absl::Duration timeout, ReleaseDone done) override {
    return Begin<absl::Status>(
        request.presentation_id(), timeout, Fault::kReleaseLost, Fault::kReleaseLost,
        [request](Validator& validator, const std::function<void(absl::Status)>& answer) {
          answer(validator.coordinator().Release(request));
        },
        std::move(done));
  }

  Cancel Look(const LookRequest& request, absl::Duration timeout, LookDone done) override {
    const std::string order = parts_->sim.CurrentOrder();
    const flow::State state = parts_->sim.StateHere(order);
    return Begin<absl::StatusOr<LookResponse>>(
        order, timeout, Fault::kLookUnknown, Fault::kLookUnknown,
        [parts = parts_, request, order, state](
            Validator&, const std::function<void(absl::StatusOr<LookResponse>)>& answer) {
          // A viewpoint takes its time.
          const absl::Duration time =
              parts->sim.chance.Between(absl::Milliseconds(5), absl::Milliseconds(1500));
          parts->sim.scheduler.After(time, [parts, request, order, state, answer] {
            answer(Seen(*parts, request, order, state));
          });
        },
        std::move(done));
  }

  Cancel LookPersist(const LookPersistRequest&, absl::Duration, LookPersistDone done) override {
    parts_->sim.scheduler.After(absl::ZeroDuration(), [done = std::move(done)] { done(Gone()); });
    return [] {};
  }

 private:
  static LookResponse Seen(const LinkParts& parts, const LookRequest& request,
                           const std::string& order, flow::State state) {
    LookResponse response;
    for (const types::v1::Proof& proof : request.proofs()) {
      types::v1::View& view = *response.add_views();
      view.set_viewpoint(parts.validator.name());
      view.set_verdict(parts.served(proof) ? types::v1::VERDICT_PASS : types::v1::VERDICT_FAIL);
      view.mutable_look_time()->set_seconds(absl::ToUnixSeconds(parts.sim.scheduler.clock().Now()));
      if (parts.sim.Strikes(Fault::kLookWaits, order, state)) {
        view.set_verdict(types::v1::VERDICT_WAIT);
        view.set_again_after_ms(parts.sim.chance.From(200, 20000));
      } else if (parts.sim.Strikes(Fault::kLookFails, order, state)) {
        view.set_verdict(types::v1::VERDICT_FAIL);
      }
    }
    return response;
  }

  template <typename Answer>
  using Handler = std::function<void(Validator&, const std::function<void(Answer)>&)>;

  template <typename Answer>
  struct Way {
    std::shared_ptr<Call<Answer>> call;
    std::shared_ptr<LinkParts> parts;
    std::string order;
    std::optional<flow::State> state;  // that the call was made in; none: as the order is
    Fault answer_lost;

    bool Strikes(Fault fault) const {
      Sim& sim = parts->sim;
      return sim.Strikes(fault, order, state.value_or(sim.StateOf(order)));
    }
    void FinishSoon(const Answer& answer) const {
      parts->sim.scheduler.After(parts->sim.Delay(),
                                 [call = call, answer] { call->Finish(answer); });
    }
  };

  template <typename Answer>
  Cancel Begin(const std::string& order, absl::Duration timeout, Fault lost, Fault answer_lost,
               Handler<Answer> handler, std::function<void(Answer)> done) {
    Sim& sim = parts_->sim;
    std::optional<flow::State> state;
    if (lost != Fault::kReleaseLost) state = sim.StateHere(order);
    const Way<Answer> way = {std::make_shared<Call<Answer>>(std::move(done)), parts_, order, state,
                             answer_lost};
    const auto call = way.call;
    parts_->open->abort.push_back([call] { call->Finish(Dead()); });
    const Cancel cancel = [call, &sim] {
      sim.scheduler.After(absl::ZeroDuration(),
                          [call] { call->Finish(absl::CancelledError("cancelled")); });
    };
    if (parts_->issuer->dead) return cancel;
    sim.scheduler.After(timeout, [call] { call->Finish(TooLate()); });
    if (sim.now() < parts_->wire.down_until) return cancel;
    if (!order.empty() && way.Strikes(lost)) {
      // The connection breaks, or nobody ever answers.
      if (sim.chance.OneIn(2)) way.FinishSoon(Gone());
      return cancel;
    }
    sim.scheduler.After(sim.Delay(), [way, handler = std::move(handler)] {
      if (!way.call->over()) Arrive(way, handler);
    });
    return cancel;
  }

  template <typename Answer>
  static void Arrive(const Way<Answer>& way, const Handler<Answer>& handler) {
    LinkParts& parts = *way.parts;
    if (!parts.validator.alive()) {
      way.FinishSoon(Gone());
      return;
    }
    const LifePtr validator = parts.validator.life();
    validator->at_death.push_back([way] {
      if (!way.call->over()) way.FinishSoon(Gone());
    });
    parts.validator.Deal(way.order, [&] {
      handler(parts.validator, [way, validator](const Answer& answer) {
        if (validator->dead || way.call->over()) return;
        const bool lost = !way.order.empty() && way.Strikes(way.answer_lost);
        if (!lost) way.FinishSoon(answer);
      });
    });
  }

  const std::shared_ptr<LinkParts> parts_;
};

}  // namespace

void OpenCalls::AbortAll() {
  while (!abort.empty()) {
    for (const auto& one : std::exchange(abort, {})) one();
  }
}

std::unique_ptr<solver::ValidatorLink> MakeSimLink(LinkParts parts) {
  return std::make_unique<SimLink>(std::move(parts));
}

}  // namespace norroy::sim
