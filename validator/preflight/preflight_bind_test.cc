// Looks at what real name servers say: BIND with authority at two addresses, BIND as the resolver.

#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/dns/client.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"
#include "validator/preflight/delegation.h"
#include "validator/preflight/look_fixture.h"
#include "validator/preflight/proof_look.h"
#include "validator/preflight/udp_relay.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;
using harness::Bind;
using harness::BindOptions;
using harness::BindZone;

constexpr char kFirst[] = "127.0.0.2";
constexpr char kSecond[] = "127.0.0.3";

class PreflightBindTest : public testing::Test, protected LookFixture {
 protected:
  PreflightBindTest()
      : dir_(harness::TempDir("bind")),
        port_(harness::FreeDnsPort(kFirst)),
        client_(dns::MakeClient()),
        proof_(TestProof("www.example.test", ChallengeType::kDns01)) {}

  std::string Txt() const {
    return absl::StrCat("_acme-challenge.www IN TXT \"", proof_.dns_value(), "\"\n");
  }
  static std::string ZoneFile(const std::string& records) {
    return absl::StrCat(
        "$TTL 60\n$ORIGIN example.test.\n@ IN SOA ns1 hostmaster 1 600 300 86400 30\n"
        "@ IN NS ns1\n@ IN NS ns2\nns1 IN A 127.0.0.2\nns2 IN A 127.0.0.3\n"
        "www IN A 127.0.0.9\n",
        records);
  }
  void Authority(const std::string& address, const std::vector<BindZone>& zones) {
    BindOptions options;
    options.zones = zones;
    servers_.push_back(Bind::Start(absl::StrCat(dir_, "/", address), options));
    Bind& server = *servers_.back();
    if (address == kFirst) first_port_ = server.port();
    relays_.push_back(std::make_unique<UdpRelay>(address, port_, server.port()));
    ASSERT_TRUE(harness::Eventually([&] { return !server.Dig(zones[0].name, "SOA").empty(); }));
  }
  // Forwards the zone to the first authority.
  void Resolver(const std::string& more = "dnssec-validation no;",
                const std::string& statements = "") {
    BindOptions options;
    options.recursion = true;
    options.options = more;
    options.statements = statements;
    options.zones = {
        {.name = "example.test",
         .statement = absl::StrCat("type forward; forward only; forwarders { 127.0.0.1 port ",
                                   first_port_, "; };")}};
    servers_.push_back(Bind::Start(absl::StrCat(dir_, "/resolver"), options));
    Bind& server = *servers_.back();
    ASSERT_TRUE(harness::Eventually([&] { return !server.Dig(".", "SOA").empty(); }));
    resolvers_ = {dns::Server{server.address(), server.port()}};
  }
  Sight Look() {
    Viewpoint real = {*client_, resolvers_, guard_, {.dns = port_}, clock_, crew_};
    return LookAtProof(real, proof_, {{"ca.example"}, ""}, Deadline(clock_, absl::Seconds(12)));
  }

  const std::string dir_;
  const int port_;
  const std::unique_ptr<dns::Client> client_;
  const challenge::Proof proof_;
  const AddressGuard guard_{{Network::Parse("127.0.0.0/8").value()}};
  SystemClock clock_;
  Crew crew_{8};
  int first_port_ = 0;
  std::vector<std::unique_ptr<Bind>> servers_;
  std::vector<std::unique_ptr<UdpRelay>> relays_;
};

TEST_F(PreflightBindTest, BothServersHaveIt) {
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(Txt())}});
  Authority(kSecond, {{.name = "example.test", .file = ZoneFile(Txt())}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(sight.verdict(), Verdict::kPass) << TextOf(sight);
  EXPECT_EQ(CodesOf(sight), "") << TextOf(sight);
}

TEST_F(PreflightBindTest, OneLags) {
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(Txt())}});
  Authority(kSecond, {{.name = "example.test", .file = ZoneFile("")}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "LAGGING_SERVER") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kWait);
  EXPECT_TRUE(absl::StrContains(TextOf(sight), "ns2.example.test (127.0.0.3) has not got"));
}

TEST_F(PreflightBindTest, OneIsLame) {
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(Txt())}});
  Authority(kSecond, {{.name = "other.test"}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "LAME_SERVER") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kFail);
  EXPECT_TRUE(absl::StrContains(TextOf(sight), "answers REFUSED")) << TextOf(sight);
}

TEST_F(PreflightBindTest, OneIsDown) {
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(Txt())}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "LAME_SERVER") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kPass);
}

// The validation name is a zone of its own.
TEST_F(PreflightBindTest, DownAReferral) {
  const std::string cut = "_acme-challenge.www IN NS ns.cut\nns.cut IN A 127.0.0.3\n";
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(cut)}});
  Authority(kSecond,
            {{.name = "_acme-challenge.www.example.test",
              .file = absl::StrCat(
                  "$TTL 60\n@ IN SOA ns.cut.example.test. h.example.test. 1 600 300 86400 1\n"
                  "@ IN NS ns.cut.example.test.\n@ IN TXT \"",
                  proof_.dns_value(), "\"\n")},
             {.name = "example.test", .file = ZoneFile(cut)}});
  Resolver();
  const Delegation delegation = FollowDelegation(
      {*client_, resolvers_, guard_, {.dns = port_}, clock_, crew_},
      dns::TestName("_acme-challenge.www.example.test"), Deadline(clock_, absl::Seconds(12)));
  ASSERT_TRUE(delegation.found) << TextOf(delegation.sight);
  EXPECT_EQ(delegation.zone.apex.text(), "_acme-challenge.www.example.test");
  ASSERT_EQ(delegation.replies.size(), 1u);
  EXPECT_EQ(delegation.replies[0].authority.text(), "ns.cut.example.test (127.0.0.3)");
  ASSERT_EQ(delegation.replies[0].kind, ReplyKind::kAnswer);
  ASSERT_EQ(delegation.replies[0].message.answers.size(), 1u);
  EXPECT_EQ(delegation.replies[0].message.answers[0].text, proof_.dns_value());
}

TEST_F(PreflightBindTest, AlongACname) {
  const std::string records =
      absl::StrCat("_acme-challenge.www IN CNAME abc\nabc IN TXT \"", proof_.dns_value(), "\"\n");
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(records)}});
  Authority(kSecond, {{.name = "example.test", .file = ZoneFile(records)}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "CNAME_PATH") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kPass);
}

TEST_F(PreflightBindTest, CaaAsPublished) {
  const std::string records = absl::StrCat(Txt(), "@ IN CAA 0 issue \"other.example\"\n");
  Authority(kFirst, {{.name = "example.test", .file = ZoneFile(records)}});
  Authority(kSecond, {{.name = "example.test", .file = ZoneFile(records)}});
  Resolver();
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "CAA_FORBIDS") << TextOf(sight);
}

// A zone signed by one key, where the world trusts that one or another.
class PreflightDnssecTest : public PreflightBindTest {
 protected:
  // A new key in `dir_`: its file's name without ".key".
  std::string NewKey() {
    const harness::Output made =
        harness::RunProgram({"/usr/bin/dnssec-keygen", "-q", "-K", dir_, "-a", "ECDSAP256SHA256",
                             "-f", "KSK", "example.test"});
    EXPECT_EQ(made.code, 0) << made.err;
    return std::string(absl::StripSuffix(made.out, "\n"));
  }
  std::string KeyRecord(const std::string& key) {
    return harness::ReadAll(absl::StrCat(dir_, "/", key, ".key"));
  }
  std::string Signed(const std::string& key, const std::string& records) {
    const std::string file = dir_ + "/example.test.zone";
    harness::WriteAll(file, absl::StrCat(ZoneFile(records), KeyRecord(key)));
    const harness::Output made =
        harness::RunProgram({"/usr/bin/dnssec-signzone", "-q", "-z", "-o", "example.test", "-K",
                             dir_, "-d", dir_, "-f", file + ".signed", file, dir_ + "/" + key});
    EXPECT_EQ(made.code, 0) << made.err;
    return harness::ReadAll(file + ".signed");
  }
  // "trust-anchors { ... };" of a key's DNSKEY record.
  std::string Anchor(const std::string& key) {
    for (const absl::string_view line : absl::StrSplit(KeyRecord(key), '\n')) {
      const size_t at = line.find("DNSKEY 257 3 13 ");
      if (absl::StartsWith(line, ";") || at == absl::string_view::npos) continue;
      return absl::StrCat("trust-anchors { \"example.test\" static-key 257 3 13 \"",
                          line.substr(at + 16), "\"; };");
    }
    return "";
  }
  void Serve(const std::string& file, const std::string& anchor) {
    Authority(kFirst, {{.name = "example.test", .file = file}});
    Authority(kSecond, {{.name = "example.test", .file = file}});
    Resolver("dnssec-validation yes;", anchor);
  }
};

TEST_F(PreflightDnssecTest, SignedAndTrusted) {
  const std::string key = NewKey();
  Serve(Signed(key, Txt()), Anchor(key));
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kPass);
}

TEST_F(PreflightDnssecTest, Bogus) {
  const std::string key = NewKey();
  Serve(Signed(key, Txt()), Anchor(NewKey()));
  const Sight sight = Look();
  EXPECT_EQ(CodesOf(sight), "DNSSEC_BOGUS") << TextOf(sight);
  EXPECT_EQ(sight.verdict(), Verdict::kFail);
}

}  // namespace
}  // namespace norroy::validator::preflight
