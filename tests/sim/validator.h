#ifndef NORROY_TESTS_SIM_VALIDATOR_H_
#define NORROY_TESTS_SIM_VALIDATOR_H_

// A validator: the real store, registry and coordinator. What arrives is dealt with whole, at one
// moment; it can die before, after, and its writes can fail.

#include <functional>
#include <memory>
#include <string>

#include "common/sql/database.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "tests/sim/host.h"
#include "tests/sim/sim.h"
#include "validator/agents/registry.h"
#include "validator/presentation/coordinator.h"
#include "validator/store/store.h"

namespace norroy::sim {

class Validator {
 public:
  // Validators may share the database, as they do on one PostgreSQL.
  Validator(Sim& sim, std::string name, std::string deployment, sql::Database& database);
  ~Validator();

  const std::string& name() const { return name_; }
  void Boot();
  void Kill(absl::string_view why);
  bool alive() const { return life_ != nullptr && !life_->dead; }
  const LifePtr& life() const { return life_; }
  validator::Coordinator& coordinator() { return *coordinator_; }

  // Something about this order arrives. False: the validator died before it was dealt with.
  bool Deal(const std::string& order_id, const std::function<void()>& with);

  void OnMessage(const StreamPtr& stream, const agent::v1::AttachRequest& message);
  void OnCut(const Stream& stream);

 private:
  class Link;
  class PortDatabase;

  Sim& sim_;
  const std::string name_;
  const std::string deployment_;
  sql::Database& database_;
  HostClock clock_;
  std::string dealing_with_;

  // Of this life.
  LifePtr life_;
  std::unique_ptr<LifeTimers> timers_;
  std::unique_ptr<PortDatabase> port_;
  std::unique_ptr<validator::Store> store_;
  std::unique_ptr<validator::Registry> registry_;
  std::unique_ptr<validator::Coordinator> coordinator_;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_VALIDATOR_H_
