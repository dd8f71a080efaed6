#ifndef NORROY_ISSUER_SERVICE_SERVICE_FIXTURE_H_
#define NORROY_ISSUER_SERVICE_SERVICE_FIXTURE_H_

// A whole issuer in memory behind its services: SQLite, the real engine, accounts at a strict fake
// CA, a fake solver, a clock that stands still until told. Work() lets the engine run.

#include <memory>
#include <string>
#include <vector>

#include "common/audit/log.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/rpc/caller.h"
#include "common/sql/database.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/live_policy.h"
#include "issuer/renewal/keeper.h"
#include "issuer/renewal/warmer.h"
#include "issuer/service/account_admin.h"
#include "issuer/service/certificates.h"
#include "issuer/service/evidence.h"
#include "issuer/service/orders.h"
#include "issuer/service/policy_admin.h"
#include "issuer/service/renewals.h"
#include "issuer/service/warm_names.h"
#include "issuer/solver/fake_solver.h"
#include "issuer/solver/sealer.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/policies.h"
#include "issuer/store/quota.h"
#include "issuer/store/renewals.h"
#include "issuer/store/store.h"
#include "issuer/store/warm_names.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::service {

// "operator/alice", "requester/web", ...
rpc::Caller CallerOf(const std::string& principal);
challenge::Name NameOf(const std::string& text);
// PEM.
std::string CsrFor(const crypto::PrivateKey& key, const std::vector<std::string>& names);
const crypto::PrivateKey& KeyA();
const crypto::PrivateKey& KeyB();
const crypto::PrivateKey& RsaKey();

// Grants: operator/alice everything; requester/web www.example.com and .example.com with p256 and
// p384; requester/deploy and requester/other .example.com; requester/net the addresses in
// 192.0.2.0/24 and 2001:db8::/32.
class ServiceFixture {
 public:
  // Registered at "main", which fails over to "second"; that has no account.
  ServiceFixture();
  ~ServiceFixture();

  // Runs what is due, for `time` by the clock.
  void Work(absl::Duration time = absl::Seconds(5));
  issuer::v1::Order Get(const std::string& id);

  SimulatedClock& clock() { return clock_; }
  fakes::FakeCa& ca() { return ca_; }
  solver::FakeSolver& solver() { return solver_; }
  store::Store& store() { return *store_; }
  keys::Accounts& accounts() { return *accounts_; }
  Orders& orders() { return *orders_; }
  Certificates& certificates() { return *certificates_; }
  audit::Log& audit_log() { return *audit_log_; }
  EvidenceRoom& evidence() { return *evidence_; }
  AccountAdmin& account_admin() { return *account_admin_; }
  sql::Database& database() { return *database_; }
  PolicyAdmin& policy_admin() { return *policy_admin_; }
  // Runs only when told.
  renewal::Keeper& keeper() { return *keeper_; }
  store::Renewals& renewal_rows() { return *renewal_rows_; }
  Renewals& renewals() { return *renewals_; }
  renewal::Warmer& warmer() { return *warmer_; }
  WarmNames& warm_names() { return *warm_names_; }
  store::WarmNames& warm_rows() { return *warm_rows_; }
  store::Authorizations& authorizations() { return *authorizations_; }
  policy::Policy& policy() { return *policy_; }
  SimulatedTimers& timers() { return timers_; }

 private:
  void MakeKeepers();

  SimulatedClock clock_;
  crypto::SeededRandom random_{11};
  fakes::FakeCa ca_;
  solver::FakeSolver solver_;
  flow::Events events_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Authorizations> authorizations_;
  std::unique_ptr<keys::Accounts> accounts_;
  policy::ConfiguredGrants configured_;
  std::unique_ptr<store::Policies> policies_;
  std::unique_ptr<store::Quotas> quotas_;
  std::unique_ptr<policy::Policy> policy_;
  std::unique_ptr<solver::Sealer> sealer_;
  std::unique_ptr<flow::Engine> engine_;
  std::unique_ptr<Orders> orders_;
  std::unique_ptr<Certificates> certificates_;
  std::unique_ptr<audit::Log> audit_log_;
  std::unique_ptr<EvidenceRoom> evidence_;
  std::unique_ptr<AccountAdmin> account_admin_;
  std::unique_ptr<PolicyAdmin> policy_admin_;
  SimulatedTimers timers_{clock_};
  std::unique_ptr<store::Renewals> renewal_rows_;
  std::unique_ptr<renewal::Keeper> keeper_;
  std::unique_ptr<Renewals> renewals_;
  std::unique_ptr<store::WarmNames> warm_rows_;
  std::unique_ptr<renewal::Warmer> warmer_;
  std::unique_ptr<WarmNames> warm_names_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_SERVICE_FIXTURE_H_
