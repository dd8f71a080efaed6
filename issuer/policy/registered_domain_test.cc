#include "issuer/policy/registered_domain.h"

#include <gtest/gtest.h>

namespace norroy::policy {
namespace {

TEST(RegisteredDomain, Table) {
  const struct {
    std::string name;
    std::string domain;
  } cases[] = {
      {"example.com", "example.com"},
      {"www.example.com", "example.com"},
      {"a.b.c.example.com", "example.com"},
      {"*.example.com", "example.com"},
      {"*.www.example.com", "example.com"},
      {"WWW.Example.COM.", "example.com"},
      {"www.example.co.uk", "example.co.uk"},
      {"co.uk", "co.uk"},
      {"example.co.uk", "example.co.uk"},
      // Private entries of the list count as suffixes.
      {"a.b.github.io", "b.github.io"},
      {"b.github.io", "b.github.io"},
      {"github.io", "github.io"},
      // A wildcard entry and its exception.
      {"www.a.b.ck", "a.b.ck"},
      {"a.www.ck", "www.ck"},
      // A-labels.
      {"www.xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"www.example.xn--55qx5d.cn", "example.xn--55qx5d.cn"},
      // No suffix that the list knows: the last label is one.
      {"www.example.test", "example.test"},
      {"evil-example.com", "evil-example.com"},
      {"192.0.2.7", "192.0.2.7"},
      {"2001:DB8::1", "2001:db8::1"},
  };
  for (const auto& row : cases) {
    const auto name = challenge::Name::Parse(row.name);
    ASSERT_TRUE(name.ok()) << name.status();
    EXPECT_EQ(RegisteredDomain(name->identifier()), row.domain) << row.name;
  }
}

TEST(RegisteredDomain, OfManyNamesEachOnce) {
  const auto names = challenge::ParseNames(
      {"www.example.org", "*.example.com", "example.com", "b.a.example.com", "192.0.2.7"});
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(RegisteredDomains(*names),
            (std::vector<std::string>{"192.0.2.7", "example.com", "example.org"}));
}

}  // namespace
}  // namespace norroy::policy
