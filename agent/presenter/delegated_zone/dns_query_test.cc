#include "agent/presenter/delegated_zone/dns_query.h"

#include "absl/strings/str_cat.h"
#include "agent/presenter/delegated_zone/test_message.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

std::string Header(uint16_t flags, uint16_t qd, uint16_t an, uint16_t ns, uint16_t ar) {
  return absl::StrCat(TestU16(7), TestU16(flags), TestU16(qd), TestU16(an), TestU16(ns),
                      TestU16(ar));
}

const std::string kQuestion = absl::StrCat(TestName("a.example"), TestU16(16), TestU16(1));

std::string Opt(uint16_t payload, uint16_t version, const std::string& options) {
  return absl::StrCat(std::string(1, '\0'), TestU16(41), TestU16(payload), TestU16(version),
                      TestU16(0), TestU16(options.size()), options);
}

TEST(DnsQuery, States) {
  using State = DnsParseState;
  struct Case {
    std::string what;
    std::string bytes;
    State state;
  };
  const std::string opt = Opt(1232, 0, "");
  const std::string label64 = std::string(1, 64) + std::string(64, 'a') + std::string(5, '\0');
  std::string long_name;  // 4 * 64 + 1 = 257 bytes
  for (int i = 0; i < 4; ++i) long_name += std::string(1, 63) + std::string(63, 'a');
  const Case kCases[] = {
      {"empty", "", State::kIgnore},
      {"11 bytes", Header(0, 1, 0, 0, 0).substr(0, 11), State::kIgnore},
      {"a response", Header(0x8000, 1, 0, 0, 0) + kQuestion, State::kIgnore},
      {"a response of another opcode", Header(0xa800, 1, 0, 0, 0) + kQuestion, State::kIgnore},
      {"a query", Header(0, 1, 0, 0, 0) + kQuestion, State::kQuery},
      {"every flag a query may have", Header(0x07f0, 1, 0, 0, 0) + kQuestion, State::kQuery},
      {"IQUERY", Header(1 << 11, 1, 0, 0, 0) + kQuestion, State::kNotImp},
      {"NOTIFY", Header(4 << 11, 1, 1, 0, 0) + kQuestion, State::kNotImp},
      {"UPDATE", Header(5 << 11, 1, 0, 1, 0) + kQuestion, State::kNotImp},
      {"opcode 15 and nothing else", Header(15 << 11, 0, 0, 0, 0), State::kNotImp},
      {"no question", Header(0, 0, 0, 0, 0), State::kFormErr},
      {"two questions", Header(0, 2, 0, 0, 0) + kQuestion + kQuestion, State::kFormErr},
      {"65535 questions", Header(0, 65535, 0, 0, 0) + kQuestion, State::kFormErr},
      {"no question but counted", Header(0, 1, 0, 0, 0), State::kIgnore},
      {"name cut", Header(0, 1, 0, 0, 0) + kQuestion.substr(0, 5), State::kIgnore},
      {"class cut", Header(0, 1, 0, 0, 0) + kQuestion.substr(0, kQuestion.size() - 1),
       State::kIgnore},
      {"a pointer", Header(0, 1, 0, 0, 0) + "\xc0\x0c" + std::string(4, '\0'), State::kIgnore},
      {"a pointer after a label",
       Header(0, 1, 0, 0, 0) + "\x01" + "a\xc0\x0c" + std::string(4, '\0'), State::kIgnore},
      {"a label of 64", Header(0, 1, 0, 0, 0) + label64, State::kIgnore},
      {"a name of 257", Header(0, 1, 0, 0, 0) + long_name + std::string(5, '\0'), State::kIgnore},
      {"the root", Header(0, 1, 0, 0, 0) + std::string(5, '\0'), State::kQuery},
      {"bytes left", Header(0, 1, 0, 0, 0) + kQuestion + "x", State::kFormErr},
      {"an answer", Header(0, 1, 1, 0, 0) + kQuestion + opt, State::kFormErr},
      {"an authority", Header(0, 1, 0, 1, 0) + kQuestion + opt, State::kFormErr},
      {"OPT", Header(0, 1, 0, 0, 1) + kQuestion + opt, State::kQuery},
      {"OPT twice", Header(0, 1, 0, 0, 2) + kQuestion + opt + opt, State::kFormErr},
      {"OPT not counted", Header(0, 1, 0, 0, 0) + kQuestion + opt, State::kFormErr},
      {"OPT missing", Header(0, 1, 0, 0, 1) + kQuestion, State::kFormErr},
      {"OPT cut", Header(0, 1, 0, 0, 1) + kQuestion + opt.substr(0, 10), State::kFormErr},
      {"OPT with a name", Header(0, 1, 0, 0, 1) + kQuestion + "\x01" + "a" + opt, State::kFormErr},
      {"another record",
       Header(0, 1, 0, 0, 1) + kQuestion + std::string(1, '\0') + TestU16(250) + opt.substr(3),
       State::kFormErr},
      {"an option", Header(0, 1, 0, 0, 1) + kQuestion + Opt(1232, 0, std::string("\0\x0a\0\1x", 5)),
       State::kQuery},
      {"an option cut",
       Header(0, 1, 0, 0, 1) + kQuestion + Opt(1232, 0, std::string("\0\x0a\0", 3)),
       State::kFormErr},
      {"an option too long",
       Header(0, 1, 0, 0, 1) + kQuestion + Opt(1232, 0, std::string("\0\x0a\0\2x", 5)),
       State::kFormErr},
      {"a later EDNS's options", Header(0, 1, 0, 0, 1) + kQuestion + Opt(1232, 1, "??"),
       State::kQuery},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(ParseDnsQuery(c.bytes, kMaxUdpQuery).state, c.state) << c.what;
  }
}

TEST(DnsQuery, ReadsWhatIsThere) {
  const TestQuery query{.name = "wWw.ExamplE.cOm",
                        .type = 257,
                        .klass = 3,
                        .id = 0xfedc,
                        .flags = 0x0100,
                        .edns = true,
                        .payload = 4096,
                        .version = 7,
                        .dnssec_ok = true};
  const DnsParse parse = ParseDnsQuery(query.Bytes(), kMaxUdpQuery);
  ASSERT_EQ(parse.state, DnsParseState::kQuery);
  EXPECT_EQ(parse.query.id, 0xfedc);
  EXPECT_TRUE(parse.query.recursion_desired);
  EXPECT_EQ(parse.query.question,
            absl::StrCat(TestName("wWw.ExamplE.cOm"), TestU16(257), TestU16(3)));
  EXPECT_EQ(parse.query.name, TestName("www.example.com"));
  EXPECT_EQ(parse.query.type, 257);
  EXPECT_EQ(parse.query.klass, 3);
  EXPECT_TRUE(parse.query.edns);
  EXPECT_EQ(parse.query.edns_version, 7);
  EXPECT_EQ(parse.query.payload, 4096);
  EXPECT_TRUE(parse.query.dnssec_ok);
}

TEST(DnsQuery, HasALongestMessage) {
  TestQuery query{.name = "a.example", .edns = true};
  // A padding option (RFC 7830) of what is missing.
  const auto padded = [&query](size_t size) {
    query.options = "";
    const size_t padding = size - query.Bytes().size() - 4;
    query.options = absl::StrCat(TestU16(12), TestU16(padding), std::string(padding, '\0'));
    return query.Bytes();
  };
  for (const size_t max : {kMaxUdpQuery, kMaxTcpQuery}) {
    EXPECT_EQ(ParseDnsQuery(padded(max - 1), max).state, DnsParseState::kQuery);
    EXPECT_EQ(ParseDnsQuery(padded(max), max).state, DnsParseState::kQuery);
    EXPECT_EQ(ParseDnsQuery(padded(max + 1), max).state, DnsParseState::kIgnore);
  }
}

}  // namespace
}  // namespace norroy::agent
