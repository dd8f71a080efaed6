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
      {"twenty of others, and ours in the middle",
       [&](auto& dns) {
         for (int i = 0; i < 10; ++i) dns.Add(dns::TxtRecord(kOwner, absl::StrCat("old ", i)));
         dns.Add(right);
         for (int i = 0; i < 10; ++i) dns.Add(dns::TxtRecord(kOwner, absl::StrCat("new ", i)));
       },
       "TXT_CROWDED", Verdict::kPass, absl::ZeroDuration(), "21 TXT values"},
      {"twenty of others alone",
       [&](auto& dns) {
         for (int i = 0; i < 20; ++i) dns.Add(dns::TxtRecord(kOwner, absl::StrCat("old ", i)));
       },
       "TXT_WRONG TXT_CROWDED", Verdict::kWait, absl::Seconds(2), "20 other values"},
      {"a wildcard's",
       [](auto& dns) { dns.Add(dns::TxtRecord("*.www.example.com", "v=spf1 -all")); }, "TXT_WRONG",
       Verdict::kWait, absl::Seconds(2), "1 other value,"},
      {"ours, and a wildcard's",
       [&](auto& dns) {
         dns.Add(dns::TxtRecord("*.www.example.com", "v=spf1 -all"));
         dns.Add(right);
       },
       "", Verdict::kPass, absl::ZeroDuration(), ""},
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

// Of several servers each one may be the one that lags.
TEST_F(DnsLookTest, EveryOneOfFourIsAsked) {
  for (int lagging = 1; lagging <= 4; ++lagging) {
    DnsLookTest_EveryOneOfFourIsAsked_Test fresh;
    for (const int i : {3, 4}) {
      const std::string server = absl::StrCat("ns", i, ".example.com");
      fresh.dns_.Add(dns::NsRecord("example.com", server));
      fresh.dns_.Add(dns::AddressRecord(server, absl::StrCat("127.0.0.1", i)));
    }
    const std::string address =
        lagging <= 2 ? absl::StrCat("127.0.0.", lagging) : absl::StrCat("127.0.0.1", lagging);
    fresh.dns_.Detach(At(address));
    fresh.dns_.Add(RightAt(kOwner));
    const Sight sight = fresh.Look();
    EXPECT_EQ(CodesOf(sight), "LAGGING_SERVER") << TextOf(sight);
    EXPECT_EQ(sight.verdict(), Verdict::kWait);
    EXPECT_TRUE(absl::StrContains(
        TextOf(sight), absl::StrCat("ns", lagging, ".example.com (", address, ") has not got")))
        << TextOf(sight);
  }
}

TEST_F(DnsLookTest, EachResolver) {
  struct Case {
    const char* what;
    std::function<void(dns::FakeClient&, const dns::Server&)> spoil;
    const char* one;   // what is said if one of two is so
    const char* both;  // what is said if both are
    const char* text;
  };
  const Case cases[] = {
      {"fails", [](auto& dns, auto& at) { dns.SayAt(at, dns::Rcode::kServFail); }, "",
       "RESOLVER_FAILS", "SERVFAIL"},
      {"refuses", [](auto& dns, auto& at) { dns.SayAt(at, dns::Rcode::kRefused); }, "",
       "RESOLVER_FAILS", "REFUSED"},
      {"silent",
       [](auto& dns, auto& at) { dns.FailAt(at, absl::DeadlineExceededError("no answer")); }, "",
       "RESOLVER_FAILS", "no answer"},
      {"still says that there is none",
       [](auto& dns, auto& at) { dns.RemoveAt(at, dns::TestName(kOwner), dns::Type::kTxt); },
       "NEGATIVE_CACHED", "NEGATIVE_CACHED", "resolver 192.0.2."},
      {"of another view",
       [](auto& dns, auto& at) {
         dns.RemoveAt(at, dns::TestName(kOwner), dns::Type::kTxt);
         dns.AddAt(at, dns::TxtRecord(kOwner, "inside", 30));
       },
       "OLD_VALUE_CACHED", "OLD_VALUE_CACHED", "resolver 192.0.2."},
  };
  const dns::Server second = dns::TestServer("192.0.2.2:53");
  for (const Case& c : cases) {
    for (const bool both : {false, true}) {
      DnsLookTest_EachResolver_Test fresh;
      fresh.resolvers_.push_back(second);
      fresh.dns_.Add(RightAt(kOwner));
      if (both) c.spoil(fresh.dns_, fresh.resolvers_[0]);
      c.spoil(fresh.dns_, second);
      const Sight sight = fresh.Look();
      const std::string code = both ? c.both : c.one;
      EXPECT_EQ(CodesOf(sight), code) << c.what << ": " << TextOf(sight);
      EXPECT_EQ(sight.verdict() == Verdict::kPass, code.empty()) << c.what;
      if (code.empty()) continue;
      EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << c.what << ": " << TextOf(sight);
    }
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
  for (const int seconds : {86400, 3600, 30}) {
    dns::Record soa = dns::SoaRecord("example.com", "ns1.example.com", 1, 86400);
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

// Servers below example.com that refer to the next zone, `referrals` times; 127.0.N.1 has the N-th.
class Referring final : public dns::Client {
 public:
  Referring(dns::Client& resolvers, int referrals) : resolvers_(resolvers), referrals_(referrals) {}

  absl::StatusOr<dns::Message> Ask(const dns::Server& server, const dns::Query& query,
                                   absl::Duration timeout) override {
    if (query.recursion_desired) return resolvers_.Ask(server, query, timeout);
    const int depth = TestAddress(server.address).bytes()[2];
    dns::Message message;
    message.authoritative = depth == referrals_;
    if (message.authoritative) return message;
    const std::string labels = "g.f.e.d.c.b.a";
    const std::string zone =
        labels.substr(labels.size() - 1 - static_cast<size_t>(2 * depth)) + ".example.com";
    message.authority = {dns::NsRecord(zone, "ns." + zone)};
    message.additional = {
        dns::AddressRecord("ns." + zone, absl::StrCat("127.0.", depth + 1, ".1"))};
    return message;
  }

 private:
  dns::Client& resolvers_;
  const int referrals_;
};

TEST_F(DnsLookTest, Referrals) {
  const challenge::Proof proof =
      TestProof("g.f.e.d.c.b.a.example.com", challenge::ChallengeType::kDns01);
  struct Case {
    int referrals;
    const char* codes;
    Verdict verdict;
    const char* text;
  };
  const Case cases[] = {
      {1, "TXT_MISSING", Verdict::kWait, "asked ns.a.example.com (127.0.1.1)"},
      {4, "TXT_MISSING", Verdict::kWait, "asked ns.d.c.b.a.example.com (127.0.4.1)"},
      {5, "NO_ZONE", Verdict::kUnknown,
       "too many referrals, after 4 name server ns.d.c.b.a.example.com (127.0.4.1) of zone "
       "d.c.b.a.example.com. refers to the servers of a zone below still"},
  };
  for (const Case& c : cases) {
    Referring referring(dns_, c.referrals);
    const Viewpoint all = viewpoint();
    const Viewpoint from = {referring, all.resolvers, all.guard, all.ports, all.clock, all.crew};
    const Sight sight = DnsLook(from, proof, Soon());
    EXPECT_EQ(CodesOf(sight), c.codes) << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << TextOf(sight);
    EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << TextOf(sight);
  }
}

// A silent server had its time, or the look had none left for it.
TEST_F(DnsLookTest, SilenceForLackOfTime) {
  const absl::Status silent = absl::DeadlineExceededError("no answer");
  struct Case {
    const char* what;
    std::vector<dns::Server> silent;
    absl::Duration left;
    const char* codes;
    Verdict verdict;
    const char* text;
  };
  const dns::Server first = At("127.0.0.1");
  const dns::Server second = At("127.0.0.2");
  const Case cases[] = {
      {"one, all the time",
       {second},
       absl::Seconds(2),
       "LAME_SERVER",
       Verdict::kPass,
       "ns2.example.com (127.0.0.2) of zone example.com. does not answer"},
      {"one, no time",
       {second},
       absl::Seconds(1),
       "LOOK_TIMED_OUT",
       Verdict::kUnknown,
       "ns2.example.com (127.0.0.2) of zone example.com. answered for _acme-challenge"},
      {"both, no time",
       {first, second},
       absl::Seconds(1),
       "LOOK_TIMED_OUT LOOK_TIMED_OUT",
       Verdict::kUnknown,
       "ns1.example.com (127.0.0.1)"},
      {"the resolver, all the time",
       {resolvers_[0]},
       absl::Seconds(3),
       "RESOLVER_FAILS",
       Verdict::kUnknown,
       "no answer"},
      {"the resolver, no time",
       {resolvers_[0]},
       absl::Seconds(2),
       "LOOK_TIMED_OUT",
       Verdict::kUnknown,
       "before the zone of _acme-challenge.www.example.com was found"},
  };
  for (const Case& c : cases) {
    DnsLookTest_SilenceForLackOfTime_Test fresh;
    fresh.dns_.Add(RightAt(kOwner));
    for (const dns::Server& server : c.silent) fresh.dns_.FailAt(server, silent);
    SimulatedClock clock(absl::UnixEpoch());
    const Sight sight = DnsLook(fresh.viewpoint(), proof_, Deadline(clock, c.left));
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << c.what;
    EXPECT_TRUE(absl::StrContains(TextOf(sight), c.text)) << c.what << ": " << TextOf(sight);
  }
}

TEST_F(DnsLookTest, NoResolverNoTelling) {
  dns_.FailAt(resolvers_[0], absl::UnavailableError("down"));
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "RESOLVER_FAILS");
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
}

}  // namespace
}  // namespace norroy::validator::preflight
