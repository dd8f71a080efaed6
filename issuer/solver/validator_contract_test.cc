// The contract of every solver, over a validator whose agents are a FakeSolver.

#include <atomic>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "issuer/solver/solver_contract.h"
#include "issuer/solver/validator_solver_fixture.h"

namespace norroy::solver {
namespace {

// A validator whose agents are a FakeSolver: holds Present as a validator does.
class LinkOverFake final : public ValidatorLink {
 public:
  LinkOverFake(FakeSolver& agents, Worker& worker) : agents_(agents), worker_(worker) {
    agents_.OnChange([this](const std::string& id) { worker_.Run([this, id] { Changed(id); }); });
  }

  const std::string& address() const override { return address_; }

  absl::StatusOr<validator::v1::PlanResponse> Plan(const validator::v1::PlanRequest& request,
                                                   absl::Duration) override {
    std::vector<challenge::Name> names;
    for (const validator::v1::PlannedName& name : request.names()) names.push_back(Read(name));
    const auto plans = agents_.Plan(names);
    if (!plans.ok()) return plans.status();
    validator::v1::PlanResponse response;
    for (int i = 0; i < request.names_size(); ++i) {
      validator::v1::NamePlan& planned = *response.add_names();
      *planned.mutable_name() = request.names(i);
      for (const TypePlan& plan : (*plans)[i].types) {
        validator::v1::TypePlan& type = *planned.add_types();
        type.set_type(challenge::ToProto(plan.type));
        for (const std::string& agent : plan.agents) type.add_agents(agent);
        for (const std::string& agent : plan.missing) type.add_missing(agent);
      }
    }
    return response;
  }

  // Everything from here on happens on the worker.
  Cancel Present(const PresentRequest& request, absl::Duration, PresentDone done) override {
    const int call = ++last_call_;
    worker_.Run([this, call, request, done] {
      held_[call] = {request, done};
      Look(call);
    });
    return [this, call] {
      worker_.Run([this, call] { Finish(call, absl::CancelledError("cancelled")); });
    };
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration,
                 ReleaseDone done) override {
    worker_.Run([this, request, done] {
      done(agents_.Release(request.presentation_id(), request.generation(),
                           absl::FromUnixSeconds(request.tombstone_until().seconds())));
    });
    return [] {};
  }

  Cancel Look(const LookRequest& request, absl::Duration, LookDone done) override {
    const std::string id = absl::StrCat("look", ++last_call_);
    worker_.Run([this, id, request, done] {
      looks_[id] = {request, done};
      Look(id);
    });
    return
        [this, id] { worker_.Run([this, id] { Finish(id, absl::CancelledError("cancelled")); }); };
  }

  Cancel LookPersist(const LookPersistRequest& request, absl::Duration,
                     LookPersistDone done) override {
    worker_.Run([this, request, done = std::move(done)] {
      agents_.LookPersist({request.name(), request.value(), request.wildcard()},
                          [this, done](const std::vector<types::v1::View>& views) {
                            LookPersistResponse response;
                            *response.mutable_view() = views.front();
                            worker_.Run([done, response] { done(response); });
                          });
    });
    return [] {};
  }

 private:
  struct Held {
    PresentRequest request;
    PresentDone done;
  };
  struct HeldLook {
    LookRequest request;
    LookDone done;
  };

  void Finish(const std::string& id, const absl::StatusOr<LookResponse>& answer) {
    const auto it = looks_.find(id);
    if (it == looks_.end()) return;
    const LookDone done = std::move(it->second.done);
    looks_.erase(it);
    done(answer);
  }

  // A viewpoint knows nothing of presentations and rounds: each call is a look of its own.
  void Look(const std::string& id) {
    const LookRequest& request = looks_.at(id).request;
    LookOrder order;
    order.id = id;
    for (const types::v1::Proof& proof : request.proofs()) {
      order.proofs.push_back(challenge::FromProto(proof).value());
    }
    order.caa_identities.assign(request.ca().caa_identities().begin(),
                                request.ca().caa_identities().end());
    order.account_uri = request.ca().account_uri();
    const auto seen = agents_.Look(order);
    if (!seen.ok()) return Finish(id, seen.status());
    if (!seen->has_value()) return;
    LookResponse response;
    for (const NameView& view : **seen) *response.add_views() = view.view;
    Finish(id, response);
  }

  static challenge::Name Read(const validator::v1::PlannedName& name) {
    return challenge::Name::Of(challenge::FromProto(name.identifier()).value(), name.wildcard());
  }

  void Finish(int call, absl::StatusOr<PresentResponse> answer) {
    const auto it = held_.find(call);
    if (it == held_.end()) return;
    const PresentDone done = std::move(it->second.done);
    held_.erase(it);
    done(std::move(answer));
  }

  void Changed(const std::string& id) {
    if (looks_.count(id) > 0) return Look(id);
    std::set<int> calls;
    for (const auto& [call, held] : held_) {
      if (held.request.presentation_id() == id) calls.insert(call);
    }
    for (const int call : calls) Look(call);
  }

  void Look(int call) {
    const PresentRequest& request = held_.at(call).request;
    const auto status = agents_.Present(ReadWish(request));
    if (!status.ok()) return Finish(call, status.status());
    if (request.wait() && status->revision == request.known_revision()) return;
    Finish(call, Write(*status, status->revision));
  }

  static Presentation ReadWish(const PresentRequest& request) {
    Presentation wish;
    wish.id = request.presentation_id();
    wish.generation = request.generation();
    wish.not_after = kStart + absl::Minutes(15);
    wish.proofs.assign(request.proofs().begin(), request.proofs().end());
    for (const validator::v1::FailedType& failed : request.failed_types()) {
      wish.failed_types.push_back(
          {Read(failed.name()), challenge::FromProto(failed.type()).value()});
    }
    return wish;
  }

  static validator::v1::PresentationState Write(PresentationState state) {
    switch (state) {
      case PresentationState::kPuttingUp:
        return validator::v1::PRESENTATION_STATE_PUTTING_UP;
      case PresentationState::kReady:
        return validator::v1::PRESENTATION_STATE_READY;
      case PresentationState::kFailed:
        return validator::v1::PRESENTATION_STATE_FAILED;
      case PresentationState::kReleased:
        return validator::v1::PRESENTATION_STATE_RELEASED;
    }
    return validator::v1::PRESENTATION_STATE_UNSPECIFIED;
  }

  static PresentResponse Write(const PresentationStatus& status, int64_t revision) {
    PresentResponse response;
    response.set_revision(revision);
    response.set_state(Write(status.state));
    for (const PresentedName& presented : status.names) {
      validator::v1::PresentedName& name = *response.add_names();
      *name.mutable_name()->mutable_identifier() = challenge::ToProto(presented.name.identifier());
      name.mutable_name()->set_wildcard(presented.name.wildcard());
      name.set_state(Write(presented.state));
      if (presented.type.has_value()) name.set_type(challenge::ToProto(*presented.type));
      for (const std::string& agent : presented.agents) name.add_agents(agent);
      for (const std::string& agent : presented.missing) name.add_missing(agent);
      name.set_error(presented.error);
    }
    return response;
  }

  const std::string address_ = "validator.test:1";
  FakeSolver& agents_;
  Worker& worker_;
  std::atomic<int> last_call_ = 0;
  std::map<int, Held> held_;
  std::map<std::string, HeldLook> looks_;
};

class OverFake final : public SolverUnderTest {
 public:
  OverFake() {
    ValidatorSolverOptions options{.validators = {}, .timers = timers_, .clock = clock_};
    options.validators.push_back(std::make_unique<LinkOverFake>(agents_, worker_));
    solver_ = MakeValidatorSolver(std::move(options));
  }
  Solver& solver() override { return *solver_; }
  FakeSolver& agents() override { return agents_; }
  SimulatedClock& clock() override { return clock_; }
  void Settle() override { worker_.Drain(); }

 private:
  SimulatedClock clock_{kStart};
  SimulatedTimers timers_{clock_};
  FakeSolver agents_{clock_};
  Worker worker_;
  std::unique_ptr<Solver> solver_;
};

INSTANTIATE_TEST_SUITE_P(ValidatorSolver, SolverContract,
                         ::testing::Values([] { return std::make_unique<OverFake>(); }));

}  // namespace
}  // namespace norroy::solver
