// By which challenge types names are proved, and what follows a type that fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "issuer/flow/choice.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kWww[] = "www.example.test";

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

solver::TypePlan By(ChallengeType type, const std::string& agent = "web1") {
  return {type, {agent}, {}};
}

// The CA notes the types that it is told to look at.
std::vector<std::string>& NoteTypes(FlowFixture& f, std::vector<std::string>& types,
                                    const std::string& refused = "") {
  f.ca().SetValidator([&f, &types, refused](const fakes::Attempt& attempt) {
    types.push_back(attempt.type);
    if (attempt.type == refused) return absl::PermissionDeniedError("refused by the CA");
    return f.solver().Served(attempt.token) == attempt.key_authorization
               ? absl::OkStatus()
               : absl::NotFoundError("not served");
  });
  return types;
}

TEST(Types, FitNames) {
  const struct {
    std::string name;
    bool http, dns, alpn;
  } cases[] = {
      {"www.example.com", true, true, true},
      {"*.example.com", false, true, false},
      {"192.0.2.1", true, false, true},
      {"2001:db8::1", true, false, true},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(Fits(NameOf(row.name), ChallengeType::kHttp01), row.http) << row.name;
    EXPECT_EQ(Fits(NameOf(row.name), ChallengeType::kDns01), row.dns) << row.name;
    EXPECT_EQ(Fits(NameOf(row.name), ChallengeType::kTlsAlpn01), row.alpn) << row.name;
  }
}

TEST(Types, WildcardsAndAddressesGetWhatFitsThem) {
  const struct {
    std::string name;
    std::string type;
  } cases[] = {{"*.example.test", "dns-01"}, {"192.0.2.1", "http-01"}, {"2001:db8::1", "http-01"}};
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    FlowFixture f;
    std::vector<std::string> types;
    NoteTypes(f, types);
    // A validator that would have anything served.
    f.solver().SetPlan(NameOf(row.name),
                       row.type == "dns-01"
                           ? std::vector{By(ChallengeType::kHttp01), By(ChallengeType::kDns01)}
                           : std::vector{By(ChallengeType::kDns01), By(ChallengeType::kHttp01)});
    const Order order = f.Create({row.name}, MakeCsr({row.name}, MakeKey()));
    ASSERT_EQ(f.Settle(order.id).state, State::kDone);
    EXPECT_THAT(types, ElementsAre(row.type));
    ASSERT_EQ(f.solver().presented().size(), 1u);
    EXPECT_EQ(f.solver().presented()[0].proofs.size(), 1u);
    EXPECT_EQ(f.CertificateOf(order.id).names[0].text(), row.name);
  }
}

TEST(Types, AnAgentThatRefusesGivesWayToTheNextType) {
  FlowFixture f;
  std::vector<std::string> types;
  NoteTypes(f, types);
  f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kTlsAlpn01),
                                    By(ChallengeType::kDns01, "dns1")});
  f.solver().FailType(NameOf(kWww), ChallengeType::kHttp01, "port 80 is taken");
  f.solver().FailType(NameOf(kWww), ChallengeType::kTlsAlpn01, "port 443 is taken");
  const absl::Time begin = f.clock().Now();
  const Order order = f.Create({kWww, "ok.example.test"});
  f.engine().RunDue();
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 2);
  EXPECT_EQ(f.clock().Now(), begin);
  const Order ready = f.Settle(order.id);
  EXPECT_EQ(ready.state, State::kWaitingForCsr);
  EXPECT_THAT(types, ElementsAre("http-01", "dns-01"));
  EXPECT_EQ(f.solver().presented().size(), 1u);
  // Validated: the next time every type gets its chance.
  EXPECT_THAT(ready.failed_types, IsEmpty());
}

TEST(Types, WhenNoneIsLeftAllGetAnotherChance) {
  FlowFixture f;
  f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
  f.solver().FailType(NameOf(kWww), ChallengeType::kHttp01, "port 80 is taken");
  f.solver().FailType(NameOf(kWww), ChallengeType::kDns01, "the zone is locked");
  const Order order = f.Create({kWww});
  f.RunFor(absl::Seconds(20));
  const Order waiting = f.Get(order.id);
  EXPECT_FALSE(IsFinal(waiting.state));
  EXPECT_EQ(waiting.error->reason, "PRESENT_FAILED");
  EXPECT_THAT(waiting.error->message, HasSubstr("the zone is locked"));
  EXPECT_GT(waiting.attempt, 2);
  EXPECT_THAT(waiting.failed_types, IsEmpty());
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
}

TEST(Types, ATypeThatTheCaRefusesGivesWayInANewOrder) {
  FlowFixture f;
  std::vector<std::string> types;
  NoteTypes(f, types, "http-01");
  f.Configure(FlowFixture::All(Grade::kOff));
  f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
  const absl::Time begin = f.clock().Now();
  const Order order = f.Create({kWww}, MakeCsr({kWww}, MakeKey()));
  const Order done = f.Settle(order.id);
  ASSERT_EQ(done.state, State::kDone);
  EXPECT_LE(f.clock().Now() - begin, absl::Seconds(1));
  EXPECT_THAT(types, ElementsAre("http-01", "dns-01"));
  EXPECT_EQ(f.ca().orders().size(), 2u);
  EXPECT_FALSE(done.error.has_value());
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Types, TheNextTryShowsWhatTheCaSaid) {
  FlowFixture f;
  std::vector<std::string> types;
  f.Configure(FlowFixture::All(Grade::kOff));
  f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
  f.ca().SetValidator([&](const fakes::Attempt&) {
    f.solver().SetAutoReady(false);
    return absl::PermissionDeniedError("refused by the CA");
  });
  const Order order = f.Create({kWww});
  f.RunFor(absl::Seconds(5));
  const Order waiting = f.Get(order.id);
  EXPECT_EQ(waiting.state, State::kPresenting);
  EXPECT_EQ(waiting.error->reason, "VALIDATION_FAILED");
  EXPECT_THAT(waiting.error->message, HasSubstr("refused by the CA"));
  EXPECT_THAT(waiting.error->message, HasSubstr("www.example.test is tried by dns-01"));
  EXPECT_THAT(waiting.failed_types, ElementsAre(FailedType{NameOf(kWww), ChallengeType::kHttp01}));
  // It is known after a restart too.
  f.Restart();
  NoteTypes(f, types);
  f.solver().SetAutoReady(true);
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_THAT(types, ElementsAre("dns-01"));
}

TEST(Types, NoTypeLeftAtTheCaEndsTheOrder) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kOff));
  std::vector<std::string> types;
  f.ca().SetValidator([&](const fakes::Attempt& attempt) {
    types.push_back(attempt.type);
    return absl::PermissionDeniedError("no");
  });
  f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
  const Order order = f.Create({kWww});
  const Order failed = f.Settle(order.id);
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "VALIDATION_FAILED");
  EXPECT_THAT(types, ElementsAre("http-01", "dns-01"));
}

TEST(Types, ALookThatFailsGivesWayBeforeTheCaIsTold) {
  for (const Grade grade : {Grade::kAdvise, Grade::kGate}) {
    FlowFixture f;
    f.Configure(FlowFixture::All(grade));
    std::vector<std::string> types;
    NoteTypes(f, types);
    f.solver().SetPlan(NameOf(kWww), {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
    f.solver().looks().Show(NameOf(kWww), ChallengeType::kHttp01,
                            {{solver::ViewOf(types::v1::VERDICT_FAIL, "PORT_CLOSED")}});
    const Order order = f.Create({kWww});
    const Order ready = f.Settle(order.id);
    EXPECT_EQ(ready.state, State::kWaitingForCsr);
    EXPECT_THAT(types, ElementsAre("dns-01"));
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_EQ(ready.progress[0].views[0].verdict(), types::v1::VERDICT_PASS);
  }
}

TEST(Types, HundredNamesStayWithinOnePresentation) {
  FlowFixture f;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back(absl::StrCat("n", i, ".example.test"));
    f.solver().SetPlan(NameOf(names.back()),
                       {By(ChallengeType::kHttp01), By(ChallengeType::kDns01)});
  }
  f.solver().FailType(NameOf("n7.example.test"), ChallengeType::kHttp01, "port 80 is taken");
  const Order order = f.Create(names);
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  // The second type of that name was not sealed at first.
  ASSERT_EQ(f.solver().presented().size(), 2u);
  for (const solver::Presentation& presented : f.solver().presented()) {
    EXPECT_EQ(presented.proofs.size(), 100u);
  }
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Types, LeasesAreLongOnlyWhereAllIsProvedByDns) {
  const struct {
    std::vector<ChallengeType> types;
    absl::Duration lease;
  } cases[] = {
      {{ChallengeType::kDns01}, absl::Minutes(30)},
      {{ChallengeType::kTlsAlpn01}, absl::Minutes(15)},
      {{ChallengeType::kHttp01}, absl::Minutes(15)},
      {{ChallengeType::kDns01, ChallengeType::kTlsAlpn01}, absl::Minutes(15)},
  };
  for (const auto& row : cases) {
    FlowFixture f;
    std::vector<solver::TypePlan> plan;
    for (const ChallengeType type : row.types) plan.push_back(By(type));
    f.solver().SetPlan(NameOf(kWww), plan);
    const absl::Time begin = f.clock().Now();
    const Order order = f.Create({kWww});
    EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
    ASSERT_EQ(f.solver().presented().size(), 1u);
    EXPECT_EQ(f.solver().presented()[0].not_after - begin, row.lease);
  }
}

}  // namespace
}  // namespace norroy::flow
