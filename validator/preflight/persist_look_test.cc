#include "validator/preflight/persist_look.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "validator/preflight/look_fixture.h"

namespace norroy::validator::preflight {
namespace {

const char kOwner[] = "_validation-persist.example.com";
const char kText[] = "ca.example; accounturi=https://ca.example/acct/1";

TEST(PersistLookTest, Records) {
  struct Case {
    const char* what;
    std::vector<std::string> texts;
    bool wildcard;
    const char* codes;
  };
  const std::string text = kText;
  const Case cases[] = {
      {"none", {}, false, "PERSIST_MISSING"},
      {"right", {text}, false, "PERSIST_OK"},
      {"right in other clothes",
       {"CA.Example;AccountURI=https://ca.example/acct/1;new=thing"},
       false,
       "PERSIST_OK"},
      {"another account",
       {"ca.example; accounturi=https://ca.example/acct/2"},
       false,
       "PERSIST_WRONG_ACCOUNT"},
      {"another CA",
       {"other.example; accounturi=https://ca.example/acct/1"},
       false,
       "PERSIST_WRONG_ISSUER"},
      {"over", {text + "; persistUntil=1000000000"}, false, "PERSIST_EXPIRED"},
      {"not over", {text + "; persistUntil=99999999999"}, false, "PERSIST_OK"},
      {"bad time", {text + "; persistUntil=soon"}, false, "PERSIST_UNREADABLE"},
      {"too long a time",
       {text + "; persistUntil=99999999999999999999"},
       false,
       "PERSIST_UNREADABLE"},
      {"no wildcard", {text}, true, "PERSIST_NO_WILDCARD"},
      {"wildcard", {text + "; policy=wildcard"}, true, "PERSIST_OK"},
      {"another policy", {text + "; policy=other"}, true, "PERSIST_NO_WILDCARD"},
      {"no account", {"ca.example"}, false, "PERSIST_UNREADABLE"},
      {"something else", {"v=spf1 -all"}, false, "PERSIST_UNREADABLE"},
      {"one of three",
       {"v=spf1 -all", "other.example; accounturi=https://other.example/9", text},
       false,
       "PERSIST_OK"},
      {"the closest is told",
       {"other.example; accounturi=https://other.example/9", text + "; persistUntil=1"},
       false,
       "PERSIST_EXPIRED"},
  };
  for (const Case& c : cases) {
    LookFixture fixture;
    for (const std::string& one : c.texts) fixture.dns_.Add(dns::TxtRecord(kOwner, one));
    const PersistQuestion question = {dns::TestName("example.com"),
                                      PersistRecord::Parse(kText).value(), c.wildcard};
    const Sight sight = PersistLook(fixture.viewpoint(), question, fixture.Soon());
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    const bool ok = std::string(c.codes) == "PERSIST_OK";
    EXPECT_EQ(sight.verdict(), ok ? Verdict::kPass : Verdict::kFail) << c.what;
  }
}

TEST(PersistLookTest, Resolvers) {
  LookFixture fixture;
  const PersistQuestion question = {dns::TestName("example.com"),
                                    PersistRecord::Parse(kText).value(), false};
  fixture.dns_.Add(dns::TxtRecord(kOwner, kText));
  fixture.dns_.MakeBogus(dns::TestName("example.com"));
  EXPECT_EQ(CodesOf(PersistLook(fixture.viewpoint(), question, fixture.Soon())), "DNSSEC_BOGUS");
  fixture.dns_.SayAt(fixture.resolvers_[0], dns::Rcode::kServFail);
  const Sight sight = PersistLook(fixture.viewpoint(), question, fixture.Soon());
  EXPECT_EQ(CodesOf(sight), "RESOLVER_FAILS");
  EXPECT_EQ(sight.verdict(), Verdict::kUnknown);
}

}  // namespace
}  // namespace norroy::validator::preflight
