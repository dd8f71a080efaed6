// The whole line in one process on a simulated clock: the issuer's engine, the validator's
// coordinator and preflight and the agents' sessions with their journals and seals, against a
// strict CA that hands one order to all who order the same names. Only the wires between them are
// left out. What the viewpoint connects to are the agents' own listeners, on addresses of loopback.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/journal/journal.h"
#include "agent/presenter/http/http_listener.h"
#include "agent/presenter/memory_presenter.h"
#include "agent/session/session.h"
#include "common/challenge/seal.h"
#include "common/clock/timers.h"
#include "common/crypto/certificate.h"
#include "common/dns/fake_client.h"
#include "issuer/flow/flow_fixture.h"
#include "issuer/solver/validator_solver.h"
#include "tests/harness/process.h"
#include "validator/agents/test_fleet.h"
#include "validator/preflight/preflight.h"
#include "validator/presentation/coordinator.h"

namespace norroy::tests {
namespace {

using flow::State;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The issuer's wire to the validator: answers come a little later, never inside the call.
class DirectLink final : public solver::ValidatorLink {
 public:
  DirectLink(validator::Coordinator& coordinator, validator::preflight::Preflight& preflight,
             Timers& timers)
      : coordinator_(coordinator), preflight_(preflight), timers_(timers) {}

  const std::string& address() const override { return address_; }

  absl::StatusOr<validator::v1::PlanResponse> Plan(const validator::v1::PlanRequest& request,
                                                   absl::Duration) override {
    return coordinator_.Plan(request);
  }

  Cancel Present(const validator::v1::PresentRequest& request, absl::Duration,
                 PresentDone done) override {
    timers_.After(absl::Milliseconds(1),
                  [this, request, done = std::move(done)] { coordinator_.Present(request, done); });
    return [] {};
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration,
                 ReleaseDone done) override {
    timers_.After(absl::Milliseconds(1),
                  [this, request, done = std::move(done)] { done(coordinator_.Release(request)); });
    return [] {};
  }

  // Sockets know no simulated clock: it stands still until the viewpoint has seen enough.
  Cancel Look(const validator::v1::LookRequest& request, absl::Duration, LookDone done) override {
    timers_.After(absl::Milliseconds(1), [this, request, done = std::move(done)] {
      std::promise<absl::StatusOr<validator::v1::LookResponse>> answer;
      preflight_.Look(request, [&](auto response) { answer.set_value(std::move(response)); });
      done(answer.get_future().get());
    });
    return [] {};
  }

  Cancel LookPersist(const validator::v1::LookPersistRequest& request, absl::Duration,
                     LookPersistDone done) override {
    timers_.After(absl::Milliseconds(1), [this, request, done = std::move(done)] {
      std::promise<absl::StatusOr<validator::v1::LookPersistResponse>> answer;
      preflight_.LookPersist(request,
                             [&](auto response) { answer.set_value(std::move(response)); });
      done(answer.get_future().get());
    });
    return [] {};
  }

 private:
  const std::string address_ = "direct";
  validator::Coordinator& coordinator_;
  validator::preflight::Preflight& preflight_;
  Timers& timers_;
};

// What is put up is both in memory, where tests see it, and on the agent's own listener, where the
// world does.
class ShownPresenter final : public agent::Presenter {
 public:
  ShownPresenter(agent::MemoryPresenter& memory, agent::HttpListener& listener)
      : memory_(memory), listener_(listener) {}

  const std::string& name() const override { return listener_.name(); }
  challenge::ChallengeType type() const override { return listener_.type(); }
  absl::StatusOr<std::string> Locate(const challenge::Proof& proof) override {
    return listener_.Locate(proof);
  }
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override {
    const absl::StatusOr<std::string> kept = memory_.PutUp(proof, location);
    return kept.ok() ? listener_.PutUp(proof, location) : kept;
  }
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override {
    const absl::Status gone = memory_.TakeDown(proof, location);
    return gone.ok() ? listener_.TakeDown(proof, location) : gone;
  }

 private:
  agent::MemoryPresenter& memory_;
  agent::HttpListener& listener_;
};

// One agent: everything of a real one but its process and its stream.
struct Host {
  std::string address;
  std::unique_ptr<agent::Journal> journal;
  agent::MemoryPresenter presenter{challenge::ChallengeType::kHttp01};
  std::unique_ptr<agent::HttpListener> listener;
  std::unique_ptr<ShownPresenter> shown;
  std::unique_ptr<challenge::SealVerifier> seals;
  std::unique_ptr<agent::Session> session;
  std::shared_ptr<validator::FakeLink> link;
  int64_t attachment = 0;
};

class WholeLine : public ::testing::Test {
 protected:
  WholeLine() { Begin({}); }

  // What is on the wires arrives: the solver's end waits for its answers.
  void TearDown() override { timers_->Advance(absl::Minutes(1)); }

  void Begin(const fakes::FakeCaOptions& options) {
    flow_ = std::make_unique<flow::FlowFixture>(options, [this](SimulatedClock& clock) {
      timers_ = std::make_unique<SimulatedTimers>(clock);
      fleet_ = std::make_unique<validator::TestFleet>(clock.Now());
      coordinator_ =
          *validator::Coordinator::Start({.store = fleet_->store(),
                                          .registry = fleet_->registry(),
                                          .clock = clock,
                                          .timers = *timers_,
                                          .deployment = flow::FlowFixture::deployment()});
      preflight_ = MakePreflight(clock);
      solver::ValidatorSolverOptions options{.timers = *timers_, .clock = clock};
      options.validators.push_back(
          std::make_unique<DirectLink>(*coordinator_, *preflight_, *timers_));
      auto solver = solver::MakeValidatorSolver(std::move(options));
      solver_ = solver.get();
      return solver;
    });
    flow_->SetAdvance([this](absl::Duration by) { timers_->Advance(by); });
    flow_->ca().SetValidator([this](const fakes::Attempt& attempt) { return Probe(attempt); });
  }

  std::unique_ptr<validator::preflight::Preflight> MakePreflight(Clock& clock) {
    dns_.Add(dns::SoaRecord("example.test", "ns.example.test"));
    validator::preflight::PreflightOptions options;
    options.viewpoint = "north";
    options.resolvers = {dns::TestServer("192.0.2.1:53")};
    options.allow_networks = {*validator::preflight::Network::Parse("127.0.0.0/8")};
    options.ports.http = http_port_;
    return std::make_unique<validator::preflight::Preflight>(
        validator::preflight::Preflight::Dependencies{dns_, clock, *timers_}, options);
  }

  // Any host of the name may be asked: all of them must serve.
  absl::Status Probe(const fakes::Attempt& attempt) {
    const auto token = *challenge::Token::Parse(attempt.token);
    const auto key = challenge::KeyAuthorization::Parse(attempt.key_authorization, token);
    if (!key.ok()) return key.status();
    const challenge::Proof proof{*challenge::Name::Parse(attempt.name),
                                 challenge::ChallengeType::kHttp01, token, *key};
    for (const std::string& host : traffic_[attempt.name]) {
      if (hosts_[host].presenter.Look(proof) != attempt.key_authorization) {
        return absl::NotFoundError(absl::StrCat("404 from ", host));
      }
    }
    return absl::OkStatus();
  }

  void AddHost(const std::string& name, const std::vector<std::string>& granted,
               const std::vector<std::string>& scope) {
    fleet_->Enroll(name, {validator::GrantOf(granted, {challenge::ChallengeType::kHttp01})});
    ASSERT_TRUE(fleet_->registry().Reload(name).ok());
    coordinator_->FleetChanged();
    Host& host = hosts_[name];
    // The same port for all of them, as a CA has it.
    host.address = absl::StrCat("127.0.7.", hosts_.size());
    host.listener =
        *agent::HttpListener::Start({.listen = {absl::StrCat(host.address, ":", http_port_)}});
    host.shown = std::make_unique<ShownPresenter>(host.presenter, *host.listener);
    host.journal = *agent::Journal::Open(harness::TempDir(name) + "/journal");
    host.seals = std::make_unique<challenge::SealVerifier>(flow::FlowFixture::deployment(),
                                                           flow_->core_root());
    host.session = *agent::Session::Start({.seals = *host.seals,
                                           .scope = *challenge::ParsePatterns(scope),
                                           .presenters = {host.shown.get()},
                                           .journal = *host.journal,
                                           .clock = flow_->clock(),
                                           .timers = *timers_,
                                           .version = "test",
                                           .boot_id = name});
    for (const std::string& served : granted) Route(served, name);
    Attach(name);
  }

  // Requests for `name` get to this host, too.
  void Route(const std::string& name, const std::string& host) {
    traffic_[name].push_back(host);
    if (challenge::Name::Parse(name).ok()) {
      dns_.Add(dns::AddressRecord(name, hosts_[host].address));
    }
  }

  void Attach(const std::string& name) {
    Host& host = hosts_[name];
    host.link = std::make_shared<validator::FakeLink>();
    host.link->on_send = [this, name](const agent::v1::AttachResponse& message) {
      timers_->After(absl::Milliseconds(1), [this, name, message] { Deliver(name, message); });
    };
    host.attachment = fleet_->registry().Attach(name, host.link);
    coordinator_->AgentAttached(name, host.session->Hello());
  }

  void Deliver(const std::string& name, const agent::v1::AttachResponse& message) {
    Host& host = hosts_[name];
    if (host.link == nullptr) return;  // the wire was cut meanwhile
    if (message.has_put_up()) {
      coordinator_->OnPutUpResult(name, host.session->PutUp(message.put_up()));
    } else if (message.has_take_down()) {
      coordinator_->OnTakeDownResult(name, host.session->TakeDown(message.take_down()));
    }
  }

  void Cut(const std::string& name) {
    Host& host = hosts_[name];
    if (fleet_->registry().Detach(name, host.attachment)) coordinator_->AgentDetached(name);
    host.link = nullptr;
  }

  int Served() {
    int served = 0;
    for (auto& [name, host] : hosts_) served += host.presenter.size();
    return served;
  }

  std::string Csr(const std::vector<std::string>& names) {
    return flow::MakeCsr(names, flow::MakeKey());
  }

  // What the viewpoint saw of the order's only name.
  static std::vector<types::v1::View> ViewsOf(const flow::Order& order) {
    EXPECT_EQ(order.progress.size(), 1u);
    return order.progress.empty() ? std::vector<types::v1::View>() : order.progress[0].views;
  }

  const int http_port_ = harness::FreePort();
  dns::FakeClient dns_;
  std::unique_ptr<SimulatedTimers> timers_;
  std::unique_ptr<validator::TestFleet> fleet_;
  std::unique_ptr<validator::Coordinator> coordinator_;
  std::unique_ptr<validator::preflight::Preflight> preflight_;
  solver::Solver* solver_ = nullptr;  // flow_'s
  std::map<std::string, Host> hosts_;
  std::map<std::string, std::vector<std::string>> traffic_;  // name -> hosts that get its requests
  std::unique_ptr<flow::FlowFixture> flow_;
};

TEST_F(WholeLine, TwoHostsServeBeforeTheCaIsToldAndNothingStays) {
  AddHost("web1", {"www.example.test"}, {"www.example.test"});
  AddHost("web2", {"www.example.test"}, {"www.example.test"});
  const flow::Order order = flow_->Create({"www.example.test"}, Csr({"www.example.test"}));
  const flow::Order done = flow_->Settle(order.id);
  ASSERT_EQ(done.state, State::kDone) << (done.error ? done.error->message : done.waiting_for);
  flow_->RunFor(absl::Seconds(5));
  EXPECT_EQ(Served(), 0);
  EXPECT_EQ(coordinator_->PresentedAt("web1"), 0);
  // What the viewpoint saw is stored with the order: both hosts, by their own addresses.
  const std::vector<types::v1::View> views = ViewsOf(flow_->Get(order.id));
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].viewpoint(), "north");
  EXPECT_EQ(views[0].verdict(), types::v1::VERDICT_PASS) << views[0].DebugString();
  EXPECT_TRUE(views[0].has_look_time());
  ASSERT_EQ(views[0].findings_size(), 1) << views[0].DebugString();
  EXPECT_EQ(views[0].findings(0).code(), "ADDRESSES");
  EXPECT_THAT(views[0].findings(0).message(), HasSubstr(hosts_["web1"].address));
  EXPECT_THAT(views[0].findings(0).message(), HasSubstr(hosts_["web2"].address));
  EXPECT_THAT(flow_->ca().violations(), IsEmpty());
}

TEST_F(WholeLine, AHostThatIsAwayIsWaitedForByName) {
  AddHost("web1", {"www.example.test"}, {"www.example.test"});
  AddHost("web2", {"www.example.test"}, {"www.example.test"});
  Cut("web2");
  const flow::Order order = flow_->Create({"www.example.test"}, Csr({"www.example.test"}));
  flow_->RunFor(absl::Minutes(2));
  EXPECT_THAT(flow_->Get(order.id).waiting_for, HasSubstr("web2"));
  EXPECT_EQ(flow_->ca().orders().size(), 0u);
  Attach("web2");
  EXPECT_EQ(flow_->Settle(order.id).state, State::kDone);
}

// DNS leads the world to a host that nobody runs an agent on.
TEST_F(WholeLine, AGatedOrderKeepsWhatWasSeenAndGoesOnWhenItIsMended) {
  AddHost("web1", {"www.example.test"}, {"www.example.test"});
  dns_.Add(dns::AddressRecord("www.example.test", "127.0.7.99"));
  flow_->Configure(flow::FlowFixture::All(flow::Grade::kGate));
  const flow::Order order = flow_->Create({"www.example.test"}, Csr({"www.example.test"}));
  flow_->RunFor(absl::Minutes(2));
  const flow::Order held = flow_->Get(order.id);
  EXPECT_EQ(flow_->ca().count(fakes::Endpoint::kChallenge), 0);
  ASSERT_TRUE(held.error.has_value());
  EXPECT_EQ(held.error->reason, "PREFLIGHT_FAILED");
  const std::vector<types::v1::View> views = ViewsOf(held);
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].verdict(), types::v1::VERDICT_FAIL);
  ASSERT_FALSE(views[0].findings().empty());
  EXPECT_EQ(views[0].findings(0).code(), "PORT_CLOSED");
  EXPECT_THAT(views[0].findings(0).message(), HasSubstr("127.0.7.99"));

  dns_.Remove(dns::TestName("www.example.test"), dns::Type::kA);
  dns_.Add(dns::AddressRecord("www.example.test", hosts_["web1"].address));
  const flow::Order done = flow_->Settle(order.id);
  ASSERT_EQ(done.state, State::kDone) << (done.error ? done.error->message : done.waiting_for);
  ASSERT_EQ(ViewsOf(done).size(), 1u);
  EXPECT_EQ(ViewsOf(done)[0].verdict(), types::v1::VERDICT_PASS);
}

TEST_F(WholeLine, PersistRecordsAreLookedAt) {
  const std::string value = "ca.test; accounturi=https://ca.test/account/1";
  std::vector<types::v1::View> seen;
  const auto look = [&] {
    solver_->LookPersist({"example.test", value, false},
                         [&](const std::vector<types::v1::View>& views) { seen = views; });
    timers_->Advance(absl::Seconds(1));
  };
  look();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].findings(0).code(), "PERSIST_MISSING") << seen[0].DebugString();
  dns_.Add(dns::TxtRecord("_validation-persist.example.test", value));
  look();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].verdict(), types::v1::VERDICT_PASS) << seen[0].DebugString();
  EXPECT_EQ(seen[0].viewpoint(), "north");
}

TEST_F(WholeLine, AnAgentsScopeOutranksItsGrant) {
  AddHost("web1", {"www.example.test"}, {"other.example.test"});
  const flow::Order order = flow_->Create({"www.example.test"}, Csr({"www.example.test"}));
  flow_->RunFor(absl::Minutes(2));
  const flow::Order waiting = flow_->Get(order.id);
  ASSERT_TRUE(waiting.error.has_value());
  EXPECT_THAT(waiting.error->message, HasSubstr("web1"));
  EXPECT_EQ(flow_->ca().count(fakes::Endpoint::kChallenge), 0);
  EXPECT_EQ(Served(), 0);
}

TEST_F(WholeLine, ALeaseEndsAtTheAgentWhenEverybodyElseIsGone) {
  AddHost("web1", {"www.example.test"}, {"www.example.test"});
  flow_->ca().Change([](fakes::FakeCaOptions& options) { options.validation_polls = 100000; });
  const flow::Order order = flow_->Create({"www.example.test"});
  flow_->RunFor(absl::Seconds(30));
  ASSERT_EQ(flow_->Get(order.id).state, State::kPresenting);  // as stored; the CA was told
  ASSERT_EQ(Served(), 1);
  Cut("web1");
  flow_->RunFor(absl::Minutes(16));
  EXPECT_EQ(Served(), 0);
}

TEST_F(WholeLine, HundredNamesAndTwoReadyOrdersForThem) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("n", i, ".example.test"));
  AddHost("web1", {".example.test"}, {".example.test"});
  for (const std::string& name : names) Route(name, "web1");
  const flow::Order first = flow_->Create(names);
  const flow::Order second = flow_->Create(names);
  ASSERT_EQ(flow_->Settle(first.id).state, State::kWaitingForCsr);
  ASSERT_EQ(flow_->Settle(second.id).state, State::kWaitingForCsr);
  const crypto::PrivateKey keys[] = {flow::MakeKey(), flow::MakeKey()};
  flow_->HandIn(first.id, flow::MakeCsr(names, keys[0]));
  flow_->HandIn(second.id, flow::MakeCsr(names, keys[1]));
  ASSERT_EQ(flow_->Settle(first.id).state, State::kDone);
  ASSERT_EQ(flow_->Settle(second.id).state, State::kDone);
  const auto key_of = [&](const std::string& id) {
    return crypto::Certificate::ParsePem(flow_->CertificateOf(id).chains_pem.front())
        ->spki_sha256();
  };
  EXPECT_EQ(key_of(first.id), keys[0].public_key().spki_sha256());
  EXPECT_EQ(key_of(second.id), keys[1].public_key().spki_sha256());
  flow_->RunFor(absl::Seconds(5));
  EXPECT_EQ(Served(), 0);
}

TEST_F(WholeLine, AKilledIssuerLeavesNothingBehind) {
  for (int n = 1; n < 14; ++n) {
    TearDown();
    hosts_.clear();
    traffic_.clear();
    dns_.Remove(dns::TestName("www.example.test"), dns::Type::kA);
    flow_.reset();
    Begin({});
    AddHost("web1", {"www.example.test"}, {"www.example.test"});
    const flow::Order order = flow_->Create({"www.example.test"}, Csr({"www.example.test"}));
    flow_->KillAtRequest(n, true);
    flow_->Settle(order.id);
    flow_->Restart();
    const flow::Order done = flow_->Settle(order.id);
    ASSERT_EQ(done.state, State::kDone)
        << n << ": " << (done.error ? done.error->message : done.waiting_for);
    EXPECT_EQ(flow_->ca().certificates_issued(), 1) << n;
    flow_->RunFor(absl::Seconds(10));
    EXPECT_EQ(Served(), 0) << n;
  }
}

}  // namespace
}  // namespace norroy::tests
