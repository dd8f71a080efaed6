#include "issuer/flow/flow_fixture.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "issuer/flow/events.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/sealer.h"

namespace norroy::flow {
namespace {

constexpr char kDeployment[] = "test";

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

std::vector<challenge::Name> Names(const std::vector<std::string>& texts) {
  return Need(challenge::ParseNames(texts));
}

// When this life ends.
struct Fuse {
  int requests = 0;
  int kill_at = 0;  // 0: never
  bool after = false;
  bool dead = false;
};

absl::Status Dead() { return MakeError(absl::StatusCode::kUnavailable, "DEAD", "killed"); }

// The CA as this life sees it.
class FusedHttp final : public http::Client {
 public:
  FusedHttp(http::Client& ca, Fuse& fuse) : ca_(ca), fuse_(fuse) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    const bool last = ++fuse_.requests == fuse_.kill_at;
    if (last && !fuse_.after) fuse_.dead = true;
    if (fuse_.dead) return Dead();
    absl::StatusOr<http::Response> response = ca_.Send(request);
    if (last) fuse_.dead = true;
    if (fuse_.dead) return Dead();
    return response;
  }

 private:
  http::Client& ca_;
  Fuse& fuse_;
};

class FusedDatabase final : public sql::Database {
 public:
  FusedDatabase(sql::Database& database, Fuse& fuse) : database_(database), fuse_(fuse) {}
  absl::Status Write(const sql::Work& work) override {
    return fuse_.dead ? Dead() : database_.Write(work);
  }
  absl::Status Read(const sql::Work& work) override {
    return fuse_.dead ? Dead() : database_.Read(work);
  }
  std::unique_ptr<sql::Subscription> Subscribe(absl::string_view channel,
                                               sql::Heard heard) override {
    return database_.Subscribe(channel, std::move(heard));
  }

 private:
  sql::Database& database_;
  Fuse& fuse_;
};

class FusedSolver final : public solver::Solver {
 public:
  FusedSolver(solver::Solver& solver, Fuse& fuse) : solver_(solver), fuse_(fuse) {}
  absl::StatusOr<std::vector<solver::NamePlan>> Plan(
      const std::vector<challenge::Name>& names) override {
    if (fuse_.dead) return Dead();
    return solver_.Plan(names);
  }
  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) override {
    if (fuse_.dead) return Dead();
    return solver_.Unanswerable(names);
  }
  absl::StatusOr<solver::PresentationStatus> Present(
      const solver::Presentation& presentation) override {
    if (fuse_.dead) return Dead();
    return solver_.Present(presentation);
  }
  absl::StatusOr<std::optional<solver::PresentationStatus>> Recheck(const std::string& id,
                                                                    int64_t generation) override {
    if (fuse_.dead) return Dead();
    return solver_.Recheck(id, generation);
  }
  absl::StatusOr<std::optional<std::vector<solver::NameView>>> Look(
      const solver::LookOrder& order) override {
    if (fuse_.dead) return Dead();
    return solver_.Look(order);
  }
  absl::Status Release(const std::string& id, int64_t generation, absl::Time until) override {
    return fuse_.dead ? Dead() : solver_.Release(id, generation, until);
  }
  void LookPersist(const solver::PersistLook& look, const PersistDone& done) override {
    solver_.LookPersist(look, done);
  }
  void OnChange(std::function<void(const std::string& id)> changed) override {
    solver_.OnChange(std::move(changed));
  }

 private:
  solver::Solver& solver_;
  Fuse& fuse_;
};

class OneAccount final : public keys::Accounts {
 public:
  explicit OneAccount(std::unique_ptr<acme::Client> client) : client_(std::move(client)) {}
  std::vector<std::string> cas() const override { return {"fake"}; }
  absl::StatusOr<acme::Client*> ClientFor(absl::string_view) override { return client_.get(); }
  absl::StatusOr<store::AccountRecord> Register(absl::string_view, bool) override {
    return absl::InternalError("registered already");
  }

 private:
  std::unique_ptr<acme::Client> client_;
};

}  // namespace

// What outlives a process: keys and certificates.
struct FlowFixture::World {
  crypto::PrivateKey account_key = MakeKey();
  crypto::PrivateKey seal_key = MakeKey();
  std::optional<crypto::Certificate> core_root;
  std::optional<crypto::Certificate> seal_certificate;
  std::string account_url;
};

// What a kill ends.
struct FlowFixture::Life {
  Fuse fuse;
  std::unique_ptr<FusedDatabase> database;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Authorizations> authorizations;
  std::unique_ptr<FusedHttp> http;
  std::unique_ptr<crypto::Signer> account_signer;
  std::unique_ptr<OneAccount> accounts;
  std::unique_ptr<FusedSolver> solver;
  std::unique_ptr<solver::Sealer> sealer;
  Events events;
  std::unique_ptr<Withdrawal> withdrawal;
  std::unique_ptr<Engine> engine;
};

crypto::PrivateKey MakeKey() { return Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256)); }

std::string MakeCsr(const std::vector<std::string>& names, const crypto::PrivateKey& key) {
  return Need(crypto::BuildCsr(key, Names(names)));
}

FlowFixture::FlowFixture(fakes::FakeCaOptions ca_options, const MakeSolver& make_solver)
    : clock_(absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0), absl::UTCTimeZone())),
      ca_([&] {
        ca_options.clock = &clock_;
        return ca_options;
      }()),
      solver_(clock_),
      other_solver_(make_solver ? make_solver(clock_) : nullptr),
      advance_([this](absl::Duration by) { clock_.Advance(by); }),
      world_(std::make_unique<World>()) {
  const identity::Authority root =
      Need(identity::MakeRoot("core", kDeployment, clock_.Now(), absl::Hours(24 * 365)));
  world_->core_root = root.certificate;
  identity::LeafRequest seal;
  seal.identity.deployment = kDeployment;
  seal.identity.role = types::v1::ROLE_SEAL;
  seal.identity.name = "main";
  seal.now = clock_.Now();
  seal.lifetime = absl::Hours(24 * 90);
  world_->seal_certificate = Need(identity::IssueLeaf(root, world_->seal_key.public_key(), seal));
  database_ = Need(sql::OpenSqlite(":memory:"));
  NORROY_CHECK(sql::Migrate(*database_, store::Store::Migrations()).ok());
  store_ = store::Store::Make(*database_);
  authorizations_ = std::make_unique<store::Authorizations>(*database_, "issuer");
  ca_.SetValidator([this](const fakes::Attempt& attempt) {
    const std::optional<std::string> served = solver_.Served(attempt.token);
    if (served == attempt.key_authorization) return absl::OkStatus();
    return absl::NotFoundError("404 from the host");
  });
  Restart();
}

FlowFixture::~FlowFixture() = default;

std::string FlowFixture::deployment() { return kDeployment; }

const crypto::Certificate& FlowFixture::core_root() const { return *world_->core_root; }

void FlowFixture::Restart() {
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.database = std::make_unique<FusedDatabase>(*database_, life.fuse);
  life.store = store::Store::Make(*life.database);
  life.authorizations = std::make_unique<store::Authorizations>(*life.database, "issuer");
  life.http = std::make_unique<FusedHttp>(ca_, life.fuse);
  life.account_signer = crypto::NewKeySigner(world_->account_key);
  acme::ClientOptions options;
  options.directory_url = ca_.directory_url();
  options.sleep = [this](absl::Duration time) { clock_.Advance(time); };
  std::unique_ptr<acme::Client> client =
      Need(acme::Client::Make(options, *life.http, *life.account_signer, clock_, random_));
  if (world_->account_url.empty()) {
    world_->account_url =
        Need(client->CreateAccount({.contacts = {}, .terms_of_service_agreed = true})).url;
    store::AccountRecord record;
    record.ca = "fake";
    record.directory_url = ca_.directory_url();
    record.url = world_->account_url;
    record.status = "valid";
    record.create_time = clock_.Now();
    NORROY_CHECK(store_->PutAccount(record).ok());
  }
  client->SetAccountUrl(world_->account_url);
  life.accounts = std::make_unique<OneAccount>(std::move(client));
  solver::Solver& solver = other_solver_ != nullptr ? *other_solver_ : solver_;
  life.solver = std::make_unique<FusedSolver>(solver, life.fuse);
  life.sealer = std::make_unique<solver::Sealer>(
      kDeployment, crypto::NewKeySigner(world_->seal_key), *world_->seal_certificate);
  life.withdrawal = Withdrawal::Make({.authorizations = *life.authorizations,
                                      .store = *life.store,
                                      .accounts = *life.accounts,
                                      .solver = *life.solver,
                                      .clock = clock_});
  withdrawal_ = life.withdrawal.get();
  life.engine = Engine::Make({.store = *life.store,
                              .accounts = *life.accounts,
                              .solver = *life.solver,
                              .sealer = *life.sealer,
                              .clock = clock_,
                              .random = random_,
                              .events = life.events,
                              .authorizations = *life.authorizations,
                              .limits = limits_,
                              .owner = "test",
                              .grades = grades_,
                              .left_authorizations = [this] { ++woken_; }});
  engine_ = life.engine.get();
  life.fuse.requests = 0;
}

void FlowFixture::Configure(Grades grades, const store::Limits& limits) {
  grades_ = std::move(grades);
  limits_ = limits;
  Restart();
}

Grades FlowFixture::All(Grade grade) {
  return Grades({{.names = {Need(challenge::Pattern::Parse("."))}, .grade = grade}});
}

Order FlowFixture::Create(const std::vector<std::string>& names, const std::string& csr,
                          bool reuse_never) {
  Order order;
  order.id = random_.Id();
  order.creator = "operator/test";
  order.request_id = absl::StrCat("r", ++created_);
  order.request_hash = order.request_id;
  order.names = Names(names);
  order.ca = "fake";
  order.create_time = order.update_time = order.state_time = order.due_time = clock_.Now();
  order.expire_time = clock_.Now() + absl::Hours(24 * 7);
  order.csr = csr;
  order.reuse_never = reuse_never;
  order = Need(store_->CreateOrder(order, clock_.Now()));
  engine_->Wake(order.id);
  return order;
}

Order FlowFixture::HandIn(const std::string& id, const std::string& csr) {
  Order order = Need(
      store_->ChangeOrder(id, true,
                          [&](Order& changed) {
                            changed.csr = csr;
                            changed.finalize_requested = true;
                            changed.state = State::kFinalizing;
                            changed.state_time = changed.due_time = clock_.Now();
                            return absl::OkStatus();
                          },
                          {"operator/test", "order.finalize", absl::StrCat("order/", id), ""}));
  engine_->Wake(id);
  return order;
}

void FlowFixture::Cancel(const std::string& id) {
  Need(store_->ChangeOrder(id, true,
                           [&](Order& changed) {
                             changed.state = State::kGivingUp;
                             changed.ending = State::kCancelled;
                             changed.due_time = clock_.Now();
                             return absl::OkStatus();
                           },
                           {"operator/test", "order.cancel", absl::StrCat("order/", id), ""}));
  engine_->Wake(id);
}

Order FlowFixture::Get(const std::string& id) { return Need(store_->GetOrder(id)); }

StoredCertificate FlowFixture::CertificateOf(const std::string& id) {
  return Need(store_->GetCertificate(Get(id).certificate_id));
}

Order FlowFixture::Settle(const std::string& id, absl::Duration limit) {
  const absl::Time end = clock_.Now() + limit;
  while (clock_.Now() < end) {
    engine_->RunDue();
    const Order order = Get(id);
    if (IsFinal(order.state) || order.state == State::kWaitingForCsr || life_->fuse.dead) {
      return order;
    }
    advance_(absl::Milliseconds(500));
  }
  return Get(id);
}

void FlowFixture::RunFor(absl::Duration time) {
  const absl::Time end = clock_.Now() + time;
  while (clock_.Now() < end) {
    engine_->RunDue();
    advance_(absl::Seconds(1));
  }
}

void FlowFixture::KillAtRequest(int n, bool after) {
  life_->fuse.kill_at = life_->fuse.requests + n;
  life_->fuse.after = after;
}

bool FlowFixture::killed() const { return life_->fuse.dead; }

int FlowFixture::requests_seen() const { return life_->fuse.requests; }

}  // namespace norroy::flow
