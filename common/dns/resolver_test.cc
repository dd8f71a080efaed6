#include "common/dns/resolver.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/dns/fake_client.h"
#include "common/error/error.h"
#include "tests/harness/process.h"

namespace norroy::dns {
namespace {

const Server kFirst = TestServer("192.0.2.1");
const Server kSecond = TestServer("192.0.2.2");
const Query kQuery = {.name = TestName("www.example.com")};
const absl::Status kTimeout =
    MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT", "no answer");

TEST(Resolver, AsksOneServerAfterTheOther) {
  struct Case {
    const char* what;
    Rcode first = Rcode::kNoError;
    Rcode second = Rcode::kNoError;
    bool first_silent = false;
    bool second_silent = false;
    std::string expected;  // rcode or reason
    size_t asked;
  };
  const Case cases[] = {
      {.what = "the first answers", .expected = "NOERROR", .asked = 1},
      {.what = "NXDOMAIN is an answer",
       .first = Rcode::kNxDomain,
       .expected = "NXDOMAIN",
       .asked = 1},
      {.what = "SERVFAIL, the second answers",
       .first = Rcode::kServFail,
       .expected = "NOERROR",
       .asked = 2},
      {.what = "silent, the second answers",
       .first_silent = true,
       .expected = "NOERROR",
       .asked = 2},
      {.what = "refused, the second says SERVFAIL",
       .first = Rcode::kRefused,
       .second = Rcode::kServFail,
       .expected = "DNS_SERVFAIL",
       .asked = 3},  // once more without checking
      {.what = "SERVFAIL, the second refuses",
       .first = Rcode::kServFail,
       .second = Rcode::kRefused,
       .expected = "DNS_REFUSED",
       .asked = 3},
      {.what = "both silent",
       .first_silent = true,
       .second_silent = true,
       .expected = "DNS_TIMEOUT",
       .asked = 2},
  };
  for (const Case& c : cases) {
    FakeClient dns;
    dns.Add(TxtRecord("www.example.com", "x"));
    dns.SayAt(kFirst, c.first);
    dns.SayAt(kSecond, c.second);
    if (c.first_silent) dns.FailAt(kFirst, kTimeout);
    if (c.second_silent) dns.FailAt(kSecond, kTimeout);
    const auto message = Resolver(dns, {kFirst, kSecond}).Resolve(kQuery);
    EXPECT_EQ(message.ok() ? RcodeName(message->rcode) : ErrorReason(message.status()), c.expected)
        << c.what << ": " << message.status();
    EXPECT_EQ(dns.asked().size(), c.asked) << c.what;
    if (ErrorReason(message.status()) == "DNS_SERVFAIL") {
      EXPECT_TRUE(absl::IsUnavailable(message.status()));
      EXPECT_TRUE(absl::StrContains(message.status().message(), "192.0.2.2:53"));
    }
  }
}

TEST(Resolver, AsksFirstWhoAnsweredLast) {
  const Server third = TestServer("192.0.2.3");
  FakeClient dns;
  dns.Add(TxtRecord("www.example.com", "x"));
  Resolver resolver(dns, {kFirst, kSecond, third});
  const auto asked = [&] {
    const size_t before = dns.asked().size();
    EXPECT_TRUE(resolver.Resolve(kQuery).ok());
    std::string text;
    const auto all = dns.asked();
    for (size_t i = before; i < all.size(); ++i) absl::StrAppend(&text, all[i].server.text(), " ");
    return text;
  };
  EXPECT_EQ(asked(), "192.0.2.1:53 ");
  dns.FailAt(kFirst, kTimeout);
  dns.SayAt(kSecond, Rcode::kServFail);
  EXPECT_EQ(asked(), "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53 ");
  EXPECT_EQ(asked(), "192.0.2.3:53 ");
  dns.FailAt(third, kTimeout);
  dns.SayAt(kSecond, Rcode::kNoError);
  EXPECT_EQ(asked(), "192.0.2.3:53 192.0.2.1:53 192.0.2.2:53 ");
  EXPECT_EQ(asked(), "192.0.2.2:53 ");
}

TEST(Resolver, TellsWrongSignaturesFromAServerThatFails) {
  FakeClient dns;
  dns.Add(TxtRecord("www.example.com", "x"));
  dns.MakeBogus(TestName("example.com"));
  Resolver resolver(dns, {kFirst, kSecond});
  EXPECT_EQ(ErrorReason(resolver.Resolve(kQuery).status()), "DNSSEC_BOGUS");
  Query unchecked = kQuery;
  unchecked.checking_disabled = true;
  EXPECT_TRUE(resolver.Resolve(unchecked).ok());
}

TEST(Resolver, WithoutServersSaysSo) {
  FakeClient dns;
  EXPECT_EQ(ErrorReason(Resolver(dns, {}).Resolve(kQuery).status()), "BAD_CONFIG");
}

std::string Texts(const absl::StatusOr<std::vector<Server>>& servers) {
  if (!servers.ok()) return ErrorReason(servers.status());
  std::string text;
  for (const Server& server : *servers) absl::StrAppend(&text, server.text(), " ");
  return text;
}

TEST(ResolvConf, ReadsNameservers) {
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"nameserver 192.0.2.1\n", "192.0.2.1:53 "},
      {"# nameserver 192.0.2.9\nsearch example.com\nnameserver\t2001:db8::1 # local\r\n"
       "options edns0\nnameserver 192.0.2.1",
       "[2001:db8::1]:53 192.0.2.1:53 "},
      {"nameserver fe80::1%eth0\nnameserver nonsense\nnameserver\nnameserver 192.0.2.1\n",
       "192.0.2.1:53 "},
      {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
       "192.0.2.1:53 192.0.2.2:53 192.0.2.3:53 "},
      {"", "BAD_CONFIG"},
      {"nameservers 192.0.2.1\n", "BAD_CONFIG"},
  };
  const std::string path = harness::TempDir("resolv") + "/resolv.conf";
  for (const Case& c : cases) {
    harness::WriteAll(path, c.text);
    EXPECT_EQ(Texts(ReadResolvConf(path)), c.expected) << c.text;
  }
  const auto absent = ReadResolvConf(path + ".absent");
  EXPECT_TRUE(absl::IsFailedPrecondition(absent.status()));
  EXPECT_TRUE(absl::StrContains(absent.status().message(), path));
}

TEST(ResolversFrom, TakesOneToEight) {
  EXPECT_EQ(Texts(ResolversFrom({"192.0.2.1", "[2001:db8::1]:5353"})),
            "192.0.2.1:53 [2001:db8::1]:5353 ");
  EXPECT_EQ(Texts(ResolversFrom({"192.0.2.1", "dns.example"})), "BAD_CONFIG");
  EXPECT_TRUE(ResolversFrom(std::vector<std::string>(8, "192.0.2.1")).ok());
  EXPECT_EQ(Texts(ResolversFrom(std::vector<std::string>(9, "192.0.2.1"))), "BAD_CONFIG");
}

}  // namespace
}  // namespace norroy::dns
