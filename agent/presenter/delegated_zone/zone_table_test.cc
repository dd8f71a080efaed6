#include "agent/presenter/delegated_zone/zone_table.h"

#include "absl/strings/str_cat.h"
#include "agent/presenter/delegated_zone/test_message.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

dns::Name N(absl::string_view text) { return *dns::Name::Parse(text); }

TEST(ZoneTable, WritesNames) {
  EXPECT_EQ(WireName(dns::Name()), std::string(1, '\0'));
  EXPECT_EQ(WireName(N("a.Example")), TestName("a.example"));
}

TEST(ZoneTable, KnowsWhatExists) {
  ZoneTable table(N("acme.example.net"), {N("ns1.example.org")});
  ASSERT_TRUE(table.Add(N("a.b.acme.example.net"), "1").ok());
  ASSERT_TRUE(table.Add(N("c.b.acme.example.net"), "2").ok());
  ASSERT_TRUE(table.Add(N("c.b.acme.example.net"), "3").ok());
  struct Case {
    std::string name;
    bool in_zone;
    bool exists;
    size_t values;
  };
  const Case kCases[] = {
      {"acme.example.net", true, true, 0},
      {"b.acme.example.net", true, true, 0},
      {"a.b.acme.example.net", true, true, 1},
      {"c.b.acme.example.net", true, true, 2},
      {"d.b.acme.example.net", true, false, 0},
      {"x.a.b.acme.example.net", true, false, 0},
      {"example.net", false, false, 0},
      {"", false, false, 0},
      {"xacme.example.net", false, false, 0},
      {"acme.example.org", false, false, 0},
      {"acme.example.net.example.com", false, false, 0},
  };
  for (const Case& c : kCases) {
    const ZoneTable::Found found = table.Find(TestName(c.name));
    EXPECT_EQ(found.in_zone, c.in_zone) << c.name;
    EXPECT_EQ(found.exists, c.exists) << c.name;
    EXPECT_EQ(found.values.size(), c.values) << c.name;
    EXPECT_EQ(found.apex, c.name == "acme.example.net") << c.name;
  }
  // The bytes of the zone's name within a label are not the zone.
  EXPECT_FALSE(table
                   .Find("\x12"
                         "x" +
                         TestName("acme.example.net"))
                   .in_zone);

  // An empty non-terminal lives as long as the last name below it.
  EXPECT_TRUE(table.Remove(N("a.b.acme.example.net"), "1").ok());
  EXPECT_TRUE(table.Find(TestName("b.acme.example.net")).exists);
  EXPECT_TRUE(table.Remove(N("c.b.acme.example.net"), "2").ok());
  EXPECT_TRUE(table.Remove(N("c.b.acme.example.net"), "2").ok());
  EXPECT_TRUE(table.Find(TestName("b.acme.example.net")).exists);
  EXPECT_TRUE(table.Remove(N("c.b.acme.example.net"), "3").ok());
  EXPECT_FALSE(table.Find(TestName("b.acme.example.net")).exists);
  EXPECT_TRUE(table.Remove(N("c.b.acme.example.net"), "3").ok());
  EXPECT_EQ(ErrorReason(table.Remove(N("www.elsewhere.example"), "3")), "FOREIGN_ZONE");
  EXPECT_TRUE(table.Find(TestName("acme.example.net")).exists);
}

TEST(ZoneTable, HasLimits) {
  ZoneTable table(N("z.example"), {N("ns1.example.org")});
  EXPECT_EQ(ErrorReason(table.Add(N("www.example"), "1")), "FOREIGN_ZONE");
  EXPECT_EQ(ErrorReason(table.Add(N("az.example"), "1")), "FOREIGN_ZONE");
  EXPECT_TRUE(absl::IsInvalidArgument(table.Add(N("a.z.example"), "")));
  EXPECT_TRUE(absl::IsInvalidArgument(table.Add(N("a.z.example"), std::string(256, 'x'))));
  EXPECT_TRUE(table.Add(N("a.z.example"), std::string(255, 'x')).ok());
  for (size_t i = 1; i < kMaxValuesPerOwner; ++i) {
    ASSERT_TRUE(table.Add(N("a.z.example"), absl::StrCat(i)).ok());
  }
  EXPECT_TRUE(table.Add(N("a.z.example"), "1").ok()) << "it is there already";
  EXPECT_TRUE(absl::IsResourceExhausted(table.Add(N("a.z.example"), "one more")));
  EXPECT_EQ(table.Find(TestName("a.z.example")).values.size(), kMaxValuesPerOwner);
  for (size_t i = 1; i < kMaxZoneOwners; ++i) {
    ASSERT_TRUE(table.Add(N(absl::StrCat("n", i, ".z.example")), "v").ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(table.Add(N("more.z.example"), "v")));
  EXPECT_FALSE(table.Find(TestName("more.z.example")).exists);
  EXPECT_TRUE(table.Remove(N("n7.z.example"), "v").ok());
  EXPECT_TRUE(table.Add(N("more.z.example"), "v").ok());
}

}  // namespace
}  // namespace norroy::agent
