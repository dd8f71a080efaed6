#include "agent/presenter/rfc2136/rfc2136.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "agent/presenter/dns/txt_writer_contract.h"
#include "common/dns/fake_client.h"
#include "common/error/error.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"

namespace norroy::agent {
namespace {

using dns::TestName;

constexpr char kZone[] = "acme.example.test";
constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";
constexpr char kOwner[] = "_acme-challenge.www.acme.example.test";

dns::TsigKey Key(absl::string_view name = "norroy", absl::string_view secret = kSecret) {
  return {.name = TestName(name), .secret = crypto::Secret(secret)};
}

// Two zones, one in the other; "norroy" may write TXT below each, "stranger" all.
std::unique_ptr<harness::Bind> StartBind() {
  const std::string secret = absl::Base64Escape(kSecret);
  const auto policy = [](const std::string& zone) {
    return absl::StrCat("grant norroy wildcard *.", zone, ". TXT; grant stranger zonesub ANY;");
  };
  return harness::Bind::Start(
      harness::TempDir("rfc2136"),
      {.keys = {{.name = "norroy", .secret = secret}, {.name = "stranger", .secret = secret}},
       .zones = {{.name = kZone,
                  .records = "alias CNAME ns\ntaken A 192.0.2.1\n*.wild TXT \"any\"\n",
                  .update_policy = policy(kZone)},
                 {.name = "inner.acme.example.test",
                  .update_policy = policy("inner.acme.example.test")}}});
}

Rfc2136Options Options(const std::string& place, const dns::TsigKey& key = Key()) {
  return {.server = dns::TestServer(place),
          .zones = {TestName(kZone), TestName("inner.acme.example.test")},
          .key = key,
          .settle = absl::Milliseconds(500)};
}

std::unique_ptr<TxtWriter> Make(const Rfc2136Options& options, dns::Client& client) {
  auto writer = MakeRfc2136(options, client);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

// What dig prints, without its quotes.
std::set<std::string> Unquoted(const std::string& lines) {
  std::set<std::string> values;
  for (absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    absl::ConsumePrefix(&line, "\"");
    absl::ConsumeSuffix(&line, "\"");
    values.insert(absl::StrReplaceAll(line, {{"\\\"", "\""}}));
  }
  return values;
}

class AtBind final : public TxtWriterUnderTest {
 public:
  TxtWriter& writer() override { return *writer_; }
  std::set<std::string> Look(const dns::Name& owner) override {
    return Unquoted(bind_->Dig(owner.text(), "TXT"));
  }
  bool PutAsStranger(const dns::Name& owner, const std::string& value) override {
    const auto updater = dns::MakeUpdater(dns::TestServer(bind_->place()), Key("stranger"));
    const absl::Status put = updater->Change(
        {.add = true, .zone = TestName(kZone), .owner = owner, .value = value}, absl::Seconds(10));
    EXPECT_TRUE(put.ok()) << put;
    return true;
  }
  harness::Bind& bind() { return *bind_; }

 private:
  const std::unique_ptr<harness::Bind> bind_ = StartBind();
  const std::unique_ptr<dns::Client> client_ = dns::MakeClient();
  const std::unique_ptr<TxtWriter> writer_ = Make(Options(bind_->place()), *client_);
};

std::unique_ptr<TxtWriterUnderTest> MakeAtBind() { return std::make_unique<AtBind>(); }
INSTANTIATE_TEST_SUITE_P(Rfc2136, TxtWriterContract, testing::Values(&MakeAtBind));

TEST(Rfc2136, UpdatesTheLongestZoneThatTheOwnerIsIn) {
  AtBind world;
  const auto inner = TestName("www.inner.acme.example.test");
  ASSERT_TRUE(world.writer().Add(inner, "value").ok());
  EXPECT_EQ(world.Look(inner), std::set<std::string>{"value"});
  ASSERT_TRUE(world.writer().Remove(inner, "value").ok());
  EXPECT_TRUE(world.Look(inner).empty());
}

TEST(Rfc2136, LeavesOtherTypesAlone) {
  AtBind world;
  const auto taken = TestName("taken.acme.example.test");
  ASSERT_TRUE(world.writer().Add(taken, "value").ok());
  ASSERT_TRUE(world.writer().Remove(taken, "value").ok());
  EXPECT_EQ(world.bind().Dig(taken.text(), "A"), "192.0.2.1\n");
}

TEST(Rfc2136, AWildcardIsNoValueOfOurs) {
  AtBind world;
  const auto owner = TestName("_acme-challenge.wild.acme.example.test");
  ASSERT_EQ(world.Look(owner), std::set<std::string>{"any"});
  ASSERT_TRUE(world.writer().Add(owner, "value").ok());
  EXPECT_EQ(world.Look(owner), std::set<std::string>{"value"});
  ASSERT_TRUE(world.writer().Remove(owner, "value").ok());
  EXPECT_EQ(world.Look(owner), std::set<std::string>{"any"});
}

TEST(Rfc2136, SaysWhyTheServerDidNot) {
  AtBind world;
  const auto client = dns::MakeClient();
  struct Case {
    const char* what;
    dns::TsigKey key;
    const char* owner;
    const char* reason;
    const char* text;
  };
  const Case cases[] = {
      {"unknown key", Key("other"), kOwner, "TSIG_BADKEY", "other."},
      {"wrong secret", Key("norroy", "another secret of thirty-two byt"), kOwner, "TSIG_BADSIG",
       "norroy."},
      {"not in the server's policy", Key(), kZone, "UPDATE_REFUSED", kZone},
      {"hidden by a CNAME", Key(), "alias.acme.example.test", "UPDATE_NOT_VISIBLE",
       "a CNAME to ns.acme.example.test."},
      {"outside the zones", Key(), "www.example.test", "FOREIGN_ZONE", "www.example.test."},
  };
  for (const Case& c : cases) {
    const auto writer = Make(Options(world.bind().place(), c.key), *client);
    const absl::Status status = writer->Add(TestName(c.owner), "value");
    EXPECT_EQ(ErrorReason(status), c.reason) << c.what << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << c.what << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), world.bind().place())) << status;
    EXPECT_EQ(world.Look(TestName(c.owner)).count("value"), 0u) << c.what;
  }
}

TEST(Rfc2136, NamesAServerThatIsDown) {
  const auto client = dns::MakeClient();
  const std::string place = absl::StrCat("127.0.0.1:", harness::FreeDnsPort());
  const auto writer = Make(Options(place), *client);
  for (const absl::Status& status :
       {writer->Add(TestName(kOwner), "value"), writer->Remove(TestName(kOwner), "value")}) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), place)) << status;
  }
}

// Who signs sees one view of the zone, who only asks another one.
TEST(Rfc2136, TakesBackWhatTheServerTookAndDoesNotAnswer) {
  const std::string dir = harness::TempDir("views");
  const std::string secret = absl::Base64Escape(kSecret);
  for (const char* file : {"signed.zone", "public.zone"}) {
    harness::WriteAll(absl::StrCat(dir, "/", file),
                      "$TTL 60\n@ IN SOA ns hostmaster 1 600 300 86400 1\n@ IN NS ns\n"
                      "ns IN A 127.0.0.1\n");
  }
  const auto view = [](const std::string& name, const std::string& clients,
                       const std::string& more) {
    return absl::StrCat("view \"", name, "\" { match-clients { ", clients, "; }; zone \"", kZone,
                        "\" { type primary; file \"", name, ".zone\"; ", more, " }; };\n");
  };
  const auto bind = harness::Bind::Start(
      dir,
      {.keys = {{.name = "norroy", .secret = secret}},
       .statements = view("signed", "key norroy", "update-policy { grant norroy zonesub TXT; };") +
                     view("public", "any", "")});
  const auto client = dns::MakeClient();
  const auto writer = Make(Options(bind->place()), *client);
  const absl::Status status = writer->Add(TestName(kOwner), "value");
  EXPECT_EQ(ErrorReason(status), "UPDATE_NOT_VISIBLE") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), bind->place())) << status;
  const std::vector<std::string> as_key = {"-y", "hmac-sha256:norroy:" + secret};
  EXPECT_EQ(bind->Dig(kOwner, "TXT", as_key), "");
  EXPECT_TRUE(absl::StrContains(harness::ReadAll(bind->log()), "adding an RR"));
}

TEST(Rfc2136, WritesNothingWhereItCannotReadBack) {
  AtBind world;
  const dns::Server server = dns::TestServer(world.bind().place());
  struct Case {
    const char* what;
    void (*prepare)(const dns::Server&, dns::FakeClient&);
    const char* reason;
  };
  const Case cases[] = {
      {"SERVFAIL",
       [](const dns::Server& at, dns::FakeClient& dns) { dns.SayAt(at, dns::Rcode::kServFail); },
       "NOT_AUTHORITATIVE"},
      {"lame", [](const dns::Server& at, dns::FakeClient& dns) { dns.MakeLame(at); },
       "NOT_AUTHORITATIVE"},
      {"silent",
       [](const dns::Server& at, dns::FakeClient& dns) {
         dns.FailAt(at, MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT", "silent"));
       },
       "DNS_TIMEOUT"},
  };
  for (const Case& c : cases) {
    dns::FakeClient dns;
    c.prepare(server, dns);
    const auto writer = Make(Options(world.bind().place()), dns);
    const absl::Status status = writer->Add(TestName(kOwner), "value");
    EXPECT_EQ(ErrorReason(status), c.reason) << c.what << ": " << status;
    EXPECT_FALSE(writer->Remove(TestName(kOwner), "value").ok()) << c.what;
    EXPECT_TRUE(world.Look(TestName(kOwner)).empty()) << c.what;
  }
}

// A server that is asked and does not answer before it is told to.
class HeldClient final : public dns::Client {
 public:
  absl::StatusOr<dns::Message> Ask(const dns::Server&, const dns::Query&, absl::Duration) override {
    asked.Notify();
    answer.WaitForNotification();
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT", "silent");
  }
  absl::Notification asked;
  absl::Notification answer;
};

TEST(Rfc2136, WaitsForItsTurnWithALimit) {
  HeldClient dns;
  Rfc2136Options options = Options("192.0.2.53:53");
  options.turn = absl::Milliseconds(20);
  const auto writer = Make(options, dns);
  std::thread first([&] { EXPECT_FALSE(writer->Add(TestName(kOwner), "one").ok()); });
  dns.asked.WaitForNotification();
  for (const absl::Status& status :
       {writer->Add(TestName(kOwner), "two"), writer->Remove(TestName(kOwner), "two")}) {
    EXPECT_EQ(ErrorReason(status), "DNS_TIMEOUT");
    EXPECT_TRUE(absl::StrContains(status.message(), "waited for over 20ms")) << status;
  }
  dns.answer.Notify();
  first.join();
}

TEST(Rfc2136, RemovesNothingThatItFoundThere) {
  AtBind world;
  const auto owner = TestName(kOwner);
  world.PutAsStranger(owner, "value");
  const auto client = dns::MakeClient();
  // With this key an update would fail; none is needed.
  EXPECT_TRUE(Make(Options(world.bind().place(), Key("other")), *client)->Add(owner, "value").ok());
  EXPECT_EQ(world.Look(owner), std::set<std::string>{"value"});
}

TEST(MakeRfc2136, ChecksItsConfiguration) {
  struct Case {
    const char* what;
    void (*spoil)(Rfc2136Options&);
    bool ok;
  };
  const Case cases[] = {
      {"fine", [](Rfc2136Options&) {}, true},
      {"no zone", [](Rfc2136Options& o) { o.zones.clear(); }, false},
      {"100 zones", [](Rfc2136Options& o) { o.zones.assign(100, TestName("a.b")); }, true},
      {"101 zones", [](Rfc2136Options& o) { o.zones.assign(101, TestName("a.b")); }, false},
      {"the root", [](Rfc2136Options& o) { o.zones.push_back(dns::Name()); }, false},
      {"a host name as server", [](Rfc2136Options& o) { o.server.address = "ns.test"; }, false},
      {"port 0", [](Rfc2136Options& o) { o.server.port = 0; }, false},
      {"no key name", [](Rfc2136Options& o) { o.key.name = dns::Name(); }, false},
      {"no secret", [](Rfc2136Options& o) { o.key.secret = crypto::Secret(); }, false},
      {"a ttl of a day", [](Rfc2136Options& o) { o.ttl = 86400; }, true},
      {"a ttl of more", [](Rfc2136Options& o) { o.ttl = 86401; }, false},
  };
  dns::FakeClient dns;
  for (const Case& c : cases) {
    Rfc2136Options options = Options("192.0.2.53:53");
    c.spoil(options);
    const auto writer = MakeRfc2136(options, dns);
    EXPECT_EQ(writer.ok(), c.ok) << c.what << ": " << writer.status();
    EXPECT_EQ(ErrorReason(writer.status()), c.ok ? "" : "BAD_CONFIG") << c.what;
  }
  const auto writer = Make(Options("192.0.2.53:53"), dns);
  EXPECT_EQ(writer->kind(), "rfc2136");
  EXPECT_EQ(writer->place(), "192.0.2.53:53");
}

}  // namespace
}  // namespace norroy::agent
