#include "common/dns/message.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/dns/test_message.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

constexpr uint16_t kA = 1;
constexpr uint16_t kNs = 2;
constexpr uint16_t kCname = 5;
constexpr uint16_t kSoa = 6;
constexpr uint16_t kTxt = 16;
constexpr uint16_t kAaaa = 28;
constexpr uint16_t kCaa = 257;

const std::string kQuestion = WireName("www.Example.com") + WireU16(kTxt) + WireU16(1);
const std::string kOwner = Pointer(12);

TestReply Reply(std::vector<std::string> answers) {
  return {.question = kQuestion, .answers = std::move(answers)};
}

Name Make(absl::string_view text) { return *Name::Parse(text); }

std::string SoaData() {
  return absl::StrCat(WireName("ns.example.com"), std::string("\x05j.doe", 6), Pointer(16),
                      WireU32(2024), WireU32(1), WireU32(2), WireU32(3), WireU32(300));
}

std::string CaaData(uint8_t flags, absl::string_view tag, absl::string_view value) {
  return absl::StrCat(std::string(1, static_cast<char>(flags)),
                      std::string(1, static_cast<char>(tag.size())), tag, value);
}

TEST(Message, ReadsEveryTypeItKnows) {
  auto reply =
      Reply({WireRecord(kOwner, kTxt, WireTxt("hello") + WireTxt(" world")),
             WireRecord(kOwner, kA, std::string("\xc0\x00\x02\x01", 4)),
             WireRecord(kOwner, kAaaa,
                        std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01"),
             WireRecord(kOwner, kCname, std::string("\x01z") + Pointer(16)),
             WireRecord(kOwner, 39, WireName("d.example.net")),
             WireRecord(kOwner, kCaa, CaaData(128, "IssueWild", "ca.example; x=y")),
             WireRecord(kOwner, 46, "whatever")});
  reply.authority = {WireRecord(Pointer(16), kSoa, SoaData(), 1, 120),
                     WireRecord(Pointer(16), kNs, WireName("NS.example.com")),
                     WireRecord(Pointer(16), 43, "digest")};
  reply.flags = 0x8400 | 0x0020;
  const auto message = ParseReply(reply.bytes());
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->rcode, Rcode::kNoError);
  EXPECT_TRUE(message->authoritative);
  EXPECT_TRUE(message->authenticated);
  EXPECT_FALSE(message->recursion_available);
  EXPECT_FALSE(message->truncated);
  const Name www = Make("www.example.com");
  ASSERT_EQ(message->answers.size(), 7u);
  EXPECT_EQ(message->Find(www, Type::kTxt).at(0).text, "hello world");
  EXPECT_EQ(message->Find(www, Type::kTxt).at(0).ttl, 60u);
  EXPECT_EQ(message->Find(www, Type::kA).at(0).text, "192.0.2.1");
  EXPECT_EQ(message->Find(www, Type::kAaaa).at(0).text, "2001:db8::1");
  EXPECT_EQ(message->Find(www, Type::kCname).at(0).target, Make("z.example.com"));
  EXPECT_EQ(message->Find(www, Type::kDname).at(0).target, Make("d.example.net"));
  const Caa caa = message->Find(www, Type::kCaa).at(0).caa;
  EXPECT_TRUE(caa.critical);
  EXPECT_EQ(caa.tag, "issuewild");
  EXPECT_EQ(caa.value, "ca.example; x=y");
  EXPECT_TRUE(message->Find(Make("example.com"), Type::kTxt).empty());
  ASSERT_EQ(message->authority.size(), 3u);
  EXPECT_EQ(message->authority[0].target, Make("ns.example.com"));
  EXPECT_EQ(message->authority[0].serial, 2024u);
  EXPECT_EQ(message->authority[0].negative, 120u);
  EXPECT_EQ(message->authority[1].target, Make("ns.example.com"));
  EXPECT_EQ(message->authority[2].type, Type::kDs);
}

TEST(Message, LeavesOutWhatItDoesNotKnow) {
  struct Case {
    const char* what;
    std::string record;
  };
  const Case cases[] = {
      {"unknown type", WireRecord(kOwner, 65280, "data")},
      {"class CH", WireRecord(kOwner, kTxt, WireTxt("x"), 3)},
      {"class NONE", WireRecord(kOwner, kTxt, WireTxt("x"), 254)},
      {"owner with a space", WireRecord(std::string("\3a b\0", 5), kTxt, WireTxt("x"))},
      {"owner with a dot in a label", WireRecord(std::string("\3a.b\0", 5), kTxt, WireTxt("x"))},
      {"owner with a zero byte", WireRecord(std::string("\2a\0\0", 4), kTxt, WireTxt("x"))},
      {"target outside the alphabet", WireRecord(kOwner, kCname, std::string("\2a!\0", 4))},
  };
  for (const Case& c : cases) {
    const auto message =
        ParseReply(Reply({c.record, WireRecord(kOwner, kTxt, WireTxt("kept"))}).bytes());
    ASSERT_TRUE(message.ok()) << c.what << ": " << message.status();
    ASSERT_EQ(message->answers.size(), 1u) << c.what;
    EXPECT_EQ(message->answers[0].text, "kept") << c.what;
  }
}

TEST(Message, RefusesWhatIsMalformed) {
  const std::string txt = WireRecord(kOwner, kTxt, WireTxt("x"));
  const size_t first = 12 + kQuestion.size();  // where the first answer's owner begins
  struct Case {
    const char* what;
    std::string bytes;
  };
  TestReply query = Reply({});
  query.flags = 0x0100;
  const auto with = [&](const std::string& record) { return Reply({record}).bytes(); };
  const Case cases[] = {
      {"nothing", ""},
      {"half a header", std::string(11, '\x80')},
      {"a query", query.bytes()},
      {"two questions", [&] {
         std::string bytes = Reply({}).bytes();
         bytes[5] = 2;
         return bytes;
       }()},
      {"pointer to itself", with(WireRecord(Pointer(first), kTxt, WireTxt("x")))},
      {"pointer forward", with(WireRecord(Pointer(first + 20), kTxt, WireTxt("x")))},
      {"pointer beyond the end", with(WireRecord(Pointer(0x3fff), kTxt, WireTxt("x")))},
      {"pointer into the header", with(WireRecord(Pointer(4), kTxt, WireTxt("x")))},
      {"labels, then a pointer to them",
       with(WireRecord("\1a" + Pointer(first), kTxt, WireTxt("x")))},
      {"two that point at each other",
       with(WireRecord(kOwner, kCname, Pointer(first + 14) + Pointer(first + 12)))},
      {"label type 01", with(WireRecord(std::string("\x41z\0", 3), kTxt, WireTxt("x")))},
      {"label type 10", with(WireRecord(std::string("\x81z\0", 3), kTxt, WireTxt("x")))},
      {"name of 256 bytes", with(WireRecord(
           [] {
             std::string name;
             for (int i = 0; i < 127; ++i) name += "\1a";
             return name + "\2ab" + std::string(1, '\0');
           }(),
           kTxt, WireTxt("x")))},
      {"address of 3 bytes", with(WireRecord(kOwner, kA, "abc"))},
      {"address of 5 bytes", with(WireRecord(kOwner, kA, "abcde"))},
      {"IPv6 address of 4 bytes", with(WireRecord(kOwner, kAaaa, "abcd"))},
      {"TXT string beyond its record", with(WireRecord(kOwner, kTxt, "\x05" "abc"))},
      {"CNAME and more", with(WireRecord(kOwner, kCname, WireName("a.b") + "x"))},
      {"CNAME cut", with(WireRecord(kOwner, kCname, "\3ab"))},
      {"SOA cut", with(WireRecord(kOwner, kSoa, SoaData().substr(0, 30)))},
      {"CAA of one byte", with(WireRecord(kOwner, kCaa, std::string(1, '\0')))},
      {"CAA without a tag", with(WireRecord(kOwner, kCaa, std::string("\0\0", 2)))},
      {"CAA tag beyond its record", with(WireRecord(kOwner, kCaa, std::string("\0\x09issue", 7)))},
      {"fewer records than it says", [&] {
         std::string bytes = with(txt);
         bytes[7] = 2;
         return bytes;
       }()},
  };
  for (const Case& c : cases) {
    const auto message = ParseReply(c.bytes);
    EXPECT_FALSE(message.ok()) << c.what;
    EXPECT_EQ(ErrorReason(message.status()), "BAD_DNS_MESSAGE") << c.what;
  }
}

TEST(Message, FollowsPointersThatLeadBack) {
  TestReply reply;
  for (const int count : {1, 2, 100, 127, 128, 200}) {
    // As the data of an unknown type the chain is only bytes; the CNAME behind it points to its
    // end.
    std::string chain;
    std::vector<size_t> starts;
    const size_t base = 12 + 1 + 10;  // header, owner ".", fixed part
    for (int i = 0; i < count; ++i) {
      starts.push_back(base + chain.size());
      chain += i == 0 ? std::string("\1a\0", 3) : "\1a" + Pointer(starts[starts.size() - 2]);
    }
    reply.answers = {WireRecord(std::string(1, '\0'), 65280, chain),
                     WireRecord(std::string(1, '\0'), kCname, Pointer(starts.back()))};
    const auto message = ParseReply(reply.bytes());
    // 127 labels of one letter are the longest name there is.
    ASSERT_EQ(message.ok(), count <= 127) << count << ": " << message.status();
    if (!message.ok()) continue;
    EXPECT_EQ(message->answers.at(0).target.labels().size(), static_cast<size_t>(count));
  }
}

TEST(Message, RefusesEveryCut) {
  auto reply = Reply({WireRecord(kOwner, kTxt, WireTxt("hello")),
                      WireRecord(kOwner, kCaa, CaaData(0, "issue", "ca.example")),
                      WireRecord(kOwner, kCname, std::string("\1z") + Pointer(16))});
  reply.authority = {WireRecord(Pointer(16), kSoa, SoaData())};
  const std::string bytes = reply.bytes();
  ASSERT_TRUE(ParseReply(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseReply(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_TRUE(ParseReply(bytes + "more").ok());
}

TEST(Message, CapsRecords) {
  const std::string record = WireRecord(kOwner, kTxt, WireTxt("x"));
  EXPECT_EQ(ParseReply(Reply(std::vector<std::string>(511, record)).bytes())->answers.size(), 511u);
  EXPECT_EQ(ParseReply(Reply(std::vector<std::string>(512, record)).bytes())->answers.size(), 512u);
  EXPECT_FALSE(ParseReply(Reply(std::vector<std::string>(513, record)).bytes()).ok());
  EXPECT_FALSE(ParseReply(Reply(std::vector<std::string>(600, record)).bytes()).ok());
  // Refused by the count alone, and counted over all sections.
  auto spread = Reply(std::vector<std::string>(300, record));
  spread.additional = std::vector<std::string>(300, record);
  const auto refused = ParseReply(spread.bytes());
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "600 records")) << refused.status();
}

TEST(Message, CapsTxt) {
  for (const size_t size : {4095u, 4096u, 4097u, 65000u}) {
    const std::string text(size, 't');
    const auto message = ParseReply(Reply({WireRecord(kOwner, kTxt, WireTxt(text))}).bytes());
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(message->answers.at(0).text, text.substr(0, kMaxTxt));
  }
  // An empty value is a value.
  EXPECT_EQ(ParseReply(Reply({WireRecord(kOwner, kTxt, WireTxt(""))}).bytes())->answers.size(), 1u);
}

TEST(Message, ReadsTheExtendedRcode) {
  struct Case {
    uint16_t flags;
    uint32_t opt_ttl;  // 0: none
    Rcode expected;
    const char* name;
  };
  const Case cases[] = {
      {0x8180, 0, Rcode::kNoError, "NOERROR"},
      {0x8182, 0, Rcode::kServFail, "SERVFAIL"},
      {0x8183, 0, Rcode::kNxDomain, "NXDOMAIN"},
      {0x8185, 0x00008000, Rcode::kRefused, "REFUSED"},
      {0x8180, 0x01000000, Rcode::kBadSig, "BADSIG"},
      {0x8187, 0x01000000, static_cast<Rcode>(23), "RCODE23"},
  };
  for (const Case& c : cases) {
    auto reply = Reply({});
    reply.flags = c.flags;
    if (c.opt_ttl != 0) {
      reply.additional = {WireRecord(std::string(1, '\0'), 41, "", 1232, c.opt_ttl)};
    }
    const auto message = ParseReply(reply.bytes());
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(message->rcode, c.expected) << c.name;
    EXPECT_EQ(RcodeName(message->rcode), c.name);
    EXPECT_TRUE(message->additional.empty());
  }
}

TEST(Message, ATtlWithTheHighestBitIsZero) {
  const auto message =
      ParseReply(Reply({WireRecord(kOwner, kTxt, WireTxt("x"), 1, 0xffffffff)}).bytes());
  EXPECT_EQ(message->answers.at(0).ttl, 0u);
}

TEST(TypeName, NamesTypes) {
  EXPECT_EQ(TypeName(Type::kCaa), "CAA");
  EXPECT_EQ(TypeName(static_cast<Type>(65280)), "TYPE65280");
}

}  // namespace
}  // namespace norroy::dns
