// Against a real PowerDNS, plain and behind TLS.

#include "agent/presenter/powerdns/powerdns.h"

#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/dns/txt_writer_contract.h"
#include "agent/presenter/powerdns/txt_set.h"
#include "common/error/error.h"
#include "gtest/gtest.h"
#include "tests/harness/powerdns.h"

namespace norroy::agent {
namespace {

using harness::PowerDns;
using Values = std::vector<std::string>;

dns::Name Name(const std::string& text) { return *dns::Name::Parse(text); }

// One server for all tests: each has a zone of its own.
PowerDns& Server() {
  // Not leaked: its end stops the process.
  static const std::unique_ptr<PowerDns> server =
      PowerDns::Start(harness::TempDir("pdns"), PowerDns::Options());
  return *server;
}

std::string NewZone() {
  static int count = 0;
  const std::string zone = absl::StrCat("z", ++count, ".example.com");
  const auto reply =
      Server().Api("POST", "/api/v1/servers/localhost/zones",
                   absl::StrCat("{\"name\":\"", zone,
                                ".\",\"kind\":\"Native\",\"nameservers\":[\"ns.example.com.\"]}"));
  EXPECT_EQ(reply.status, 201) << reply.body;
  return zone;
}

std::string ZonePath(const std::string& zone) {
  return absl::StrCat("/api/v1/servers/localhost/zones/", zone, ".");
}

int Patch(const std::string& zone, const std::string& rrset) {
  return Server().Api("PATCH", ZonePath(zone), absl::StrCat("{\"rrsets\":[", rrset, "]}")).status;
}

std::string ZoneText(const std::string& zone) { return Server().Api("GET", ZonePath(zone)).body; }

PowerdnsOptions OptionsFor(const std::string& zone) {
  return {
      .url = Server().url(), .api_key = crypto::Secret(PowerDns::kApiKey), .zones = {Name(zone)}};
}

std::unique_ptr<TxtWriter> WriterFor(const PowerdnsOptions& options) {
  auto writer = MakePowerdns(options);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

class PowerdnsUnderTest final : public TxtWriterUnderTest {
 public:
  TxtWriter& writer() override { return *writer_; }
  std::set<std::string> Look(const dns::Name& owner) override {
    const auto values = Server().Txt(owner.text());
    return std::set<std::string>(values.begin(), values.end());
  }
  bool PutAsStranger(const dns::Name& owner, const std::string& value) override {
    TxtSet set;
    for (const std::string& there : Look(owner)) set = set.With(there, 60);
    const auto reply =
        Server().Api("PATCH", ZonePath(zone_), ReplaceBody(owner, set.With(value, 60)));
    EXPECT_EQ(reply.status, 204) << reply.body;
    return true;
  }

 private:
  const std::string zone_ = NewZone();
  const std::unique_ptr<TxtWriter> writer_ = WriterFor(OptionsFor(zone_));
};

std::unique_ptr<TxtWriterUnderTest> MakePowerdnsUnderTest() {
  return std::make_unique<PowerdnsUnderTest>();
}
INSTANTIATE_TEST_SUITE_P(Powerdns, TxtWriterContract, testing::Values(&MakePowerdnsUnderTest));

TEST(Powerdns, WhatOthersWroteStays) {
  const std::string zone = NewZone();
  const std::string owner = "_acme-challenge." + zone;
  ASSERT_EQ(Patch(zone, absl::StrCat(R"({"name": ")", owner, R"(.", "type": "TXT", "ttl": 777,
      "changetype": "REPLACE", "comments": [{"content": "mind this", "account": "me"}],
      "records": [{"content": "\"theirs\" \"too\"", "disabled": false},
                  {"content": "\"off\"", "disabled": true}]})")),
            204);
  const auto writer = WriterFor(OptionsFor(zone));
  ASSERT_TRUE(writer->Add(Name(owner), "ours").ok());
  EXPECT_EQ(Server().Txt(owner), (Values{"ours", "theirstoo"}));
  ASSERT_TRUE(writer->Remove(Name(owner), "ours").ok());
  EXPECT_EQ(Server().Txt(owner), (Values{"theirstoo"}));
  const std::string text = ZoneText(zone);
  EXPECT_TRUE(absl::StrContains(text, "mind this")) << text;
  EXPECT_TRUE(absl::StrContains(text, R"("ttl": 777)")) << text;
  EXPECT_TRUE(absl::StrContains(text, R"({"content": "\"off\"", "disabled": true})")) << text;
}

TEST(Powerdns, TheLastValueTakesTheSetAway) {
  const std::string zone = NewZone();
  const auto writer = WriterFor(OptionsFor(zone));
  ASSERT_TRUE(writer->Add(Name(zone), "ours").ok());
  EXPECT_EQ(Server().Txt(zone), (Values{"ours"}));
  ASSERT_TRUE(writer->Remove(Name(zone), "ours").ok());
  EXPECT_EQ(Server().Txt(zone), Values{});
  EXPECT_FALSE(absl::StrContains(ZoneText(zone), "TXT"));
}

TEST(Powerdns, AnyPrintableValueComesThrough) {
  const std::string zone = NewZone();
  const auto writer = WriterFor(OptionsFor(zone));
  const std::vector<std::string> values = {"a\"b\\c", " spaces ", "$(x);`y`", std::string(255, 'z'),
                                           "-dash",   "\\065"};
  for (const std::string& value : values) {
    const absl::Status added = writer->Add(Name(zone), value);
    EXPECT_TRUE(added.ok()) << added;
  }
  EXPECT_EQ(Server().Txt(zone).size(), values.size());
  for (const std::string& value : values) EXPECT_TRUE(writer->Remove(Name(zone), value).ok());
  EXPECT_EQ(Server().Txt(zone), Values{});
}

TEST(Powerdns, ManyAtOnce) {
  const std::string zone = NewZone();
  const auto writer = WriterFor(OptionsFor(zone));
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      const dns::Name owner = Name(absl::StrCat("n", i / 4, ".", zone));
      const absl::Status status = writer->Add(owner, absl::StrCat("value", i));
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Server().Txt(absl::StrCat("n", i, ".", zone)).size(), 4u);
  }
}

TEST(Powerdns, ItsRefusalsAreNamed) {
  const std::string zone = NewZone();
  ASSERT_EQ(Patch(zone, absl::StrCat(R"({"name": "alias.)", zone, R"(.", "type": "CNAME",
      "ttl": 60, "changetype": "REPLACE",
      "records": [{"content": "www.example.com.", "disabled": false}]})")),
            204);
  const struct {
    std::string what;
    void (*spoil)(PowerdnsOptions&);
    std::string owner;
    std::string reason;
    std::string text;
  } cases[] = {
      {"key", [](PowerdnsOptions& o) { o.api_key = crypto::Secret("wrong-key"); }, zone,
       "POWERDNS_API_KEY", "401"},
      {"zone", [](PowerdnsOptions& o) { o.zones = {Name("example.org")}; }, "www.example.org",
       "POWERDNS_NO_ZONE", "zone example.org"},
      {"server id", [](PowerdnsOptions& o) { o.server_id = "remote"; }, zone, "POWERDNS_NO_ZONE",
       "server id is not \"remote\""},
      {"CNAME", [](PowerdnsOptions&) {}, "alias." + zone, "POWERDNS_REFUSED",
       "onflicts with pre-existing"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    PowerdnsOptions options = OptionsFor(zone);
    c.spoil(options);
    const absl::Status status = WriterFor(options)->Add(Name(c.owner), "value");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), Server().url())) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "wrong-key"));
  }
}

// HAProxy ends TLS before PowerDNS.
class TlsFront {
 public:
  TlsFront(const std::string& alternative_names, const std::string& bind_options)
      : dir_(harness::TempDir("tls")), port_(harness::FreePort()) {
    const auto made = harness::RunProgram(
        {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=front", "-addext",
         "subjectAltName=" + alternative_names, "-keyout", dir_ + "/key", "-out", root_file()});
    EXPECT_EQ(made.code, 0) << made.err;
    harness::WriteAll(dir_ + "/pem",
                      harness::ReadAll(dir_ + "/key") + harness::ReadAll(root_file()), 0600);
    harness::WriteAll(
        dir_ + "/cfg",
        absl::StrCat("defaults\n  mode http\n  timeout connect 5s\n  timeout client 20s\n"
                     "  timeout server 20s\nlisten front\n  bind 127.0.0.1:",
                     port_, " ssl crt ", dir_, "/pem ", bind_options,
                     "\n  server pdns 127.0.0.1:", Server().api_port(), "\n"));
    process_ =
        harness::Process::Start({"/usr/sbin/haproxy", "-db", "-f", dir_ + "/cfg"}, dir_ + "/log");
    EXPECT_TRUE(harness::Eventually([&] {
      return harness::RunProgram({"/usr/bin/openssl", "s_client", "-connect",
                                  absl::StrCat("127.0.0.1:", port_), "-tls1_1", "-cipher",
                                  "ALL:@SECLEVEL=0"})
                     .code == 0 ||
             harness::RunProgram(
                 {"/usr/bin/openssl", "s_client", "-connect", absl::StrCat("127.0.0.1:", port_)})
                     .code == 0;
    })) << harness::ReadAll(dir_ + "/log");
  }
  std::string root_file() const { return dir_ + "/root"; }
  std::string url(const std::string& host) const {
    return absl::StrCat("https://", host, ":", port_);
  }

 private:
  const std::string dir_;
  const int port_;
  std::unique_ptr<harness::Process> process_;
};

PowerdnsOptions TlsOptions(const std::string& zone, const std::string& url,
                           const std::string& root_file) {
  PowerdnsOptions options = OptionsFor(zone);
  options.url = url;
  options.root_file = root_file;
  return options;
}

TEST(PowerdnsTls, WritesByAddressAndByName) {
  const std::string zone = NewZone();
  const TlsFront front("IP:127.0.0.1,DNS:localhost", "ssl-min-ver TLSv1.2");
  for (const char* const host : {"127.0.0.1", "localhost"}) {
    const auto writer = WriterFor(TlsOptions(zone, front.url(host), front.root_file()));
    const absl::Status added = writer->Add(Name(zone), "over-tls");
    EXPECT_TRUE(added.ok()) << added;
    EXPECT_EQ(Server().Txt(zone), (Values{"over-tls"}));
    const absl::Status removed = writer->Remove(Name(zone), "over-tls");
    EXPECT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(Server().Txt(zone), Values{});
  }
}

void ExpectTlsFailure(const PowerdnsOptions& options, const std::string& text) {
  const absl::Status status = WriterFor(options)->Add(options.zones[0], "value");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(ErrorReason(status), "POWERDNS_TLS") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), text)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), options.url)) << status;
  EXPECT_EQ(Server().Txt(options.zones[0].text()), Values{});
}

TEST(PowerdnsTls, TrustsNobodyElse) {
  const std::string zone = NewZone();
  const TlsFront front("IP:127.0.0.1", "");
  const TlsFront other("IP:127.0.0.1", "");
  ExpectTlsFailure(TlsOptions(zone, front.url("127.0.0.1"), other.root_file()), "self-signed");
  ExpectTlsFailure(TlsOptions(zone, front.url("127.0.0.1"), ""), "self-signed");
}

TEST(PowerdnsTls, ChecksWhoItIs) {
  const std::string zone = NewZone();
  const TlsFront front("DNS:other.example,IP:192.0.2.1", "");
  ExpectTlsFailure(TlsOptions(zone, front.url("127.0.0.1"), front.root_file()),
                   "IP address mismatch");
  ExpectTlsFailure(TlsOptions(zone, front.url("localhost"), front.root_file()),
                   "hostname mismatch");
}

TEST(PowerdnsTls, WantsTls12) {
  const std::string zone = NewZone();
  const TlsFront front("IP:127.0.0.1",
                       "ssl-min-ver TLSv1.1 ssl-max-ver TLSv1.1 ciphers ALL:@SECLEVEL=0");
  ExpectTlsFailure(TlsOptions(zone, front.url("127.0.0.1"), front.root_file()), "version");
}

TEST(PowerdnsTls, SaysWhenItIsNotTls) {
  const std::string zone = NewZone();
  const TlsFront front("IP:127.0.0.1", "");
  ExpectTlsFailure(
      TlsOptions(zone, absl::StrCat("https://127.0.0.1:", Server().api_port()), front.root_file()),
      "wrong version number");
}

TEST(PowerdnsTls, SaysWhatItCannotReach) {
  const std::string zone = NewZone();
  const TlsFront front("IP:127.0.0.1", "");
  for (const auto& [url, text] :
       {std::pair<std::string, std::string>("https://nowhere.invalid", "cannot look up"),
        std::pair<std::string, std::string>(absl::StrCat("https://127.0.0.1:", harness::FreePort()),
                                            "Connection refused")}) {
    const absl::Status status =
        WriterFor(TlsOptions(zone, url, front.root_file()))->Add(Name(zone), "value");
    EXPECT_EQ(ErrorReason(status), "POWERDNS_UNREACHABLE") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), text)) << status;
  }
}

}  // namespace
}  // namespace norroy::agent
