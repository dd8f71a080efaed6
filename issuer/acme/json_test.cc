#include "issuer/acme/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string Nested(int depth) {
  return absl::StrCat(R"({"a":)", std::string(depth - 1, '['), std::string(depth - 1, ']'), "}");
}

TEST(JsonObject, RefusesWhatIsNoObject) {
  for (const HostileJson& c : HostileJsonTable()) {
    const auto object = JsonObject::Parse("thing", c.text);
    ASSERT_FALSE(object.ok()) << c.name;
    EXPECT_EQ(object.status().code(), absl::StatusCode::kInternal) << c.name;
    EXPECT_EQ(ErrorReason(object.status()), "CA_PROTOCOL") << c.name;
    EXPECT_THAT(std::string(object.status().message()), HasSubstr("thing")) << c.name;
    EXPECT_EQ(Printable(object.status().message(), 4096), object.status().message()) << c.name;
  }
}

TEST(JsonObject, TakesTextUpToItsCaps) {
  EXPECT_TRUE(JsonObject::Parse("thing", Nested(32)).ok());
  EXPECT_FALSE(JsonObject::Parse("thing", Nested(33)).ok());
  for (const size_t size : {99, 100, 101}) {
    const std::string text = absl::StrCat(R"({"a":")", std::string(size - 8, 'x'), R"("})");
    ASSERT_EQ(text.size(), size);
    EXPECT_EQ(JsonObject::Parse("thing", text, 100).ok(), size <= 100) << size;
  }
  for (const int members : {511, 512, 513}) {
    std::string text = "{";
    for (int i = 0; i < members; ++i) absl::StrAppend(&text, i == 0 ? "" : ",", "\"", i, "\":0");
    EXPECT_EQ(JsonObject::Parse("thing", text + "}").ok(), members <= 512) << members;
  }
}

TEST(JsonObject, ReadsMembersByType) {
  const auto object = JsonObject::Parse("thing", R"({
      "text": "a\u00e9\"", "empty": "", "null": null, "yes": true, "number": 42,
      "huge": 18446744073709551615, "float": 1.5, "negative": -3,
      "list": ["a", "b"], "objects": [{"x": "1"}, {"x": "2"}], "object": {"x": "3", "y": 4},
      "mixed": ["a", 1], "\u0000": "nul"})");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(*object->RequiredString("text"), "a\xC3\xA9\"");
  EXPECT_FALSE(object->RequiredString("empty").ok());
  EXPECT_FALSE(object->RequiredString("null").ok());
  EXPECT_FALSE(object->RequiredString("absent").ok());
  EXPECT_FALSE(object->RequiredString("yes").ok());
  EXPECT_EQ(*object->OptionalString("empty"), "");
  EXPECT_EQ(*object->OptionalString("null"), "");
  EXPECT_FALSE(object->OptionalString("number").ok());
  EXPECT_TRUE(*object->OptionalBool("yes"));
  EXPECT_FALSE(*object->OptionalBool("absent"));
  EXPECT_FALSE(object->OptionalBool("text").ok());
  EXPECT_EQ(object->IntegerOrZero("number"), 42);
  EXPECT_EQ(object->IntegerOrZero("negative"), -3);
  EXPECT_EQ(object->IntegerOrZero("huge"), 0);
  EXPECT_EQ(object->IntegerOrZero("float"), 0);
  EXPECT_EQ(object->IntegerOrZero("text"), 0);
  EXPECT_THAT(*object->Strings("list", 2), ElementsAre("a", "b"));
  EXPECT_FALSE(object->Strings("list", 1).ok());
  EXPECT_FALSE(object->Strings("mixed", 9).ok());
  EXPECT_FALSE(object->Strings("object", 9).ok());
  EXPECT_TRUE(object->Strings("absent", 9)->empty());
  EXPECT_EQ(*(*object->Objects("objects", 2))[1].RequiredString("x"), "2");
  EXPECT_FALSE(object->Objects("list", 9).ok());
  EXPECT_TRUE((*object->OptionalObject("object"))->Has("y"));
  EXPECT_FALSE(object->OptionalObject("absent")->has_value());
  EXPECT_FALSE(object->OptionalObject("list").ok());
  EXPECT_FALSE(object->RequiredObject("absent").ok());
  EXPECT_THAT(object->RequiredObject("object")->StringMembers(), ElementsAre(Pair("x", "3")));
  EXPECT_TRUE(object->Has("yes"));
  EXPECT_FALSE(object->Has("null"));
}

struct TimeCase {
  std::string text;
  std::string expected;  // "": refused
};

TEST(JsonObject, ReadsRfc3339Dates) {
  const std::vector<TimeCase> cases = {
      {"2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"},
      {"2026-03-01t12:00:00z", "2026-03-01T12:00:00+00:00"},
      {"2026-03-01T12:00:00.1Z", "2026-03-01T12:00:00+00:00"},
      {"2026-03-01T12:00:00.123456789012Z", "2026-03-01T12:00:00+00:00"},
      {"2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00+00:00"},
      {"2026-03-01T12:00:60Z", "2026-03-01T12:01:00+00:00"},
      {"0000-01-01T00:00:00Z", "0-01-01T00:00:00+00:00"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"},
      {"2026-03-01 12:00:00Z", ""},
      {"2026-03-01T12:00:00", ""},
      {"2026-02-30T12:00:00Z", ""},
      {"2026-13-01T12:00:00Z", ""},
      {"2026-03-01T25:00:00Z", ""},
      {" 2026-03-01T12:00:00Z", ""},
      {"2026-03-01T12:00:00Z ", ""},
      {"-026-03-01T12:00:00Z", ""},
      {"12026-03-01T12:00:00Z", ""},
      {"infinite-future", ""},
      {"infinite-future-long-enough", ""},
      {"1772366400", ""},
      {"tomorrow", ""},
  };
  for (const TimeCase& c : cases) {
    const auto object = JsonObject::Parse("thing", absl::StrCat(R"({"t":")", c.text, R"("})"));
    ASSERT_TRUE(object.ok());
    const auto time = object->OptionalTime("t");
    ASSERT_EQ(time.ok(), !c.expected.empty()) << c.text;
    if (!time.ok()) continue;
    EXPECT_EQ(absl::FormatTime(absl::RFC3339_sec, **time, absl::UTCTimeZone()), c.expected);
  }
  const auto object = JsonObject::Parse("thing", R"({"t":5})");
  EXPECT_FALSE(object->OptionalTime("t").ok());
  EXPECT_FALSE(object->OptionalTime("absent")->has_value());
}

TEST(JsonQuote, IsReadBackAsItWas) {
  for (const std::string& text : {std::string("plain"), std::string("a\"b\\c\n\t\x01"),
                                  std::string("\xC3\xA9"), std::string("x\0y", 3)}) {
    const auto object = JsonObject::Parse("thing", absl::StrCat("{\"t\":", JsonQuote(text), "}"));
    ASSERT_TRUE(object.ok()) << object.status();
    EXPECT_EQ(*object->OptionalString("t"), text);
  }
  EXPECT_EQ(JsonQuote("\xFF"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(JsonArray({"1", "\"a\""}), "[1,\"a\"]");
  EXPECT_EQ(JsonArray({}), "[]");
}

}  // namespace
}  // namespace norroy::acme
