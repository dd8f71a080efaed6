#include "issuer/flow/flow_fixture.h"

#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "issuer/flow/budget.h"
#include "issuer/flow/events.h"
#include "issuer/flow/fused.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/sealer.h"
#include "issuer/store/ledger.h"

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

}  // namespace

absl::Time Start() {
  return absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0), absl::UTCTimeZone());
}

// Keys and certificates, dear to make and the same for every fixture.
struct Keys {
  Keys()
      : root(Need(identity::MakeRoot("core", kDeployment, Start(), absl::Hours(24 * 365)))),
        seal_certificate(Need(identity::IssueLeaf(root, seal_key.public_key(), SealRequest()))) {}
  static identity::LeafRequest SealRequest() {
    identity::LeafRequest seal;
    seal.identity.deployment = kDeployment;
    seal.identity.role = types::v1::ROLE_SEAL;
    seal.identity.name = "main";
    seal.now = Start();
    seal.lifetime = absl::Hours(24 * 90);
    return seal;
  }

  crypto::PrivateKey account_key = MakeKey();
  crypto::PrivateKey seal_key = MakeKey();
  identity::Authority root;
  crypto::Certificate seal_certificate;
};

const Keys& SharedKeys() {
  static const Keys* const keys = new Keys;
  return *keys;
}

// What a kill ends.
struct FlowFixture::Life {
  Fuse fuse;
  std::unique_ptr<FusedDatabase> database;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<lease::Tenure> tenure;
  std::unique_ptr<store::Authorizations> authorizations;
  std::unique_ptr<FusedHttp> http;
  std::unique_ptr<FusedHttp> other_http;
  std::unique_ptr<crypto::Signer> account_signer;
  std::unique_ptr<FixedAccounts> accounts;
  std::unique_ptr<FusedSolver> solver;
  std::unique_ptr<solver::Sealer> sealer;
  Events events;
  std::unique_ptr<Withdrawal> withdrawal;
  std::unique_ptr<store::Ledger> ledger;
  std::unique_ptr<Budget> budget;
  std::unique_ptr<Engine> engine;
};

crypto::PrivateKey MakeKey() { return Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256)); }

std::string MakeCsr(const std::vector<std::string>& names, const crypto::PrivateKey& key) {
  return Need(crypto::BuildCsr(key, Names(names)));
}

FlowFixture::FlowFixture(fakes::FakeCaOptions ca_options, const MakeSolver& make_solver)
    : clock_(Start()),
      ca_([&] {
        ca_options.clock = &clock_;
        return ca_options;
      }()),
      solver_(clock_),
      other_solver_(make_solver ? make_solver(clock_) : nullptr),
      advance_([this](absl::Duration by) { clock_.Advance(by); }) {
  database_ = Need(sql::OpenSqlite(":memory:"));
  NORROY_CHECK(sql::Migrate(*database_, store::Store::Migrations()).ok());
  store_ = store::Store::Make(*database_);
  authorizations_ = std::make_unique<store::Authorizations>(*database_, "issuer");
  ca_.SetValidator([this](const fakes::Attempt& attempt) { return LookAt(attempt); });
  Restart();
}

FlowFixture::~FlowFixture() = default;

std::string FlowFixture::deployment() { return kDeployment; }

const crypto::Certificate& FlowFixture::core_root() const { return SharedKeys().root.certificate; }

void FlowFixture::Restart() {
  life_.reset();
  // Of two issuers both are told, see AddIssuer.
  life_ = NewLife("test", /*told=*/second_ == nullptr, /*among_others=*/second_ != nullptr);
  engine_ = life_->engine.get();
  withdrawal_ = life_->withdrawal.get();
}

void FlowFixture::AddIssuer() {
  second_ = NewLife("second", /*told=*/false, /*among_others=*/true);
  Restart();
  solver_.OnChange([this](const std::string& id) {
    life_->solver->Changed(id);
    second_->solver->Changed(id);
  });
}

int FlowFixture::RunOther() {
  if (other_life_ == nullptr)
    other_life_ = NewLife("other", /*told=*/false, /*among_others=*/false);
  return other_life_->engine->RunDue();
}

void FlowFixture::StopOther() { other_life_.reset(); }

std::unique_ptr<acme::Client> FlowFixture::NewClient(const std::string& ca,
                                                     const std::string& directory_url,
                                                     http::Client& http, crypto::Signer& signer) {
  acme::ClientOptions options;
  options.directory_url = directory_url;
  options.sleep = [this](absl::Duration time) { clock_.Advance(time); };
  std::unique_ptr<acme::Client> client =
      Need(acme::Client::Make(options, http, signer, clock_, random_));
  std::string& account_url = account_urls_[ca];
  if (account_url.empty()) {
    account_url =
        Need(client->CreateAccount({.contacts = {}, .terms_of_service_agreed = true})).url;
    store::AccountRecord record;
    record.ca = ca;
    record.directory_url = directory_url;
    record.url = account_url;
    record.status = "valid";
    record.create_time = clock_.Now();
    NORROY_CHECK(store_->PutAccount(record).ok());
  }
  client->SetAccountUrl(account_url);
  return client;
}

fakes::FakeCa& FlowFixture::AddCa() {
  fakes::FakeCaOptions options;
  options.clock = &clock_;
  options.host = "other.test";
  other_ca_ = std::make_unique<fakes::FakeCa>(options);
  other_ca_->SetValidator([this](const fakes::Attempt& attempt) { return LookAt(attempt); });
  Restart();
  return *other_ca_;
}

absl::Status FlowFixture::LookAt(const fakes::Attempt& attempt) {
  const std::optional<std::string> served = solver_.Served(attempt.token);
  if (served == attempt.key_authorization) return absl::OkStatus();
  return absl::NotFoundError("404 from the host");
}

std::unique_ptr<FlowFixture::Life> FlowFixture::NewLife(const std::string& owner, bool told,
                                                        bool among_others) {
  auto made = std::make_unique<Life>();
  Life& life = *made;
  life.database = std::make_unique<FusedDatabase>(*database_, life.fuse);
  life.store = store::Store::Make(*life.database, owner);
  if (among_others) {
    life.tenure = Need(lease::Tenure::Begin(
        {.database = *life.database,
         .clock = clock_,
         .name = owner,
         .incarnation = absl::StrCat("life", ++lives_),
         .give_away = [](sql::Connection& connection, const std::string& name) {
           return store::Store::BreakLeases(connection, name).status();
         }}));
  }
  life.authorizations = std::make_unique<store::Authorizations>(*life.database, "issuer");
  life.http = std::make_unique<FusedHttp>(ca_, life.fuse);
  life.account_signer = crypto::NewKeySigner(SharedKeys().account_key);
  life.accounts = std::make_unique<FixedAccounts>();
  life.accounts->Add("fake",
                     NewClient("fake", ca_.directory_url(), *life.http, *life.account_signer));
  if (other_ca_ != nullptr) {
    life.other_http = std::make_unique<FusedHttp>(*other_ca_, life.fuse);
    life.accounts->Add("other", NewClient("other", other_ca_->directory_url(), *life.other_http,
                                          *life.account_signer));
  }
  solver::Solver& solver = other_solver_ != nullptr ? *other_solver_ : solver_;
  life.solver = std::make_unique<FusedSolver>(solver, life.fuse, told);
  life.sealer = std::make_unique<solver::Sealer>(
      kDeployment, crypto::NewKeySigner(SharedKeys().seal_key), SharedKeys().seal_certificate);
  life.withdrawal = Withdrawal::Make({.authorizations = *life.authorizations,
                                      .store = *life.store,
                                      .accounts = *life.accounts,
                                      .solver = *life.solver,
                                      .clock = clock_});
  life.ledger = std::make_unique<store::Ledger>(*life.database);
  life.budget = std::make_unique<Budget>(*life.ledger, *life.store, cas_);
  life.engine = Engine::Make({.store = *life.store,
                              .accounts = *life.accounts,
                              .solver = *life.solver,
                              .sealer = *life.sealer,
                              .clock = clock_,
                              .random = random_,
                              .events = life.events,
                              .authorizations = *life.authorizations,
                              .limits = limits_,
                              .owner = owner,
                              .grades = grades_,
                              .left_authorizations = [this] { ++woken_; },
                              .tenure = life.tenure.get(),
                              .budget = life.budget.get()});
  life.fuse.requests = 0;
  return made;
}

Engine& FlowFixture::engine(int issuer) { return *(issuer == 0 ? life_ : second_)->engine; }
lease::Tenure& FlowFixture::tenure(int issuer) { return *(issuer == 0 ? life_ : second_)->tenure; }
Events& FlowFixture::events(int issuer) { return (issuer == 0 ? life_ : second_)->events; }

void FlowFixture::Set(int issuer, Condition condition) {
  Fuse& fuse = (issuer == 0 ? life_ : second_)->fuse;
  fuse.dead = condition == Condition::kDead;
  fuse.cut_off = condition == Condition::kCutOff;
  conditions_[issuer] = condition;
}

void FlowFixture::RunDue() {
  if (second_ == nullptr) {
    engine_->RunDue();
    return;
  }
  const bool beat = clock_.Monotonic() >= next_beat_;
  if (beat) next_beat_ = clock_.Monotonic() + lease::Tenure::kBeat;
  for (const int issuer : {0, 1}) {
    if (conditions_[issuer] == Condition::kStopped || conditions_[issuer] == Condition::kDead) {
      continue;
    }
    if (beat) (void)tenure(issuer).Beat();
    engine(issuer).RunDue();
  }
}

FlowFixture::Parts FlowFixture::parts() {
  return {*life_->store, *life_->database, *life_->solver, *life_->accounts, life_->events};
}

void FlowFixture::Configure(Grades grades, const store::Limits& limits) {
  grades_ = std::move(grades);
  limits_ = limits;
  Restart();
}

void FlowFixture::SetCaLimits(const std::map<std::string, limits::CaLimits>& limits) {
  for (const auto& [ca, of_ca] : limits) {
    cas_[ca] = {ca == "other" ? other_ca_->directory_url() : ca_.directory_url(), of_ca};
  }
  Restart();
}

Grades FlowFixture::All(Grade grade) {
  return Grades({{.names = {Need(challenge::Pattern::Parse("."))}, .grade = grade}});
}

Order FlowFixture::Create(const std::vector<std::string>& names, const std::string& csr,
                          bool reuse_never, const std::string& renews) {
  Order order;
  order.id = random_.Id();
  order.creator = "operator/test";
  order.request_id = absl::StrCat("r", ++created_);
  order.request_hash = order.request_id;
  order.names = Names(names);
  order.ca = "fake";
  if (other_ca_ != nullptr) order.next_cas = {"other"};
  order.create_time = order.update_time = order.state_time = order.due_time = clock_.Now();
  order.expire_time = clock_.Now() + absl::Hours(24 * 7);
  order.csr = csr;
  order.reuse_never = reuse_never;
  order.renews = renews;
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
    RunDue();
    const Order order = Get(id);
    if (IsFinal(order.state) || order.state == State::kWaitingForCsr ||
        (life_->fuse.dead && second_ == nullptr)) {
      return order;
    }
    advance_(absl::Milliseconds(500));
  }
  return Get(id);
}

void FlowFixture::RunFor(absl::Duration time) {
  const absl::Time end = clock_.Now() + time;
  while (clock_.Now() < end) {
    RunDue();
    advance_(absl::Seconds(1));
  }
}

void FlowFixture::KillAtRequest(int n, bool after) {
  life_->fuse.kill_at = life_->fuse.requests + n;
  life_->fuse.after = after;
}

void FlowFixture::FailWrite(int n) { life_->fuse.fail_write = life_->fuse.writes + n; }

bool FlowFixture::write_failed() const {
  return life_->fuse.fail_write > 0 && life_->fuse.writes >= life_->fuse.fail_write;
}

void FlowFixture::Kill() { life_->fuse.dead = true; }

void FlowFixture::PauseAtRequest(int n, std::function<void()> meanwhile) {
  life_->fuse.pause_at = life_->fuse.requests + n;
  life_->fuse.pause = std::move(meanwhile);
}

void FlowFixture::FailStatements(int n, int count) {
  life_->fuse.fail_from = life_->fuse.statements + n;
  life_->fuse.fail_until = life_->fuse.fail_from + count;
}

bool FlowFixture::killed() const { return life_->fuse.dead; }

int FlowFixture::requests_seen() const { return life_->fuse.requests; }

}  // namespace norroy::flow
