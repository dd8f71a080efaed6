#include "common/challenge/identifier.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/challenge/name_table.h"
#include "common/challenge/punycode.h"
#include "common/error/error.h"

namespace norroy::challenge {
namespace {

TEST(Name, TableOfNames) {
  std::set<std::string> inputs;
  for (const NameCase& c : NameTable()) {
    SCOPED_TRACE(Printable(c.input));
    EXPECT_TRUE(inputs.insert(c.input).second) << "row twice";
    EXPECT_NE(c.normal.empty(), c.error.empty()) << "a row has a normal form or an error";
    const absl::StatusOr<Name> name = Name::Parse(c.input);
    if (c.error.empty()) {
      EXPECT_EQ(name.ok() ? name->text() : name.status().ToString(), c.normal);
      EXPECT_EQ(name, Name::Parse(c.normal));
      continue;
    }
    EXPECT_FALSE(name.ok()) << "accepted as " << name->text();
    EXPECT_EQ(name.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(name.status()), "BAD_NAME");
    EXPECT_NE(name.status().message().find(c.error), absl::string_view::npos) << name.status();
    EXPECT_EQ(Printable(name.status().message(), 4096), name.status().message());
  }
  EXPECT_GE(inputs.size(), 300u);
}

TEST(Name, SaysWhatItIs) {
  const Name wildcard = Name::Parse("*.Example.com").value();
  EXPECT_TRUE(wildcard.wildcard());
  EXPECT_EQ(wildcard.identifier().type(), IdentifierType::kDns);
  EXPECT_EQ(wildcard.identifier().value(), "example.com");
  EXPECT_EQ(wildcard, Name::Of(Name::Parse("example.com")->identifier(), true));
  EXPECT_NE(wildcard, Name::Parse("example.com").value());
  const Name address = Name::Parse("2001:DB8::1").value();
  EXPECT_FALSE(address.wildcard());
  EXPECT_EQ(address.identifier().type(), IdentifierType::kIp);
  EXPECT_EQ(IdentifierTypeName(IdentifierType::kDns), "dns");
  EXPECT_EQ(IdentifierTypeName(IdentifierType::kIp), "ip");
}

TEST(Name, ErrorCarriesTheNameEscaped) {
  const absl::Status status = Name::Parse("a\x1b[31m.example.com").status();
  EXPECT_EQ(ErrorMetadataOf(status), (ErrorMetadata{{"name", "a\\x1b[31m.example.com"}}));
  EXPECT_LT(Name::Parse(std::string(1 << 20, '\n')).status().message().size(), 400u);
}

TEST(Identifier, TakesNormalFormsOnly) {
  struct Case {
    IdentifierType type;
    absl::string_view value, normal, error;
  };
  const Case cases[] = {
      {IdentifierType::kDns, "www.example.com", "www.example.com", ""},
      {IdentifierType::kDns, "WWW.example.com", "www.example.com", ""},
      {IdentifierType::kDns, "www.example.com.", "", "normal form"},
      {IdentifierType::kDns, "*.example.com", "", "wildcard"},
      {IdentifierType::kDns, "192.0.2.1", "", "no identifier of type dns"},
      {IdentifierType::kDns, "", "", "is empty"},
      {IdentifierType::kDns, "localhost", "", "special-use"},
      {IdentifierType::kIp, "192.0.2.1", "192.0.2.1", ""},
      {IdentifierType::kIp, "2001:db8::1", "2001:db8::1", ""},
      {IdentifierType::kIp, "2001:DB8::1", "2001:db8::1", ""},
      {IdentifierType::kIp, "2001:db8:0::1", "", "normal form, \"2001:db8::1\""},
      {IdentifierType::kIp, "www.example.com", "", "no identifier of type ip"},
      {IdentifierType::kIp, "", "", "is empty"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.value);
    const absl::StatusOr<Identifier> identifier = Identifier::Parse(c.type, c.value);
    ASSERT_EQ(identifier.ok(), c.error.empty()) << identifier.status();
    if (identifier.ok()) {
      EXPECT_EQ(identifier->value(), c.normal);
      EXPECT_EQ(identifier->type(), c.type);
      continue;
    }
    EXPECT_EQ(ErrorReason(identifier.status()), "BAD_NAME");
    EXPECT_NE(identifier.status().message().find(c.error), absl::string_view::npos)
        << identifier.status();
  }
}

TEST(ParseNames, SortsAndCollapses) {
  const auto names = ParseNames({"www.example.com", "2001:db8::1", "*.example.com", "example.com",
                                 "WWW.EXAMPLE.COM.", "2001:DB8:0::1", "192.0.2.1"});
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(SetKey(*names), "example.com,*.example.com,www.example.com,192.0.2.1,2001:db8::1");
  // The same set in any order has the same key.
  EXPECT_EQ(SetKey(ParseNames({"b.example.com", "a.example.com"}).value()),
            SetKey(ParseNames({"a.example.com", "B.example.com", "b.example.com."}).value()));
}

TEST(ParseNames, CountsAndPlaces) {
  std::vector<std::string> texts;
  EXPECT_EQ(ErrorReason(ParseNames(texts).status()), "BAD_NAME");
  for (int i = 0; i < kMaxNamesPerOrder; ++i) texts.push_back(absl::StrCat("n", i, ".example.com"));
  EXPECT_EQ(ParseNames(texts)->size(), 100u);
  // Each place is looked at: only the k-th is bad, for every k.
  for (size_t k = 0; k < texts.size(); ++k) {
    std::vector<std::string> bad = texts;
    bad[k] = "foo_bar.example.com";
    const absl::Status status = ParseNames(bad).status();
    EXPECT_EQ(ErrorReason(status), "BAD_NAME");
    EXPECT_EQ(ErrorMetadataOf(status).at("name"), "foo_bar.example.com");
    EXPECT_TRUE(absl::StartsWith(status.message(), absl::StrCat(k + 1, ". of 100 names: ")))
        << status;
  }
  texts.push_back("one.too.many.example.com");
  EXPECT_NE(ParseNames(texts).status().message().find("101 names; an order takes 1 to 100"),
            absl::string_view::npos);
  texts.resize(1000, "a.example.com");
  EXPECT_FALSE(ParseNames(texts).ok());
}

TEST(ALabel, Punycode) {
  // RFC 3492 7.1: samples in lower case; then what a decoder must refuse.
  struct Case {
    absl::string_view label;
    bool good;
  };
  const Case cases[] = {
      {"xn--egbpdaj6bu4bxfgehfvwxn", true},                        // Arabic
      {"xn--ihqwcrb4cv8a8dqg056pqjye", true},                      // Chinese, simplified
      {"xn--ihqwctvzc91f659drss3x8bo0yb", true},                   // Chinese, traditional
      {"xn--4dbcagdahymbxekheh6e0a7fei0b", true},                  // Hebrew
      {"xn--i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd", true},  // Hindi
      {"xn--n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa", true},        // Japanese
      {"xn--b1abfaaepdrnnbgefbadotcwatmq2g4l", true},              // Russian
      {"xn--3b-ww4c5e180e575a65lsy2b", true},                      // digit, Japanese, letter
      {"xn--ls8h", true},                                          // beyond the first plane
      {"xn--n3h", true},
      {"", false},
      {"abc", false},
      {"xn-", false},
      {"xn--", false},
      {"xn--abc-", false},  // nothing encoded
      {"xn---abc", false},  // nothing before the delimiter
      {"xn--a", false},     // U+0080
      {"xn--0", false},     // a number without an end
      {"xn--ls8h0", false},
      {"xn--LS8H", false},  // not lower case
      {"xn--ls_h", false},
      {"xn--\x80", false},
      {"xn--99999999999999999999999999999999999999999999", false},
      {"xn--zzzzzzzzzzzzzzzzzzzz", false},
  };
  for (const Case& c : cases) EXPECT_EQ(IsALabel(c.label), c.good) << c.label;
}

}  // namespace
}  // namespace norroy::challenge
