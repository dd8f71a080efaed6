// The zone as dig sees it: what a stock resolver tool accepts, and says, is what operators look at.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/presenter/delegated_zone/delegated_zone.h"
#include "gtest/gtest.h"
#include "tests/harness/process.h"

namespace norroy::agent {
namespace {

dns::Name N(absl::string_view text) { return *dns::Name::Parse(text); }

class DigTest : public testing::Test {
 protected:
  DigTest() {
    DelegatedZoneOptions options;
    options.zone = N("acme.example.net");
    options.listen = {"127.0.0.1:0"};
    options.name_servers = {N("ns1.example.org"), N("ns2.example.org")};
    options.responses_per_second = 10'000;
    auto zone = DelegatedZone::Start(options);
    EXPECT_TRUE(zone.ok()) << zone.status();
    zone_ = *std::move(zone);
    port_ = zone_->place().substr(zone_->place().rfind(':') + 1);
    Add("www.acme.example.net", "for the name");
    Add("www.acme.example.net", "for the wildcard");
    for (int i = 0; i < 40; ++i) {
      Add("many.acme.example.net", absl::StrCat(100 + i, std::string(40, 'x')));
    }
  }

  void Add(const std::string& owner, const std::string& value) {
    EXPECT_TRUE(zone_->Add(N(owner), value).ok());
  }

  std::string Dig(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {"/usr/bin/dig", "-r",       "@127.0.0.1", "-p",
                                     port_,          "+tries=1", "+time=5"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const harness::Output output = harness::RunProgram(argv);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    return output.out;
  }

  std::unique_ptr<DelegatedZone> zone_;
  std::string port_;
};

TEST_F(DigTest, Table) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> has;
    std::vector<std::string> has_not;
  };
  const std::string www = "www.acme.example.net";
  const std::string many = "many.acme.example.net";
  const std::string soa = "SOA\tns1.example.org. hostmaster.acme.example.net. 1 3600 600 86400 1";
  const Case kCases[] = {
      {{www, "TXT"},
       {"status: NOERROR", "flags: qr aa rd;", "ANSWER: 2", "AUTHORITY: 0", "\"for the name\"",
        "\"for the wildcard\"", www + ".\t0\tIN\tTXT", "EDNS: version: 0, flags:; udp: 1232"},
       {}},
      {{www, "TXT", "+tcp"}, {"ANSWER: 2", "(TCP)"}, {}},
      {{www, "TXT", "+noedns"}, {"ANSWER: 2", "ADDITIONAL: 0"}, {"EDNS"}},
      {{www, "TXT", "+dnssec"}, {"ANSWER: 2", "flags: do; udp: 1232"}, {}},
      {{www, "TXT", "+edns=1", "+noednsneg"}, {"status: BADVERS", "EDNS: version: 0"}, {"TXT\t\""}},
      {{www, "TXT", "+nord"}, {"flags: qr aa;", "ANSWER: 2"}, {}},
      {{www, "TXT", "+cookie", "+nsid", "+subnet=192.0.2.0/24", "+padding=128"},
       {"status: NOERROR", "ANSWER: 2"},
       {}},
      {{"WwW.AcMe.ExAmPlE.NeT", "TXT"}, {"WwW.AcMe.ExAmPlE.NeT.\t0\tIN\tTXT"}, {}},
      {{www, "A"}, {"status: NOERROR", "ANSWER: 0", "AUTHORITY: 1", "1\tIN\t" + soa}, {}},
      {{"no.acme.example.net", "TXT"},
       {"status: NXDOMAIN", "flags: qr aa rd;", "1\tIN\t" + soa},
       {}},
      {{"acme.example.net", "SOA"}, {"ANSWER: 1", "acme.example.net.\t300\tIN\t" + soa}, {}},
      {{"acme.example.net", "NS"},
       {"ANSWER: 2", "NS\tns1.example.org.", "NS\tns2.example.org."},
       {}},
      {{"acme.example.net", "TXT"}, {"status: NOERROR", "ANSWER: 0", soa}, {}},
      {{www, "ANY"}, {"status: REFUSED", "ANSWER: 0"}, {}},
      {{www, "ANY", "+notcp"}, {"status: REFUSED", "ANSWER: 0"}, {}},
      {{"version.bind", "TXT", "CH"}, {"status: REFUSED", "flags: qr rd;"}, {}},
      {{"www.example.com", "A"}, {"status: REFUSED", "flags: qr rd;", "AUTHORITY: 0"}, {}},
      {{"example.net", "NS"}, {"status: REFUSED"}, {}},
      {{"acme.example.net", "AXFR"}, {"Transfer failed"}, {"SOA\t"}},
      {{"acme.example.net", "SOA", "+opcode=notify"}, {"status: NOTIMP"}, {}},
      {{"acme.example.net", "SOA", "+header-only"}, {"status: FORMERR"}, {}},
      // 40 values do not fit into a datagram; dig goes on by TCP by itself.
      {{many, "TXT"}, {"Truncated, retrying in TCP mode", "ANSWER: 40", "(TCP)"}, {}},
      {{many, "TXT", "+ignore"}, {"flags: qr aa tc rd;", "ANSWER: 0", "(UDP)"}, {}},
      {{many, "TXT", "+ignore", "+bufsize=65535"}, {"flags: qr aa tc rd;", "ANSWER: 0"}, {}},
      {{many, "TXT", "+ignore", "+noedns"}, {"flags: qr aa tc rd;", "ANSWER: 0"}, {}},
      {{many, "TXT", "+tcp", "+noedns"}, {"flags: qr aa rd;", "ANSWER: 40"}, {}},
  };
  for (const Case& c : kCases) {
    const std::string out = Dig(c.arguments);
    for (const std::string& text : c.has) EXPECT_TRUE(absl::StrContains(out, text)) << text << out;
    for (const std::string& text : c.has_not) {
      EXPECT_FALSE(absl::StrContains(out, text)) << text << out;
    }
    // What dig says of messages that it finds odd.
    for (const char* const odd : {"Warning", "malformed", "MBZ", "extra bytes", "mismatch"}) {
      EXPECT_FALSE(absl::StrContains(out, odd)) << out;
    }
  }
}

TEST_F(DigTest, ManyQueriesOnOneConnection) {
  const std::string out = Dig({"+tcp", "+keepopen", "+short", "www.acme.example.net", "TXT",
                               "many.acme.example.net", "TXT", "acme.example.net", "NS"});
  const std::vector<std::string> lines = absl::StrSplit(out, '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 2u + 40u + 2u) << out;
}

}  // namespace
}  // namespace norroy::agent
