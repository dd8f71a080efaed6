// Against servers that misbehave, and those of versions that are not installed here.

#include <poll.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/presenter/powerdns/fake_api.h"
#include "agent/presenter/powerdns/powerdns.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr char kKey[] = "a-secret-key";
constexpr char kName[] = "_acme-challenge.example.com.";

dns::Name Owner() { return *dns::Name::Parse(kName); }

PowerdnsOptions OptionsFor(const std::string& url) {
  return {.url = url,
          .api_key = crypto::Secret(kKey),
          .zones = {*dns::Name::Parse("example.com")},
          .timeout = absl::Seconds(10)};
}

std::unique_ptr<TxtWriter> WriterFor(const PowerdnsOptions& options) {
  auto writer = MakePowerdns(options);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

FakePowerDns::Set SetOf(uint32_t ttl, std::vector<std::pair<std::string, bool>> records) {
  return {.ttl = ttl, .records = std::move(records)};
}

using Records = std::vector<std::pair<std::string, bool>>;

void SendMany(int connection, absl::string_view head, absl::string_view piece, size_t times) {
  SendAll(connection, head);
  for (size_t i = 0; i < times; ++i) SendAll(connection, piece);
}

struct Fault {
  std::string what;
  FakeBehaviour behaviour;
  absl::StatusCode code;
  std::string reason;
  std::string text;  // in the message
};

std::vector<Fault> StatusFaults() {
  const auto precondition = absl::StatusCode::kFailedPrecondition;
  const auto unavailable = absl::StatusCode::kUnavailable;
  return {
      {"401", Always(HttpResponse(401, "Unauthorized")), precondition, "POWERDNS_API_KEY",
       "api-key setting"},
      {"403", Always(HttpResponse(403, "<html>no\r\n")), precondition, "POWERDNS_REFUSED",
       "403 \"<html>no\\x0d\\x0a\""},
      {"404", Always(HttpResponse(404, "Not Found")), precondition, "POWERDNS_NO_ZONE",
       "no such zone, or its server id is not \"localhost\""},
      {"422", Always(HttpResponse(422, R"({"error": "RRset is odd"})")), precondition,
       "POWERDNS_REFUSED", "422 \"RRset is odd\""},
      {"redirect", Always(HttpResponse(302, "", "Location: https://login.example/\r\n")),
       precondition, "POWERDNS_REDIRECT", "https://login.example/"},
      {"500", Always(HttpResponse(500, R"({"error": "database is locked"})")), unavailable,
       "POWERDNS_FAILED", "database is locked"},
      {"503", Always(HttpResponse(503, "")), unavailable, "POWERDNS_FAILED", "503"},
      {"204 to GET", Always("HTTP/1.1 204 No Content\r\n\r\n"), unavailable, "POWERDNS_BAD_REPLY",
       "204"},
      {"echoes the key", Always(HttpResponse(422, absl::StrCat("bad key ", kKey))), precondition,
       "POWERDNS_REFUSED", "bad key (the API key)"},
      {"garbage JSON", Always(HttpResponse(200, "{\"rrsets\": [")), unavailable,
       "POWERDNS_BAD_REPLY", "not a zone in JSON"},
      {"another page", Always(HttpResponse(200, "<html>It works</html>")), unavailable,
       "POWERDNS_BAD_REPLY", "not a zone in JSON"},
      {"deep JSON", Always(HttpResponse(200, std::string(1 << 20, '['))), unavailable,
       "POWERDNS_BAD_REPLY", "not a zone in JSON"},
  };
}

std::vector<Fault> TransportFaults() {
  const auto unavailable = absl::StatusCode::kUnavailable;
  const auto exhausted = absl::StatusCode::kResourceExhausted;
  const std::string piece(1 << 20, 'x');
  return {
      {"not HTTP", Always("SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n"), unavailable,
       "POWERDNS_BAD_REPLY", "not HTTP"},
      {"closes at once", Always(""), unavailable, "POWERDNS_UNREACHABLE", "closed the connection"},
      {"half a head", Always("HTTP/1.1 200 OK\r\nContent-"), unavailable, "POWERDNS_UNREACHABLE",
       "closed the connection"},
      {"half a body", Always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), unavailable,
       "POWERDNS_UNREACHABLE", "closed the connection"},
      {"64 MiB, announced",
       [piece](const FakeRequest&, int connection) {
         SendMany(connection, "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n", piece, 64);
       },
       exhausted, "POWERDNS_REPLY_TOO_LARGE", "4194304 bytes"},
      {"64 MiB, chunked",
       [piece](const FakeRequest&, int connection) {
         SendMany(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                  absl::StrCat("100000\r\n", piece, "\r\n"), 64);
       },
       exhausted, "POWERDNS_REPLY_TOO_LARGE", "4194304 bytes"},
      {"64 MiB, to the end",
       [piece](const FakeRequest&, int connection) {
         SendMany(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", piece, 64);
       },
       exhausted, "POWERDNS_REPLY_TOO_LARGE", "4194304 bytes"},
      {"64 KiB of header",
       [](const FakeRequest&, int connection) {
         SendMany(connection, "HTTP/1.1 200 OK\r\n", "X-Header: " + std::string(1000, 'x') + "\r\n",
                  64);
       },
       unavailable, "POWERDNS_BAD_REPLY", "32768 bytes of header"},
  };
}

void ExpectFault(const Fault& fault) {
  SCOPED_TRACE(fault.what);
  FakeApi api(fault.behaviour);
  const auto writer = WriterFor(OptionsFor(api.url()));
  for (const absl::Status& status :
       {writer->Add(Owner(), "value"), writer->Remove(Owner(), "value")}) {
    EXPECT_EQ(status.code(), fault.code) << status;
    EXPECT_EQ(ErrorReason(status), fault.reason) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), fault.text)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), api.url())) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), kKey)) << status;
  }
}

TEST(PowerdnsFaults, NamesWhatTheServerSaid) {
  for (const Fault& fault : StatusFaults()) ExpectFault(fault);
}

TEST(PowerdnsFaults, NamesWhatTheConnectionDid) {
  for (const Fault& fault : TransportFaults()) ExpectFault(fault);
}

TEST(PowerdnsFaults, SaysThatNobodyListens) {
  std::string url;
  { url = FakeApi(Always("")).url(); }
  const absl::Status status = WriterFor(OptionsFor(url))->Add(Owner(), "value");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(status), "POWERDNS_UNREACHABLE");
  EXPECT_TRUE(absl::StrContains(status.message(), "Connection refused")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), url)) << status;
}

TEST(PowerdnsFaults, SilenceAndDripsEndAtTheDeadline) {
  const FakeBehaviour silence = [](const FakeRequest&, int connection) {
    pollfd waiting = {connection, POLLRDHUP, 0};
    poll(&waiting, 1, -1);
  };
  const FakeBehaviour drip = [](const FakeRequest&, int connection) {
    SendAll(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    pollfd waiting = {connection, POLLRDHUP, 0};
    while (poll(&waiting, 1, 20) == 0) SendAll(connection, "x");
  };
  for (const FakeBehaviour& behaviour : {silence, drip}) {
    FakeApi api(behaviour);
    PowerdnsOptions options = OptionsFor(api.url());
    options.timeout = absl::Milliseconds(500);
    const absl::Time start = absl::Now();
    const absl::Status status = WriterFor(options)->Add(Owner(), "value");
    EXPECT_LT(absl::Now() - start, absl::Seconds(5));
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    EXPECT_EQ(ErrorReason(status), "POWERDNS_TIMEOUT");
    EXPECT_TRUE(absl::StrContains(status.message(), api.url())) << status;
  }
}

TEST(PowerdnsVersions, FiveExtendsAndPrunes) {
  FakePowerDns server("5.0.2");
  server.Put(kName, SetOf(300, {{"\"theirs\"", false}}));
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
  ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
  EXPECT_EQ(server.sets()[kName].ttl, 300u);
  EXPECT_EQ(server.sets()[kName].records, (Records{{"\"theirs\"", false}, {"\"ours\"", false}}));
  ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
  ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
  EXPECT_EQ(server.sets()[kName].records, (Records{{"\"theirs\"", false}}));
  EXPECT_EQ(server.changes(), (std::vector<std::string>{"EXTEND", "PRUNE"}));
  // Its version is asked for once.
  const auto requests = api.requests();
  EXPECT_EQ(std::count(requests.begin(), requests.end(), "GET /api/v1/servers/localhost"), 1);
}

TEST(PowerdnsVersions, ANewSetHasOurTtlAndGoesWithItsLastValue) {
  for (const char* const version : {"4.7.3", "5.0.2"}) {
    FakePowerDns server(version);
    FakeApi api(server.Behaviour());
    PowerdnsOptions options = OptionsFor(api.url());
    options.ttl = 5;
    const auto writer = WriterFor(options);
    ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
    EXPECT_EQ(server.sets()[kName].ttl, 5u);
    ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
    EXPECT_TRUE(server.sets().empty());
  }
}

TEST(PowerdnsVersions, ARefusedExtendFallsBack) {
  FakePowerDns server("5.0.2");
  server.refuse_extend = true;
  server.ignore_filter = true;
  server.Put(kName, SetOf(300, {{"\"theirs\"", false}}));
  server.Put("a.example.com.", SetOf(300, {{"\"other\"", false}}));
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
  EXPECT_EQ(server.sets()[kName].records.size(), 2u);
  ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
  EXPECT_EQ(server.sets()[kName].records, (Records{{"\"theirs\"", false}}));
  EXPECT_EQ(server.sets().size(), 2u);
  EXPECT_EQ(server.changes(), (std::vector<std::string>{"EXTEND", "REPLACE", "PRUNE", "REPLACE"}));
}

TEST(PowerdnsVersions, DisabledRecordsStay) {
  for (const char* const version : {"4.7.3", "5.0.2"}) {
    FakePowerDns server(version);
    server.Put(kName, SetOf(300, {{"\"off\"", true}, {"\"ours\"", true}}));
    FakeApi api(server.Behaviour());
    const auto writer = WriterFor(OptionsFor(api.url()));
    // There, but not served.
    ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
    EXPECT_EQ(server.sets()[kName].records, (Records{{"\"off\"", true}, {"\"ours\"", false}}));
    EXPECT_EQ(server.changes(), (std::vector<std::string>{"REPLACE"}));
    ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
    EXPECT_EQ(server.sets()[kName].records, (Records{{"\"off\"", true}}));
  }
}

TEST(PowerdnsVersions, AZoneTooLargeToReadWholeIsWrittenAllTheSame) {
  FakePowerDns server("4.7.3");
  server.Put(kName, SetOf(300, {{"\"theirs\"", false}}));
  const std::string content = absl::StrCat("\"", std::string(250, 'x'), "\"");
  for (int i = 0; i < 60; ++i) {
    server.Put(absl::StrCat("n", i, ".example.com."), SetOf(300, Records(300, {content, false})));
  }
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  const absl::Status status = writer->Add(Owner(), "ours");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(server.sets()[kName].records.size(), 2u);
}

TEST(PowerdnsVersions, TriesAgainWhenOthersWin) {
  FakePowerDns server("4.7.3");
  server.Put(kName, SetOf(300, {{"\"theirs\"", false}}));
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  server.overwrites = 2;
  ASSERT_TRUE(writer->Add(Owner(), "ours").ok());
  EXPECT_EQ(server.changes().size(), 3u);
  server.overwrites = 2;
  ASSERT_TRUE(writer->Remove(Owner(), "ours").ok());
  server.overwrites = 3;
  const absl::Status status = writer->Add(Owner(), "ours");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_EQ(ErrorReason(status), "POWERDNS_CONTENDED");
  EXPECT_EQ(server.sets()[kName].records, (Records{{"\"theirs\"", false}}));
}

TEST(PowerdnsVersions, AChangeThatFailsIsTriedAgain) {
  FakePowerDns server("4.7.3");
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  server.failing_changes = 2;
  EXPECT_TRUE(writer->Add(Owner(), "ours").ok());
  server.failing_changes = 3;
  const absl::Status status = writer->Remove(Owner(), "ours");
  EXPECT_EQ(ErrorReason(status), "POWERDNS_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "Internal Server Error")) << status;
}

TEST(PowerdnsVersions, AFailedAddLeavesNothing) {
  FakePowerDns server("4.7.3");
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  server.failing_reads = 1;
  const absl::Status status = writer->Add(Owner(), "ours");
  EXPECT_EQ(ErrorReason(status), "POWERDNS_FAILED");
  EXPECT_TRUE(server.sets().empty());
  EXPECT_EQ(server.changes(), (std::vector<std::string>{"REPLACE", "DELETE"}));
}

TEST(PowerdnsVersions, AFailedAddSaysWhatItMayHaveLeft) {
  FakePowerDns server("4.7.3");
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  server.failing_reads = 2;
  const absl::Status status = writer->Add(Owner(), "ours");
  EXPECT_EQ(ErrorReason(status), "POWERDNS_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "may have been left behind")) << status;
}

TEST(PowerdnsVersions, ManyWritersOfOneOwnerLoseNothing) {
  FakePowerDns server("4.7.3");
  FakeApi api(server.Behaviour());
  const auto writer = WriterFor(OptionsFor(api.url()));
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      const absl::Status status = writer->Add(Owner(), absl::StrCat("value", i));
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.sets()[kName].records.size(), 20u);
  EXPECT_EQ(server.changes().size(), 20u);
}

TEST(PowerdnsOptions, AreChecked) {
  const PowerdnsOptions good = OptionsFor("http://127.0.0.1:8081");
  EXPECT_TRUE(CheckPowerdns(good).ok());
  const struct {
    std::string what;
    void (*spoil)(PowerdnsOptions&);
  } cases[] = {
      {"url", [](PowerdnsOptions& o) { o.url = "http://192.0.2.1"; }},
      {"API key", [](PowerdnsOptions& o) { o.api_key = crypto::Secret(""); }},
      {"API key", [](PowerdnsOptions& o) { o.api_key = crypto::Secret("a\r\nb"); }},
      {"API key", [](PowerdnsOptions& o) { o.api_key = crypto::Secret(std::string(513, 'a')); }},
      {"zones", [](PowerdnsOptions& o) { o.zones.clear(); }},
      {"zones", [](PowerdnsOptions& o) { o.zones = {dns::Name()}; }},
      {"zones", [](PowerdnsOptions& o) { o.zones.resize(101, *dns::Name::Parse("a.test")); }},
      {"server_id", [](PowerdnsOptions& o) { o.server_id = ""; }},
      {"server_id", [](PowerdnsOptions& o) { o.server_id = "a/../b"; }},
      {"server_id", [](PowerdnsOptions& o) { o.server_id = ".."; }},
      {"ttl", [](PowerdnsOptions& o) { o.ttl = 0; }},
      {"ttl", [](PowerdnsOptions& o) { o.ttl = 86401; }},
      {"timeout", [](PowerdnsOptions& o) { o.timeout = absl::ZeroDuration(); }},
      {"timeout", [](PowerdnsOptions& o) { o.timeout = absl::Seconds(21); }},
      {"root_file", [](PowerdnsOptions& o) { o.root_file = "/etc/ssl/cert.pem"; }},
      {"root_file",
       [](PowerdnsOptions& o) {
         o.url = "https://127.0.0.1";
         o.root_file = "/nonexistent.pem";
       }},
  };
  for (const auto& c : cases) {
    PowerdnsOptions options = good;
    c.spoil(options);
    const absl::Status status = CheckPowerdns(options);
    EXPECT_FALSE(status.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(status.message(), c.what)) << status;
    EXPECT_FALSE(MakePowerdns(options).ok());
  }
}

TEST(PowerdnsOptions, OwnersAndValuesAreChecked) {
  const auto writer = WriterFor(OptionsFor("http://127.0.0.1:1"));
  EXPECT_EQ(ErrorReason(writer->Add(*dns::Name::Parse("example.org"), "v")), "FOREIGN_ZONE");
  EXPECT_EQ(ErrorReason(writer->Add(*dns::Name::Parse("notexample.com"), "v")), "FOREIGN_ZONE");
  EXPECT_EQ(ErrorReason(writer->Add(Owner(), "a\nb")), "BAD_TXT_VALUE");
  EXPECT_EQ(ErrorReason(writer->Remove(Owner(), std::string(256, 'a'))), "BAD_TXT_VALUE");
}

}  // namespace
}  // namespace norroy::agent
