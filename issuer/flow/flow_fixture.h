#ifndef NORROY_ISSUER_FLOW_FLOW_FIXTURE_H_
#define NORROY_ISSUER_FLOW_FLOW_FIXTURE_H_

// An issuer's engine with everything around it in memory: SQLite, a strict CA, a solver, a clock
// that stands still until told. Kill() is kill -9: from then on nothing of this life reaches the
// store, the CA or the solver; Restart() begins the next life on what was stored.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/http/client.h"
#include "common/lease/tenure.h"
#include "common/sql/database.h"
#include "issuer/flow/engine.h"
#include "issuer/flow/events.h"
#include "issuer/flow/grades.h"
#include "issuer/flow/order.h"
#include "issuer/flow/withdrawal.h"
#include "issuer/keys/accounts.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/solver/fake_solver.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/store.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::flow {

class FlowFixture {
 public:
  // Another solver than solver(), made for this clock.
  using MakeSolver = std::function<std::unique_ptr<solver::Solver>(SimulatedClock&)>;
  explicit FlowFixture(fakes::FakeCaOptions ca_options = {}, const MakeSolver& make_solver = {});
  ~FlowFixture();

  // A stored, woken order for these names; `csr` may be empty.
  Order Create(const std::vector<std::string>& names, const std::string& csr = "",
               bool reuse_never = false, const std::string& renews = "");
  // What FinalizeOrder does.
  Order HandIn(const std::string& id, const std::string& csr);
  void Cancel(const std::string& id);
  Order Get(const std::string& id);
  StoredCertificate CertificateOf(const std::string& id);

  // Runs and moves the clock on until the order is final or READY, or `limit` has passed.
  Order Settle(const std::string& id, absl::Duration limit = absl::Minutes(30));
  // Runs and moves the clock on for that long.
  void RunFor(absl::Duration time);

  // Dies at the n-th CA request from now (1 the next): before it leaves, or after the CA answered
  // and before anybody heard of it.
  void KillAtRequest(int n, bool after);
  // Dies now.
  void Kill();
  bool killed() const;
  void Restart();

  // A second CA, "other"; begins a life with it. Orders go there by their next_cas.
  fakes::FakeCa& AddCa();

  // A second issuer on the same database; both have a tenure from now on. Both run in Settle and
  // RunFor, unless they sleep or are dead, and beat.
  void AddIssuer();
  enum class Condition {
    kAwake,
    kStopped,  // SIGSTOP: does nothing, and remembers all
    kCutOff,   // no database
    kDead,     // kill -9
  };
  // 0 is the first.
  void Set(int issuer, Condition condition);
  Engine& engine(int issuer);
  lease::Tenure& tenure(int issuer);
  Events& events(int issuer);
  // Runs what is due, and beats.
  void RunDue();
  // What another process on the same database does: runs what is due for it.
  int RunOther();
  void StopOther();
  // After the n-th CA request from now was answered this life stands still, as a virtual machine
  // may, while `meanwhile` happens.
  void PauseAtRequest(int n, std::function<void()> meanwhile);
  // `count` of this life's SQL statements fail, the first of them the n-th from now (1 the next).
  void FailStatements(int n, int count);
  int requests_seen() const;
  // The n-th write of the engine's from now on (1 the next) fails, once.
  void FailWrite(int n);
  // It was made.
  bool write_failed() const;

  // Begins a life with these.
  void Configure(Grades grades, const store::Limits& limits = {});
  // Begins a life in which CAs have limits, by their names ("fake", "other").
  void SetCaLimits(const std::map<std::string, limits::CaLimits>& limits);
  // Every name has this grade.
  static Grades All(Grade grade);

  // How time passes in Settle and RunFor; the clock alone by default.
  void SetAdvance(std::function<void(absl::Duration)> advance) { advance_ = std::move(advance); }
  static std::string deployment();
  const crypto::Certificate& core_root() const;

  SimulatedClock& clock() { return clock_; }
  fakes::FakeCa& ca() { return ca_; }
  solver::FakeSolver& solver() { return solver_; }
  store::Store& store() { return *store_; }
  store::Authorizations& authorizations() { return *authorizations_; }
  // Of this life; runs only when told.
  Withdrawal& withdrawal() { return *withdrawal_; }
  // How often it was woken.
  int woken() const { return woken_; }
  sql::Database& database() { return *database_; }
  Engine& engine() { return *engine_; }
  crypto::Random& random() { return random_; }
  // Of this life, for services on top of it; they end with it.
  struct Parts {
    store::Store& store;
    sql::Database& database;
    solver::Solver& solver;
    keys::Accounts& accounts;
    Events& events;
  };
  Parts parts();

 private:
  struct Life;
  std::unique_ptr<acme::Client> NewClient(const std::string& ca, const std::string& directory_url,
                                          http::Client& http, crypto::Signer& signer);
  absl::Status LookAt(const fakes::Attempt& attempt);
  // `told`: of changes that the solver sees.
  std::unique_ptr<Life> NewLife(const std::string& owner, bool told, bool among_others);

  SimulatedClock clock_;
  crypto::SeededRandom random_{7};
  fakes::FakeCa ca_;
  std::unique_ptr<fakes::FakeCa> other_ca_;
  solver::FakeSolver solver_;
  std::unique_ptr<solver::Solver> other_solver_;
  std::function<void(absl::Duration)> advance_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Authorizations> authorizations_;
  std::map<std::string, std::string> account_urls_;  // by CA
  std::unique_ptr<Life> life_;
  std::unique_ptr<Life> second_;
  Condition conditions_[2] = {Condition::kAwake, Condition::kAwake};
  absl::Duration next_beat_ = absl::ZeroDuration();
  int lives_ = 0;
  std::unique_ptr<Life> other_life_;
  Engine* engine_ = nullptr;
  Withdrawal* withdrawal_ = nullptr;
  int woken_ = 0;
  Grades grades_;
  store::Limits limits_;
  limits::KnownCas cas_;
  int created_ = 0;
};

// DER.
std::string MakeCsr(const std::vector<std::string>& names, const crypto::PrivateKey& key);
crypto::PrivateKey MakeKey();

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_FLOW_FIXTURE_H_
