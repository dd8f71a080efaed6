#include "issuer/flow/order_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/identity/identity.h"
#include "common/rpc/caller.h"
#include "issuer/flow/step.h"
#include "issuer/solver/fake_looks.h"
#include "norroy/config/v1/issuer.pb.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using fakes::Endpoint;
using fakes::Fault;
using fuzz::Operation;

constexpr size_t kMaxOrders = 6;

// The sets of names that orders are for, as texts with blanks between; some share names.
const std::vector<std::string>& Sets() {
  static const auto* const sets =
      new std::vector<std::string>{"a.example.test", "a.example.test b.example.test",
                                   "b.example.test", "*.a.example.test a.example.test"};
  return *sets;
}

std::vector<std::string> Split(const std::string& texts) {
  const size_t blank = texts.find(' ');
  if (blank == std::string::npos) return {texts};
  return {texts.substr(0, blank), texts.substr(blank + 1)};
}

challenge::Name NameOf(int which) {
  static const char* const kNames[] = {"a.example.test", "b.example.test", "*.a.example.test"};
  return *challenge::Name::Parse(kNames[which % 3]);
}

// Callers: one may use authorizations again, the other may not.
rpc::Caller CallerOf(bool fresh) {
  rpc::Caller caller;
  caller.identity.deployment = FlowFixture::deployment();
  caller.identity.role = fresh ? types::v1::ROLE_REQUESTER : types::v1::ROLE_OPERATOR;
  caller.identity.name = "fuzz";
  caller.certificate_not_after = absl::InfiniteFuture();
  return caller;
}

std::unique_ptr<policy::Policy> MakePolicy() {
  config::v1::IssuerConfig config;
  config.add_cas()->set_name("fake");
  config::v1::GrantConfig& any = *config.add_grants();
  any.set_principal("operator/fuzz");
  any.add_names(".");
  any.add_key_types("p256");
  config::v1::GrantConfig& fresh = *config.add_grants();
  fresh.set_principal("requester/fuzz");
  fresh.add_names(".");
  fresh.set_reuse(config::v1::REUSE_CONFIG_NEVER);
  auto policy = policy::MakeConfigPolicy(config);
  NORROY_CHECK(policy.ok());
  return *std::move(policy);
}

// CSRs are signed once: good ones by two keys, and what a caller or we should refuse.
const std::string& CsrFor(const std::string& set, int kind) {
  static auto* const made = new std::map<std::pair<std::string, int>, std::string>;
  static const auto* const keys = new std::vector<crypto::PrivateKey>{
      MakeKey(), MakeKey(), *crypto::PrivateKey::Generate(crypto::KeyType::kP384)};
  std::string& csr = (*made)[{set, kind}];
  if (!csr.empty()) return csr;
  switch (kind) {
    case 0:
    case 1:
    case 2:  // a key type that the operator's grant does not have
      csr = MakeCsr(Split(set), (*keys)[static_cast<size_t>(kind)]);
      break;
    case 3:
      csr = MakeCsr({"c.example.test"}, keys->front());
      break;
    default:
      csr = "no CSR";
  }
  return csr;
}

constexpr int kCsrKinds = 5;

Endpoint EndpointOf(int which) {
  static const Endpoint kEndpoints[] = {
      Endpoint::kNewOrder, Endpoint::kOrder,       Endpoint::kAuthorization, Endpoint::kChallenge,
      Endpoint::kFinalize, Endpoint::kCertificate, Endpoint::kNewNonce,      Endpoint::kDirectory};
  return kEndpoints[which % 8];
}

Fault ActFirst(Fault fault) {
  fault.act_first = true;
  return fault;
}

Fault FaultOf(int how) {
  switch (how % 16) {
    case 0:
      return Fault::LostReply();
    case 1:
      return Fault::LostRequest();
    case 2:
      return Fault::NotSent();
    case 3:
      return Fault::BadNonce();
    case 4:
      return Fault::BadNonceWithoutNonce();
    case 5:
      return Fault::Problem(500, "serverInternal", "an error");
    case 6:
      return ActFirst(Fault::Problem(500, "serverInternal", "an error, after all was done"));
    case 7:
      return Fault::Problem(503, "serverInternal", "maintenance", "120");
    case 8:
      return Fault::Problem(429, "rateLimited", "too many", "300");
    case 9:
      return Fault::Problem(429, "rateLimited", "too many");
    case 10:
      return Fault::Problem(403, "orderNotReady", "not ready");
    case 11:
      return Fault::Problem(400, "badCSR", "no such key");
    case 12:
      return Fault::Problem(404, "malformed", "no such thing");
    case 13:
      return Fault::Reply(200, "text/html", "<html>login</html>");
    case 14:
      return ActFirst(Fault::Reply(200, "application/json", R"({"status":"odd"})"));
    default:
      return Fault::Problem(403, "unauthorized", "forbidden");
  }
}

}  // namespace

OrderMachine::OrderMachine(std::function<void(FlowFixture&)> after_restart)
    : after_restart_(std::move(after_restart)), policy_(MakePolicy()), rules_(f_) {
  f_.ca().SetValidator([this](const fakes::Attempt& attempt) {
    const std::optional<std::string> served = f_.solver().Served(attempt.token);
    const bool sees = std::find(refused_.begin(), refused_.end(), attempt.name) == refused_.end();
    if (sees && served == attempt.key_authorization) return absl::OkStatus();
    return absl::NotFoundError("404 from the host");
  });
  // Wildcards too are somebody's.
  f_.solver().SetPlan(NameOf(2), {{ChallengeType::kDns01, {"dns1"}, {}}});
  Begin(true);
}

void OrderMachine::Begin(bool break_leases) {
  services_ = {};
  if (f_.killed()) f_.Restart();
  // What Engine::Start does.
  if (break_leases) NORROY_CHECK(f_.store().BreakLeases("test").ok());
  const FlowFixture::Parts parts = f_.parts();
  services_.quotas = std::make_unique<store::Quotas>(parts.database);
  services_.orders = std::make_unique<service::Orders>(
      service::OrdersOptions{parts.store, *policy_, parts.solver, parts.accounts, f_.engine(),
                             parts.events, f_.clock(), f_.random(), *services_.quotas});
}

void OrderMachine::Run(absl::string_view program) {
  const std::vector<Operation> operations = fuzz::ReadProgram(program, kVerbs, kMaxOperations);
  rules_.SetProgram(fuzz::WriteProgram(operations));
  for (const Operation& operation : operations) {
    Do(operation);
    if (f_.killed()) {
      Begin(break_leases_);
      if (after_restart_) after_restart_(f_);
    }
    rules_.CheckNow();
  }
  ComeToCalm();
}

void OrderMachine::Do(const Operation& operation) {
  const auto& [verb, a, b] = operation;
  switch (verb) {
    case 'e':
      return f_.ca().Script(EndpointOf(a), FaultOf(b), 1 + a / 16);
    case 'o':
      return SetCa(a, b);
    case 'i':
      return Incident(a, b);
    case 'v':
      refused_.clear();
      if (b % 2 == 0) refused_.push_back(NameOf(a % 2).text());
      return;
    case 's':
      return Agents(a, b);
    case 'w':
      f_.withdrawal().RunDue();
      return;
    case 't':
      return PassTime(a);
    case 'j':
      return f_.clock().JumpWall(absl::Minutes(a % 2 == 0 ? b : -b));
    case 'k':
      return Kill(a, b);
    case 'r':
      services_ = {};
      f_.Restart();
      Begin(b % 2 == 0);
      return;
    case 'd':
      return f_.FailStatements(1 + a, 1 + b);
    case 'p':
      rules_.NoteStandstill();
      return f_.PauseAtRequest(1 + a % 16, [this, b = b] {
        f_.clock().Advance(kLease + absl::Seconds(b));
        f_.RunOther();
      });
    default:
      return DoCaller(operation);
  }
}

void OrderMachine::DoCaller(const Operation& operation) {
  const auto& [verb, a, b] = operation;
  if (verb == 'c') return Create(a, b);
  if (ids_.empty()) return;
  if (verb == 'f') return Finalize(a, b);
  if (verb == 'x') return Cancel(a);
  if (verb == 'y') return Retry(a);
}

std::string OrderMachine::IdOf(int which) const {
  return ids_[static_cast<size_t>(which) % ids_.size()];
}

const std::string& OrderMachine::SetOf(int which) const {
  return Sets()[static_cast<size_t>(sets_[static_cast<size_t>(which) % sets_.size()])];
}

// `wants`: bits for a CSR, which one, whoever may not reuse, whether a repeat is not enough.
void OrderMachine::Create(int which, int wants) {
  if (ids_.size() >= kMaxOrders) return;
  const std::string& set = Sets()[static_cast<size_t>(which) % Sets().size()];
  issuer::v1::CreateOrderRequest request;
  for (const std::string& name : Split(set)) request.add_names(name);
  if (wants % 2 == 1) request.set_csr(CsrFor(set, wants / 2 % 2));
  request.set_force_new(wants / 8 % 2 == 1);
  // Now and then a request that was made before.
  request.set_request_id(absl::StrCat("r", which / 16 == 3 ? 0 : ids_.size()));
  const auto created = services_.orders->Create(CallerOf(wants / 4 % 2 == 1), request);
  if (!created.ok()) return;
  const std::string& id = created->order().id();
  if (std::find(ids_.begin(), ids_.end(), id) != ids_.end()) return;
  ids_.push_back(id);
  sets_.push_back(which % static_cast<int>(Sets().size()));
  rules_.NoteCreated(f_.Get(id));
}

void OrderMachine::Finalize(int which, int csr) {
  issuer::v1::FinalizeOrderRequest request;
  request.set_id(IdOf(which));
  request.set_csr(CsrFor(SetOf(which), csr % kCsrKinds));
  const Order before = f_.Get(request.id());
  const auto finalized = services_.orders->Finalize(CallerOf(csr / 8 % 2 == 1), request);
  const Order after = f_.Get(request.id());
  // A repeat costs nothing, and the answer may be lost though the CSR was taken.
  const bool taken = before.state == State::kWaitingForCsr && after.finalize_requested;
  if (taken && after.state != State::kDone) rules_.NoteCsrAccepted(request.id());
  NORROY_CHECK(!finalized.ok() || csr % kCsrKinds < 3);
}

void OrderMachine::Cancel(int which) {
  issuer::v1::CancelOrderRequest request;
  request.set_id(IdOf(which));
  const Order before = f_.Get(request.id());
  for (const bool fresh : {false, true}) {
    const auto cancelled = services_.orders->Cancel(CallerOf(fresh), request);
    // Nobody may cancel what may have been issued.
    NORROY_CHECK(!cancelled.ok() || before.finalize_intent_url.empty() || IsFinal(before.state));
  }
}

void OrderMachine::Retry(int which) {
  issuer::v1::RetryOrderRequest request;
  request.set_id(IdOf(which));
  for (const bool fresh : {false, true}) {
    const auto retried = services_.orders->Retry(CallerOf(fresh), request);
    if (f_.Get(request.id()).state != State::kFailed) rules_.NoteRetried(request.id());
  }
}

void OrderMachine::SetCa(int option, int value) {
  f_.ca().Change([&](fakes::FakeCaOptions& options) {
    static const std::vector<std::vector<std::string>> kTypes = {
        {"http-01", "dns-01", "tls-alpn-01"}, {"http-01"}, {"dns-01"}, {"tls-alpn-01", "http-01"}};
    switch (option % 8) {
      case 0:
        options.finalize_polls = value % 8;
        break;
      case 1:
        options.validation_polls = value % 8;
        break;
      case 2:
        options.retry_after_seconds = value;
        break;
      case 3:
        options.reuse_orders = value % 2 == 0;
        break;
      case 4:
        options.reuse_authorizations = value % 2 == 0;
        break;
      case 5:
        options.nonce_rejection_percent = value % 4 * 25;
        break;
      case 6:
        options.challenge_types = kTypes[static_cast<size_t>(value) % kTypes.size()];
        break;
      default:
        options.valid_authorization_lifetime = absl::Hours(1 + value * 12);
    }
  });
}

void OrderMachine::Incident(int kind, int which) {
  static const char* const kStatuses[] = {"expired", "revoked", "deactivated"};
  const std::vector<fakes::OrderRecord> orders = f_.ca().orders();
  switch (kind % 4) {
    case 0:
      if (orders.empty()) return;
      return f_.ca().InvalidateOrder(orders[static_cast<size_t>(which) % orders.size()].url,
                                     "unauthorized", "an administrator did it");
    case 1:
      return f_.ca().SetAuthorizationStatus(NameOf(which).text(), kStatuses[which / 3 % 3]);
    case 2:
      return f_.ca().MoveEndpoints();
    default:
      return f_.ca().SetCertificateFault(static_cast<fakes::CertificateFault>(which % 11));
  }
}

void OrderMachine::Agents(int kind, int which) {
  solver::FakeSolver& solver = f_.solver();
  const challenge::Name name = NameOf(which);
  const ChallengeType http = name.wildcard() ? ChallengeType::kDns01 : ChallengeType::kHttp01;
  switch (kind % 12) {
    case 0:
      return solver.SetAutoReady(which % 2 == 0);
    case 1:
      if (!ids_.empty()) solver.MakeReady(IdOf(which));
      return;
    case 2:
      return solver.FailType(name, http, "the disk is full");
    case 3:
      if (!ids_.empty()) solver.Reattach(IdOf(which));
      return;
    case 4:
      return solver.FailCalls(which % 2 == 0 ? absl::UnavailableError("no validator")
                                             : absl::OkStatus());
    case 5:
      return solver.SetPlan(name, {});
    case 6:
      return solver.SetPlan(name, {{http, {"web1"}, {"web2"}}});
    case 7:
      return solver.SetPlan(name, {{http, {"web1"}, {}}, {ChallengeType::kDns01, {"dns1"}, {}}});
    case 8:
      return solver.looks().SetSlow(which % 2 == 0);
    case 9:
      return solver.FinishLooks();
    case 10:
      return solver.looks().Fail(which % 2 == 0 ? absl::UnavailableError("no viewpoint")
                                                : absl::OkStatus());
    default:
      return solver.looks().Show(
          name, http,
          {{solver::ViewOf(which / 3 % 2 == 0 ? types::v1::VERDICT_FAIL : types::v1::VERDICT_WAIT,
                           "NOT_FOUND")},
           {solver::ViewOf(types::v1::VERDICT_PASS)}});
  }
}

void OrderMachine::Work(absl::Duration step, int times) {
  for (int i = 0; i < times && !f_.killed(); ++i) {
    rules_.CheckSteps(f_.engine().RunDue());
    f_.clock().Advance(step);
  }
}

void OrderMachine::PassTime(int kind) {
  struct Passing {
    absl::Duration step;
    int times;
  };
  static const Passing kPassing[] = {{absl::ZeroDuration(), 1}, {absl::Milliseconds(500), 4},
                                     {absl::Seconds(2), 5},     {absl::Seconds(15), 4},
                                     {absl::Minutes(1), 5},     {absl::Minutes(6), 4},
                                     {absl::Minutes(20), 3},    {absl::Hours(3), 3},
                                     {absl::Hours(26), 1},      {absl::Hours(80), 1}};
  const Passing& passing = kPassing[kind % 10];
  Work(passing.step, passing.times);
}

void OrderMachine::Kill(int when, int how) {
  break_leases_ = how % 4 < 2;
  if (when == 0) return f_.Kill();
  f_.KillAtRequest(when, /*after=*/how % 2 == 1);
}

bool OrderMachine::AllRest() {
  return std::all_of(ids_.begin(), ids_.end(), [this](const std::string& id) {
    const State state = f_.Get(id).state;
    return IsFinal(state) || state == State::kWaitingForCsr;
  });
}

void OrderMachine::ComeToCalm() {
  f_.StopOther();
  f_.Kill();
  for (int endpoint = 0; endpoint < 8; ++endpoint) f_.ca().ClearScript(EndpointOf(endpoint));
  f_.ca().SetCertificateFault(fakes::CertificateFault::kNone);
  f_.ca().Change([](fakes::FakeCaOptions& options) {
    options.finalize_polls = options.validation_polls = options.retry_after_seconds = 0;
    options.nonce_rejection_percent = 0;
  });
  refused_.clear();
  f_.solver().FailCalls(absl::OkStatus());
  f_.solver().SetAutoReady(true);
  f_.solver().looks().SetSlow(false);
  f_.solver().looks().Fail(absl::OkStatus());
  Begin(true);
  if (after_restart_) after_restart_(f_);
  for (const std::string& id : ids_) f_.solver().MakeReady(id);
  f_.solver().FinishLooks();
  // Until the longest hold (a day) and the longest back-off are over.
  for (const auto& [step, times] :
       {std::pair(absl::Seconds(1), 8), std::pair(absl::Seconds(15), 20),
        std::pair(absl::Minutes(5), 24), std::pair(absl::Hours(1), 25)}) {
    for (int i = 0; i < times && !AllRest(); ++i) Work(step, 1);
  }
  f_.engine().RunDue();
  rules_.CheckRest();
  for (int i = 0; i < 9; ++i) Work(absl::Hours(24), 1);
  Work(absl::Minutes(20), 3);
  // What is in memory goes back to the store.
  f_.Restart();
  rules_.CheckEnd();
}

}  // namespace norroy::flow
