#ifndef NORROY_ISSUER_SERVICE_API_H_
#define NORROY_ISSUER_SERVICE_API_H_

// All gRPC services of an issuer, above its store, its engine and its accounts.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/audit/keeper.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/rpc/handler.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/keys/accounts.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/policy/policy.h"
#include "issuer/renewal/keeper.h"
#include "issuer/renewal/warmer.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/solver.h"
#include "issuer/store/api_tokens.h"
#include "issuer/store/ledger.h"
#include "issuer/store/policies.h"
#include "issuer/store/quota.h"
#include "issuer/store/renewals.h"
#include "issuer/store/store.h"
#include "issuer/store/warm_names.h"

namespace norroy::service {

// What is referred to outlives the API.
struct ApiOptions {
  const rpc::HandlerEnv& env;
  store::Store& store;
  store::Policies& policies;
  store::Quotas& quotas;
  store::ApiTokens& api_tokens;
  store::Renewals& renewals;
  store::WarmNames& warm_names;
  store::Ledger& ledger;
  audit::Keeper& audit;
  keys::Accounts& accounts;
  solver::Solver& solver;
  solver::Sealer& sealer;
  flow::Engine& engine;
  flow::Events& events;
  renewal::Keeper& keeper;
  renewal::Warmer& warmer;
  policy::Policy& policy;
  Timers& timers;
  Clock& clock;
  crypto::Random& random;
  const policy::ConfiguredGrants& grants;  // of the configuration
  limits::KnownCas cas;
  std::string version;  // "norroy-issuer 0.1.0"
  absl::Time start_time;
};

class Api {
 public:
  static std::unique_ptr<Api> Make(const ApiOptions& options);
  virtual ~Api() = default;

  virtual std::vector<grpc::Service*> services() = 0;
  // Once no call comes any more: takes down what rehearsals have up.
  virtual void Stop() = 0;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_API_H_
