#include "common/dns/alias.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/dns/fake_client.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

const Server kServer = TestServer("192.0.2.53");

// n0.example -> n1.example -> ... -> n<count>.example
void AddChain(int count, FakeClient& dns) {
  for (int i = 0; i < count; ++i) {
    dns.Add(CnameRecord(absl::StrCat("n", i, ".example"), absl::StrCat("N", i + 1, ".Example")));
  }
}

TEST(FollowCnames, GoesToTheEndOfUpToEight) {
  struct Case {
    int cnames;
    bool end_exists;
    const char* expected;  // the owner, or the reason
  };
  const Case cases[] = {
      {0, true, "n0.example"},  {0, false, "n0.example"},    {1, true, "n1.example"},
      {1, false, "n1.example"}, {7, true, "n7.example"},     {8, true, "n8.example"},
      {8, false, "n8.example"}, {9, true, "CNAME_TOO_LONG"}, {20, true, "CNAME_TOO_LONG"},
  };
  for (const Case& c : cases) {
    FakeClient dns;
    AddChain(c.cnames, dns);
    if (c.end_exists) dns.Add(TxtRecord(absl::StrCat("n", c.cnames, ".example"), "x"));
    Resolver resolver(dns, {kServer});
    const auto alias = FollowCnames(resolver, TestName("n0.example"));
    EXPECT_EQ(alias.ok() ? alias->owner.text() : ErrorReason(alias.status()), c.expected)
        << c.cnames << ": " << alias.status();
    if (alias.ok()) {
      EXPECT_EQ(alias->path.size(), static_cast<size_t>(c.cnames) + 1);
      EXPECT_EQ(alias->path.front(), TestName("n0.example"));
      EXPECT_EQ(alias->path.back(), alias->owner);
    } else {
      EXPECT_TRUE(absl::IsFailedPrecondition(alias.status()));
      EXPECT_TRUE(absl::StrContains(alias.status().message(), "n7.example -> n8.example"));
    }
  }
}

TEST(FollowCnames, SeesLoops) {
  struct Case {
    const char* from;
    const char* to;
    const char* path;
  };
  const Case cases[] = {
      {"n0.example", "n0.example", "n0.example -> n0.example"},
      {"n1.example", "N0.EXAMPLE", "n0.example -> n1.example -> n0.example"},
      {"n1.example", "n1.example", "n0.example -> n1.example -> n1.example"},
  };
  for (const Case& c : cases) {
    FakeClient dns;
    if (std::string(c.from) != "n0.example") AddChain(1, dns);
    dns.Add(CnameRecord(c.from, c.to));
    Resolver resolver(dns, {kServer});
    const auto alias = FollowCnames(resolver, TestName("n0.example"));
    EXPECT_EQ(ErrorReason(alias.status()), "CNAME_LOOP");
    EXPECT_TRUE(absl::StrContains(alias.status().message(), c.path)) << alias.status();
  }
}

TEST(FollowCnames, PassesErrorsOnWithThePath) {
  FakeClient dns;
  AddChain(2, dns);
  dns.SayFor(TestName("n1.example"), Type::kCname, Rcode::kServFail);
  Resolver resolver(dns, {kServer});
  const auto alias = FollowCnames(resolver, TestName("n0.example"));
  EXPECT_EQ(ErrorReason(alias.status()), "DNS_SERVFAIL");
  EXPECT_TRUE(absl::StrContains(alias.status().message(), "n0.example -> n1.example"));
}

// Answers the first question only; else it uses up all the time it is given.
class SilentClient final : public Client {
 public:
  absl::StatusOr<Message> Ask(const Server& server, const Query& query,
                              absl::Duration timeout) override {
    if (asked++ == 0) return first.Ask(server, query, timeout);
    EXPECT_LE(timeout, absl::Milliseconds(100));
    absl::SleepFor(timeout);
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT", "silent");
  }
  FakeClient first;
  int asked = 0;
};

TEST(FollowCnames, HasALimitInAll) {
  SilentClient dns;
  AddChain(2, dns.first);
  Resolver resolver(dns, std::vector<Server>(8, kServer));
  const auto alias = FollowCnames(resolver, TestName("n0.example"), absl::Milliseconds(100));
  EXPECT_EQ(ErrorReason(alias.status()), "DNS_TIMEOUT");
  EXPECT_TRUE(absl::StrContains(alias.status().message(), "n0.example -> n1.example"));
  EXPECT_LE(dns.asked, 3);
  const auto none = FollowCnames(resolver, TestName("n0.example"), absl::ZeroDuration());
  EXPECT_EQ(ErrorReason(none.status()), "DNS_TIMEOUT");
}

TEST(PathText, ShowsTheRoot) {
  EXPECT_EQ(PathText({TestName("a.b"), TestName("c"), Name()}), "a.b -> c -> .");
}

}  // namespace
}  // namespace norroy::dns
