#include "agent/presenter/powerdns/txt_set.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const dns::Name& Owner() {
  static const dns::Name owner = *dns::Name::Parse("_acme-challenge.example.com");
  return owner;
}

TEST(TxtSet, UnquotesContents) {
  const struct {
    std::string content;
    std::optional<std::string> text;
  } cases[] = {
      {"\"a\"", "a"},
      {"\"a\" \"b\"", "ab"},
      {"\"a\"\"b\"", "ab"},
      {"\"\"", ""},
      {"", ""},
      {"\"a b\"", "a b"},
      {R"("a\"b\\c")", "a\"b\\c"},
      {R"("\065\200")", "A\xc8"},
      {"a", std::nullopt},
      {"\"a", std::nullopt},
      {"\"a\\", std::nullopt},
      {"\"a\\\"", std::nullopt},
      {R"("\25")", std::nullopt},
      {R"("\256")", std::nullopt},
      {R"("\1a0")", std::nullopt},
      {"\"a\"b", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(UnquotedTxt(c.content), c.text) << c.content;
  EXPECT_EQ(QuotedTxt("a\"b\\c"), R"("a\"b\\c")");
}

TEST(TxtSet, ReadsTheOwnersSetOutOfAWholeZone) {
  const auto set = ReadTxtSet(R"({"name": "example.com.", "rrsets": [
      {"name": "example.com.", "type": "SOA", "ttl": 3600, "records": []},
      {"name": "_acme-challenge.example.com.", "type": "A", "ttl": 1, "records": 7},
      {"name": "x._acme-challenge.example.com.", "type": "TXT", "ttl": 1, "records": []},
      7, {"name": 7, "type": "TXT"},
      {"name": "_ACME-Challenge.example.com.", "type": "TXT", "ttl": 300, "comments": [],
       "records": [{"content": "\"a\"", "disabled": false}, {"content": "\"b\""},
                   {"content": "\"off\"", "disabled": true}]}]})",
                              Owner());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->ttl, 300u);
  EXPECT_EQ(set->records.size(), 3u);
  EXPECT_TRUE(set->Serves("a"));
  EXPECT_TRUE(set->Serves("b"));
  EXPECT_TRUE(set->Has("off"));
  EXPECT_FALSE(set->Serves("off"));
  EXPECT_TRUE(set->HasDisabled());
  EXPECT_FALSE(set->Has("c"));
}

TEST(TxtSet, NoSetIsAnEmptyOne) {
  const auto set = ReadTxtSet(R"({"rrsets": []})", Owner());
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(set->records.empty());
}

TEST(TxtSet, RefusesWhatIsNotAZone) {
  const std::string head = R"({"rrsets": [{"name": "_acme-challenge.example.com.", "type": "TXT")";
  std::string many = head + R"(, "ttl": 1, "records": [)";
  for (size_t i = 0; i < kMaxTxtRecords; ++i) many += R"({"content": "\"a\""},)";
  const struct {
    std::string json;
    std::string why;
  } cases[] = {
      {"", "rrsets"},
      {"<html>", "rrsets"},
      {"[]", "rrsets"},
      {"{}", "rrsets"},
      {"{\"rrsets\": {}}", "rrsets"},
      {"{\"rrsets\": []} x", "rrsets"},
      {std::string(1 << 20, '['), "rrsets"},
      {head + "}]}", "records"},
      {head + R"(, "records": 1}]})", "records"},
      {head + R"(, "records": []}]})", "ttl"},
      {head + R"(, "records": [], "ttl": -1}]})", "ttl"},
      {head + R"(, "records": [], "ttl": 2147483648}]})", "ttl"},
      {head + R"(, "records": [], "ttl": "60"}]})", "ttl"},
      {head + R"(, "ttl": 1, "records": [7]}]})", "content"},
      {head + R"(, "ttl": 1, "records": [{"content": 7}]}]})", "content"},
      {many + R"({"content": "\"a\""}]}]})", "512"},
  };
  for (const auto& c : cases) {
    const auto set = ReadTxtSet(c.json, Owner());
    ASSERT_FALSE(set.ok()) << c.json.substr(0, 100);
    EXPECT_TRUE(absl::StrContains(set.status().message(), c.why)) << set.status();
  }
}

TEST(TxtSet, ChangesOneValueAndKeepsTheRest) {
  const TxtSet others = {.ttl = 300, .records = {{R"("a" "b")"}, {R"("off")", true}}};
  const TxtSet with = others.With("v\"1", 60);
  EXPECT_EQ(with.ttl, 300u);
  EXPECT_TRUE(with.Serves("v\"1"));
  EXPECT_TRUE(with.Serves("ab"));
  EXPECT_TRUE(with.Has("off"));
  EXPECT_EQ(with.With("v\"1", 60).records, with.records);
  EXPECT_TRUE(with.With("off", 60).Serves("off"));
  EXPECT_EQ(with.Without("v\"1").records, others.records);
  EXPECT_EQ(TxtSet().With("x", 60).ttl, 60u);
}

TEST(TxtSet, WritesBodies) {
  const TxtSet set = {.ttl = 300, .records = {{R"("a")"}, {R"("off")", true}}};
  EXPECT_EQ(ReplaceBody(Owner(), set),
            R"({"rrsets":[{"changetype":"REPLACE","name":"_acme-challenge.example.com.",)"
            R"("records":[{"content":"\"a\"","disabled":false},)"
            R"({"content":"\"off\"","disabled":true}],"ttl":300,"type":"TXT"}]})");
  EXPECT_EQ(ReplaceBody(Owner(), TxtSet()),
            R"({"rrsets":[{"changetype":"DELETE","name":"_acme-challenge.example.com.",)"
            R"("type":"TXT"}]})");
  EXPECT_EQ(ExtendBody(Owner(), "v", 60),
            R"({"rrsets":[{"changetype":"EXTEND","name":"_acme-challenge.example.com.",)"
            R"("records":[{"content":"\"v\"","disabled":false}],"ttl":60,"type":"TXT"}]})");
  EXPECT_TRUE(absl::StrContains(PruneBody(Owner(), "v", 60), R"("changetype":"PRUNE")"));
}

TEST(TxtSet, KnowsWhichServersExtend) {
  const struct {
    std::string version;
    bool extends;
  } cases[] = {{"4.7.3", false},    {"4.9.10", false}, {"5.0.1", false}, {"5.0.2", true},
               {"5.0.2-rc1", true}, {"5.0.10", true},  {"5.1.0", true},  {"10.0.0", true},
               {"5.0", false},      {"", false},       {"git", false},   {"0.0.1234.0.g1", false}};
  for (const auto& c : cases) {
    EXPECT_EQ(ServerExtends(absl::StrCat(R"({"version": ")", c.version, R"("})")), c.extends)
        << c.version;
  }
  EXPECT_FALSE(ServerExtends("<html>"));
  EXPECT_FALSE(ServerExtends(R"({"version": 5.02})"));
}

TEST(TxtSet, FindsTheErrorsText) {
  EXPECT_EQ(ErrorOf(R"({"error": "Name is out of zone"})"), "Name is out of zone");
  EXPECT_EQ(ErrorOf("Not Found"), "Not Found");
  EXPECT_EQ(ErrorOf(R"({"error": 7})"), R"({"error": 7})");
}

TEST(TxtSet, SaysWhichValuesItWrites) {
  EXPECT_TRUE(IsTxtValue(std::string(255, 'a')));
  for (const std::string& bad : {std::string(), std::string(256, 'a'), std::string("a\nb"),
                                 std::string("\x80"), std::string("\0", 1)}) {
    EXPECT_FALSE(IsTxtValue(bad));
  }
}

}  // namespace
}  // namespace norroy::agent
