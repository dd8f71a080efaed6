#ifndef NORROY_VALIDATOR_SERVICE_SERVERS_H_
#define NORROY_VALIDATOR_SERVICE_SERVERS_H_

// A whole validator above its store: registry, coordinator, enrollment, preflight, the services,
// and the two servers that they are reached by: the core one (issuers, operators, auditors; core
// root) and the agents' (edge root). The process's main and tests that need all of it start one of
// these.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/audit/keeper.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/identity/issuing.h"
#include "common/rpc/caller_limits.h"
#include "common/rpc/credentials.h"
#include "validator/agents/registry.h"
#include "validator/preflight/preflight.h"
#include "validator/presentation/coordinator.h"
#include "validator/store/store.h"

namespace norroy::validator {

struct ServersOptions {
  // These outlive the servers.
  Store& store;
  Clock& clock;
  Timers& timers;
  crypto::Random& random;

  std::string version;  // "norroy-validator 0.1.0"
  std::string deployment;
  std::vector<std::string> listen;
  std::vector<std::string> agent_listen;
  std::vector<std::string> agent_addresses;  // empty: agent_listen with the bound ports
  rpc::TlsFiles core_tls;                    // trusts the core root
  rpc::TlsFiles edge_tls;                    // the same identity; trusts the edge root
  identity::Authority edge;
  absl::Duration agent_identity_lifetime;
  bool reflection = false;
  preflight::PreflightOptions preflight;
  rpc::CallerLimitsOptions callers;
  // The audit log; null: nobody is shown it, and refused calls are not written down.
  audit::Keeper* audit = nullptr;
  // Others may have the store, too.
  bool among_others = false;
  // "host:port" of the diagnostics listener; empty: there is none.
  std::vector<std::string> diagnostics = {};
  // The intermediate that follows `edge`; null: none does.
  std::function<std::shared_ptr<const identity::Authority>()> current_edge = nullptr;
};

class Servers {
 public:
  static absl::StatusOr<std::unique_ptr<Servers>> Start(ServersOptions options);
  // Stops, if that was not done.
  virtual ~Servers() = default;

  virtual const std::vector<int>& ports() const = 0;
  virtual const std::vector<int>& agent_ports() const = 0;
  // As bound; empty without a diagnostics listener.
  virtual std::vector<int> diagnostics_ports() const = 0;
  // Closes the agents' streams, lets calls end for `grace`, cancels the rest. Once.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_SERVERS_H_
