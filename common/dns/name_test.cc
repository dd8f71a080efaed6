#include "common/dns/name.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

const std::string kLabel63(63, 'a');

TEST(Name, ParsesWhatDnsHasAndNothingElse) {
  struct Case {
    std::string text;
    std::string expected;  // "-": refused
  };
  const Case cases[] = {
      {"example.com", "example.com"},
      {"Example.COM.", "example.com"},
      {"_acme-challenge.Example.com", "_acme-challenge.example.com"},
      {"*.example.com", "*.example.com"},
      {"*", "*"},
      {"com", "com"},
      {"-a.b-.1", "-a.b-.1"},
      {".", ""},
      {"", "-"},
      {"..", "-"},
      {".com", "-"},
      {"a..b", "-"},
      {"a.b..", "-"},
      {"a.*.b", "-"},
      {"a*.b", "-"},
      {"a b.c", "-"},
      {"a\\.b", "-"},
      {"b\xC3\xBC"
       "cher.example",
       "-"},
      {std::string("a\0b.c", 5), "-"},
      {kLabel63 + ".com", kLabel63 + ".com"},
      {"a" + kLabel63 + ".com", "-"},
      {absl::StrCat(kLabel63, ".", kLabel63, ".", kLabel63, ".", std::string(61, 'b')),
       absl::StrCat(kLabel63, ".", kLabel63, ".", kLabel63, ".", std::string(61, 'b'))},
      {absl::StrCat(kLabel63, ".", kLabel63, ".", kLabel63, ".", std::string(62, 'b')), "-"},
      {std::string(100000, 'a'), "-"},
  };
  for (const Case& c : cases) {
    const auto name = Name::Parse(c.text);
    EXPECT_EQ(name.ok() ? name->text() : "-", c.expected) << c.text.substr(0, 80);
    if (name.ok()) continue;
    EXPECT_EQ(ErrorReason(name.status()), "BAD_DNS_NAME");
    EXPECT_LT(name.status().message().size(), 400u);
  }
}

Name Make(absl::string_view text) { return *Name::Parse(text); }

TEST(Name, IsWithinItsZonesByWholeLabels) {
  struct Case {
    const char* name;
    const char* zone;
    bool expected;
  };
  const Case cases[] = {
      {"example.com", "example.com", true},
      {"www.example.com", "example.com", true},
      {"wwwexample.com", "example.com", false},
      {"example.com", "www.example.com", false},
      {"example.com", ".", true},
      {".", ".", true},
      {".", "com", false},
      {"a.b.c.d", "C.D", true},
      {"a.example.com", "b.example.com", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Make(c.name).IsWithin(Make(c.zone)), c.expected) << c.name << " in " << c.zone;
  }
}

TEST(Name, ParentsAndChildren) {
  EXPECT_EQ(Make("a.b.c").parent(), Make("b.c"));
  EXPECT_EQ(Make("c").parent(), Name());
  EXPECT_EQ(Name().parent(), Name());
  EXPECT_EQ(Make("a.b").Child("_x")->text(), "_x.a.b");
  EXPECT_EQ(Name().Child("com")->text(), "com");
  EXPECT_FALSE(Make("a.b").Child("").ok());
  EXPECT_FALSE(Name().Child("").ok());
  const Name long_name = Make(absl::StrCat(kLabel63, ".", kLabel63, ".", kLabel63, ".b"));
  EXPECT_TRUE(long_name.Child(std::string(58, 'x')).ok());
  EXPECT_FALSE(long_name.Child(std::string(60, 'x')).ok());
  EXPECT_EQ(Make("a.b").labels(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(Name().labels().empty());
  EXPECT_EQ(Make("a.b").absolute(), "a.b.");
  EXPECT_EQ(Name().absolute(), ".");
}

}  // namespace
}  // namespace norroy::dns
