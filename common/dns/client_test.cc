#include "common/dns/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/dns/misbehaving_server.h"
#include "common/dns/test_message.h"
#include "common/dns/wire.h"
#include "common/error/error.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"

namespace norroy::dns {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(300);
constexpr uint16_t kTruncated = 0x8380;

Name Make(absl::string_view text) { return *Name::Parse(text); }
const Query kQuery = {.name = Make("_acme-challenge.www.example.com")};

std::string Txt(absl::string_view text) { return WireRecord(Pointer(12), 16, WireTxt(text)); }

std::string Good(const std::string& query, absl::string_view text = "value") {
  TestReply reply = ReplyTo(query);
  reply.answers = {Txt(text)};
  return reply.bytes();
}

std::string Lower(const std::string& query) {
  TestReply reply = ReplyTo(query);
  reply.question = absl::AsciiStrToLower(reply.question);
  reply.answers = {Txt("value")};
  return reply.bytes();
}

std::string WithId(const std::string& message, int delta) {
  std::string changed = message;
  changed[1] = static_cast<char>(changed[1] + delta);
  return changed;
}

std::string Empty(const std::string& query, uint16_t flags) {
  TestReply reply = ReplyTo(query);
  reply.flags = flags;
  return reply.bytes();
}

std::string WithoutQuestion(const std::string& query, uint16_t flags) {
  TestReply reply = ReplyTo(query);
  reply.question.clear();
  reply.flags = flags;
  return reply.bytes();
}

// The TXT values, or the reason of the error.
std::string Result(const absl::StatusOr<Message>& message) {
  if (!message.ok()) return ErrorReason(message.status());
  std::string text = message->rcode == Rcode::kNoError ? "" : RcodeName(message->rcode);
  for (const Record& record : message->Find(kQuery.name, Type::kTxt)) {
    absl::StrAppend(&text, record.text);
  }
  return text;
}

TEST(Client, TakesTheRightAnswerFromServersThatMisbehave) {
  using Packets = std::vector<std::string>;
  const std::string big(3000, 'b');
  const std::string huge(65000, 'h');
  struct Case {
    const char* what;
    MisbehavingServer::Udp udp;
    MisbehavingServer::Tcp tcp;
    std::string expected;
    absl::Duration timeout = kLong;
  };
  const auto good = [](const std::string& q) { return Framed(Good(q, "by tcp")); };
  const auto truncated = [](const std::string& q) { return Packets{Empty(q, kTruncated)}; };
  const auto lower = [](const std::string& q) { return Packets{Lower(q)}; };
  const Case cases[] = {
      {"plain", [](const std::string& q) { return Packets{Good(q)}; }, nullptr, "value"},
      {"SERVFAIL is an answer", [](const std::string& q) { return Packets{Empty(q, 0x8182)}; },
       nullptr, "SERVFAIL"},
      {"wrong id alone", [](const std::string& q) { return Packets{WithId(Good(q), 1)}; }, nullptr,
       "BAD_DNS_MESSAGE", kShort},
      {"garbage first, then the right one",
       [&](const std::string& q) {
         return Packets{"",
                        "x",
                        std::string(12, '\0'),
                        std::string(1500, '\xff'),
                        q,
                        WithId(Good(q, "forged"), 1),
                        WithId(Good(q, "forged"), -1),
                        Good(q)};
       },
       nullptr, "value"},
      {"wrong question alone",
       [](const std::string& q) {
         TestReply reply = ReplyTo(q);
         reply.question = WireName("www.example.org") + WireU16(16) + WireU16(1);
         return Packets{reply.bytes()};
       },
       nullptr, "BAD_DNS_MESSAGE", kShort},
      {"wrong type in the question, then the right one",
       [](const std::string& q) {
         TestReply reply = ReplyTo(q);
         reply.question[reply.question.size() - 3] = 1;
         return Packets{reply.bytes(), Good(q)};
       },
       nullptr, "value"},
      {"two questions, then the right one",
       [](const std::string& q) {
         std::string two = Good(q, "forged");
         two[5] = 2;
         return Packets{two, Good(q)};
       },
       nullptr, "value"},
      {"an answer to an update, then the right one",
       [](const std::string& q) {
         return Packets{Empty(q, 0xa880), Good(q)};
       },
       nullptr, "value"},
      {"no answer", [](const std::string&) { return Packets{}; }, nullptr, "DNS_TIMEOUT", kShort},
      {"the first question is lost",
       [n = std::make_shared<std::atomic<int>>(0)](const std::string& q) {
         return (*n)++ == 0 ? Packets{} : Packets{Good(q)};
       },
       nullptr, "value", absl::Milliseconds(3000)},
      {"malformed behind the right question",
       [](const std::string& q) {
         std::string bytes = Good(q);
         return Packets{bytes.substr(0, bytes.size() - 1)};
       },
       nullptr, "BAD_DNS_MESSAGE"},
      {"truncated, whole by TCP", truncated, good, "by tcp"},
      {"truncated and cut anywhere",
       [](const std::string& q) {
         TestReply reply = ReplyTo(q);
         reply.flags = kTruncated;
         reply.answers = {Txt("value")};
         const std::string bytes = reply.bytes();
         return Packets{bytes.substr(0, bytes.size() - 3)};
       },
       good, "by tcp"},
      {"truncated, 3000 bytes by TCP", truncated,
       [&](const std::string& q) { return Framed(Good(q, big)); }, big},
      {"truncated, 64 KiB of TXT by TCP", truncated,
       [&](const std::string& q) { return Framed(Good(q, huge)); }, huge.substr(0, kMaxTxt)},
      {"truncated, 1000 records by TCP", truncated,
       [](const std::string& q) {
         TestReply reply = ReplyTo(q);
         reply.answers.assign(1000, Txt("x"));
         return Framed(reply.bytes());
       },
       "BAD_DNS_MESSAGE"},
      {"truncated, no TCP", truncated, nullptr, "DNS_UNREACHABLE"},
      {"truncated, TCP hangs up at once", truncated, [](const std::string&) { return ""; },
       "DNS_UNREACHABLE"},
      {"truncated, TCP hangs up in the middle", truncated,
       [](const std::string& q) { return Framed(Good(q)).substr(0, 20); }, "DNS_UNREACHABLE"},
      {"truncated, TCP has another id", truncated,
       [](const std::string& q) { return Framed(WithId(Good(q), 1)); }, "BAD_DNS_MESSAGE"},
      {"truncated, TCP has nothing in it", truncated,
       [](const std::string&) { return std::string(2, '\0'); }, "BAD_DNS_MESSAGE"},
      {"changed case, then the right one",
       [](const std::string& q) {
         return Packets{Lower(q), Good(q)};
       },
       nullptr, "value"},
      {"changed case alone, no TCP", lower, nullptr, "BAD_DNS_MESSAGE", kShort},
      {"changed case, TCP right", lower, good, "by tcp"},
      {"changed case by TCP too", lower, [](const std::string& q) { return Framed(Lower(q)); },
       "value"},
      {"refuses without the question",
       [](const std::string& q) { return Packets{WithoutQuestion(q, 0x8185)}; },
       [](const std::string& q) { return Framed(WithoutQuestion(q, 0x8185)); }, "REFUSED"},
      {"no question and no error",
       [](const std::string& q) { return Packets{WithoutQuestion(q, 0x8180)}; }, nullptr,
       "BAD_DNS_MESSAGE", kShort},
      {"a flood of forgeries",
       [](const std::string& q) { return Packets(300, WithId(Good(q), 1)); }, nullptr,
       "BAD_DNS_MESSAGE"},
      {"nobody there", nullptr, nullptr, "DNS_UNREACHABLE"},
  };
  for (const Case& c : cases) {
    const MisbehavingServer server(c.udp, c.tcp);
    const auto message = MakeClient()->Ask(server.server(), kQuery, c.timeout);
    EXPECT_EQ(Result(message), c.expected) << c.what << ": " << message.status();
    if (message.ok()) continue;
    EXPECT_TRUE(absl::StrContains(message.status().message(), server.server().text())) << c.what;
    EXPECT_TRUE(absl::StrContains(message.status().message(), "_acme-challenge.www.example.com"));
    EXPECT_TRUE(absl::StrContains(message.status().message(), "TXT"));
  }
}

TEST(Client, TheTimeoutIsTheWholeTime) {
  SystemClock clock;
  struct Case {
    const char* what;
    MisbehavingServer::Udp udp;
    MisbehavingServer::Tcp tcp;
  };
  const auto hang = [](const std::string& q) {
    absl::SleepFor(absl::Milliseconds(1500));
    return Framed(Good(q));
  };
  const Case cases[] = {
      {"silent", [](const std::string&) { return std::vector<std::string>(); }, nullptr},
      {"slow by TCP",
       [](const std::string& q) { return std::vector<std::string>{Empty(q, kTruncated)}; }, hang},
      {"changed case, slow by TCP",
       [](const std::string& q) { return std::vector<std::string>{Lower(q)}; }, hang},
  };
  for (const Case& c : cases) {
    const MisbehavingServer server(c.udp, c.tcp);
    const absl::Duration start = clock.Monotonic();
    EXPECT_FALSE(MakeClient()->Ask(server.server(), kQuery, kShort).ok()) << c.what;
    const absl::Duration took = clock.Monotonic() - start;
    EXPECT_GE(took, kShort) << c.what;
    EXPECT_LT(took, absl::Milliseconds(1400)) << c.what;
  }
}

TEST(Client, AsksWithRandomIdAndCaseAndPort) {
  std::vector<std::string> queries;
  const MisbehavingServer server(
      [&](const std::string& q) {
        queries.push_back(q);
        return std::vector<std::string>{Good(q)};
      },
      nullptr);
  const auto client = MakeClient();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(client->Ask(server.server(), kQuery, kLong).ok());
  std::set<std::string> ids;
  std::set<std::string> questions;
  for (const std::string& query : queries) {
    ids.insert(query.substr(0, 2));
    questions.insert(ReplyTo(query).question);
  }
  EXPECT_GE(ids.size(), 15u);
  EXPECT_GE(questions.size(), 15u);
}

TEST(Client, SetsTheFlagsThatTheQueryWants) {
  struct Case {
    Query query;
    uint16_t flags;
    uint8_t edns_high;  // of the EDNS flags
  };
  const Case cases[] = {
      {{.name = kQuery.name}, 0x0100, 0},
      {{.name = kQuery.name, .recursion_desired = false}, 0x0000, 0},
      {{.name = kQuery.name, .checking_disabled = true}, 0x0110, 0},
      {{.name = kQuery.name, .want_dnssec = true}, 0x0120, 0x80},
  };
  for (const Case& c : cases) {
    std::string seen;
    {
      const MisbehavingServer server(
          [&](const std::string& q) {
            seen = q;
            return std::vector<std::string>{Good(q)};
          },
          nullptr);
      ASSERT_TRUE(MakeClient()->Ask(server.server(), c.query, kLong).ok());
    }
    EXPECT_EQ(seen.substr(2, 2), WireU16(c.flags));
    const std::string opt = seen.substr(12 + ReplyTo(seen).question.size());
    EXPECT_EQ(opt, absl::StrCat(std::string(1, '\0'), WireU16(41), WireU16(1232), WireU16(0),
                                WireU16(static_cast<uint16_t>(c.edns_high << 8)), WireU16(0)));
  }
}

TEST(Client, TakesIpv6AndRefusesWhatIsNoAddress) {
  const auto client = MakeClient();
  const auto message = client->Ask({.address = "example.com", .port = 53}, kQuery, kShort);
  EXPECT_EQ(ErrorReason(message.status()), "BAD_CONFIG");
  const auto no_port = client->Ask({.address = "127.0.0.1", .port = 0}, kQuery, kShort);
  EXPECT_EQ(ErrorReason(no_port.status()), "BAD_CONFIG");
  // Refused on loopback, or without IPv6 no way there: both are said by name.
  const auto v6 = client->Ask({.address = "::1", .port = 1}, kQuery, kShort);
  EXPECT_EQ(ErrorReason(v6.status()), "DNS_UNREACHABLE") << v6.status();
  EXPECT_TRUE(absl::StrContains(v6.status().message(), "[::1]:1"));
}

TEST(Client, AsksBind) {
  std::string records;
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&records, "many TXT \"value-", i, "-", std::string(60, 'x'), "\"\n");
  }
  absl::StrAppend(&records,
                  "one TXT \"single\"\nalias CNAME one\n@ CAA 128 issue \"ca.example\"\n"
                  "host A 192.0.2.1\nhost AAAA 2001:db8::1\n");
  const auto bind = harness::Bind::Start(harness::TempDir("client"),
                                         {.zones = {{.name = "example.test", .records = records}}});
  const Server server = *Server::Parse(bind->place());
  const auto client = MakeClient();
  const auto ask = [&](absl::string_view name, Type type) {
    auto message =
        client->Ask(server, {.name = Make(name), .type = type, .recursion_desired = false}, kLong);
    EXPECT_TRUE(message.ok()) << message.status();
    return *std::move(message);
  };
  const auto many = ask("many.example.test", Type::kTxt);
  EXPECT_EQ(many.Find(Make("many.example.test"), Type::kTxt).size(), 40u);
  EXPECT_TRUE(many.authoritative);
  const auto one = ask("one.example.test", Type::kTxt);
  EXPECT_EQ(one.Find(Make("one.example.test"), Type::kTxt).at(0).text, "single");
  const auto alias = ask("alias.example.test", Type::kTxt);
  EXPECT_EQ(alias.Find(Make("alias.example.test"), Type::kCname).at(0).target,
            Make("one.example.test"));
  const auto caa = ask("example.test", Type::kCaa).Find(Make("example.test"), Type::kCaa).at(0);
  EXPECT_TRUE(caa.caa.critical);
  EXPECT_EQ(caa.caa.value, "ca.example");
  EXPECT_EQ(ask("host.example.test", Type::kAaaa).answers.at(0).text, "2001:db8::1");
  const auto absent = ask("absent.example.test", Type::kTxt);
  EXPECT_EQ(absent.rcode, Rcode::kNxDomain);
  EXPECT_EQ(absent.authority.at(0).type, Type::kSoa);
  EXPECT_EQ(ask("other.test", Type::kTxt).rcode, Rcode::kRefused);
}

TEST(Server, ParsesAddresses) {
  struct Case {
    const char* text;
    const char* expected;  // "": refused
  };
  const Case cases[] = {
      {"192.0.2.53", "192.0.2.53:53"},
      {"192.0.2.53:5353", "192.0.2.53:5353"},
      {"192.0.2.53:65535", "192.0.2.53:65535"},
      {"2001:db8::53", "[2001:db8::53]:53"},
      {"[2001:db8::53]", "[2001:db8::53]:53"},
      {"[2001:DB8:0::53]:5353", "[2001:db8::53]:5353"},
      {"::1", "[::1]:53"},
      {"", ""},
      {":", ""},
      {"192.0.2.53:", ""},
      {"192.0.2.53:0", ""},
      {"192.0.2.53:65536", ""},
      {"192.0.2.53:+53", ""},
      {"192.0.2.53: 53", ""},
      {"192.0.2.53:x", ""},
      {"192.0.2.256", ""},
      {"192.0.2", ""},
      {"ns.example.com", ""},
      {"[192.0.2.53]:53", ""},
      {"[2001:db8::53", ""},
      {"[2001:db8::53]53", ""},
      {"[2001:db8::53]:", ""},
      {"fe80::1%eth0", ""},
  };
  for (const Case& c : cases) {
    const auto server = Server::Parse(c.text);
    EXPECT_EQ(server.ok() ? server->text() : "", c.expected) << c.text;
    EXPECT_EQ(ErrorReason(server.status()), server.ok() ? "" : "BAD_CONFIG");
    EXPECT_TRUE(!server.ok() || *Server::Parse(server->text()) == *server);
  }
}

}  // namespace
}  // namespace norroy::dns
