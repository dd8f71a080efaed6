// Rehearsals against solvers, agents and viewpoints as the tests want them; whatever happens,
// nothing stays up.

#include "issuer/service/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/challenge/seal.h"
#include "common/clock/timers.h"
#include "common/error/error.h"
#include "issuer/policy/policy.h"
#include "issuer/service/service_fixture.h"
#include "issuer/solver/fake_solver.h"
#include "issuer/solver/test_sealer.h"

namespace norroy::service {
namespace {

using challenge::ChallengeType;
using challenge::Name;
using issuer::v1::RehearseRequest;
using issuer::v1::RehearseResponse;
using solver::ViewOf;
using types::v1::Verdict;

constexpr ChallengeType kHttp = ChallengeType::kHttp01;
constexpr ChallengeType kDns = ChallengeType::kDns01;
constexpr ChallengeType kAlpn = ChallengeType::kTlsAlpn01;

// The fake solver, but for the reasons of failures and for validators that are not there.
class StagedSolver final : public solver::Solver {
 public:
  explicit StagedSolver(solver::Solver& inner) : inner_(inner) {}

  std::map<Name, std::string> reasons;
  absl::Status plan_error, present_error;
  int lost_presents = 0;  // that many fail with UNAVAILABLE

  absl::StatusOr<std::vector<solver::NamePlan>> Plan(const std::vector<Name>& names) override {
    if (!plan_error.ok()) return plan_error;
    return inner_.Plan(names);
  }
  absl::StatusOr<std::vector<Name>> Unanswerable(const std::vector<Name>& names) override {
    return inner_.Unanswerable(names);
  }
  absl::StatusOr<solver::PresentationStatus> Present(
      const solver::Presentation& presentation) override {
    if (!present_error.ok()) return present_error;
    if (lost_presents > 0) {
      --lost_presents;
      return absl::UnavailableError("validator 127.0.0.1:1 is gone");
    }
    absl::StatusOr<solver::PresentationStatus> status = inner_.Present(presentation);
    if (!status.ok()) return status;
    for (solver::PresentedName& name : status->names) {
      if (name.state == solver::PresentationState::kFailed) name.error_reason = reasons[name.name];
    }
    return status;
  }
  absl::StatusOr<std::optional<solver::PresentationStatus>> Recheck(const std::string& id,
                                                                    int64_t generation) override {
    return inner_.Recheck(id, generation);
  }
  absl::Status Release(const std::string& id, int64_t generation, absl::Time until) override {
    return inner_.Release(id, generation, until);
  }
  absl::StatusOr<std::optional<std::vector<solver::NameView>>> Look(
      const solver::LookOrder& order) override {
    return inner_.Look(order);
  }
  void LookPersist(const solver::PersistLook& look, const PersistDone& done) override {
    inner_.LookPersist(look, done);
  }
  void OnChange(std::function<void(const std::string& id)> changed) override {
    inner_.OnChange(std::move(changed));
  }

 private:
  solver::Solver& inner_;
};

std::unique_ptr<policy::Policy> Grants() {
  config::v1::IssuerConfig config;
  for (const char* ca : {"main", "second"}) config.add_cas()->set_name(ca);
  const auto grant = [&](const std::string& principal, const std::vector<std::string>& names) {
    config::v1::GrantConfig* const added = config.add_grants();
    added->set_principal(principal);
    for (const std::string& name : names) added->add_names(name);
  };
  grant("operator/alice", {".", "*.example.com", "=192.0.2.0/24"});
  grant("requester/web", {"www.example.com"});
  return policy::MakeConfigPolicy(config).value();
}

std::string ShortVerdict(Verdict verdict) {
  return types::v1::Verdict_Name(verdict).substr(std::string("VERDICT_").size());
}

template <typename Findings>
std::string Codes(const Findings& findings) {
  return absl::StrJoin(findings, ",", [](std::string* out, const types::v1::Finding& finding) {
    *out += finding.code();
  });
}

// "www.example.com http-01 FAIL [AGENT_MISSING] validator-1:PASS"
std::string Describe(const issuer::v1::Rehearsal& rehearsal) {
  const auto type = challenge::FromProto(rehearsal.challenge_type());
  std::string text = absl::StrCat(
      rehearsal.name(), " ", type.ok() ? std::string(challenge::ChallengeTypeName(*type)) : "-",
      " ", ShortVerdict(rehearsal.verdict()), " [", Codes(rehearsal.findings()), "]");
  for (const types::v1::View& view : rehearsal.views()) {
    absl::StrAppend(&text, " ", view.viewpoint(), ":", ShortVerdict(view.verdict()));
  }
  return text;
}

std::vector<std::string> Describe(const RehearseResponse& response) {
  std::vector<std::string> texts;
  for (const auto& rehearsal : response.rehearsals()) texts.push_back(Describe(rehearsal));
  return texts;
}

class DoctorTest : public ::testing::Test {
 protected:
  using Result = std::optional<absl::StatusOr<RehearseResponse>>;

  DoctorTest() { Restart(); }
  // Nothing stays up: what was presented was released, once.
  ~DoctorTest() override {
    doctor_.reset();
    EXPECT_EQ(fake().served_count(), 0);
    std::vector<std::string> presented, released;
    for (const auto& one : fake().presented()) presented.push_back(one.id);
    const std::set<std::string> shown(presented.begin(), presented.end());
    for (const auto& one : fake().released()) {
      if (shown.count(one.first) > 0) released.push_back(one.first);
    }
    std::sort(presented.begin(), presented.end());
    std::sort(released.begin(), released.end());
    EXPECT_EQ(presented, released);
  }

  void Restart() {
    doctor_ =
        std::make_unique<Doctor>(DoctorOptions{f_.store(), *policy_, staged_, solver::TestSealer(),
                                               f_.accounts(), timers_, f_.clock(), random_});
  }
  solver::FakeSolver& fake() { return f_.solver(); }

  static RehearseRequest RequestFor(const std::vector<std::string>& names,
                                    const std::vector<ChallengeType>& types = {}) {
    RehearseRequest request;
    for (const std::string& name : names) request.add_names(name);
    for (const ChallengeType type : types) request.add_types(challenge::ToProto(type));
    return request;
  }
  // Begins; the result comes when the timers run.
  absl::StatusOr<std::shared_ptr<Rehearsal>> Begin(Result& result, const RehearseRequest& request,
                                                   const std::string& principal = "operator/alice",
                                                   absl::Time deadline = absl::InfiniteFuture()) {
    return doctor_->Begin(CallerOf(principal), request, deadline,
                          [&result](absl::StatusOr<RehearseResponse> response) {
                            EXPECT_FALSE(result.has_value());
                            result = std::move(response);
                          });
  }
  absl::StatusOr<RehearseResponse> Run(const RehearseRequest& request,
                                       const std::string& principal = "operator/alice") {
    Result result;
    const absl::Duration began = f_.clock().Monotonic();
    const auto rehearsal = Begin(result, request, principal);
    if (!rehearsal.ok()) return rehearsal.status();
    doctor_->LearnOfCa(request, **rehearsal);
    while (!result.has_value() && f_.clock().Monotonic() - began < absl::Seconds(90)) {
      timers_.Advance(absl::Milliseconds(20));
    }
    took_ = f_.clock().Monotonic() - began;
    if (!result.has_value()) return absl::DeadlineExceededError("no answer within 90 s");
    return *std::move(result);
  }

  // What was answered at once.
  absl::StatusOr<issuer::v1::DescribePersistRecordResponse> DescribeRecord(
      const std::string& principal, const issuer::v1::DescribePersistRecordRequest& request) {
    absl::StatusOr<issuer::v1::DescribePersistRecordResponse> answer =
        absl::UnavailableError("no answer yet");
    bool answered = false;
    doctor_->DescribePersistRecord(CallerOf(principal), request, [&](auto response) {
      EXPECT_FALSE(answered);
      answered = true;
      answer = std::move(response);
    });
    return answer;
  }

  ServiceFixture f_;
  SimulatedTimers timers_{f_.clock()};
  crypto::SeededRandom random_{7};
  const std::unique_ptr<policy::Policy> policy_ = Grants();
  StagedSolver staged_{f_.solver()};
  std::unique_ptr<Doctor> doctor_;
  absl::Duration took_;
};

const Name& Www() {
  static const Name name = NameOf("www.example.com");
  return name;
}

TEST_F(DoctorTest, Outcomes) {
  const auto plan = [](const char* name, std::vector<solver::TypePlan> types) {
    return [=](DoctorTest&, solver::FakeSolver& fake, StagedSolver&) {
      fake.SetPlan(NameOf(name), types);
    };
  };
  const auto refused = [](const char* reason) {
    return [=](DoctorTest&, solver::FakeSolver& fake, StagedSolver& staged) {
      fake.FailType(Www(), kHttp, absl::StrCat("agent web1 refused: ", reason, ": its words"));
      staged.reasons[Www()] = reason;
    };
  };
  const auto seen = [](std::vector<solver::FakeLooks::Views> rounds) {
    return [=](DoctorTest&, solver::FakeSolver& fake, StagedSolver&) {
      fake.looks().Show(Www(), kHttp, rounds);
    };
  };
  const auto kPass = types::v1::VERDICT_PASS;
  const auto kFail = types::v1::VERDICT_FAIL;
  const auto kWait = types::v1::VERDICT_WAIT;
  const auto kUnknown = types::v1::VERDICT_UNKNOWN;
  const struct {
    const char* what;
    std::function<void(DoctorTest&, solver::FakeSolver&, StagedSolver&)> prepare;
    std::vector<std::string> names;
    std::vector<ChallengeType> types;
    std::vector<std::string> want;
    const char* says = "";  // among the first finding's message and advice
    bool passed = false;
    absl::Duration at_most = absl::Seconds(2);
  } cases[] = {
      {.what = "healthy",
       .prepare = [](auto&, auto&, auto&) {},
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 PASS [] validator-1:PASS"},
       .passed = true},
      {.what = "no grant",
       .prepare = plan("www.example.com", {}),
       .names = {"www.example.com"},
       .want = {"www.example.com - FAIL [NO_GRANT]"},
       .says = "norroy agent token create AGENT --answer 'www.example.com'"},
      {.what = "no grant for a wildcard",
       .prepare = plan("*.example.com", {}),
       .names = {"*.example.com"},
       .want = {"*.example.com - FAIL [NO_GRANT]"},
       .says = "--answer '*.example.com' --type dns-01"},
      {.what = "no grant for an address",
       .prepare = plan("192.0.2.7", {}),
       .names = {"192.0.2.7"},
       .want = {"192.0.2.7 - FAIL [NO_GRANT]"},
       .says = "--answer '=192.0.2.7/32'"},
      {.what = "no grant by that type",
       .prepare = [](auto&, auto&, auto&) {},
       .names = {"www.example.com"},
       .types = {kAlpn},
       .want = {"www.example.com tls-alpn-01 FAIL [NO_GRANT]"},
       .says = "by tls-alpn-01"},
      {.what = "a wildcard by http-01 alone",
       .prepare = plan("*.example.com", {{kHttp, {"web1"}, {}}}),
       .names = {"*.example.com"},
       .want = {"*.example.com - FAIL [NO_CA_TYPE]"},
       .says = "wildcards by dns-01 alone"},
      {.what = "an address by dns-01 alone",
       .prepare = plan("192.0.2.7", {{kDns, {"dns1"}, {}}}),
       .names = {"192.0.2.7"},
       .want = {"192.0.2.7 - FAIL [NO_CA_TYPE]"},
       .says = "--type http-01"},
      {.what = "the first type that suits",
       .prepare = plan("*.example.com", {{kHttp, {"web1"}, {}}, {kDns, {"dns1"}, {}}}),
       .names = {"*.example.com"},
       .want = {"*.example.com dns-01 PASS [] validator-1:PASS"},
       .passed = true},
      {.what = "each type that is asked for, once",
       .prepare = plan("www.example.com", {{kHttp, {"web1"}, {}}, {kDns, {"dns1"}, {}}}),
       .names = {"www.example.com", "WWW.example.com."},
       .types = {kDns, kHttp, kDns},
       .want = {"www.example.com dns-01 PASS [] validator-1:PASS",
                "www.example.com http-01 PASS [] validator-1:PASS"},
       .passed = true},
      {.what = "an agent is missing",
       .prepare = plan("www.example.com", {{kHttp, {"web1"}, {"web2"}}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [AGENT_MISSING]"},
       .says = "norroy agent drain web2",
       .at_most = absl::Seconds(67)},
      {.what = "out of scope",
       .prepare = refused("OUT_OF_SCOPE"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [AGENT_REFUSED]"},
       .says = "--allow"},
      {.what = "foreign zone",
       .prepare = refused("FOREIGN_ZONE"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [FOREIGN_ZONE]"},
       .says = "the CNAME leads to a zone this agent does not serve"},
      {.what = "its words",
       .prepare = refused("UNSUPPORTED_TYPE"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [AGENT_REFUSED]"},
       .says = "its words"},
      {.what = "a reason of tomorrow",
       .prepare = refused("SOMETHING_NEW"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [AGENT_REFUSED]"},
       .says = "its words"},
      {.what = "its clock is ahead",
       .prepare = refused("EXPIRED"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [CLOCK_SKEW]"},
       .says = "set the clock"},
      {.what = "its clock is behind",
       .prepare = refused("NOT_YET_VALID"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [CLOCK_SKEW]"},
       .says = "it is behind"},
      {.what = "its clock, as the validator knows",
       .prepare = refused("CLOCK_SKEW"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [CLOCK_SKEW]"},
       .says = "set the clock"},
      {.what = "presenter",
       .prepare = refused("PRESENTER_FAILED"),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [PRESENTER_FAILED]"},
       .says = "its words"},
      {.what = "no validator for the plan",
       .prepare = [](auto&, auto&,
                     auto& staged) { staged.plan_error = absl::UnavailableError("no route"); },
       .names = {"www.example.com", "b.example.com"},
       .want = {"www.example.com - FAIL [VALIDATOR_UNREACHABLE]",
                "b.example.com - FAIL [VALIDATOR_UNREACHABLE]"},
       .says = "no route"},
      {.what = "no validator afterwards",
       .prepare = [](auto&, auto&,
                     auto& staged) { staged.present_error = absl::UnavailableError("no route"); },
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [VALIDATOR_UNREACHABLE]"},
       .says = "no route",
       .at_most = absl::Seconds(6)},
      {.what = "a validator that comes back",
       .prepare = [](auto&, auto&, auto& staged) { staged.lost_presents = 5; },
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 PASS [] validator-1:PASS"},
       .passed = true},
      {.what = "a validator that refuses",
       .prepare =
           [](auto&, auto&, auto& staged) {
             staged.present_error = absl::InternalError("makes no sense");
           },
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [VALIDATOR_REFUSED]"},
       .says = "makes no sense"},
      {.what = "one viewpoint sees it fail",
       .prepare = seen({{ViewOf(kPass, "", "v1"), ViewOf(kFail, "PORT_CLOSED", "v2")}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [] v1:PASS v2:FAIL"}},
      {.what = "one viewpoint cannot tell",
       .prepare = seen({{ViewOf(kPass, "", "v1"), ViewOf(kUnknown, "X", "v2")}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 UNKNOWN [] v1:PASS v2:UNKNOWN"}},
      {.what = "a lag that passes",
       .prepare = seen({{ViewOf(kWait, "LAGS", "v1", 2000)},
                        {ViewOf(kWait, "LAGS", "v1", 2000)},
                        {ViewOf(kPass, "", "v1")}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 PASS [] v1:PASS"},
       .passed = true,
       .at_most = absl::Seconds(6)},
      {.what = "a lag that does not pass",
       .prepare = seen({{ViewOf(kWait, "LAGS", "v1", 7000)}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 WAIT [] v1:WAIT"},
       .at_most = absl::Seconds(61)},
      {.what = "a negative answer that is cached for an hour",
       .prepare = seen({{ViewOf(kWait, "CACHED", "v1", 3'600'000)}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 WAIT [] v1:WAIT"}},
      {.what = "a failure is not waited out",
       .prepare = seen({{ViewOf(kWait, "LAGS", "v1", 1000), ViewOf(kFail, "X", "v2")}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 FAIL [] v1:WAIT v2:FAIL"}},
      {.what = "nobody looks",
       .prepare = seen({{}}),
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 UNKNOWN [NOT_LOOKED_AT]"}},
      {.what = "looks fail",
       .prepare = [](auto&, auto& fake, auto&) { fake.looks().Fail(absl::InternalError("blind")); },
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 UNKNOWN [NOT_LOOKED_AT]"},
       .says = "blind"},
      {.what = "looks never end",
       .prepare = [](auto&, auto& fake, auto&) { fake.looks().SetSlow(true); },
       .names = {"www.example.com"},
       .want = {"www.example.com http-01 UNKNOWN [NOT_LOOKED_AT]"},
       .says = "no time left",
       .at_most = absl::Seconds(86)},
      {.what = "good and bad names at once",
       .prepare =
           [](auto&, auto& fake, auto& staged) {
             fake.SetPlan(NameOf("a.example.com"), {});
             fake.FailType(NameOf("b.example.com"), kHttp, "agent web1 refused");
             staged.reasons[NameOf("b.example.com")] = "OUT_OF_SCOPE";
             fake.SetPlan(NameOf("*.example.com"), {{kDns, {"dns1"}, {}}});
             fake.looks().Show(NameOf("c.example.com"), kHttp,
                               {{ViewOf(types::v1::VERDICT_FAIL, "PORT_CLOSED")}});
           },
       .names = {"www.example.com", "a.example.com", "b.example.com", "*.example.com",
                 "c.example.com"},
       .want = {"www.example.com http-01 PASS [] validator-1:PASS",
                "a.example.com - FAIL [NO_GRANT]", "b.example.com http-01 FAIL [AGENT_REFUSED]",
                "*.example.com dns-01 PASS [] validator-1:PASS",
                "c.example.com http-01 FAIL [] validator-1:FAIL"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    // A solver of its own for each case, on the fixture's issuer.
    solver::FakeSolver fake(f_.clock());
    StagedSolver staged(fake);
    c.prepare(*this, fake, staged);
    doctor_ =
        std::make_unique<Doctor>(DoctorOptions{f_.store(), *policy_, staged, solver::TestSealer(),
                                               f_.accounts(), timers_, f_.clock(), random_});
    const auto response = Run(RequestFor(c.names, c.types));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(Describe(*response), c.want);
    EXPECT_EQ(response->passed(), c.passed);
    EXPECT_LE(took_, c.at_most);
    std::string said;
    for (const auto& rehearsal : response->rehearsals()) {
      for (const types::v1::Finding& finding : rehearsal.findings()) {
        EXPECT_FALSE(finding.message().empty());
        EXPECT_FALSE(finding.advice().empty()) << finding.code();
        absl::StrAppend(&said, finding.message(), " -> ", finding.advice(), "\n");
      }
    }
    EXPECT_TRUE(absl::StrContains(said, c.says)) << said;
    EXPECT_EQ(fake.served_count(), 0);
    std::set<std::string> presented, released;
    for (const auto& one : fake.presented()) presented.insert(one.id);
    for (const auto& one : fake.released()) EXPECT_TRUE(released.insert(one.first).second);
    EXPECT_TRUE(
        std::includes(released.begin(), released.end(), presented.begin(), presented.end()));
    doctor_.reset();
  }
}

TEST_F(DoctorTest, SealsAreRehearsals) {
  fake().SetPlan(NameOf("*.example.com"), {{kDns, {"dns1"}, {}}});
  ASSERT_TRUE(Run(RequestFor({"www.example.com", "*.example.com"})).ok());
  std::set<std::string> tokens, ids;
  ASSERT_EQ(fake().presented().size(), 2u);
  for (const solver::Presentation& presentation : fake().presented()) {
    EXPECT_TRUE(absl::StartsWith(presentation.id, "rehearsal-"));
    EXPECT_TRUE(ids.insert(presentation.id).second);
    ASSERT_EQ(presentation.proofs.size(), 1u);
    const auto body = challenge::ReadUnverified(presentation.proofs[0]);
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(body->kind, challenge::SealKind::kRehearsal);
    EXPECT_EQ(body->presentation_id, presentation.id);
    EXPECT_TRUE(body->proof.key_authorization.is_rehearsal());
    EXPECT_LE(body->not_after, f_.clock().Now() + absl::Minutes(2));
    EXPECT_EQ(presentation.not_after, body->not_after);
    // 128 bits.
    EXPECT_EQ(body->proof.token.value().size(), 22u);
    EXPECT_TRUE(tokens.insert(body->proof.token.value()).second);
  }
}

TEST_F(DoctorTest, WhatLooksAreToldOfTheCa) {
  ASSERT_TRUE(Run(RequestFor({"www.example.com"})).ok());
  const auto asked = fake().looks().asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].caa_identities, std::vector<std::string>{"ca.test"});
  EXPECT_EQ(asked[0].account_uri, f_.store().GetAccount("main")->url);
}

TEST_F(DoctorTest, WithoutACa) {
  const RehearseRequest names = RequestFor({"www.example.com"});
  f_.clock().Advance(absl::Hours(7));
  f_.ca().Script(fakes::Endpoint::kDirectory, fakes::Fault::NotSent(), 100);
  auto response = Run(names);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Describe(*response),
            std::vector<std::string>{"www.example.com http-01 PASS [CA_UNREACHABLE] "
                                     "validator-1:PASS"});
  EXPECT_EQ(response->rehearsals(0).findings(0).severity(), types::v1::SEVERITY_INFO);
  EXPECT_TRUE(response->passed());

  RehearseRequest second = names;
  second.set_ca("second");
  response = Run(second);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(Describe(*response),
            std::vector<std::string>{"www.example.com http-01 PASS [NO_ACCOUNT] validator-1:PASS"});

  // The CA says nothing at all: looks do not wait for it.
  Result result;
  const auto rehearsal = Begin(result, names);
  ASSERT_TRUE(rehearsal.ok()) << rehearsal.status();
  timers_.Advance(kCaTime - absl::Seconds(1));
  EXPECT_FALSE(result.has_value());
  timers_.Advance(absl::Seconds(2));
  ASSERT_TRUE(result.has_value() && result->ok());
  EXPECT_EQ(Describe(**result),
            std::vector<std::string>{"www.example.com http-01 PASS [CA_UNREACHABLE] "
                                     "validator-1:PASS"});
  doctor_->LearnOfCa(names, **rehearsal);  // late
}

TEST_F(DoctorTest, WhatIsRefused) {
  std::vector<std::string> many;
  for (int i = 0; i < 51; ++i) many.push_back(absl::StrCat("n", i, ".example.com"));
  RehearseRequest unknown_ca = RequestFor({"www.example.com"});
  unknown_ca.set_ca("third");
  RehearseRequest unknown_type = RequestFor({"www.example.com"});
  unknown_type.add_types(types::v1::CHALLENGE_TYPE_UNSPECIFIED);
  std::vector<std::string> too_many = many;
  for (int i = 0; i < 50; ++i) too_many.push_back(absl::StrCat("m", i, ".example.com"));
  const struct {
    const char* principal;
    RehearseRequest request;
    absl::StatusCode code;
    const char* reason;
  } cases[] = {
      {"operator/alice", RequestFor({}), absl::StatusCode::kInvalidArgument, "BAD_FIELD"},
      {"operator/alice", RequestFor(too_many), absl::StatusCode::kInvalidArgument, "BAD_FIELD"},
      {"operator/alice", RequestFor(many, {kHttp, kDns}), absl::StatusCode::kInvalidArgument,
       "BAD_FIELD"},
      {"operator/alice", RequestFor({"www.example.com", "a b"}), absl::StatusCode::kInvalidArgument,
       "BAD_NAME"},
      {"operator/alice", unknown_ca, absl::StatusCode::kInvalidArgument, "CA_UNKNOWN"},
      {"operator/alice", unknown_type, absl::StatusCode::kInvalidArgument, "BAD_FIELD"},
      {"requester/web", RequestFor({"www.example.com", "b.example.com"}),
       absl::StatusCode::kPermissionDenied, "NAME_NOT_GRANTED"},
      {"requester/nobody", RequestFor({"www.example.com"}), absl::StatusCode::kPermissionDenied,
       "NAME_NOT_GRANTED"},
  };
  for (const auto& c : cases) {
    const auto response = Run(c.request, c.principal);
    EXPECT_EQ(response.status().code(), c.code) << response.status();
    EXPECT_EQ(ErrorReason(response.status()), c.reason) << response.status();
  }
  EXPECT_EQ(fake().plan_calls(), 0);
  EXPECT_TRUE(fake().presented().empty());
  // None of these was counted.
  for (size_t i = 0; i < kMaxRehearsals; ++i) {
    const auto response = Run(RequestFor({"www.example.com"}), "requester/web");
    EXPECT_TRUE(response.ok()) << response.status();
  }
  EXPECT_EQ(ErrorReason(Run(RequestFor({"www.example.com"}), "requester/web").status()),
            "REHEARSALS_SPENT");
  f_.clock().Advance(absl::Hours(1));
  EXPECT_TRUE(Run(RequestFor({"www.example.com"}), "requester/web").ok());
}

TEST_F(DoctorTest, AHundredNamesAreOneLook) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("n", i, ".example.com"));
  const auto response = Run(RequestFor(names));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->passed());
  ASSERT_EQ(response->rehearsals_size(), 100);
  EXPECT_EQ(response->rehearsals(99).name(), "n99.example.com");
  const auto asked = fake().looks().asked();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].proofs.size(), 100u);
}

TEST_F(DoctorTest, ALateNameDoesNotHoldUpTheOthers) {
  fake().SetPlan(NameOf("b.example.com"), {{kHttp, {"web1"}, {"web2"}}});
  Result result;
  const RehearseRequest request = RequestFor({"www.example.com", "b.example.com"});
  const auto rehearsal = Begin(result, request);
  ASSERT_TRUE(rehearsal.ok());
  doctor_->LearnOfCa(request, **rehearsal);
  timers_.Advance(absl::Seconds(2));
  // Looked at and taken down already.
  EXPECT_EQ(fake().looks().asked().size(), 1u);
  EXPECT_EQ(fake().released().size(), 1u);
  fake().SetPlan(NameOf("b.example.com"), {{kHttp, {"web1"}, {}}});
  timers_.Advance(absl::Seconds(2));
  ASSERT_TRUE(result.has_value() && result->ok());
  EXPECT_TRUE((*result)->passed());
}

TEST_F(DoctorTest, HoweverItEndsNothingStaysUp) {
  const std::vector<std::string> names = {"www.example.com", "b.example.com"};
  fake().SetPlan(NameOf("b.example.com"), {{kHttp, {"web1"}, {"web2"}}});
  const struct {
    const char* what;
    bool slow;  // cancelled while being looked at, else while being put up
    std::function<void(Doctor&, Rehearsal&)> end;
    absl::StatusCode code;
  } cases[] = {
      {"the client goes", false, [](Doctor&, Rehearsal& r) { r.Cancel(); },
       absl::StatusCode::kCancelled},
      {"the client goes during a look", true, [](Doctor&, Rehearsal& r) { r.Cancel(); },
       absl::StatusCode::kCancelled},
      {"the server stops", true, [](Doctor& doctor, Rehearsal&) { doctor.Stop(); },
       absl::StatusCode::kCancelled},
      {"its time is over", true, [](Doctor&, Rehearsal&) {}, absl::StatusCode::kOk},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Restart();
    fake().looks().SetSlow(c.slow);
    Result result;
    const RehearseRequest request = RequestFor(names);
    const auto rehearsal =
        Begin(result, request, "operator/alice", f_.clock().Now() + absl::Seconds(20));
    ASSERT_TRUE(rehearsal.ok());
    if (c.slow) {
      doctor_->LearnOfCa(request, **rehearsal);
      timers_.Advance(absl::Seconds(1));
    }
    EXPECT_GT(fake().served_count(), 0);
    c.end(*doctor_, **rehearsal);
    if (c.code != absl::StatusCode::kOk) {
      ASSERT_TRUE(result.has_value());
    }
    // Before the caller's deadline.
    timers_.Advance(absl::Milliseconds(18'600));
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->status().code(), c.code) << result->status();
    EXPECT_EQ(fake().served_count(), 0);
    (*rehearsal)->Cancel();  // late, and again
    timers_.Advance(absl::Minutes(1));
    EXPECT_EQ(fake().served_count(), 0);
  }
  // Stopped: nothing new.
  doctor_->Stop();
  EXPECT_TRUE(absl::IsCancelled(Run(RequestFor(names)).status()));
}

TEST_F(DoctorTest, OnlySoManyAtOnce) {
  fake().SetAutoReady(false);
  std::vector<Result> results(kMaxRehearsalsAtOnce + 1);
  const RehearseRequest request = RequestFor({"www.example.com"});
  for (size_t i = 0; i < kMaxRehearsalsAtOnce; ++i) {
    ASSERT_TRUE(Begin(results[i], request).ok());
  }
  EXPECT_EQ(ErrorReason(Begin(results.back(), request, "requester/web").status()), "BUSY");
  fake().SetAutoReady(true);
  for (const auto& one : fake().presented()) fake().MakeReady(one.id);
  timers_.Advance(absl::Minutes(1));
  for (size_t i = 0; i < kMaxRehearsalsAtOnce; ++i) EXPECT_TRUE(results[i].has_value()) << i;
  EXPECT_TRUE(Run(request, "requester/web").ok());
}

TEST_F(DoctorTest, PersistRecord) {
  issuer::v1::DescribePersistRecordRequest request;
  request.set_name("*.Example.com");
  auto response = DescribeRecord("operator/alice", request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->owner(), "_validation-persist.example.com");
  EXPECT_EQ(response->value(),
            absl::StrCat("ca.test; accounturi=", f_.store().GetAccount("main")->url,
                         "; policy=wildcard"));
  ASSERT_EQ(response->views_size(), 1);
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(response->views(0).findings(0).code(), "PERSIST_MISSING");
  ASSERT_EQ(fake().looks().persist_asked().size(), 1u);
  const solver::PersistLook asked = fake().looks().persist_asked().front();
  EXPECT_EQ(asked.name, "example.com");
  EXPECT_EQ(asked.value, response->value());
  EXPECT_TRUE(asked.wildcard);
  const int64_t now = absl::ToUnixSeconds(f_.clock().Now());
  const struct {
    const char* principal;
    const char* name;
    const char* ca;
    int64_t until;
    const char* reason;
  } cases[] = {
      {"operator/alice", "www.example.com", "", now, "BAD_FIELD"},
      {"operator/alice", "www.example.com", "", -1, "BAD_FIELD"},
      {"operator/alice", "www.example.com", "", now + 1, ""},
      {"operator/alice", "www.example.com", "", now + 11 * 366 * 86400, "BAD_FIELD"},
      {"operator/alice", "www.example.com", "second", 0, "NO_ACCOUNT"},
      {"operator/alice", "www.example.com", "third", 0, "CA_UNKNOWN"},
      {"operator/alice", "192.0.2.1", "", 0, "BAD_FIELD"},
      {"operator/alice", "", "", 0, "BAD_NAME"},
      {"requester/web", "b.example.com", "", 0, "NAME_NOT_GRANTED"},
      {"requester/web", "www.example.com", "", 0, ""},
  };
  for (const auto& c : cases) {
    request.set_name(c.name);
    request.set_ca(c.ca);
    request.set_persist_until(c.until);
    response = DescribeRecord(c.principal, request);
    EXPECT_EQ(ErrorReason(response.status()), c.reason) << c.name << ": " << response.status();
  }
  // Nobody looks for those who are refused.
  EXPECT_EQ(fake().looks().persist_asked().size(), 3u);

  // A CA that says no issuer domain name; a directory is kept for 6 h.
  f_.ca().SetTamper([](fakes::Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint != fakes::Endpoint::kDirectory) return;
    reply.body = absl::StrReplaceAll(reply.body, {{"\"caaIdentities\":[\"ca.test\"],", ""}});
  });
  f_.clock().Advance(absl::Hours(7));
  request.set_name("www.example.com");
  request.clear_ca();
  request.clear_persist_until();
  response = DescribeRecord("operator/alice", request);
  EXPECT_EQ(ErrorReason(response.status()), "NO_CAA_IDENTITY") << response.status();
}

TEST_F(DoctorTest, WhatIsPublishedIsSeenFromEverywhere) {
  issuer::v1::DescribePersistRecordRequest request;
  request.set_name("www.example.com");
  fake().looks().ShowPersist("www.example.com",
                             {ViewOf(types::v1::VERDICT_PASS, "", "north"),
                              ViewOf(types::v1::VERDICT_UNKNOWN, "VIEWPOINT_UNREACHABLE", "v2:1")});
  const auto response = DescribeRecord("operator/alice", request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->views_size(), 2);
  EXPECT_EQ(response->views(0).viewpoint(), "north");
  EXPECT_EQ(response->views(1).findings(0).code(), "VIEWPOINT_UNREACHABLE");
  EXPECT_FALSE(fake().looks().persist_asked().front().wildcard);
}

TEST_F(DoctorTest, OnlySoManyLooksAtRecordsAtOnce) {
  fake().looks().SetSlow(true);
  issuer::v1::DescribePersistRecordRequest request;
  request.set_name("www.example.com");
  int answered = 0;
  const auto begin = [&] {
    doctor_->DescribePersistRecord(CallerOf("operator/alice"), request, [&](auto response) {
      EXPECT_TRUE(response.ok()) << response.status();
      ++answered;
    });
  };
  for (int i = 0; i < kMaxPersistLooksAtOnce; ++i) begin();
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(ErrorReason(DescribeRecord("operator/alice", request).status()), "BUSY");
  fake().FinishLooks();
  EXPECT_EQ(answered, kMaxPersistLooksAtOnce);
  // What ends after the doctor is answered still.
  begin();
  doctor_.reset();
  fake().FinishLooks();
  EXPECT_EQ(answered, kMaxPersistLooksAtOnce + 1);
}

}  // namespace
}  // namespace norroy::service
