#include "common/challenge/pattern.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/challenge/name_table.h"
#include "common/error/error.h"

namespace norroy::challenge {
namespace {

TEST(Pattern, Grammar) {
  struct Case {
    std::string input, normal, error;
  };
  const Case cases[] = {
      {"www.example.com", "www.example.com", ""},
      {"WWW.Example.com.", "www.example.com", ""},
      {".example.com", ".example.com", ""},
      {".Example.COM.", ".example.com", ""},
      {".www.example.com", ".www.example.com", ""},
      {"*.example.com", "*.example.com", ""},
      {"*.Example.com.", "*.example.com", ""},
      {"xn--bcher-kva.example.com", "xn--bcher-kva.example.com", ""},
      {".", ".", ""},
      {"=192.0.2.1", "=192.0.2.1", ""},
      {"=192.0.2.1/32", "=192.0.2.1", ""},
      {"=192.0.2.0/24", "=192.0.2.0/24", ""},
      {"=192.0.2.0/31", "=192.0.2.0/31", ""},
      {"=0.0.0.0/0", "=0.0.0.0/0", ""},
      {"=10.0.0.0/8", "=10.0.0.0/8", ""},
      {"=2001:DB8::1", "=2001:db8::1", ""},
      {"=2001:db8:0::1/128", "=2001:db8::1", ""},
      {"=2001:db8::/32", "=2001:db8::/32", ""},
      {"=2001:0db8::/33", "=2001:db8::/33", ""},
      {"=::/0", "=::/0", ""},
      {"=fd00::/8", "=fd00::/8", ""},
      {"", "", "is empty"},
      {" ", "", "only letters, digits"},
      {"*", "", "whole first label"},
      {"*.", "", "is empty"},
      {"**", "", "whole first label"},
      {"..", "", "is empty"},
      {"..example.com", "", "empty label"},
      {".*.example.com", "", "nothing is below a wildcard"},
      {"*.*.example.com", "", "whole first label"},
      {"www.*.example.com", "", "whole first label"},
      {".com", "", "single label"},
      {"com", "", "single label"},
      {"*.com", "", "single label"},
      {".localhost", "", "special-use"},
      {".foo.local", "", "special-use"},
      {".b\xC3\xBC"
       "cher.de",
       "", "not ASCII"},
      {"foo_bar.example.com", "", "underscore"},
      {"!www.example.com", "", "only letters, digits"},
      {"~example.com", "", "only letters, digits"},
      {".*", "", "whole first label"},
      {"/.*/", "", "only letters, digits"},
      {"192.0.2.1", "", "an address is written \"=192.0.2.1\""},
      {"2001:DB8::1", "", "an address is written \"=2001:db8::1\""},
      {".192.0.2.1", "", "an address is written \"=192.0.2.1\""},
      {"*.192.0.2.1", "", "wildcard below an address"},
      {"192.0.2.0/24", "", "only letters, digits"},
      {"=", "", "is empty"},
      {"=/", "", "an address or a network"},
      {"=/24", "", "an address or a network"},
      {"==192.0.2.1", "", "no IPv4 address"},
      {"=www.example.com", "", "an address or a network"},
      {"=.example.com", "", "empty label"},
      {"=www.example.com/24", "", "an address or a network"},
      {"=192.0.2.0/", "", "a number from 0 to 32"},
      {"=192.0.2.0/33", "", "a number from 0 to 32"},
      {"=192.0.2.0/-1", "", "a number from 0 to 32"},
      {"=192.0.2.0/+8", "", "a number from 0 to 32"},
      {"=192.0.2.0/024", "", "a number from 0 to 32"},
      {"=192.0.2.0/ 24", "", "a number from 0 to 32"},
      {"=192.0.2.0/24 ", "", "a number from 0 to 32"},
      {"=192.0.2.0/24/24", "", "a number from 0 to 32"},
      {"=192.0.2.0/255.255.255.0", "", "a number from 0 to 32"},
      {"=192.0.2.0/4294967320", "", "a number from 0 to 32"},
      {"=2001:db8::/129", "", "a number from 0 to 128"},
      {"=192.0.2.1/24", "", "the network is \"=192.0.2.0/24\""},
      {"=2001:db8::1/32", "", "the network is \"=2001:db8::/32\""},
      {"=1.0.0.0/0", "", "the network is \"=0.0.0.0/0\""},
      {"=192.0.2/24", "", "an address or a network"},
      {"=192.0.02.0/24", "", "an address or a network"},
      {"=0xc0.0.2.0/24", "", "an address or a network"},
      {"=[2001:db8::]/32", "", "an address or a network"},
      {"=fe80::%eth0/64", "", "an address or a network"},
      {"=0.0.0.0", "", "no host has"},
      {"=0.0.0.0/32", "", "no host has"},
      {"=::ffff:192.0.2.1", "", "IPv4 address in IPv6 form"},
      {std::string("=192.0.2.0\0/24", 14), "", "an address or a network"},
      {std::string(261, 'a'), "", "longer than 260"},
      {std::string(1 << 20, '.'), "", "longer than 260"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(Printable(c.input));
    const absl::StatusOr<Pattern> pattern = Pattern::Parse(c.input);
    if (c.error.empty()) {
      EXPECT_EQ(pattern.ok() ? pattern->text() : pattern.status().ToString(), c.normal);
      EXPECT_EQ(pattern, Pattern::Parse(c.normal));
      continue;
    }
    EXPECT_FALSE(pattern.ok()) << pattern->text();
    EXPECT_EQ(pattern.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(pattern.status()), "BAD_PATTERN");
    EXPECT_TRUE(absl::StrContains(pattern.status().message(), c.error)) << pattern.status();
  }
}

// Every pattern beside every name: "+" where it matches.
TEST(Pattern, MatchesTable) {
  const char* const names[] = {
      "example.com",           // 0
      "www.example.com",       // 1
      "a.www.example.com",     // 2
      "*.example.com",         // 3
      "*.www.example.com",     // 4
      "badexample.com",        // 5
      "www.badexample.com",    // 6
      "example.com.evil.net",  // 7
      "example.net",           // 8
      "WWW.EXAMPLE.COM.",      // 9
      "*.a.www.example.com",   // 10
      "example.co",            // 11
      "192.0.2.1",             // 12
      "192.0.2.255",           // 13
      "192.0.3.0",             // 14
      "2001:db8::1",           // 15
      "2001:db8:8000::1",      // 16
      "2001:db9::1",           // 17
      "::1",                   // 18
      "www-example.com",       // 19
  };
  struct Case {
    const char* pattern;
    const char* matches;  // a place a name
  };
  const Case cases[] = {
      // 0         1
      // 01234567890123456789
      {"example.com", "+..................."},
      {"www.example.com", ".+.......+.........."},
      {"a.www.example.com", "..+................."},
      {".example.com", ".++......+.........."},
      {".www.example.com", "..+................."},
      {".a.www.example.com", "...................."},
      {"*.example.com", "...+................"},
      {"*.www.example.com", "....+..............."},
      {"*.a.www.example.com", "..........+........."},
      {"WWW.example.COM.", ".+.......+.........."},
      {".evil.net", ".......+............"},
      {".", "+++..+++++.+.......+"},
      {"=192.0.2.1", "............+......."},
      {"=192.0.2.0/24", "............++......"},
      {"=192.0.2.0/23", "............+++....."},
      {"=192.0.2.128/25", ".............+......"},
      {"=0.0.0.0/0", "............+++....."},
      {"=2001:db8::/32", "...............++..."},
      {"=2001:db8::/33", "...............+...."},
      {"=2001:db8:8000::/33", "................+..."},
      {"=2001:db8::1", "...............+...."},
      {"=::/0", "...............++++."},
  };
  int pairs = 0;
  for (const Case& c : cases) {
    const Pattern pattern = Pattern::Parse(c.pattern).value();
    for (size_t i = 0; i < std::size(names); ++i) {
      const Name name = Name::Parse(names[i]).value();
      EXPECT_EQ(pattern.Matches(name), c.matches[i] == '+') << c.pattern << " and " << names[i];
      ++pairs;
    }
  }
  EXPECT_GE(pairs, 300);
}

// Over every good name: its own pattern matches it alone, what is below is below, and a wildcard
// comes from nothing but itself.
TEST(Pattern, EachNameAndItsNeighbours) {
  std::vector<Name> names;
  for (const NameCase& c : NameTable()) {
    if (c.error.empty()) names.push_back(Name::Parse(c.input).value());
  }
  for (const Name& name : names) {
    SCOPED_TRACE(name.text());
    const bool ip = name.identifier().type() == IdentifierType::kIp;
    const Pattern own = Pattern::Parse(absl::StrCat(ip ? "=" : "", name.text())).value();
    for (const Name& other : names) EXPECT_EQ(own.Matches(other), other == name) << other.text();
    EXPECT_EQ(Pattern::Parse(".")->Matches(name), !ip && !name.wildcard());
    const absl::StatusOr<Pattern> below =
        Pattern::Parse(absl::StrCat(".", name.identifier().value()));
    if (ip) {
      EXPECT_FALSE(below.ok());
      continue;
    }
    EXPECT_FALSE(below->Matches(name));
    const auto child = Name::Parse(absl::StrCat("x.", name.identifier().value()));
    if (!child.ok()) continue;  // too long, too many labels
    EXPECT_TRUE(below->Matches(*child));
    EXPECT_FALSE(below->Matches(Name::Of(child->identifier(), true)));
    EXPECT_FALSE(own.Matches(*child));
  }
}

TEST(Pattern, UniversalOnesAreKnown) {
  for (const char* text : {".", "=0.0.0.0/0", "=::/0"}) {
    EXPECT_TRUE(Pattern::Parse(text)->is_universal()) << text;
  }
  for (const char* text : {".example.com", "*.example.com", "a.b", "=10.0.0.0/8", "=2000::/3"}) {
    EXPECT_FALSE(Pattern::Parse(text)->is_universal()) << text;
  }
}

TEST(ParsePatterns, PlacesAndCap) {
  EXPECT_TRUE(ParsePatterns({})->empty());
  const auto two = ParsePatterns({".example.com", "*.example.com"});
  ASSERT_TRUE(two.ok());
  EXPECT_TRUE(MatchesAny(*two, Name::Parse("*.example.com").value()));
  EXPECT_TRUE(MatchesAny(*two, Name::Parse("www.example.com").value()));
  EXPECT_FALSE(MatchesAny(*two, Name::Parse("example.com").value()));
  EXPECT_FALSE(MatchesAny({}, Name::Parse("example.com").value()));
  const absl::Status bad = ParsePatterns({".example.com", "*"}).status();
  EXPECT_TRUE(absl::StartsWith(bad.message(), "2. of 2 patterns: pattern \"*\": ")) << bad;
  EXPECT_EQ(ErrorReason(bad), "BAD_PATTERN");
  EXPECT_TRUE(ParsePatterns(std::vector<std::string>(kMaxPatterns, ".example.com")).ok());
  EXPECT_FALSE(ParsePatterns(std::vector<std::string>(kMaxPatterns + 1, ".example.com")).ok());
}

// A longer list never matches less, and the order says nothing.
TEST(MatchesAny, IsMonotone) {
  std::vector<Pattern> patterns;
  std::vector<Name> names;
  for (const NameCase& c : NameTable()) {
    if (!c.error.empty()) continue;
    names.push_back(Name::Parse(c.input).value());
    const auto pattern = Pattern::Parse(absl::StrCat(".", c.normal));
    if (patterns.size() < 20 && pattern.ok()) patterns.push_back(*pattern);
  }
  for (const Name& name : names) {
    std::vector<Pattern> grown;
    bool before = false;
    for (const Pattern& pattern : patterns) {
      grown.push_back(pattern);
      const bool now = MatchesAny(grown, name);
      EXPECT_TRUE(now || !before) << name.text();
      EXPECT_EQ(now, MatchesAny({grown.rbegin(), grown.rend()}, name)) << name.text();
      before = now;
    }
  }
}

}  // namespace
}  // namespace norroy::challenge
