#include "validator/preflight/caa_look.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "validator/preflight/issue_value.h"
#include "validator/preflight/look_fixture.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;
using dns::CaaRecord;

const char kAccount[] = "https://ca.example/acct/1";

TEST(CaaLookTest, Records) {
  struct Case {
    const char* what;
    std::vector<dns::Record> records;
    const char* codes;
    const char* name = "www.example.com";
  };
  const std::string ours = "ca.example";
  const std::string account = absl::StrCat(ours, "; accounturi=", kAccount);
  const std::string other = ours + ";accounturi=https://ca.example/acct/2";
  const Case cases[] = {
      {"none", {}, ""},
      {"ours", {CaaRecord("www.example.com", "issue", ours)}, ""},
      {"ours in capitals", {CaaRecord("www.example.com", "issue", "CA.Example")}, ""},
      {"second identity", {CaaRecord("www.example.com", "issue", "ca.example.org")}, ""},
      {"another", {CaaRecord("www.example.com", "issue", "other.example")}, "CAA_FORBIDS"},
      {"nobody", {CaaRecord("www.example.com", "issue", ";")}, "CAA_FORBIDS"},
      {"nonsense", {CaaRecord("www.example.com", "issue", "%%%%%")}, "CAA_FORBIDS"},
      {"one of two",
       {CaaRecord("www.example.com", "issue", ";"), CaaRecord("www.example.com", "issue", ours)},
       ""},
      {"at the parent", {CaaRecord("example.com", "issue", "other.example")}, "CAA_FORBIDS"},
      {"at the top", {CaaRecord("com", "issue", "other.example")}, "CAA_FORBIDS"},
      {"the name's own hide the parent's",
       {CaaRecord("www.example.com", "issue", ours), CaaRecord("example.com", "issue", ";")},
       ""},
      {"through a CNAME",
       {dns::CnameRecord("www.example.com", "web.example.net"),
        CaaRecord("web.example.net", "issue", ";")},
       "CAA_FORBIDS"},
      {"a CNAME's own parent does not count",
       {dns::CnameRecord("www.example.com", "web.example.net"),
        CaaRecord("example.net", "issue", ";")},
       ""},
      {"iodef alone", {CaaRecord("www.example.com", "iodef", "mailto:a@example.com")}, ""},
      {"account", {CaaRecord("www.example.com", "issue", account)}, ""},
      {"other account", {CaaRecord("www.example.com", "issue", other)}, "CAA_ACCOUNT"},
      {"one of two accounts",
       {CaaRecord("www.example.com", "issue", other),
        CaaRecord("www.example.com", "issue", account)},
       ""},
      {"two accounts in one",
       {CaaRecord("www.example.com", "issue", account + "; accounturi=" + kAccount)},
       "CAA_FORBIDS"},
      {"method",
       {CaaRecord("www.example.com", "issue", ours + "; validationmethods=dns-01,http-01")},
       ""},
      {"other method",
       {CaaRecord("www.example.com", "issue", ours + "; validationmethods=dns-01")},
       "CAA_METHOD"},
      {"critical and unknown",
       {CaaRecord("www.example.com", "future", "x", true),
        CaaRecord("www.example.com", "issue", ours)},
       "CAA_CRITICAL"},
      {"unknown", {CaaRecord("www.example.com", "future", "x")}, ""},
      {"critical and known", {CaaRecord("www.example.com", "issue", ours, true)}, ""},
      {"issuewild is not for names", {CaaRecord("www.example.com", "issuewild", ";")}, ""},
      {"issuewild for wildcards",
       {CaaRecord("example.com", "issuewild", ";")},
       "CAA_FORBIDS",
       "*.example.com"},
      {"issuewild before issue",
       {CaaRecord("example.com", "issuewild", ours), CaaRecord("example.com", "issue", ";")},
       "",
       "*.example.com"},
      {"issue for wildcards",
       {CaaRecord("example.com", "issue", "other.example")},
       "CAA_FORBIDS",
       "*.example.com"},
      {"addresses have none", {CaaRecord("192.0.2.1", "issue", ";")}, "", "192.0.2.1"},
  };
  const CaFacts ca = {{"ca.example", "ca.example.org"}, kAccount};
  for (const Case& c : cases) {
    LookFixture fixture;
    for (const dns::Record& record : c.records) fixture.dns_.Add(record);
    const challenge::Name name = challenge::Name::Parse(c.name).value();
    const Sight sight =
        CaaLook(fixture.viewpoint(), name, ChallengeType::kHttp01, ca, fixture.Soon());
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(sight.verdict(), std::string(c.codes).empty() ? Verdict::kPass : Verdict::kFail)
        << c.what;
  }
}

TEST(CaaLookTest, WithoutIdentitiesTheyAreShown) {
  LookFixture fixture;
  fixture.dns_.Add(CaaRecord("example.com", "issue", "other.example"));
  const challenge::Name name = challenge::Name::Parse("www.example.com").value();
  const Sight sight =
      CaaLook(fixture.viewpoint(), name, ChallengeType::kHttp01, {}, fixture.Soon());
  EXPECT_EQ(CodesOf(sight), "CAA_SEEN");
  EXPECT_EQ(sight.verdict(), Verdict::kPass);
  EXPECT_TRUE(absl::StrContains(TextOf(sight), "issue \"other.example\"")) << TextOf(sight);
}

TEST(CaaLookTest, Unreadable) {
  for (const char* at : {"www.example.com", "example.com", "com"}) {
    LookFixture fixture;
    fixture.dns_.SayFor(dns::TestName(at), dns::Type::kCaa, dns::Rcode::kServFail);
    const challenge::Name name = challenge::Name::Parse("www.example.com").value();
    const Sight sight =
        CaaLook(fixture.viewpoint(), name, ChallengeType::kHttp01, {}, fixture.Soon());
    EXPECT_EQ(CodesOf(sight), "CAA_UNREADABLE") << at;
    EXPECT_EQ(sight.verdict(), Verdict::kFail) << at;
  }
}

// A fault of the zone's servers only if the question had the time that an answer may take.
TEST(CaaLookTest, UnreadableForLackOfTime) {
  const absl::Status silent = absl::DeadlineExceededError("no answer");
  struct Case {
    const char* what;
    absl::Status error;
    absl::Duration left;
    bool stopped;
    const char* code;
    Verdict verdict;
  };
  const Case cases[] = {
      {"all the time", silent, absl::Seconds(3), false, "CAA_UNREADABLE", Verdict::kFail},
      {"too little", silent, absl::Milliseconds(2999), false, "LOOK_TIMED_OUT", Verdict::kUnknown},
      {"none", silent, absl::ZeroDuration(), false, "LOOK_TIMED_OUT", Verdict::kUnknown},
      {"stopped", silent, absl::Seconds(12), true, "LOOK_TIMED_OUT", Verdict::kUnknown},
      {"an error at once", absl::UnavailableError("refused"), absl::Milliseconds(10), false,
       "CAA_UNREADABLE", Verdict::kFail},
  };
  for (const Case& c : cases) {
    LookFixture fixture;
    fixture.dns_.FailFor(dns::TestName("example.com"), dns::Type::kCaa, c.error);
    SimulatedClock clock(absl::UnixEpoch());
    const std::atomic<bool> stop = c.stopped;
    const challenge::Name name = challenge::Name::Parse("www.example.com").value();
    const Sight sight = CaaLook(fixture.viewpoint(), name, ChallengeType::kHttp01, {},
                                Deadline(clock, c.left, &stop));
    EXPECT_EQ(CodesOf(sight), c.code) << c.what;
    EXPECT_EQ(sight.verdict(), c.verdict) << c.what;
    EXPECT_TRUE(absl::StrContains(TextOf(sight), "example.com ")) << TextOf(sight);
  }
}

TEST(IssueValueTest, Grammar) {
  struct Case {
    std::string text;
    bool ok;
    const char* issuer = "";
    size_t parameters = 0;
  };
  const Case cases[] = {
      {"ca.example", true, "ca.example"},
      {"  CA.Example  ", true, "ca.example"},
      {"", true},
      {";", true},
      {" ; ", true},
      {"ca.example;", true, "ca.example"},
      {"ca.example; a=b", true, "ca.example", 1},
      {"ca.example;a=b;c=d=e", true, "ca.example", 2},
      {"ca.example; A = b", true, "ca.example", 1},
      {"; a=b", true, "", 1},
      {"ca.example; a=", true, "ca.example", 1},
      {"ca.example; a=b; a=c", false},
      {"ca.example; a", false},
      {"ca.example; =b", false},
      {"ca.example; a=b c", false},
      {"ca.example; a=\x01", false},
      {"ca.example; a=\xff", false},
      {"ca.example; -a=b", false},
      {"ca..example", false},
      {".", false},
      {"-ca.example", false},
      {"ca.example accounturi=x", false},
      {std::string(64, 'a') + ".example", false},
      {std::string(kMaxIssueValue + 1, 'a'), false},
      {"ca.example" + std::string(kMaxIssueParameters + 1, ';'), false},
  };
  for (const Case& c : cases) {
    const auto value = ParseIssueValue(c.text);
    ASSERT_EQ(value.has_value(), c.ok) << c.text;
    if (!c.ok) continue;
    EXPECT_EQ(value->issuer, c.issuer) << c.text;
    EXPECT_EQ(value->parameters.size(), c.parameters) << c.text;
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
