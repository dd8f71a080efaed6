#include "validator/preflight/dns_look.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "absl/strings/match.h"
#include "validator/preflight/look_fixture.h"

namespace norroy::validator::preflight {
namespace {

const char kOwner[] = "_acme-challenge.www.example.com";

// example.com and example.net, each with two servers; 127.0.0.1 and 127.0.0.2 have the first.
class DnsLookTest : public testing::Test, protected LookFixture {
 protected:
  DnsLookTest() : proof_(TestProof("www.example.com", challenge::ChallengeType::kDns01)) {
    AddZone("example.com", "127.0.0.1", "127.0.0.2");
    AddZone("example.net", "127.0.0.3", "127.0.0.4");
    dns_.Add(dns::AddressRecord("www.example.com", "192.0.2.80"));
  }

  void AddZone(const std::string& zone, const std::string& first, const std::string& second) {
    dns_.Add(dns::SoaRecord(zone, "ns1." + zone));
    dns_.Add(dns::NsRecord(zone, "ns1." + zone));
    dns_.Add(dns::NsRecord(zone, "ns2." + zone));
    dns_.Add(dns::AddressRecord("ns1." + zone, first));
    dns_.Add(dns::AddressRecord("ns2." + zone, second));
  }
  std::string right() const { return proof_.dns_value(); }
  dns::Record RightAt(const std::string& owner) const { return dns::TxtRecord(owner, right()); }
  static dns::Server At(const std::string& address) { return dns::TestServer(address + ":53"); }
  Sight Look() { return DnsLook(viewpoint(), proof_, Soon()); }

  const challenge::Proof proof_;
};

TEST_F(DnsLookTest, EveryServerHasIt) {
  dns_.Add(RightAt(kOwner));
  dns_.Add(dns::TxtRecord(kOwner, "another value"));
  const Sight sight = Look();
  EXPECT_EQ(sight.verdict(), Verdict::kPass) << TextOf(sight);
  EXPECT_EQ(CodesOf(sight), "");
}

// A resolver that heard that there is no such name would keep it.
TEST_F(DnsLookTest, ResolversAreNotAskedForWhatMayNotBeThere) {
  EXPECT_EQ(CodesOf(Look()), "TXT_MISSING");
  for (const auto& asked : dns_.asked()) {
    const bool resolver = asked.server == resolvers_[0];
    EXPECT_EQ(asked.query.recursion_desired, resolver);
    if (resolver) {
      EXPECT_NE(asked.query.name.text(), kOwner);
    }
  }
}

TEST_F(DnsLookTest, Values) {
  struct Case {
    const char* what;
    std::function<void(dns::FakeClient&)> change;
    const char* codes;
    Verdict verdict;
    absl::Duration again;
    const char* text;
  };
  const dns::Server second = At("127.0.0.2");
  const dns::Record right = RightAt(kOwner);
  const Case cases[] = {
      {"missing", [](auto&) {}, "TXT_MISSING", Verdict::kWait, absl::Seconds(2),
       "ns1.example.com (127.0.0.1), ns2.example.com (127.0.0.2)"},
      {"wrong", [](auto& dns) { dns.Add(dns::TxtRecord(kOwner, "old")); }, "TXT_WRONG",
       Verdict::kWait, absl::Seconds(2), "1 other value,"},
      {"lagging",
       [&](auto& dns) {
         dns.Detach(second);
         dns.Add(right);
       },
       "LAGGING_SERVER", Verdict::kWait, absl::Seconds(5),
       "ns2.example.com (127.0.0.2) has not got"},
      {"lame",
       [&](auto& dns) {
         dns.Add(right);
         dns.MakeLame(second);
       },
       "LAME_SERVER", Verdict::kFail, absl::ZeroDuration(), "without authority"},
      {"refuses",
       [&](auto& dns) {
         dns.Add(right);
         dns.SayAt(second, dns::Rcode::kRefused);
       },
       "LAME_SERVER", Verdict::kFail, absl::ZeroDuration(), "answers REFUSED"},
      {"fails",
       [&](auto& dns) {
         dns.Add(right);
         dns.SayAt(second, dns::Rcode::kServFail);
       },
       "LAME_SERVER", Verdict::kPass, absl::ZeroDuration(), "answers SERVFAIL"},
      {"silent",
       [&](auto& dns) {
         dns.Add(right);
         dns.FailAt(second, absl::DeadlineExceededError("no answer"));
       },
       "LAME_SERVER", Verdict::kPass, absl::ZeroDuration(), "does not answer"},
      {"crowded",
       [&](auto& dns) {
         for (int i = 0; i < 10; ++i) dns.Add(dns::TxtRecord(kOwner, absl::StrCat("old ", i)));
         dns.Add(right);
       },
       "TXT_CROWDED", Verdict::kPass, absl::ZeroDuration(), "11 TXT values"},
      {"long",
       [&](auto& dns) {
         dns.Add(dns::TxtRecord(kOwner, std::string(4090, 'x')));
         dns.Add(right);
       },
       "TXT_CROWDED", Verdict::kPass, absl::ZeroDuration(), "2 TXT values"},
      {"no address",
       [&](auto& dns) {
         dns.Add(right);
         dns.Add(dns::NsRecord("example.com", "ns3.example.com"));
       },
       "SERVER_WITHOUT_ADDRESS", Verdict::kPass, absl::ZeroDuration(), "ns3.example.com"},
      {"inside",
       [&](auto& dns) {
         dns.Add(right);
         dns.Add(dns::NsRecord("example.com", "ns3.example.com"));
         dns.Add(dns::AddressRecord("ns3.example.com", "10.0.0.53"));
       },
       "ADDRESS_FORBIDDEN", Verdict::kUnknown, absl::ZeroDuration(), "dns.allow_networks"},
      {"all fail",
       [&](auto& dns) {
         dns.Add(right);
         dns.SayAt(At("127.0.0.1"), dns::Rcode::kServFail);
         dns.FailAt(second, absl::DeadlineExceededError("no answer"));
       },
       "SERVERS_FAIL", Verdict::kPass, absl::ZeroDuration(), "the resolver has the value"},
      {"all fail, and the resolver has nothing",
       [&](auto& dns) {
         dns.SayAt(At("127.0.0.1"), dns::Rcode::kServFail);
         dns.FailAt(second, absl::DeadlineExceededError("no answer"));
       },
       "SERVERS_FAIL", Verdict::kUnknown, absl::ZeroDuration(), "port 53"},
  };
  for (const Case& c : cases) {
    DnsLookTest_Values_Test fresh;
    c.change(fresh.dns_);
    const Sight sight = fresh.Look();
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << c.what;
    EXPECT_EQ(sight.again_after(), c.again) << c.what;
    EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << c.what << ": " << TextOf(sight);
  }
}

TEST_F(DnsLookTest, AlongTheCnames) {
  dns_.Add(dns::CnameRecord(kOwner, "abc.example.net"));
  dns_.Add(RightAt("abc.example.net"));
  Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "CNAME_PATH") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kPass);
  EXPECT_TRUE(
      absl::StrContains(TextOf(sight), "_acme-challenge.www.example.com -> abc.example.net"));
  dns_.MakeLame(At("127.0.0.4"));
  EXPECT_EQ(CodesOf(Look()), "LAME_SERVER CNAME_PATH");
}

TEST_F(DnsLookTest, LoopsAndLongChains) {
  dns_.Add(dns::CnameRecord(kOwner, "a.example.net"));
  dns_.Add(dns::CnameRecord("a.example.net", "b.example.net"));
  dns_.Add(dns::CnameRecord("b.example.net", kOwner));
  Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "CNAME_LOOP");
  EXPECT_EQ(sight.verdict(), Verdict::kFail);
  for (const int length : {8, 9}) {
    dns_.Remove(dns::TestName(kOwner), dns::Type::kCname);
    dns_.Add(dns::CnameRecord(kOwner, "c1.example.net"));
    for (int i = 1; i < length; ++i) {
      const std::string from = absl::StrCat("c", i, ".example.net");
      dns_.Remove(dns::TestName(from), dns::Type::kCname);
      dns_.Remove(dns::TestName(from), dns::Type::kTxt);
      dns_.Add(dns::CnameRecord(from, absl::StrCat("c", i + 1, ".example.net")));
    }
    dns_.Add(RightAt(absl::StrCat("c", length, ".example.net")));
    EXPECT_EQ(CodesOf(Look()), length == 8 ? "CNAME_PATH" : "CNAME_TOO_LONG");
  }
}

TEST_F(DnsLookTest, WhatResolversKeep) {
  const dns::Server resolver = resolvers_[0];
  dns_.Detach(resolver);
  dns_.Add(RightAt(kOwner));
  for (const int seconds : {3600, 30}) {
    dns::Record soa = dns::SoaRecord("example.com", "ns1.example.com", 1, 3600);
    soa.ttl = static_cast<uint32_t>(seconds);
    dns_.RemoveAt(resolver, dns::TestName("example.com"), dns::Type::kSoa);
    dns_.AddAt(resolver, soa);
    const Sight sight = Look();
    EXPECT_EQ(CodesOf(sight), "NEGATIVE_CACHED") << TextOf(sight);
    EXPECT_EQ(sight.verdict(), Verdict::kWait);
    EXPECT_EQ(sight.again_after(), absl::Seconds(std::min(seconds, 60)));
  }
  dns_.AddAt(resolver, dns::TxtRecord(kOwner, "old", 17));
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "OLD_VALUE_CACHED") << TextOf(sight);
  EXPECT_EQ(sight.again_after(), absl::Seconds(17));
}

TEST_F(DnsLookTest, NoResolverNoTelling) {
  dns_.FailAt(resolvers_[0], absl::UnavailableError("down"));
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "RESOLVER_FAILS");
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
}

}  // namespace
}  // namespace norroy::validator::preflight
