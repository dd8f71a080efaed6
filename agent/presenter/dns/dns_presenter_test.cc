#include "agent/presenter/dns/dns_presenter.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "agent/presenter/dns/memory_txt_writer.h"
#include "agent/presenter/presenter_contract.h"
#include "common/dns/fake_client.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

const dns::Server kServer = dns::TestServer("192.0.2.53");

// A presenter, the zones it writes to, and the DNS that it asks.
class World final : public PresenterUnderTest {
 public:
  explicit World(const std::vector<std::string>& zones)
      : writer_(new MemoryTxtWriter(Names(zones))),
        presenter_(resolver_, std::unique_ptr<TxtWriter>(writer_)) {}

  Presenter& presenter() override { return presenter_; }
  std::string Look(const challenge::Proof& proof) override {
    const auto values = writer_->Values(dns::TestName(proof.dns_owner()));
    return values.count(proof.dns_value()) > 0 ? proof.key_authorization.value() : "";
  }
  bool AccountsCoexist() const override { return true; }

  dns::FakeClient& dns() { return dns_; }
  MemoryTxtWriter& writer() { return *writer_; }

 private:
  static std::vector<dns::Name> Names(const std::vector<std::string>& texts) {
    std::vector<dns::Name> names;
    for (const std::string& text : texts) names.push_back(dns::TestName(text));
    return names;
  }

  dns::FakeClient dns_;
  dns::Resolver resolver_{dns_, {kServer}};
  MemoryTxtWriter* const writer_;
  DnsPresenter presenter_;
};

std::unique_ptr<PresenterUnderTest> MakeUnderTest() {
  return std::make_unique<World>(std::vector<std::string>{"example.com"});
}
INSTANTIATE_TEST_SUITE_P(Dns, PresenterContract, testing::Values(&MakeUnderTest));

challenge::Proof Make(const std::string& name, const std::string& token = "token-1") {
  challenge::Proof proof = MakeProof(name, token);
  proof.type = challenge::ChallengeType::kDns01;
  return proof;
}

TEST(DnsPresenter, SaysWhatItIs) {
  World world({"acme.example.net", "b.example.net"});
  EXPECT_EQ(world.presenter().name(), "memory acme.example.net");
  EXPECT_EQ(world.presenter().type(), challenge::ChallengeType::kDns01);
  EXPECT_EQ(world.presenter().zones(),
            (std::vector<std::string>{"acme.example.net", "b.example.net"}));
  EXPECT_TRUE(world.presenter().may_wait());
  EXPECT_EQ(world.presenter().answers().served, 3);
  EXPECT_EQ(world.presenter().answers().unknown, 4);
  const auto place = world.presenter().PutUp(Make("x.example"), "x.acme.example.net");
  EXPECT_EQ(*place, "TXT x.acme.example.net at memory:53 (memory)");
}

TEST(DnsPresenter, LocatesTheEndOfTheCnames) {
  struct Case {
    const char* name;
    const char* expected;  // an owner, or the reason
    const char* text = "";
  };
  const Case cases[] = {
      {"inside.example.net", "_acme-challenge.inside.example.net"},
      {"*.inside.example.net", "_acme-challenge.inside.example.net"},
      {"www.example.com", "www.acme.example.net"},
      {"*.www.example.com", "www.acme.example.net"},
      {"two.example.com", "www.acme.example.net"},
      {"moved.example.net", "www.acme.example.net"},
      {"away.example.net", "FOREIGN_ZONE",
       "_acme-challenge.away.example.net -> x.attacker.example"},
      {"foreign.example.com", "FOREIGN_ZONE",
       "_acme-challenge.foreign.example.com -> acme.example.org"},
      {"bare.example.com", "FOREIGN_ZONE", "no CNAME"},
      {"loop.example.com", "CNAME_LOOP",
       "_acme-challenge.loop.example.com -> _acme-challenge.loop.example.com"},
      {"sick.example.com", "DNS_SERVFAIL"},
  };
  World world({"acme.example.net", "example.net"});
  const auto cname = [&](const char* name, const char* target) {
    world.dns().Add(dns::CnameRecord(std::string("_acme-challenge.") + name, target));
  };
  cname("www.example.com", "WWW.acme.example.net");
  cname("two.example.com", "_acme-challenge.www.example.com");
  cname("moved.example.net", "www.acme.example.net");
  cname("away.example.net", "x.attacker.example");
  cname("foreign.example.com", "acme.example.org");
  cname("loop.example.com", "_acme-challenge.loop.example.com");
  world.dns().SayFor(dns::TestName("_acme-challenge.sick.example.com"), dns::Type::kCname,
                     dns::Rcode::kServFail);
  for (const Case& c : cases) {
    const auto location = world.presenter().Locate(Make(c.name));
    EXPECT_EQ(location.ok() ? *location : ErrorReason(location.status()), c.expected)
        << c.name << ": " << location.status();
    EXPECT_TRUE(absl::StrContains(location.status().message(), c.text)) << location.status();
    if (ErrorReason(location.status()) == "FOREIGN_ZONE") {
      EXPECT_TRUE(absl::IsNotFound(location.status()));
    }
  }
  EXPECT_EQ(world.writer().calls(), 0);
}

TEST(DnsPresenter, AsksDnsNothingButToLocate) {
  World world({"acme.example.net"});
  const auto proof = Make("www.example.com");
  ASSERT_TRUE(world.presenter().PutUp(proof, "www.acme.example.net").ok());
  ASSERT_TRUE(world.presenter().TakeDown(proof, "www.acme.example.net").ok());
  EXPECT_TRUE(world.dns().asked().empty());
}

TEST(DnsPresenter, RefusesLocationsOutsideItsZonesWhoeverSaysThem) {
  World world({"acme.example.net"});
  const auto proof = Make("www.example.com");
  for (const char* location : {"www.example.com", "example.net", "xacme.example.net", "", ".",
                               "a b.acme.example.net", "../acme.example.net"}) {
    EXPECT_FALSE(world.presenter().PutUp(proof, location).ok()) << location;
    EXPECT_FALSE(world.presenter().TakeDown(proof, location).ok()) << location;
  }
  const auto refused = world.presenter().PutUp(proof, "www.example.com");
  EXPECT_EQ(ErrorReason(refused.status()), "FOREIGN_ZONE");
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "acme.example.net."));
  EXPECT_EQ(world.writer().calls(), 0);
}

TEST(DnsPresenter, AValueGoesWithTheLastProofThatNeedsIt) {
  World world({"acme.example.net"});
  const std::string owner = "shared.acme.example.net";
  const auto first = Make("a.example.com");
  const auto second = Make("b.example.com");  // the same token: the same value
  ASSERT_EQ(first.dns_value(), second.dns_value());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(world.presenter().PutUp(first, owner).ok());
  ASSERT_TRUE(world.presenter().PutUp(second, owner).ok());
  ASSERT_TRUE(world.presenter().TakeDown(first, owner).ok());
  ASSERT_TRUE(world.presenter().TakeDown(first, owner).ok());
  EXPECT_EQ(world.writer().Values(dns::TestName(owner)).size(), 1u);
  ASSERT_TRUE(world.presenter().TakeDown(second, owner).ok());
  EXPECT_TRUE(world.writer().Values(dns::TestName(owner)).empty());
}

TEST(DnsPresenter, TakesDownWhatAnEarlierRunPutUpAndNothingElse) {
  World world({"acme.example.net"});
  const auto owner = dns::TestName("www.acme.example.net");
  const auto proof = Make("www.example.com");
  world.writer().Put(owner, proof.dns_value());
  world.writer().Put(owner, "somebody else's");
  ASSERT_TRUE(world.presenter().TakeDown(proof, owner.text()).ok());
  EXPECT_EQ(world.writer().Values(owner), std::set<std::string>{"somebody else's"});
}

TEST(DnsPresenter, PassesTheWritersErrorsOnAndCanBeAskedAgain) {
  World world({"acme.example.net"});
  const auto owner = dns::TestName("www.acme.example.net");
  const auto proof = Make("www.example.com");
  world.writer().Fail(absl::UnavailableError("memory:53 is full"));
  EXPECT_TRUE(absl::IsUnavailable(world.presenter().PutUp(proof, owner.text()).status()));
  world.writer().Fail(absl::OkStatus());
  ASSERT_TRUE(world.presenter().PutUp(proof, owner.text()).ok());
  world.writer().Fail(absl::UnavailableError("memory:53 is full"));
  EXPECT_TRUE(absl::IsUnavailable(world.presenter().TakeDown(proof, owner.text())));
  world.writer().Fail(absl::OkStatus());
  ASSERT_TRUE(world.presenter().TakeDown(proof, owner.text()).ok());
  EXPECT_TRUE(world.writer().Values(owner).empty());
}

}  // namespace
}  // namespace norroy::agent
