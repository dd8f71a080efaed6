#ifndef NORROY_ISSUER_FLOW_ENGINE_H_
#define NORROY_ISSUER_FLOW_ENGINE_H_

// Moves orders on. A pool of workers takes due orders under a lease, runs their steps (steps.h) and
// stores what came out; consecutive steps that need no wait run on at once. All knowledge is in the
// store: an engine that starts resumes what another left.
//
// Several engines may work on one store, each in a process with a tenure (common/lease). They do
// not talk to each other: each looks every second for what is due, and whether an order that it
// keeps in memory has been taken from it (a caller cancelled it elsewhere, or this process was
// believed to be gone).

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/lease/tenure.h"
#include "issuer/flow/events.h"
#include "issuer/flow/grades.h"
#include "issuer/flow/order.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/solver.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/store.h"

namespace norroy::flow {

class Budget;

struct EngineOptions {
  store::Store& store;
  keys::Accounts& accounts;
  solver::Solver& solver;
  solver::Sealer& sealer;
  Clock& clock;
  crypto::Random& random;
  Events& events;
  store::Authorizations& authorizations;
  store::Limits limits;
  std::string owner;  // names this process in leases; with a tenure, by the same name
  int workers = 32;
  Grades grades = {};
  // How long a presentation exists without being renewed; zero: by how its names are proved.
  absl::Duration proof_lease = absl::ZeroDuration();
  // Called when an order has ended that may have left authorizations to be given back; must not
  // block.
  std::function<void()> left_authorizations = {};
  // Sees every order before each of its steps; for simulation. Must not block.
  std::function<void(const Order&)> before_step = {};
  // Null: no other process has this store.
  lease::Tenure* tenure = nullptr;
  Budget* budget = nullptr;  // null: no CA has limits
};

// Thread-safe.
class Engine {
 public:
  // Does not run anything yet.
  static std::unique_ptr<Engine> Make(const EngineOptions& options);
  virtual ~Engine() = default;

  // Starts the worker threads. Not with a simulated clock: there, call RunDue.
  virtual void Start() = 0;
  // Something about this order changed (it was created, a CSR came, a proof is up): look now.
  virtual void Wake(const std::string& order_id) = 0;
  // Waits until no step runs; none starts after it.
  virtual void Stop() = 0;

  // Runs every order that is due or was woken, on this thread, until none is. Returns how many
  // steps ran.
  virtual int RunDue() = 0;
  // After how long RunDue has something to do, as far as this engine knows; zero: now.
  virtual absl::Duration UntilDue() = 0;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_ENGINE_H_
