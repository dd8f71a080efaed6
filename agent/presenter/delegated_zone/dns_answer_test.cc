#include "agent/presenter/delegated_zone/dns_answer.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "agent/presenter/delegated_zone/test_message.h"
#include "common/dns/message.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr uint16_t kA = 1;
constexpr uint16_t kNs = 2;
constexpr uint16_t kSoa = 6;
constexpr uint16_t kTxt = 16;

dns::Name N(absl::string_view text) { return *dns::Name::Parse(text); }

class DnsAnswerTest : public testing::Test {
 protected:
  DnsAnswerTest() : table_(N("acme.example.net"), {N("ns1.example.org"), N("ns2.example.org")}) {
    Add("www.acme.example.net", "first");
    Add("www.acme.example.net", "second");
    Add("a.b.acme.example.net", "deep");
  }

  void Add(const std::string& owner, const std::string& value) {
    ASSERT_TRUE(table_.Add(N(owner), value).ok()) << owner;
  }

  DnsAnswer AnswerBytes(const std::string& bytes, DnsTransport transport = DnsTransport::kUdp) {
    return AnswerDns(ParseDnsQuery(bytes, kMaxTcpQuery), transport, table_);
  }

  // With what holds for every answer to a well-formed query.
  TestReply Ask(const TestQuery& query, DnsTransport transport = DnsTransport::kUdp) {
    last_ = AnswerBytes(query.Bytes(), transport);
    const TestReply reply = ReadTestReply(last_.bytes);
    EXPECT_TRUE(reply.good) << query.name;
    EXPECT_EQ(reply.id, query.id);
    EXPECT_EQ(reply.flags & 0x8000, 0x8000);
    EXPECT_EQ(reply.rd(), (query.flags & 0x0100) != 0);
    EXPECT_EQ(reply.flags & 0x00f0, 0) << "RA, Z, AD and CD are clear";
    EXPECT_EQ(reply.question,
              absl::StrCat(TestName(query.name), TestU16(query.type), TestU16(query.klass)));
    EXPECT_EQ(reply.additional.size(), query.edns ? 1u : 0u);
    return reply;
  }

  ZoneTable table_;
  DnsAnswer last_;
};

const char kSoaText[] = " SOA ns1.example.org hostmaster.acme.example.net 1 3600 600 86400 1";

TEST_F(DnsAnswerTest, Table) {
  const std::string zone = "acme.example.net";
  const std::string soa = absl::StrCat(zone, " 300", kSoaText);
  const std::string negative = absl::StrCat(zone, " 1", kSoaText);
  struct Case {
    std::string what;
    TestQuery query;
    int rcode;
    bool authoritative;
    std::string answers;
    std::string authority;
  };
  const Case kCases[] = {
      {"values",
       {.name = "www.acme.example.net"},
       0,
       true,
       "www.acme.example.net 0 TXT first\nwww.acme.example.net 0 TXT second",
       ""},
      {"any case",
       {.name = "wWw.aCMe.EXAMPLE.nET"},
       0,
       true,
       "wWw.aCMe.EXAMPLE.nET 0 TXT first\nwWw.aCMe.EXAMPLE.nET 0 TXT second",
       ""},
      {"another type", {.name = "www.acme.example.net", .type = kA}, 0, true, "", negative},
      {"a type nobody knows",
       {.name = "www.acme.example.net", .type = 65280},
       0,
       true,
       "",
       negative},
      {"CAA", {.name = "www.acme.example.net", .type = 257}, 0, true, "", negative},
      {"SOA of an owner", {.name = "www.acme.example.net", .type = kSoa}, 0, true, "", negative},
      {"NS of an owner", {.name = "www.acme.example.net", .type = kNs}, 0, true, "", negative},
      {"empty non-terminal", {.name = "b.acme.example.net"}, 0, true, "", negative},
      {"NS of an empty non-terminal",
       {.name = "b.acme.example.net", .type = kNs},
       0,
       true,
       "",
       negative},
      {"no such owner", {.name = "x.acme.example.net"}, 3, true, "", negative},
      {"no such owner, another type",
       {.name = "x.acme.example.net", .type = kA},
       3,
       true,
       "",
       negative},
      {"below an owner", {.name = "x.www.acme.example.net"}, 3, true, "", negative},
      {"bytes that no name of ours has",
       {.name = std::string("\xff\0 \\", 4) + ".acme.example.net"},
       3,
       true,
       "",
       negative},
      {"apex SOA", {.name = zone, .type = kSoa}, 0, true, soa, ""},
      {"apex NS",
       {.name = zone, .type = kNs},
       0,
       true,
       "acme.example.net 300 NS ns1.example.org\nacme.example.net 300 NS ns2.example.org",
       ""},
      {"apex TXT", {.name = zone}, 0, true, "", negative},
      {"apex A", {.name = zone, .type = kA}, 0, true, "", negative},
      {"apex DS", {.name = zone, .type = 43}, 0, true, "", negative},
      {"the parent", {.name = "example.net"}, 5, false, "", ""},
      {"the root's NS", {.name = "", .type = kNs}, 5, false, "", ""},
      {"another zone", {.name = "www.example.com", .type = kA}, 5, false, "", ""},
      {"a name that ends alike", {.name = "xacme.example.net"}, 5, false, "", ""},
      {"CHAOS", {.name = "version.bind", .klass = 3}, 5, false, "", ""},
      {"CHAOS in the zone", {.name = "www.acme.example.net", .klass = 3}, 5, false, "", ""},
      {"class ANY", {.name = "www.acme.example.net", .klass = 255}, 5, false, "", ""},
      {"ANY", {.name = "www.acme.example.net", .type = 255}, 5, false, "", ""},
      {"AXFR", {.name = zone, .type = 252}, 5, false, "", ""},
      {"IXFR", {.name = zone, .type = 251}, 5, false, "", ""},
      {"OPT as a question", {.name = zone, .type = 41}, 5, false, "", ""},
      {"no RD", {.name = zone, .type = kSoa, .flags = 0}, 0, true, soa, ""},
      {"CD and AD", {.name = zone, .type = kSoa, .flags = 0x0130}, 0, true, soa, ""},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    for (const bool edns : {false, true}) {
      for (const DnsTransport transport : {DnsTransport::kUdp, DnsTransport::kTcp}) {
        TestQuery query = c.query;
        query.edns = edns;
        const TestReply reply = Ask(query, transport);
        EXPECT_EQ(reply.rcode, c.rcode);
        EXPECT_EQ(reply.aa(), c.authoritative);
        EXPECT_FALSE(reply.tc());
        EXPECT_EQ(Texts(reply.answers), c.answers);
        EXPECT_EQ(Texts(reply.authority), c.authority);
        const bool refused = reply.rcode != 0 && reply.rcode != 3;
        EXPECT_TRUE(!refused || last_.bytes.size() <= query.Bytes().size());
        EXPECT_EQ(last_.served, query.type == kTxt && !c.answers.empty());
        EXPECT_EQ(last_.unknown, query.type == kTxt && c.answers.empty() && c.authoritative);
      }
    }
  }
}

TEST_F(DnsAnswerTest, OwnersPointIntoTheQuestion) {
  Ask({.name = "www.acme.example.net"});
  const std::string& bytes = last_.bytes;
  const size_t question = TestName("www.acme.example.net").size() + 4;
  EXPECT_EQ(bytes.substr(kDnsHeader + question, 2), "\xc0\x0c");
  EXPECT_EQ(bytes.size(), kDnsHeader + question + 2 * 12 + 6 + 7);
}

TEST_F(DnsAnswerTest, ApexMayHaveValues) {
  Add("acme.example.net", "at the top");
  EXPECT_EQ(Texts(Ask({.name = "acme.example.net"}).answers), "acme.example.net 0 TXT at the top");
  EXPECT_EQ(Ask({.name = "acme.example.net", .type = kNs}).answers.size(), 2u);
}

TEST_F(DnsAnswerTest, ValuesComeAndGoOneByOne) {
  EXPECT_TRUE(table_.Remove(N("www.acme.example.net"), "first").ok());
  EXPECT_EQ(Texts(Ask({.name = "www.acme.example.net"}).answers),
            "www.acme.example.net 0 TXT second");
  EXPECT_TRUE(table_.Remove(N("www.acme.example.net"), "second").ok());
  EXPECT_EQ(Ask({.name = "www.acme.example.net"}).rcode, 3);
}

TEST_F(DnsAnswerTest, Edns) {
  TestQuery query{.name = "www.acme.example.net", .edns = true};
  struct Case {
    uint8_t version;
    bool dnssec_ok;
    std::string options;
    int rcode;
    uint32_t ttl;  // what the OPT record has there
  };
  const Case kCases[] = {
      {0, false, "", 0, 0},
      {0, true, "", 0, 0x8000},
      {0, false,
       std::string("\0\x0a\0\x08"
                   "12345678",
                   12),
       0, 0},
      {1, false, "", 16, 0x01000000},
      {255, true, "garbage", 16, 0x01008000},
  };
  for (const Case& c : kCases) {
    query.version = c.version;
    query.dnssec_ok = c.dnssec_ok;
    query.options = c.options;
    const TestReply reply = Ask(query);
    EXPECT_EQ(reply.rcode, c.rcode);
    EXPECT_EQ(reply.answers.size(), c.rcode == 0 ? 2u : 0u);
    ASSERT_EQ(reply.additional.size(), 1u);
    EXPECT_EQ(reply.additional[0].owner, "");
    EXPECT_EQ(reply.additional[0].type, 41);
    EXPECT_EQ(reply.additional[0].klass, kMaxDnsPayload);
    EXPECT_EQ(reply.additional[0].ttl, c.ttl);
    EXPECT_EQ(reply.additional[0].data, "");
  }
}

TEST_F(DnsAnswerTest, LongAnswersAreTruncatedWhole) {
  // Each value is 12 + 1 + 43 bytes; header and question are 12 + 26.
  const auto bytes_of = [](int values, bool edns) { return 38 + values * 56 + (edns ? 11 : 0); };
  for (int i = 0; i < 40; ++i) {
    Add("many.acme.example.net", absl::StrCat(i + 100, std::string(40, 'v')));
    TestQuery query{.name = "many.acme.example.net"};
    for (const int payload : {-1, 0, 511, 512, 600, 1231, 1232, 1233, 4096, 65535}) {
      query.edns = payload >= 0;
      query.payload = payload >= 0 ? payload : 0;
      const int limit = std::max(512, std::min(payload, 1232));
      const int size = bytes_of(i + 1, query.edns);
      const TestReply reply = Ask(query);
      EXPECT_EQ(reply.tc(), size > limit) << i << " " << payload;
      EXPECT_TRUE(reply.aa());
      EXPECT_EQ(reply.answers.size(), size > limit ? 0u : i + 1u);
      EXPECT_EQ(reply.authority.size(), 0u);
      EXPECT_EQ(last_.served, size <= limit);
      EXPECT_FALSE(last_.unknown);
      EXPECT_EQ(Ask(query, DnsTransport::kTcp).answers.size(), i + 1u);
      EXPECT_TRUE(last_.served);
    }
  }
}

TEST_F(DnsAnswerTest, TheMostThatAnOwnerHoldsFitsIntoTcp) {
  const std::string owner = absl::StrCat(std::string(63, 'a'), ".", std::string(63, 'b'), ".",
                                         std::string(63, 'c'), ".acme.example.net");
  for (size_t i = 0; i < kMaxValuesPerOwner; ++i) {
    Add(owner, absl::StrCat(1000 + i, std::string(kMaxZoneValue - 4, 'x')));
  }
  const TestReply reply = Ask({.name = owner, .edns = true}, DnsTransport::kTcp);
  EXPECT_FALSE(reply.tc());
  EXPECT_EQ(reply.answers.size(), kMaxValuesPerOwner);
  EXPECT_LE(last_.bytes.size(), 65535u);
}

TEST_F(DnsAnswerTest, WhatIsNoQuery) {
  const std::string good = TestQuery{.name = "www.acme.example.net"}.Bytes();
  const auto with_flags = [&good](uint16_t flags) {
    std::string bytes = good;
    bytes.replace(2, 2, TestU16(flags));
    return bytes;
  };
  struct Case {
    std::string what;
    std::string bytes;
    std::string answer;
  };
  const std::string zeros(8, '\0');
  const Case kCases[] = {
      {"short", good.substr(0, 11), ""},
      {"a response", with_flags(0x8180), ""},
      {"junk",
       std::string(40, '\x7f')
           .replace(2, 2, std::string("\0\0", 2))
           .replace(4, 2, std::string("\0\1", 2)),
       ""},
      {"IQUERY", with_flags(0x0900), absl::StrCat(TestU16(0x1234), TestU16(0x8904), zeros)},
      {"STATUS", with_flags(0x1000), absl::StrCat(TestU16(0x1234), TestU16(0x9004), zeros)},
      {"UPDATE", with_flags(0x2800), absl::StrCat(TestU16(0x1234), TestU16(0xa804), zeros)},
      {"no question", std::string(good).replace(4, 2, std::string(2, '\0')),
       absl::StrCat(TestU16(0x1234), TestU16(0x8101), zeros)},
      {"two questions", std::string(good).replace(4, 2, std::string("\0\2", 2)),
       absl::StrCat(TestU16(0x1234), TestU16(0x8101), zeros)},
      {"bytes left", good + "x",
       absl::StrCat(TestU16(0x1234), TestU16(0x8101), TestU16(1), std::string(6, '\0'),
                    good.substr(12))},
  };
  for (const Case& c : kCases) {
    const DnsAnswer answer = AnswerBytes(c.bytes);
    EXPECT_EQ(answer.bytes, c.answer) << c.what;
    EXPECT_FALSE(answer.served || answer.unknown) << c.what;
    EXPECT_EQ(TruncatedDnsAnswer(ParseDnsQuery(c.bytes, kMaxUdpQuery)), "") << c.what;
  }
}

TEST_F(DnsAnswerTest, TruncatedOnPurpose) {
  for (const bool edns : {false, true}) {
    const TestQuery query{.name = "wWw.acme.example.net", .edns = edns};
    const std::string bytes = TruncatedDnsAnswer(ParseDnsQuery(query.Bytes(), kMaxUdpQuery));
    const TestReply reply = ReadTestReply(bytes);
    EXPECT_TRUE(reply.good && reply.tc() && reply.rd() && !reply.ra());
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_EQ(reply.answers.size() + reply.authority.size(), 0u);
    EXPECT_EQ(bytes.size(), query.Bytes().size()) << "no gain for who forges the sender";
  }
}

// The reader that the other processes use sees the same.
TEST_F(DnsAnswerTest, ASecondReaderAgrees) {
  Ask({.name = "WWW.acme.example.net", .edns = true});
  auto message = dns::ParseReply(last_.bytes);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_TRUE(message->authoritative && !message->truncated && !message->recursion_available);
  std::set<std::string> values;
  for (const dns::Record& record : message->Find(N("www.acme.example.net"), dns::Type::kTxt)) {
    values.insert(record.text);
    EXPECT_EQ(record.ttl, kTxtTtl);
  }
  EXPECT_EQ(values, (std::set<std::string>{"first", "second"}));

  Ask({.name = "no.acme.example.net"});
  message = dns::ParseReply(last_.bytes);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->rcode, dns::Rcode::kNxDomain);
  ASSERT_EQ(message->authority.size(), 1u);
  EXPECT_EQ(message->authority[0].owner, N("acme.example.net"));
  EXPECT_EQ(message->authority[0].type, dns::Type::kSoa);
  EXPECT_EQ(message->authority[0].target, N("ns1.example.org"));
  EXPECT_EQ(message->authority[0].negative, kNegativeTtl);
}

}  // namespace
}  // namespace norroy::agent
