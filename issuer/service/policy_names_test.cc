// Every pattern against every spelling of a name, on the way that a request takes: U-labels to
// A-labels, the name parsed, the policy asked.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/policy/policy.h"
#include "issuer/service/idna.h"

namespace norroy::service {
namespace {

// The columns of the table, from left to right.
const char* const kPatterns[] = {
    "www.example.org",        // a name
    ".example.org",           // below, not itself
    "*.example.org",          // that wildcard and nothing else
    ".",                      // any name
    "example.org",            // the domain itself
    "*.a.example.org",        // a wildcard further down
    "xn--bcher-kva.example",  // a name with an A-label
    ".xn--bcher-kva.example",
    "=192.0.2.0/24",
    "=2001:db8::/32",
    "=0.0.0.0/0",
    "WWW.Example.ORG.",  // the first, spelled otherwise
};

// One row a spelling; "x" where the pattern lets it be ordered.
const struct {
  const char* name;
  const char* granted;
} kRows[] = {
    // clang-format off
    {"www.example.org",          "xx.x.......x"},
    {"WWW.EXAMPLE.ORG",          "xx.x.......x"},
    {"www.example.org.",         "xx.x.......x"},
    {"wWw.eXample.oRg.",         "xx.x.......x"},
    {"\xef\xbd\x97ww.example.org", "xx.x.......x"},          // a fullwidth w
    {"www\xe3\x80\x82" "example.org", "xx.x.......x"},       // an ideographic full stop
    {"example.org",              "...xx......."},
    {"EXAMPLE.Org.",             "...xx......."},
    {"*.example.org",            "..x........."},
    {"*.EXAMPLE.org.",           "..x........."},
    {"a.example.org",            ".x.x........"},
    {"x.a.example.org",          ".x.x........"},
    {"*.a.example.org",          ".....x......"},
    {"*.www.example.org",        "............"},
    {"*.b.a.example.org",        "............"},
    {"x.www.example.org",        ".x.x........"},
    {"xwww.example.org",         ".x.x........"},
    {"org-evil.test",            "...x........"},
    {"www.example.org-evil.test", "...x........"},
    {"www.example.org.evil.test", "...x........"},
    {"example.org.evil.test",    "...x........"},
    {"evilexample.org",          "...x........"},
    {"evil-example.org",         "...x........"},
    {"www.evilexample.org",      "...x........"},
    {"wwwexample.org",           "...x........"},
    {"www.example.com",          "...x........"},
    {"www.ex\xd0\xb0mple.org",   "...x........"},            // a Cyrillic a
    {"b\xc3\xbc" "cher.example", "...x..x....."},
    {"B\xc3\x9c" "cher.Example", "...x..x....."},
    {"bu\xcc\x88" "cher.example", "...x..x....."},           // u and a combining diaeresis
    {"xn--bcher-kva.example",    "...x..x....."},
    {"XN--BCHER-KVA.example.",   "...x..x....."},
    {"bucher.example",           "...x........"},
    {"www.b\xc3\xbc" "cher.example", "...x...x...."},
    {"*.b\xc3\xbc" "cher.example", "............"},
    {"192.0.2.1",                "........x.x."},
    {"192.0.3.1",                "..........x."},
    {"192.0.2.1.example.org",    ".x.x........"},
    {"2001:db8::1",              ".........x.."},
    {"2001:DB8:0:0::1",          ".........x.."},
    {"2001:db9::1",              "............"},
    // clang-format on
};

policy::Question Ask(const std::string& principal, const std::string& spelling) {
  policy::Question question{principal, {}, "main", "", std::nullopt};
  const auto ascii = ToAscii(spelling);
  EXPECT_TRUE(ascii.ok()) << spelling << ": " << ascii.status();
  const auto name = challenge::Name::Parse(ascii.ok() ? *ascii : spelling);
  EXPECT_TRUE(name.ok()) << spelling << ": " << name.status();
  if (name.ok()) question.names.push_back(*name);
  return question;
}

std::unique_ptr<policy::Policy> PolicyOf(const std::string& principal, const char* pattern) {
  config::v1::IssuerConfig config;
  config.add_cas()->set_name("main");
  config.add_grants()->set_principal(principal);
  config.mutable_grants(0)->add_names(pattern);
  auto policy = policy::MakeConfigPolicy(config);
  EXPECT_TRUE(policy.ok()) << pattern << ": " << policy.status();
  return *std::move(policy);
}

TEST(PolicyNames, EveryPatternAgainstEverySpelling) {
  int pairs = 0;
  for (size_t i = 0; i < std::size(kPatterns); ++i) {
    const auto policy = PolicyOf("requester/web", kPatterns[i]);
    for (const auto& row : kRows) {
      ASSERT_EQ(std::string(row.granted).size(), std::size(kPatterns)) << row.name;
      const auto decision = policy->Check(Ask("requester/web", row.name));
      EXPECT_EQ(decision.ok(), row.granted[i] == 'x')
          << kPatterns[i] << " and " << row.name << ": " << decision.status();
      EXPECT_EQ(ErrorReason(decision.status()), decision.ok() ? "" : "NAME_NOT_GRANTED");
      ++pairs;
    }
  }
  EXPECT_GE(pairs, 300);
}

TEST(PolicyNames, PrincipalsAreComparedWhole) {
  const auto policy = PolicyOf("requester/org", ".");
  for (const std::string other : {"requester/org-evil", "requester/or", "requester/org2",
                                  "operator/org", "requester/evil-org", "requester/", "org",
                                  "requester/org/x", "Requester/org", "requester/ORG"}) {
    EXPECT_FALSE(policy->Check(Ask(other, "www.example.org")).ok()) << other;
  }
  EXPECT_TRUE(policy->Check(Ask("requester/org", "www.example.org")).ok());
}

}  // namespace
}  // namespace norroy::service
