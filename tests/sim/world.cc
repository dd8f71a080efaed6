#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/crypto/signer.h"
#include "common/error/error.h"
#include "issuer/acme/client.h"
#include "tests/sim/key_ring.h"

namespace norroy::sim {
namespace {

using challenge::ChallengeType;
using flow::State;

// Long after every limit of an hour and every lease.
constexpr absl::Duration kPatience = absl::Hours(10);
// After everything was mended, what was under way has ended.
constexpr absl::Duration kSettled = absl::Minutes(5);
constexpr absl::Duration kReleasedWithin = absl::Seconds(100);
constexpr absl::Duration kLookEvery = absl::Seconds(20);
// A seed that needs more steps than any sane one runs in circles.
constexpr int64_t kMaxSteps = 2'000'000;

const std::vector<std::string>& Plain() {
  static const std::vector<std::string> kNames = {"a.example.test", "b.example.test",
                                                  "c.example.test", "d.example.test"};
  return kNames;
}

const std::vector<std::string>& Wildcards() {
  static const std::vector<std::string> kNames = {"*.a.example.test", "*.example.test"};
  return kNames;
}

std::vector<std::string> Everything() {
  std::vector<std::string> names = Plain();
  names.insert(names.end(), Wildcards().begin(), Wildcards().end());
  return names;
}

fakes::FakeCaOptions CaOptions(Sim& sim) {
  Chance& chance = sim.chance;
  fakes::FakeCaOptions options;
  options.clock = &sim.scheduler.clock();
  options.seed = chance.Next();
  options.reuse_orders = !chance.OneIn(3);
  options.reuse_authorizations = !chance.OneIn(3);
  options.nonce_rejection_percent = chance.Of(std::vector<int>{0, 0, 0, 5, 20});
  options.retry_after_seconds = chance.Of(std::vector<int>{0, 0, 1, 3, 7});
  options.valid_authorization_lifetime =
      chance.Of(std::vector<absl::Duration>{absl::Hours(720), absl::Hours(720), absl::Minutes(3)});
  return options;
}

flow::Grades SomeGrades(Chance& chance) {
  const flow::Grade grade = chance.Of(
      std::vector<flow::Grade>{flow::Grade::kOff, flow::Grade::kAdvise, flow::Grade::kGate});
  return flow::Grades({{.names = {Need(challenge::Pattern::Parse("."))}, .grade = grade}});
}

}  // namespace

Workshop::Workshop(std::string journals)
    : folder(std::move(journals)),
      issuers(Need(sql::SimulatedDatabase::Open(store::Store::Migrations()))),
      validators(Need(sql::SimulatedDatabase::Open(validator::Store::Migrations()))) {}

Workshop::~Workshop() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

World::World(Workshop& workshop, const SimOptions& options)
    : workshop_(workshop), sim_(options), mend_at_(absl::ZeroDuration()) {
  NORROY_CHECK(workshop_.issuers->Empty().ok());
  NORROY_CHECK(workshop_.validators->Empty().ok());
  store_ = store::Store::Make(*workshop_.issuers, "sim");
  seals_ = std::make_unique<challenge::SealVerifier>(kDeployment, KeyRing::Get().core_root);
  BuildCa();
  BuildHosts();
  BuildIssuers();
  BuildClients();
  mend_at_ = sim_.chance.Between(absl::Seconds(20), absl::Minutes(sim_.chance.OneIn(4) ? 30 : 4));
  if (sim_.faults.focus_on_renewal()) mend_at_ += absl::Minutes(15);
}

World::~World() {
  for (const auto& client : clients_) client->End();
  for (const auto& issuer : issuers_) issuer->End();
}

void World::BuildCa() {
  const fakes::FakeCaOptions options = CaOptions(sim_);
  authorizations_lapse_ = options.valid_authorization_lifetime < absl::Hours(1);
  ca_ = std::make_unique<fakes::FakeCa>(options);
  ca_->SetValidator([this](const fakes::Attempt& attempt) { return Probe(attempt); });
}

void World::BuildHosts() {
  const int validators = sim_.chance.From(1, 2);
  std::vector<Validator*> all;
  for (int i = 0; i < validators; ++i) {
    validators_.push_back(std::make_unique<Validator>(sim_, absl::StrCat("validator-", i + 1),
                                                      kDeployment, *workshop_.validators));
    all.push_back(validators_.back().get());
  }
  all_responders_ = sim_.chance.OneIn(2);
  const int webs = sim_.chance.From(0, 2);
  const int zones = sim_.chance.From(webs == 0 ? 1 : 0, 2);
  for (int i = 0; i < webs + zones; ++i) {
    HostOptions host;
    const bool web = i < webs;
    host.name = web ? absl::StrCat("web", i + 1) : absl::StrCat("dns", i - webs + 1);
    host.type = web ? ChallengeType::kHttp01 : ChallengeType::kDns01;
    host.patterns = web ? Plain() : Everything();
    host.listener = web && sim_.chance.OneIn(2);
    host.journal_path = absl::StrCat(workshop_.folder, "/", host.name);
    std::remove(host.journal_path.c_str());
    Enroll(host);
    hosts_.push_back(std::make_unique<Host>(sim_, host, *seals_, all));
  }
}

void World::Enroll(const HostOptions& host) {
  const absl::Time now = sim_.scheduler.clock().Now();
  const auto store = validator::Store::Make(*workshop_.validators, "enrollment");
  validator::ChallengeGrant grant;
  grant.patterns = Need(challenge::ParsePatterns(host.patterns));
  grant.types = {host.type};
  const bool one = host.type == ChallengeType::kDns01 && !all_responders_;
  grant.responders = one ? validator::Responders::kOne : validator::Responders::kAll;
  const std::string id = absl::StrCat(std::string(31, '0'), hosts_.size());
  const validator::JoinToken token = {id, host.name, "key", {grant}, now + absl::Hours(1)};
  const audit::Entry audit = {.principal = kCaller, .action = "agent.invite", .object = host.name};
  NORROY_CHECK(store->CreateJoinToken(token, false, now, audit).ok());
  Need(store->UseJoinToken(id, "key", now + absl::Hours(24), now, audit));
}

std::string World::RegisterAccount() {
  crypto::SeededRandom random(1);
  const auto signer = crypto::NewKeySigner(KeyRing::Get().account_key);
  acme::ClientOptions options;
  options.directory_url = ca_->directory_url();
  options.sleep = [](absl::Duration) {};
  const auto client =
      Need(acme::Client::Make(options, *ca_, *signer, sim_.scheduler.clock(), random));
  store::AccountRecord record;
  record.ca = "fake";
  record.directory_url = ca_->directory_url();
  record.url = Need(client->CreateAccount({.contacts = {}, .terms_of_service_agreed = true})).url;
  record.status = "valid";
  record.create_time = sim_.scheduler.clock().Now();
  NORROY_CHECK(store_->PutAccount(record).ok());
  return record.url;
}

void World::BuildIssuers() {
  limits_.certificates_per_set_per_week = 50;
  std::vector<Validator*> validators;
  for (const auto& validator : validators_) validators.push_back(validator.get());
  const IssuerWorld world = {
      .database = *workshop_.issuers,
      .ca = *ca_,
      .validators = validators,
      .account_url = RegisterAccount(),
      .limits = limits_,
      .grades = SomeGrades(sim_.chance),
      .workers = sim_.chance.From(1, 3),
      .before_challenge = [this](const std::string& url) { CheckBarrier(url); },
      .served =
          [this](const types::v1::Proof& proof) {
            const absl::StatusOr<challenge::Proof> parsed = challenge::FromProto(proof);
            return parsed.ok() && Served(*parsed);
          },
  };
  const int issuers = sim_.chance.From(1, 2);
  for (int i = 0; i < issuers; ++i) {
    issuers_.push_back(std::make_unique<Issuer>(sim_, absl::StrCat("issuer-", i + 1), world));
  }
}

std::vector<std::string> World::PickNames() {
  Chance& chance = sim_.chance;
  // The same set again, on purpose.
  if (!clients_.empty() && chance.OneIn(3)) return chance.Of(clients_)->plan().names;
  const bool wildcards = std::any_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
    return host->options().type == ChallengeType::kDns01;
  });
  std::vector<std::string> pool = wildcards || chance.OneIn(20) ? Everything() : Plain();
  std::vector<std::string> names;
  for (int left = chance.OneIn(2) ? 1 : chance.From(2, 4); left > 0; --left) {
    const std::string name = chance.Of(pool);
    pool.erase(std::find(pool.begin(), pool.end(), name));
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void World::BuildClients() {
  Chance& chance = sim_.chance;
  std::vector<Issuer*> issuers;
  for (const auto& issuer : issuers_) issuers.push_back(issuer.get());
  const int orders = chance.OneIn(2) ? chance.From(1, 2) : chance.From(3, 6);
  for (int i = 0; i < orders; ++i) {
    ClientPlan plan;
    plan.request_id = absl::StrCat("r", i + 1);
    plan.names = PickNames();
    plan.key = i;
    for (const auto& earlier : clients_) {
      // The same key too: the stored certificate serves again.
      if (earlier->plan().names == plan.names && chance.OneIn(4)) plan.key = earlier->plan().key;
    }
    plan.with_csr = chance.OneIn(2);
    plan.finalizes = !chance.OneIn(5);
    plan.force_new = chance.OneIn(4);
    plan.start = chance.Between(absl::ZeroDuration(), absl::Seconds(chance.OneIn(2) ? 1 : 60));
    plan.until_finalize =
        chance.Between(absl::ZeroDuration(), absl::Seconds(chance.OneIn(2) ? 5 : 300));
    plan.watchful = sim_.faults.focus_state() == State::kGivingUp ||
                    sim_.faults.focus_state() == State::kFinalizing || chance.OneIn(5);
    plan.lifetime = chance.Of(std::vector<absl::Duration>{absl::Minutes(30), absl::Hours(3),
                                                          absl::Hours(6), absl::Hours(6)});
    const bool ca_order = sim_.faults.focus() == Fault::kOrderInvalid ||
                          sim_.faults.focus() == Fault::kAuthorizationLost;
    if (sim_.faults.focus_state() == State::kFailed && (ca_order || chance.OneIn(2))) {
      // It ends while its order at the CA is open.
      plan.lifetime = chance.Between(absl::Seconds(30), absl::Minutes(3));
      plan.with_csr = false;
      plan.finalizes = false;
    }
    clients_.push_back(std::make_unique<Client>(sim_, std::move(plan), issuers));
  }
}

bool World::Served(const challenge::Proof& proof) {
  bool all = true;
  bool any = false;
  for (const auto& host : hosts_) {
    if (host->options().type != proof.type) continue;
    const bool served = host->Serves(proof);
    all = all && served;
    any = any || served;
  }
  // A request gets to any host of the name; DNS is one for all.
  return proof.type == ChallengeType::kDns01 ? any : all && any;
}

absl::Status World::Probe(const fakes::Attempt& attempt) {
  const auto type = Need(challenge::ParseChallengeType(attempt.type));
  const auto token = Need(challenge::Token::Parse(attempt.token));
  const auto key = Need(challenge::KeyAuthorization::Parse(attempt.key_authorization, token));
  bool served = false;
  for (const char* wildcard : {"", "*."}) {
    const auto name = Need(challenge::Name::Parse(absl::StrCat(wildcard, attempt.name)));
    served = served || Served({name, type, token, key});
  }
  if (served && !sim_.Strikes(Fault::kCaLooksElsewhere)) return absl::OkStatus();
  sim_.Note("the CA looks at ", attempt.name, " in vain");
  failures_[attempt.name].push_back(sim_.scheduler.clock().Now());
  return absl::NotFoundError("404 from the host");
}

// I5: the CA is told only when every responder has said that it serves.
void World::CheckBarrier(const std::string& challenge_url) {
  const std::vector<std::string> parts = absl::StrSplit(challenge_url, '/');
  const std::string& type = parts[parts.size() - 1];
  const std::string authorization = absl::StrCat("/authz/", parts[parts.size() - 2]);
  for (const fakes::AuthorizationRecord& record : ca_->authorizations()) {
    if (!absl::EndsWith(record.url, authorization)) continue;
    bool any = false;
    std::vector<std::string> missing;
    for (const auto& host : hosts_) {
      if (challenge::ChallengeTypeName(host->options().type) != type) continue;
      const bool served = host->HasServed(record.token);
      any = any || served;
      if (!served) missing.push_back(host->options().name);
    }
    const bool one = type == "dns-01" && !all_responders_;
    if (one ? any : missing.empty()) return;
    sim_.Violate("I5", absl::StrCat("the CA was told of ", record.name, " before ",
                                    absl::StrJoin(missing, ", "), " served it"));
  }
}

void World::DisturbSometimes() {
  if (sim_.faults.over()) return;
  if (!sim_.states().empty()) {
    auto it = sim_.states().begin();
    std::advance(it, sim_.chance.Below(static_cast<int>(sim_.states().size())));
    Disturb(it->first);
  }
  sim_.scheduler.After(sim_.chance.Between(absl::Milliseconds(100), absl::Seconds(5)),
                       [this] { DisturbSometimes(); });
}

void World::Disturb(const std::string& order_id) {
  Chance& chance = sim_.chance;
  Issuer& issuer = *chance.Of(issuers_);
  Host& host = *chance.Of(hosts_);
  const int validator = chance.Below(static_cast<int>(validators_.size()));
  if (issuer.alive() && sim_.Strikes(Fault::kIssuerDiesAtRest, order_id)) issuer.Kill("at rest");
  if (sim_.Strikes(Fault::kIssuerClockJumps, order_id)) {
    // Leases are compared between issuers: their clocks must agree to some seconds.
    const absl::Duration most = issuers_.size() > 1 ? absl::Seconds(2) : absl::Hours(2);
    issuer.clock().SetRight();
    issuer.clock().Jump(chance.Between(-most, most));
  }
  if (sim_.Strikes(Fault::kLinkDown, order_id)) {
    Wire& wire = chance.OneIn(3) ? issuer.ca_wire() : issuer.wire(static_cast<size_t>(validator));
    wire.down_until = sim_.now() + chance.Between(absl::Seconds(1), absl::Minutes(3));
  }
  if (host.alive() && sim_.Strikes(Fault::kAgentCut, order_id)) {
    host.wire(static_cast<size_t>(validator)).down_until =
        sim_.now() + chance.Between(absl::ZeroDuration(), absl::Minutes(1));
    host.CutAll("cut off");
  }
  if (host.alive() && sim_.Strikes(Fault::kAgentLosesAll, order_id)) host.Kill("at rest", true);
  if (sim_.Strikes(Fault::kAgentClockJumps, order_id)) {
    host.clock().SetRight();
    host.clock().Jump(chance.Between(-absl::Hours(1), absl::Hours(1)));
  }
  DisturbAtTheCa(order_id);
}

void World::DisturbAtTheCa(const std::string& order_id) {
  const absl::StatusOr<flow::Order> order = store_->GetOrder(order_id);
  if (!order.ok() || order->ca_order_url.empty() || order->state == State::kDone) return;
  for (const fakes::OrderRecord& record : ca_->orders()) {
    if (record.url != order->ca_order_url) continue;
    const bool open = record.status == "pending" || record.status == "ready";
    if (open && sim_.Strikes(Fault::kOrderInvalid, order_id)) {
      ca_->InvalidateOrder(record.url, "serverInternal", "the CA gave it up");
    }
    if (open && sim_.Strikes(Fault::kAuthorizationLost, order_id)) {
      ca_->SetAuthorizationStatus(
          sim_.chance.Of(record.names),
          sim_.chance.Of(std::vector<std::string>{"deactivated", "expired", "revoked"}));
    }
  }
}

void World::Mend() {
  sim_.faults.Stop();
  sim_.Note("-- everything is mended --");
  for (const auto& issuer : issuers_) {
    issuer->clock().SetRight();
    issuer->ca_wire().down_until = absl::ZeroDuration();
    for (size_t i = 0; i < validators_.size(); ++i) {
      issuer->wire(i).down_until = absl::ZeroDuration();
    }
  }
  for (const auto& host : hosts_) {
    host->clock().SetRight();
    for (size_t i = 0; i < validators_.size(); ++i) host->wire(i).down_until = absl::ZeroDuration();
  }
}

bool World::Step() {
  absl::Duration due = absl::InfiniteDuration();
  for (const auto& issuer : issuers_) {
    issuer->Stir();
    due = std::min(due, issuer->UntilDue());
  }
  if (sim_.now() + due >= sim_.scheduler.NextAt()) return sim_.scheduler.RunNext();
  sim_.scheduler.MoveTo(sim_.now() + due);
  return true;
}

std::string World::Restless() {
  for (const auto& client : clients_) {
    if (!client->done()) return absl::StrCat("client ", client->plan().request_id, " is not done");
  }
  const auto orders = store_->ListOrders({}, {}, 100);
  NORROY_CHECK(orders.ok());
  for (const flow::Order& order : *orders) {
    if (flow::IsFinal(order.state) || order.state == State::kWaitingForCsr) continue;
    return absl::StrCat(sim_.NameOf(order.id), " is ", flow::StateName(order.state), ", waits for ",
                        order.waiting_for,
                        order.error.has_value() ? "; " + order.error->message : "");
  }
  for (const auto& host : hosts_) {
    const std::string& name = host->options().name;
    if (!host->alive()) return name + " is down";
    if (host->served() > 0) return absl::StrCat(name, " serves ", host->served());
    if (!host->journalled().empty()) return name + "'s journal is not empty";
    for (const auto& validator : validators_) {
      if (!validator->alive()) return validator->name() + " is down";
      if (validator->coordinator().PresentedAt(name) > 0) {
        return absl::StrCat(validator->name(), " believes that ", name, " serves");
      }
    }
  }
  return "";
}

// I4: where nothing went wrong, nobody waits for a lease to end.
void World::CheckReleased() {
  const absl::Duration well_since =
      sim_.faults.struck() == 0 ? absl::ZeroDuration() : mend_at_ + kSettled;
  for (const auto& host : hosts_) {
    for (const std::string& id : host->journalled()) {
      const absl::Duration since = sim_.AtRestSince(id);
      if (since < well_since || sim_.now() - since < kReleasedWithin) continue;
      sim_.Violate("I4", absl::StrCat(host->options().name, " still presents ", sim_.NameOf(id),
                                      ", which needs nothing any more"));
    }
  }
}

void World::Run() {
  for (const auto& validator : validators_) validator->Boot();
  for (const auto& host : hosts_) host->Boot();
  for (const auto& issuer : issuers_) issuer->Boot();
  for (const auto& client : clients_) client->Begin();
  sim_.on_state = [this](const std::string& id) {
    const bool focus = sim_.StateOf(id) == sim_.faults.focus_state();
    if (sim_.faults.over() || !(focus || sim_.chance.OneIn(3))) return;
    for (int times = focus ? 2 : 1; times > 0; --times) {
      sim_.scheduler.After(sim_.chance.Between(absl::ZeroDuration(), absl::Milliseconds(60)),
                           [this, id] {
                             if (!sim_.faults.over()) Disturb(id);
                           });
    }
  };
  DisturbSometimes();
  sim_.scheduler.After(mend_at_, [this] { Mend(); });
  absl::Duration look = mend_at_ + kLookEvery;
  const absl::Duration end = mend_at_ + kPatience;
  std::string why = "it was not looked at";
  while (!why.empty() && sim_.violations().empty() && sim_.now() < end &&
         sim_.scheduler.steps() < kMaxSteps && Step()) {
    if (sim_.now() < look) continue;
    look = sim_.now() + kLookEvery;
    CheckReleased();
    why = Restless();
  }
  if (!why.empty() && sim_.violations().empty()) {
    const bool circles = sim_.scheduler.steps() >= kMaxSteps;
    sim_.Violate(
        circles                          ? "I8"
        : absl::StrContains(why, " is ") ? "I1"
                                         : "I4",
        absl::StrCat(circles ? "it runs in circles: " : "it does not come to rest: ", why));
  }
  CheckInvariants(*this);
}

std::string World::Summary() const {
  return absl::StrCat(issuers_.size(), " issuers, ", validators_.size(), " validators, ",
                      hosts_.size(), " agents, ", clients_.size(), " orders, ",
                      sim_.faults.struck(), " faults");
}

}  // namespace norroy::sim
