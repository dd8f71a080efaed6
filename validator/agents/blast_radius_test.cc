#include "validator/agents/blast_radius.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/dns/fake_client.h"
#include "common/error/error.h"
#include "validator/agents/test_fleet.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;

class BlastRadiusTest : public testing::Test {
 protected:
  BlastRadiusTest() {
    agent_.grants = {GrantOf({".example.com", "*.example.com"}, {ChallengeType::kHttp01}),
                     GrantOf({"=192.0.2.0/24"}, {ChallengeType::kTlsAlpn01})};
    agent_.report.scope = {"www.example.com", "*.example.com", "=192.0.2.1", "not a pattern"};
    agent_.report.presenters = {
        {"rfc2136 acme.test", ChallengeType::kDns01, {"acme.test", "dyn.test"}},
        {"rfc2136 dyn.test", ChallengeType::kDns01, {"dyn.test", "not a zone"}}};
  }

  std::string Exposed(const std::vector<std::string>& texts) {
    std::vector<challenge::Name> names;
    for (const std::string& text : texts) names.push_back(*challenge::Name::Parse(text));
    return absl::StrJoin(ExposedNames(agent_, names, {&resolver_, clock_, timeout_, cancelled_}),
                         ", ", [](std::string* out, const ExposedName& one) {
                           absl::StrAppend(out, one.name, " ", ExposureName(one.how),
                                           one.owner.empty() ? "" : " ", one.owner);
                         });
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1767225600)};
  dns::FakeClient dns_;
  dns::Resolver resolver_{dns_, {dns::TestServer("127.0.0.1:53")}};
  absl::Duration timeout_ = kBlastTimeout;
  std::function<bool()> cancelled_;
  Agent agent_;
};

TEST_F(BlastRadiusTest, NamesAndHowTheyAreExposed) {
  dns_.Add(dns::CnameRecord("_acme-challenge.deleg.other.test", "abc.acme.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.far.other.test", "a.hop.test"));
  dns_.Add(dns::CnameRecord("a.hop.test", "b.hop.test"));
  dns_.Add(dns::CnameRecord("b.hop.test", "abc.acme.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.through.other.test", "hop.dyn.test"));
  dns_.Add(dns::CnameRecord("hop.dyn.test", "out.elsewhere.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.foreign.other.test", "abc.elsewhere.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.both.example.com", "both.acme.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.example.com", "wild.acme.test"));
  dns_.Add(dns::CnameRecord("_acme-challenge.loop.other.test", "loop.hop.test"));
  dns_.Add(dns::CnameRecord("loop.hop.test", "_acme-challenge.loop.other.test"));
  dns_.FailFor(dns::TestName("_acme-challenge.dark.other.test"), dns::Type::kCname,
               absl::DeadlineExceededError("no answer"));
  const struct {
    const char* name;
    std::string exposed;
  } cases[] = {
      {"www.example.com", "www.example.com grant"},
      {"shop.example.com", "shop.example.com beyond-scope"},
      {"192.0.2.1", "192.0.2.1 grant"},
      {"192.0.2.2", "192.0.2.2 beyond-scope"},
      {"198.51.100.1", ""},
      {"www.other.test", ""},
      {"deleg.other.test", "deleg.other.test zone abc.acme.test"},
      {"far.other.test", "far.other.test zone abc.acme.test"},
      {"through.other.test", "through.other.test zone hop.dyn.test"},
      {"foreign.other.test", ""},
      {"www.dyn.test", "www.dyn.test zone _acme-challenge.www.dyn.test"},
      {"dyn.test", "dyn.test zone _acme-challenge.dyn.test"},
      {"xdyn.test", ""},
      {"both.example.com", "both.example.com beyond-scope, both.example.com zone both.acme.test"},
      {"*.example.com", "*.example.com grant, *.example.com zone wild.acme.test"},
      {"loop.other.test", "loop.other.test unknown"},
      {"dark.other.test", "dark.other.test unknown"},
  };
  for (const auto& c : cases) EXPECT_EQ(Exposed({c.name}), c.exposed) << c.name;
  EXPECT_EQ(absl::StrJoin(ZonesOf(agent_), " "), "acme.test dyn.test not a zone");
}

TEST_F(BlastRadiusTest, AnAgentWithoutZonesCostsNoLookup) {
  agent_.report.presenters.clear();
  EXPECT_EQ(Exposed({"www.example.com", "deleg.other.test"}), "www.example.com grant");
  EXPECT_TRUE(dns_.asked().empty());
}

TEST_F(BlastRadiusTest, WhatIsNotDoneInTimeIsSaid) {
  timeout_ = absl::ZeroDuration();
  EXPECT_EQ(Exposed({"deleg.other.test", "www.dyn.test"}),
            "deleg.other.test unknown, www.dyn.test zone _acme-challenge.www.dyn.test");
  timeout_ = kBlastTimeout;
  cancelled_ = [] { return true; };
  EXPECT_EQ(Exposed({"deleg.other.test"}), "deleg.other.test unknown");
  EXPECT_TRUE(dns_.asked().empty());
}

TEST_F(BlastRadiusTest, AThousandNames) {
  std::vector<challenge::Name> names;
  for (int i = 0; i < kMaxBlastNames; ++i) {
    names.push_back(*challenge::Name::Parse(absl::StrCat("n", i, ".other.test")));
  }
  std::vector<ExposedName> expected;
  for (int i = 0; i < kMaxBlastNames; i += 50) {
    const std::string target = absl::StrCat("n", i, ".acme.test");
    dns_.Add(dns::CnameRecord("_acme-challenge." + names[i].text(), target));
    expected.push_back({names[i].text(), Exposure::kZone, target});
  }
  EXPECT_EQ(ExposedNames(agent_, names, {&resolver_, clock_}), expected);
}

}  // namespace
}  // namespace norroy::validator
