// The zone behind a recursive resolver, as a CA sees it: through a CNAME, and never an old value.

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/presenter/delegated_zone/delegated_zone.h"
#include "gtest/gtest.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"

namespace norroy::agent {
namespace {

dns::Name N(absl::string_view text) { return *dns::Name::Parse(text); }

std::string PortOf(const std::string& place) { return place.substr(place.rfind(':') + 1); }

TEST(Resolver, FindsEveryValueAndNoOldOne) {
  DelegatedZoneOptions options;
  options.zone = N("acme.example.net");
  options.listen = {"127.0.0.1:0"};
  options.name_servers = {N("ns1.example.org")};
  options.responses_per_second = kMaxResponsesPerSecond;
  auto zone = DelegatedZone::Start(options);
  ASSERT_TRUE(zone.ok()) << zone.status();
  DelegatedZone& acme = **zone;

  harness::BindOptions bind;
  bind.recursion = true;
  bind.zones = {
      {.name = "example.test",
       .records = "_acme-challenge.www CNAME www-example-test.acme.example.net.\n"},
      {.name = "acme.example.net",
       .statement = absl::StrCat("type forward; forward only; forwarders { 127.0.0.1 port ",
                                 PortOf(acme.place()), "; };")}};
  const auto resolver = harness::Bind::Start(harness::TempDir("resolver"), bind);
  const auto values = [&resolver] {
    const std::string out = resolver->Dig("_acme-challenge.www.example.test", "TXT");
    std::set<std::string> found;
    for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
      if (line.front() == '"') found.insert(std::string(line.substr(1, line.size() - 2)));
    }
    return found;
  };

  const dns::Name owner = N("www-example-test.acme.example.net");
  ASSERT_TRUE(acme.Add(owner, "one").ok());
  EXPECT_EQ(values(), std::set<std::string>{"one"});
  // At once: nothing may be kept.
  ASSERT_TRUE(acme.Add(owner, "two").ok());
  EXPECT_EQ(values(), (std::set<std::string>{"one", "two"}));
  ASSERT_TRUE(acme.Remove(owner, "one").ok());
  EXPECT_EQ(values(), std::set<std::string>{"two"});
  ASSERT_TRUE(acme.Remove(owner, "two").ok());
  EXPECT_EQ(values(), std::set<std::string>());
  // An absence is kept for a second at most.
  std::set<std::string> many;
  for (int i = 0; i < 40; ++i) many.insert(absl::StrCat(100 + i, std::string(40, 'x')));
  for (const std::string& value : many) ASSERT_TRUE(acme.Add(owner, value).ok());
  // And a long answer is fetched by TCP.
  EXPECT_TRUE(harness::Eventually([&] { return values() == many; }, absl::Seconds(5)));
}

}  // namespace
}  // namespace norroy::agent
