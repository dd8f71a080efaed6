#include "cli/text.h"

#include <gtest/gtest.h>

#include "common/error/error.h"
#include "norroy/issuer/v1/certificate_service.pb.h"
#include "norroy/issuer/v1/order_service.pb.h"
#include "norroy/types/v1/identifier.pb.h"

namespace norroy::cli {
namespace {

TEST(ParseSpan, Table) {
  const struct {
    const char* text;
    absl::Duration want;  // zero: refused
  } cases[] = {
      {"90s", absl::Seconds(90)},      {"5m", absl::Minutes(5)},
      {"1h30m", absl::Minutes(90)},    {"7d", absl::Hours(168)},
      {"366d", absl::Hours(366 * 24)}, {"200ms", absl::Milliseconds(200)},
      {"367d", absl::ZeroDuration()},  {"0s", absl::ZeroDuration()},
      {"0d", absl::ZeroDuration()},    {"-5m", absl::ZeroDuration()},
      {"-1d", absl::ZeroDuration()},   {"5", absl::ZeroDuration()},
      {"", absl::ZeroDuration()},      {"d", absl::ZeroDuration()},
      {"inf", absl::ZeroDuration()},   {"99999999999999999999d", absl::ZeroDuration()},
      {"1d12h", absl::ZeroDuration()},
  };
  for (const auto& c : cases) {
    const auto span = ParseSpan("--timeout", c.text);
    EXPECT_EQ(span.ok(), c.want != absl::ZeroDuration()) << c.text;
    EXPECT_EQ(span.value_or(absl::ZeroDuration()), c.want) << c.text;
    EXPECT_EQ(ErrorReason(span.status()), span.ok() ? "" : "BAD_USAGE") << c.text;
  }
}

TEST(ParseAddress, Table) {
  const struct {
    const char* text;
    const char* want;  // null: refused
    bool any;
  } cases[] = {
      {"127.0.0.1:80", "127.0.0.1:80", false},
      {"issuer.example.net:7443", "issuer.example.net:7443", false},
      {"[::1]:443", "[::1]:443", false},
      {"0.0.0.0:80", "0.0.0.0:80", true},
      {"[::]:80", "[::]:80", true},
      {"::1:443", nullptr, false},
      {"127.0.0.1", nullptr, false},
      {"127.0.0.1:", nullptr, false},
      {":80", nullptr, false},
      {"[]:80", nullptr, false},
      {"host:0", nullptr, false},
      {"host:65536", nullptr, false},
      {"host:-1", nullptr, false},
      {"host:8a", nullptr, false},
      {"ho st:80", nullptr, false},
      {"https://host:80", nullptr, false},
      {"[host:80", nullptr, false},
      {"", nullptr, false},
  };
  for (const auto& c : cases) {
    const auto address = ParseAddress("--issuer-listen", c.text);
    ASSERT_EQ(address.ok(), c.want != nullptr) << c.text;
    if (!address.ok()) continue;
    EXPECT_EQ(address->text(), c.want);
    EXPECT_EQ(address->is_any(), c.any) << c.text;
  }
}

TEST(EnumText, IsWhatPeopleType) {
  EXPECT_EQ(EnumText(issuer::v1::ORDER_STATE_READY), "ready");
  EXPECT_EQ(EnumText(types::v1::CHALLENGE_TYPE_HTTP_01), "http-01");
  EXPECT_EQ(EnumText(issuer::v1::REVOCATION_REASON_KEY_COMPROMISE), "key-compromise");
  EXPECT_EQ(EnumText(issuer::v1::ORDER_STATE_UNSPECIFIED), "-");
  EXPECT_EQ(EnumText(static_cast<issuer::v1::OrderState>(99)), "99");
}

TEST(ParseEnum, TakesEveryValueThatIsPrintedAndNamesThemOtherwise) {
  const auto* type = google::protobuf::GetEnumDescriptor<types::v1::ChallengeType>();
  for (int i = 1; i < type->value_count(); ++i) {
    const int number = type->value(i)->number();
    const auto parsed = ParseEnum(*type, "--type", EnumText(*type, number));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, number);
  }
  const auto bad = ParseEnum<types::v1::ChallengeType>("--type", "http");
  EXPECT_EQ(bad.status().message(), "--type: \"http\" is not one of http-01, dns-01, tls-alpn-01");
  EXPECT_FALSE(ParseEnum<types::v1::ChallengeType>("--type", "-").ok());
  EXPECT_FALSE(ParseEnum<types::v1::ChallengeType>("--type", "unspecified").ok());
}

TEST(TimeText, UtcWithoutFractions) {
  const absl::Time time = absl::FromUnixSeconds(1772366400) + absl::Milliseconds(250);
  EXPECT_EQ(TimeText(ToProto(time)), "2026-03-01T12:00:00Z");
  EXPECT_EQ(FromProto(ToProto(time)), time);
  EXPECT_EQ(TimeText({}), "-");
}

TEST(ListText, OrADash) {
  EXPECT_EQ(ListText(std::vector<std::string>{"a", "b"}), "a, b");
  EXPECT_EQ(ListText(std::vector<std::string>{}), "-");
}

}  // namespace
}  // namespace norroy::cli
