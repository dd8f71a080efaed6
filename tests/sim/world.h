#ifndef NORROY_TESTS_SIM_WORLD_H_
#define NORROY_TESTS_SIM_WORLD_H_

// One simulation from its seed to its verdict: issuers on one database, validators on another,
// hosts with agents, the CA, callers. Faults come until a moment; then everything is mended, and it
// runs on until it is calm. docs/simulation.md says what must hold.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/sql/simulated_database.h"
#include "tests/fakes/ca/fake_ca.h"
#include "tests/sim/client.h"
#include "tests/sim/host.h"
#include "tests/sim/issuer.h"
#include "tests/sim/sim.h"
#include "tests/sim/validator.h"

namespace norroy::sim {

// What simulations use one after the other.
struct Workshop {
  // `folder`: for the journals; better one in memory.
  explicit Workshop(std::string folder);
  // Removes the folder.
  ~Workshop();
  const std::string folder;
  const std::unique_ptr<sql::SimulatedDatabase> issuers;
  const std::unique_ptr<sql::SimulatedDatabase> validators;
};

class World {
 public:
  World(Workshop& workshop, const SimOptions& options);
  ~World();

  // Once. What was violated is in sim().
  void Run();
  Sim& sim() { return sim_; }
  // In one line, for people.
  std::string Summary() const;

  // What the invariants look at.
  fakes::FakeCa& ca() { return *ca_; }
  store::Store& store() { return *store_; }
  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }
  const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }
  const std::vector<std::unique_ptr<Validator>>& validators() const { return validators_; }
  const store::Limits& limits() const { return limits_; }
  // The CA's authorizations are valid for minutes only.
  bool authorizations_lapse() const { return authorizations_lapse_; }
  // When the CA looked in vain, by identifier.
  const std::map<std::string, std::vector<absl::Time>>& failures() const { return failures_; }

 private:
  void BuildCa();
  void BuildHosts();
  void BuildIssuers();
  void BuildClients();
  std::vector<std::string> PickNames();
  std::string RegisterAccount();
  void Enroll(const HostOptions& host);

  // What the CA, viewpoints and the barrier see.
  bool Served(const challenge::Proof& proof);
  absl::Status Probe(const fakes::Attempt& attempt);
  void CheckBarrier(const std::string& challenge_url);

  // Things that happen to an order at no port call of ours.
  void DisturbSometimes();
  void Disturb(const std::string& order_id);
  void DisturbAtTheCa(const std::string& order_id);
  void Mend();
  bool Step();
  void CheckReleased();
  // Why it is not.
  std::string Restless();

  Workshop& workshop_;
  Sim sim_;
  std::unique_ptr<fakes::FakeCa> ca_;
  std::unique_ptr<store::Store> store_;  // straight into the issuers' database
  std::unique_ptr<challenge::SealVerifier> seals_;
  store::Limits limits_;
  std::vector<std::unique_ptr<Validator>> validators_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Issuer>> issuers_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::string, std::vector<absl::Time>> failures_;
  absl::Duration mend_at_;
  bool all_responders_ = true;  // of DNS
  bool authorizations_lapse_ = false;
};

// The invariants that are looked at in the end.
void CheckInvariants(World& world);

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_WORLD_H_
