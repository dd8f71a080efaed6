#include "issuer/sign_in/claims.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/error/error.h"

namespace norroy::sign_in {
namespace {

constexpr char kGitHub[] = "https://token.actions.githubusercontent.com";

std::string Who(const ClaimRules& rules, const std::string& json) {
  return rules.RequesterOf(ParseJson(json, 64 * 1024).value()).value_or("nobody");
}

ClaimRules RulesOf(std::vector<ClaimRule> rules) {
  return ClaimRules::Make("https://ci.example.test", std::move(rules)).value();
}

TEST(ClaimRules, WholeValuesAlone) {
  const ClaimRules rules =
      RulesOf({{{{"repository", "org/repo"}, {"ref", "refs/heads/main"}}, "requester/web"}});
  const struct {
    const char* what;
    const char* claims;
    const char* who;
  } cases[] = {
      {"it", R"({"repository":"org/repo","ref":"refs/heads/main"})", "web"},
      {"more claims", R"({"a":1,"repository":"org/repo","ref":"refs/heads/main"})", "web"},
      {"escaped", R"({"repository":"org\/r\u0065po","ref":"refs/heads/main"})", "web"},
      {"a longer repository", R"({"repository":"org/repo-evil","ref":"refs/heads/main"})",
       "nobody"},
      {"a repository below", R"({"repository":"org/repo/evil","ref":"refs/heads/main"})", "nobody"},
      {"an owner before", R"({"repository":"evil/org/repo","ref":"refs/heads/main"})", "nobody"},
      {"another owner", R"({"repository":"evil-org/repo","ref":"refs/heads/main"})", "nobody"},
      {"a shorter repository", R"({"repository":"org/rep","ref":"refs/heads/main"})", "nobody"},
      {"another case", R"({"repository":"Org/Repo","ref":"refs/heads/main"})", "nobody"},
      {"a blank behind", R"({"repository":"org/repo ","ref":"refs/heads/main"})", "nobody"},
      {"a line end behind", R"({"repository":"org/repo\n","ref":"refs/heads/main"})", "nobody"},
      {"another branch", R"({"repository":"org/repo","ref":"refs/heads/main2"})", "nobody"},
      {"a branch named so", R"({"repository":"org/repo","ref":"refs/heads/refs/heads/main"})",
       "nobody"},
      {"a tag", R"({"repository":"org/repo","ref":"refs/tags/main"})", "nobody"},
      {"a pull request", R"({"repository":"org/repo","ref":"refs/pull/7/merge"})", "nobody"},
      {"no ref", R"({"repository":"org/repo"})", "nobody"},
      {"an array of it", R"({"repository":["org/repo"],"ref":"refs/heads/main"})", "nobody"},
      {"an object", R"({"repository":{"org/repo":true},"ref":"refs/heads/main"})", "nobody"},
      {"nested", R"({"x":{"repository":"org/repo","ref":"refs/heads/main"}})", "nobody"},
      {"null", R"({"repository":null,"ref":"refs/heads/main"})", "nobody"},
      {"the name in another case", R"({"Repository":"org/repo","ref":"refs/heads/main"})",
       "nobody"},
      {"a star", R"({"repository":"*","ref":"*"})", "nobody"},
      {"empty", R"({})", "nobody"},
  };
  for (const auto& c : cases) EXPECT_EQ(Who(rules, c.claims), c.who) << c.what;
}

TEST(ClaimRules, OtherTypes) {
  const ClaimRules rules =
      RulesOf({{{{"protected", "true"}}, "requester/flag"}, {{{"id", "42"}}, "requester/number"}});
  EXPECT_EQ(Who(rules, R"({"protected":true})"), "flag");
  EXPECT_EQ(Who(rules, R"({"protected":"true"})"), "flag");
  EXPECT_EQ(Who(rules, R"({"protected":false})"), "nobody");
  EXPECT_EQ(Who(rules, R"({"protected":1})"), "nobody");
  EXPECT_EQ(Who(rules, R"({"id":42})"), "number");
  EXPECT_EQ(Who(rules, R"({"id":"42"})"), "number");
  EXPECT_EQ(Who(rules, R"({"id":42.0})"), "nobody");
  EXPECT_EQ(Who(rules, R"({"id":4.2e1})"), "nobody");
  EXPECT_EQ(Who(rules, R"({"id":420})"), "nobody");
}

TEST(ClaimRules, TheFirstThatFits) {
  const ClaimRules rules =
      RulesOf({{{{"repository", "org/repo"}, {"environment", "production"}}, "requester/prod"},
               {{{"repository", "org/repo"}}, "requester/test"}});
  EXPECT_EQ(Who(rules, R"({"repository":"org/repo","environment":"production"})"), "prod");
  EXPECT_EQ(Who(rules, R"({"repository":"org/repo","environment":"staging"})"), "test");
  EXPECT_EQ(Who(rules, R"({"environment":"production"})"), "nobody");
}

TEST(ClaimRules, RefusesRulesThatAreNone) {
  const struct {
    const char* what;
    const char* issuer;
    ClaimRule rule;
    const char* says;
  } cases[] = {
      {"no claims", kGitHub, {{}, "requester/web"}, "rules[0]: claims"},
      {"an operator", kGitHub, {{{"repository", "a/b"}}, "operator/alice"}, "rules[0]: principal"},
      {"no name", kGitHub, {{{"repository", "a/b"}}, "requester/"}, "principal"},
      {"a path", kGitHub, {{{"repository", "a/b"}}, "requester/a/b"}, "principal"},
      {"an empty value", kGitHub, {{{"repository", ""}}, "requester/web"}, "repository"},
      {"anybody at GitHub", kGitHub, {{{"ref", "refs/heads/main"}}, "requester/web"}, "everybody"},
      {"anybody at GitLab",
       "https://gitlab.com",
       {{{"ref_protected", "true"}}, "requester/web"},
       "project_path"},
  };
  for (const auto& c : cases) {
    const auto rules = ClaimRules::Make(c.issuer, {c.rule});
    EXPECT_EQ(ErrorReason(rules.status()).substr(0, 4), "BAD_") << c.what << rules.status();
    EXPECT_TRUE(absl::StrContains(rules.status().message(), c.says)) << rules.status();
  }
  EXPECT_FALSE(ClaimRules::Make(kGitHub, {}).ok());
  EXPECT_TRUE(ClaimRules::Make(kGitHub, {{{{"repository", "a/b"}}, "requester/web"}}).ok());
}

}  // namespace
}  // namespace norroy::sign_in
