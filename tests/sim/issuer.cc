#include "tests/sim/issuer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/check.h"
#include "common/crypto/signer.h"
#include "issuer/acme/client.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/flow/withdrawal.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/validator_solver.h"
#include "issuer/store/authorizations.h"
#include "tests/sim/fiber.h"
#include "tests/sim/key_ring.h"
#include "tests/sim/ports.h"
#include "tests/sim/sim_link.h"

namespace norroy::sim {
namespace {

class OneAccount final : public keys::Accounts {
 public:
  explicit OneAccount(std::unique_ptr<acme::Client> client) : client_(std::move(client)) {}
  std::vector<std::string> cas() const override { return {"fake"}; }
  absl::StatusOr<acme::Client*> ClientFor(absl::string_view) override { return client_.get(); }
  absl::StatusOr<store::AccountRecord> Register(absl::string_view, bool) override {
    return absl::InternalError("registered already");
  }

 private:
  const std::unique_ptr<acme::Client> client_;
};

}  // namespace

// What a kill ends.
struct Issuer::Parts {
  std::unique_ptr<LifeTimers> timers;
  std::unique_ptr<PortDatabase> database;
  std::unique_ptr<crypto::SeededRandom> random;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Authorizations> authorizations;
  std::unique_ptr<store::Quotas> quotas;
  std::unique_ptr<PortHttp> http;
  std::unique_ptr<crypto::Signer> signer;
  std::unique_ptr<OneAccount> accounts;
  std::shared_ptr<OpenCalls> calls = std::make_shared<OpenCalls>();
  std::unique_ptr<solver::Solver> solver;
  std::unique_ptr<solver::Sealer> sealer;
  flow::Events events;
  std::set<std::string> watched;
  std::unique_ptr<flow::Withdrawal> withdrawal;
  std::unique_ptr<flow::Engine> engine;
  std::unique_ptr<service::Orders> orders;
};

Issuer::Issuer(Sim& sim, std::string name, IssuerWorld world)
    : sim_(sim),
      name_(std::move(name)),
      world_(std::move(world)),
      clock_(sim),
      wires_(world_.validators.size()) {}

Issuer::~Issuer() = default;

void Issuer::BuildParts() {
  parts_ = std::make_unique<Parts>();
  Parts& p = *parts_;
  const KeyRing& keys = KeyRing::Get();
  p.timers = std::make_unique<LifeTimers>(sim_, life_);
  p.database = std::make_unique<PortDatabase>(sim_, life_, world_.database);
  p.random = std::make_unique<crypto::SeededRandom>(sim_.chance.Next());
  p.store = store::Store::Make(*p.database, name_);
  p.authorizations = std::make_unique<store::Authorizations>(*p.database, name_);
  p.quotas = std::make_unique<store::Quotas>(*p.database);
  p.http = std::make_unique<PortHttp>(sim_, life_, world_.ca, ca_wire_, world_.before_challenge);
  p.signer = crypto::NewKeySigner(keys.account_key);
  acme::ClientOptions options;
  options.directory_url = world_.ca.directory_url();
  options.sleep = [this, life = life_](absl::Duration time) { sim_.Pause(*life, time); };
  std::unique_ptr<acme::Client> client =
      Need(acme::Client::Make(options, *p.http, *p.signer, clock_, *p.random));
  client->SetAccountUrl(world_.account_url);
  p.accounts = std::make_unique<OneAccount>(std::move(client));
  solver::ValidatorSolverOptions solver{.timers = *p.timers, .clock = clock_};
  for (size_t i = 0; i < world_.validators.size(); ++i) {
    solver.validators.push_back(
        MakeSimLink({sim_, life_, *world_.validators[i], wires_[i], p.calls, world_.served}));
  }
  p.solver = solver::MakeValidatorSolver(std::move(solver));
  p.sealer = std::make_unique<solver::Sealer>(kDeployment, crypto::NewKeySigner(keys.seal_key),
                                              keys.seal_certificate);
}

// In memory an order may be further on than in its row.
void Issuer::BeforeStep(const flow::Order& order) {
  sim_.scheduler.current()->order_id = order.id;
  sim_.scheduler.current()->state = static_cast<int>(order.state);
  sim_.SetState(order.id, order.state);
  if (!parts_->watched.insert(order.id).second) return;
  parts_->events.Subscribe(
      order.id, [this](const flow::Order& saved) { sim_.NoteSaved(saved.id, saved.state); });
}

void Issuer::Boot() {
  life_ = std::make_shared<Life>(name_);
  life_->at_death.push_back([this, life = life_] {
    sim_.scheduler.After(absl::ZeroDuration(), [this, life] {
      if (parts_ != nullptr) Bury(life);
    });
    const absl::Duration longest = absl::Seconds(sim_.chance.OneIn(4) ? 150 : 5);
    sim_.scheduler.After(sim_.chance.Between(absl::Milliseconds(300), longest), [this] { Boot(); });
  });
  sim_.Note(name_, " starts");
  BuildParts();
  Parts& p = *parts_;
  p.withdrawal = flow::Withdrawal::Make({.authorizations = *p.authorizations,
                                         .store = *p.store,
                                         .accounts = *p.accounts,
                                         .solver = *p.solver,
                                         .clock = clock_,
                                         .interval = absl::Minutes(10)});
  p.engine =
      flow::Engine::Make({.store = *p.store,
                          .accounts = *p.accounts,
                          .solver = *p.solver,
                          .sealer = *p.sealer,
                          .clock = clock_,
                          .random = *p.random,
                          .events = p.events,
                          .authorizations = *p.authorizations,
                          .limits = world_.limits,
                          .owner = name_,
                          .workers = 0,
                          .grades = world_.grades,
                          .left_authorizations = [this] { sim_.scheduler.Unpark(withdrawing_); },
                          .before_step = [this](const flow::Order& order) { BeforeStep(order); }});
  p.orders = std::make_unique<service::Orders>(
      service::OrdersOptions{*p.store, *KeyRing::Get().policy, *p.solver, *p.accounts, *p.engine,
                             p.events, clock_, *p.random, *p.quotas});
  // Takes its own leases back; the workers are ours.
  p.engine->Start();
  workers_.assign(static_cast<size_t>(world_.workers), {});
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i].waking = true;
    workers_[i].fiber = sim_.Start(life_, [this, life = life_, i] { Work(life, i); });
  }
  withdrawing_ = sim_.Start(life_, [this, life = life_] { Withdraw(life); });
}

void Issuer::Work(const LifePtr& life, size_t number) {
  Worker& self = workers_[number];
  while (!life->dead) {
    self.waking = false;
    parts_->engine->RunDue();
    if (life->dead) return;
    self.fiber->order_id.clear();
    self.fiber->state = -1;
    self.idle = true;
    sim_.scheduler.Park();
    self.idle = false;
  }
}

void Issuer::Withdraw(const LifePtr& life) {
  Fiber* const fiber = sim_.scheduler.current();
  while (!life->dead) {
    const absl::Duration wait = parts_->withdrawal->RunDue();
    if (life->dead) return;
    const uint64_t alarm = sim_.scheduler.After(wait, [this, fiber, life] {
      if (!life->dead) sim_.scheduler.Unpark(fiber);
    });
    sim_.scheduler.Park();
    sim_.scheduler.Cancel(alarm);
  }
}

absl::Duration Issuer::UntilDue() {
  const bool idle = alive() && std::any_of(workers_.begin(), workers_.end(),
                                           [](const Worker& worker) { return worker.idle; });
  return idle ? parts_->engine->UntilDue() : absl::InfiniteDuration();
}

void Issuer::Stir() {
  if (UntilDue() > absl::ZeroDuration()) return;
  for (const Worker& worker : workers_) {
    if (worker.waking) return;
  }
  for (Worker& worker : workers_) {
    if (!worker.idle) continue;
    worker.waking = true;
    sim_.scheduler.Unpark(worker.fiber);
    return;
  }
}

void Issuer::Serve(const std::string& order_id,
                   std::function<void(service::Orders& orders)> handler) {
  sim_.Start(life_, [this, order_id, handler = std::move(handler)] {
    sim_.scheduler.current()->order_id = order_id;
    handler(*parts_->orders);
  });
}

void Issuer::Bury(const LifePtr& life) {
  parts_->calls->AbortAll();
  sim_.Bury(*life);
  parts_->calls->AbortAll();
  parts_.reset();
}

void Issuer::End() {
  if (parts_ == nullptr) return;
  life_->dead = true;
  Bury(life_);
}

}  // namespace norroy::sim
