#ifndef NORROY_TESTS_SIM_ISSUER_H_
#define NORROY_TESTS_SIM_ISSUER_H_

// An issuer: the real stores, ACME client, solver, engine and order service over simulated ports.
// Its workers, the withdrawal of authorizations and the handlers of calls are fibers.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/sql/database.h"
#include "issuer/flow/grades.h"
#include "issuer/service/orders.h"
#include "issuer/store/store.h"
#include "tests/fakes/ca/fake_ca.h"
#include "tests/sim/sim.h"
#include "tests/sim/validator.h"

namespace norroy::sim {

// What is around it, and outlives it.
struct IssuerWorld {
  sql::Database& database;
  fakes::FakeCa& ca;
  std::vector<Validator*> validators;
  std::string account_url;
  store::Limits limits;
  flow::Grades grades;
  int workers = 2;
  std::function<void(const std::string& url)> before_challenge;
  std::function<bool(const types::v1::Proof& proof)> served;
};

class Issuer {
 public:
  Issuer(Sim& sim, std::string name, IssuerWorld world);
  ~Issuer();

  const std::string& name() const { return name_; }
  void Boot();
  void Kill(absl::string_view why) { sim_.Kill(*life_, why); }
  bool alive() const { return life_ != nullptr && !life_->dead; }
  const LifePtr& life() const { return life_; }
  HostClock& clock() { return clock_; }
  Wire& wire(size_t validator) { return wires_[validator]; }
  Wire& ca_wire() { return ca_wire_; }

  // A handler for a call about this order (empty: not known yet), on a fiber of this life.
  void Serve(const std::string& order_id, std::function<void(service::Orders& orders)> handler);

  // After how long one of its idle workers has something to do.
  absl::Duration UntilDue();
  // Wakes one if there is something to do now.
  void Stir();
  // For the end of the world: nothing of it is left on any stack.
  void End();

 private:
  struct Parts;
  struct Worker {
    Fiber* fiber = nullptr;
    bool idle = false;
    bool waking = false;
  };

  void Work(const LifePtr& life, size_t number);
  void Withdraw(const LifePtr& life);
  void BuildParts();
  void BeforeStep(const flow::Order& order);
  void Bury(const LifePtr& life);

  Sim& sim_;
  const std::string name_;
  const IssuerWorld world_;
  HostClock clock_;
  std::vector<Wire> wires_;
  Wire ca_wire_;

  LifePtr life_;
  std::unique_ptr<Parts> parts_;
  std::vector<Worker> workers_;
  Fiber* withdrawing_ = nullptr;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_ISSUER_H_
