#include "common/dns/update.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/dns/misbehaving_server.h"
#include "common/dns/wire.h"
#include "common/error/error.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"

namespace norroy::dns {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(20);
constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";
constexpr char kOwner[] = "_acme-challenge.www.example.test";

Name Make(absl::string_view text) { return *Name::Parse(text); }

TsigKey Key(absl::string_view name, TsigAlgorithm algorithm = TsigAlgorithm::kHmacSha256,
            absl::string_view secret = kSecret) {
  return {.name = Make(name), .algorithm = algorithm, .secret = crypto::Secret(secret)};
}

TxtChange Change(bool add, absl::string_view value, absl::string_view owner = kOwner) {
  return {
      .add = add, .zone = Make("example.test"), .owner = Make(owner), .value = std::string(value)};
}

harness::BindOptions Options() {
  const std::string secret = absl::Base64Escape(kSecret);
  const std::string grants =
      absl::StrCat("grant k256 name ", kOwner, ". TXT; grant k512 name ", kOwner, ". TXT;");
  return {.keys = {{.name = "k256", .secret = secret},
                   {.name = "k512", .algorithm = "hmac-sha512", .secret = secret}},
          .zones = {{.name = "example.test", .update_policy = grants}, {.name = "fixed.test"}}};
}

class UpdateAtBind : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    bind_ = harness::Bind::Start(harness::TempDir("update"), Options()).release();
  }
  static void TearDownTestSuite() {
    delete bind_;
    bind_ = nullptr;
  }
  static Server server() { return *Server::Parse(bind_->place()); }
  static std::vector<std::string> Values(const std::string& owner = kOwner) {
    std::vector<std::string> lines =
        absl::StrSplit(bind_->Dig(owner, "TXT"), '\n', absl::SkipEmpty());
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  static harness::Bind* bind_;
};
harness::Bind* UpdateAtBind::bind_ = nullptr;

TEST_F(UpdateAtBind, AddsAndRemovesSingleValuesBySha256AndSha512) {
  for (const TsigKey& key : {Key("k256"), Key("K512", TsigAlgorithm::kHmacSha512)}) {
    const auto updater = MakeUpdater(server(), key);
    for (const char* value : {"one", "two", "one"}) {
      const auto added = updater->Change(Change(true, value), kTimeout);
      ASSERT_TRUE(added.ok()) << added;
    }
    EXPECT_EQ(Values(), (std::vector<std::string>{"\"one\"", "\"two\""}));
    for (const char* value : {"one", "one", "never"}) {
      const auto removed = updater->Change(Change(false, value), kTimeout);
      ASSERT_TRUE(removed.ok()) << removed;
    }
    EXPECT_EQ(Values(), (std::vector<std::string>{"\"two\""}));
    ASSERT_TRUE(updater->Change(Change(false, "two"), kTimeout).ok());
    EXPECT_TRUE(Values().empty());
  }
}

TEST_F(UpdateAtBind, WritesBytesAsTheyAre) {
  const auto updater = MakeUpdater(server(), Key("k256"));
  const std::string odd = std::string("q\"b\\s\0z", 7) + std::string(248, 'x');
  ASSERT_TRUE(updater->Change(Change(true, odd), kTimeout).ok());
  const auto message =
      MakeClient()->Ask(server(), {.name = Make(kOwner), .recursion_desired = false}, kTimeout);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->Find(Make(kOwner), Type::kTxt).at(0).text, odd);
  ASSERT_TRUE(updater->Change(Change(false, odd), kTimeout).ok());
  EXPECT_TRUE(Values().empty());
}

TEST_F(UpdateAtBind, SaysWhyTheServerDidNot) {
  struct Case {
    const char* what;
    TsigKey key;
    TxtChange change;
    const char* reason;
    const char* text;
  };
  TxtChange other_zone = Change(true, "x", "www.nowhere.test");
  other_zone.zone = Make("nowhere.test");
  TxtChange below = Change(true, "x");
  below.zone = Make("www.example.test");
  TxtChange fixed = Change(true, "x", "www.fixed.test");
  fixed.zone = Make("fixed.test");
  const Case cases[] = {
      {"unknown key", Key("other"), Change(true, "x"), "TSIG_BADKEY", "other."},
      {"another algorithm", Key("k256", TsigAlgorithm::kHmacSha512), Change(true, "x"),
       "TSIG_BADKEY", "hmac-sha512"},
      {"wrong secret", Key("k256", TsigAlgorithm::kHmacSha256, "another secret, 32 bytes long ..."),
       Change(true, "x"), "TSIG_BADSIG", "k256."},
      {"owner outside the policy", Key("k256"), Change(true, "x", "www.example.test"),
       "UPDATE_REFUSED", "www.example.test."},
      {"zone without updates", Key("k256"), fixed, "UPDATE_REFUSED", "k256."},
      {"zone of another server", Key("k256"), other_zone, "UPDATE_NOTAUTH", "nowhere.test."},
      {"no zone but a name in one", Key("k256"), below, "UPDATE_NOTAUTH", "www.example.test."},
      {"removal outside the policy", Key("k256"), Change(false, "x", "ns.example.test"),
       "UPDATE_REFUSED", "ns.example.test."},
  };
  for (const Case& c : cases) {
    const absl::Status status = MakeUpdater(server(), c.key)->Change(c.change, kTimeout);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << c.what << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << c.what << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << c.what << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), bind_->place())) << c.what << ": " << status;
  }
  EXPECT_TRUE(Values().empty());
}

TEST_F(UpdateAtBind, TheServersPolicyKeepsOtherTypesOut) {
  const std::string file = harness::TempDir("nsupdate") + "/commands";
  harness::WriteAll(file, absl::StrCat("server ", bind_->address(), " ", bind_->port(),
                                       "\ncheck-names no\nzone example.test\nupdate add ", kOwner,
                                       " 60 A 192.0.2.1\nsend\n"));
  const auto output =
      harness::RunProgram({"/usr/bin/nsupdate", "-y",
                           absl::StrCat("hmac-sha256:k256:", absl::Base64Escape(kSecret)), file});
  EXPECT_NE(output.code, 0);
  EXPECT_TRUE(absl::StrContains(output.err, "REFUSED")) << output.err;
  EXPECT_EQ(bind_->Dig(kOwner, "A"), "");
}

// Runs itself once more as a child whose clock is wrong.
TEST_F(UpdateAtBind, SaysByHowMuchTheClocksDiffer) {
  struct Case {
    const char* offset;
    int expected;
    const char* text;
  };
  const Case cases[] = {{"-20m", 1200, "ahead of"}, {"+2h", 7200, "behind"}};
  for (const Case& c : cases) {
    const auto child =
        harness::RunProgram({"/proc/self/exe", "--gtest_filter=SkewedChild.*"},
                            {"LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
                             absl::StrCat("FAKETIME=", c.offset), "FAKETIME_DONT_FAKE_MONOTONIC=1",
                             "ASAN_OPTIONS=verify_asan_link_order=0",
                             absl::StrCat("NORROY_DNS_SERVER=", bind_->place())});
    EXPECT_TRUE(absl::StrContains(child.out, "TSIG_BADTIME")) << child.out << child.err;
    EXPECT_TRUE(absl::StrContains(child.out, c.text)) << child.out;
    bool near = false;
    for (int i = -5; i <= 5; ++i) {
      near = near || absl::StrContains(child.out, absl::StrCat(" ", c.expected + i, " seconds"));
    }
    EXPECT_TRUE(near) << child.out;
  }
  EXPECT_TRUE(Values().empty());
}

TEST(SkewedChild, TriesAnUpdate) {
  const char* const server = std::getenv("NORROY_DNS_SERVER");
  if (server == nullptr) return;
  const absl::Status status =
      MakeUpdater(*Server::Parse(server), Key("k256"))->Change(Change(true, "x"), kTimeout);
  std::printf("%s: %s\n", ErrorReason(status).c_str(), std::string(status.message()).c_str());
}

// The header of an update's answer, and nothing behind it.
std::string Unsigned(const std::string& query, uint16_t flags) {
  std::string reply = query.substr(0, 2);
  AppendU16(flags, reply);
  return reply + std::string(8, '\0');
}

TEST(Update, BelievesNoAnswerThatIsNotSigned) {
  struct Case {
    const char* what;
    MisbehavingServer::Tcp tcp;
    const char* reason;
  };
  const Case cases[] = {
      {"NOERROR unsigned", [](const std::string& q) { return Framed(Unsigned(q, 0xa800)); },
       "TSIG_BADSIG"},
      {"REFUSED unsigned", [](const std::string& q) { return Framed(Unsigned(q, 0xa805)); },
       "TSIG_BADSIG"},
      {"the request itself as an answer",
       [](const std::string& q) {
         std::string reply = q;
         reply[2] = static_cast<char>(0xa8);
         return Framed(reply);
       },
       "TSIG_BADSIG"},
      {"another id",
       [](const std::string& q) {
         std::string reply = Unsigned(q, 0xa800);
         reply[0] = static_cast<char>(reply[0] + 1);
         return Framed(reply);
       },
       "BAD_DNS_MESSAGE"},
      {"an answer to a query", [](const std::string& q) { return Framed(Unsigned(q, 0x8000)); },
       "BAD_DNS_MESSAGE"},
      {"the request", [](const std::string& q) { return Framed(q); }, "BAD_DNS_MESSAGE"},
      {"cut", [](const std::string& q) { return Framed(q.substr(0, 5)); }, "BAD_DNS_MESSAGE"},
      {"60000 records",
       [](const std::string& q) {
         std::string reply = Unsigned(q, 0xa800);
         reply[6] = static_cast<char>(0xea);
         return Framed(reply);
       },
       "BAD_DNS_MESSAGE"},
      {"records that are not there",
       [](const std::string& q) {
         std::string reply = Unsigned(q, 0xa800);
         reply[7] = 3;
         return Framed(reply);
       },
       "BAD_DNS_MESSAGE"},
      {"hangs up", [](const std::string&) { return ""; }, "DNS_UNREACHABLE"},
      {"hangs up in the middle",
       [](const std::string& q) { return Framed(Unsigned(q, 0xa800)).substr(0, 7); },
       "DNS_UNREACHABLE"},
      {"nobody there", nullptr, "DNS_UNREACHABLE"},
  };
  for (const Case& c : cases) {
    const MisbehavingServer server(nullptr, c.tcp);
    const absl::Status status =
        MakeUpdater(server.server(), Key("k256"))->Change(Change(true, "x"), kTimeout);
    EXPECT_EQ(ErrorReason(status), c.reason) << c.what << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), server.server().text())) << status;
  }
}

TEST(Update, RefusesWhatCannotBeSent) {
  const auto updater = MakeUpdater({.address = "127.0.0.1", .port = 1}, Key("k256"));
  EXPECT_EQ(ErrorReason(updater->Change(Change(true, std::string(256, 'x')), kTimeout)),
            "BAD_UPDATE");
  EXPECT_EQ(ErrorReason(updater->Change(Change(true, "x", "www.example.org"), kTimeout)),
            "BAD_UPDATE");
  for (const std::string& secret : {std::string(), std::string(513, 's')}) {
    const auto keyless = MakeUpdater({.address = "127.0.0.1", .port = 1},
                                     Key("k256", TsigAlgorithm::kHmacSha256, secret));
    EXPECT_EQ(ErrorReason(keyless->Change(Change(true, "x"), kTimeout)), "BAD_UPDATE");
  }
}

}  // namespace
}  // namespace norroy::dns
