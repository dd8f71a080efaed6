#include "issuer/acme/renewal_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "issuer/acme/hostile_json.h"

namespace norroy::acme {
namespace {

using ::testing::HasSubstr;

// RFC 9773 appendix A.
constexpr char kExample[] = R"(-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
)";
constexpr char kWithoutAuthorityKey[] = R"(-----BEGIN CERTIFICATE-----
MIIBGDCBwKADAgECAgF/MAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXgwHhcNMjYx
MTMwMTQyNjE1WhcNMzYxMTI3MTQyNjE1WjAMMQowCAYDVQQDDAF4MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAENqT9GGM32pByFa5BhGXF6tfD6lnpVaAaDQlJiCms
8s7rzUGdy6FFzY9p72roPAvCm9lvd1vdaxyMm3llvLzCuqMTMBEwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBPX51WU9moaKkCL5Xik1+VSZ9eAT44
Y08GI6oj71bqdQIgZYaP5HbxpZB6nUUcHmE0KA2xWyjb0jWa5OW7GLT1AXI=
-----END CERTIFICATE-----
)";

constexpr char kInfo[] = R"({
  "suggestedWindow": {"start": "2026-01-02T04:00:00Z", "end": "2026-01-03T04:00:00Z"},
  "explanationURL": "https://ca.example/why", "something": {"new": 1}})";

TEST(RenewalId, IsThatOfTheRfc) {
  const auto certificate = crypto::Certificate::ParsePem(kExample);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const auto id = RenewalId(*certificate);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

TEST(RenewalId, NeedsAnAuthorityKeyIdentifier) {
  const auto certificate = crypto::Certificate::ParsePem(kWithoutAuthorityKey);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(ErrorReason(RenewalId(*certificate).status()), "NO_RENEWAL_ID");
}

TEST(RenewalInfo, ReadsWhatTheRfcNames) {
  const auto info = RenewalInfo::Parse(kInfo, "a.b");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(absl::FormatTime(info->window.start, absl::UTCTimeZone()), "2026-01-02T04:00:00+00:00");
  EXPECT_EQ(info->window.end - info->window.start, absl::Hours(24));
  EXPECT_EQ(info->explanation_url, "https://ca.example/why");
  EXPECT_FALSE(info->retry_after.has_value());
}

// F-CA-32: whatever RFC 3339 allows, and windows that make no sense: those are the plan's to judge.
TEST(RenewalInfo, ReadsEveryFormOfDate) {
  const struct {
    std::string start;
    std::string utc;
  } cases[] = {
      {"2026-01-02T04:00:00.5Z", "2026-01-02T04:00:00.5+00:00"},
      {"2026-01-02T04:00:00.123456789Z", "2026-01-02T04:00:00.123456789+00:00"},
      {"2026-01-02T06:00:00+02:00", "2026-01-02T04:00:00+00:00"},
      {"2026-01-01T16:00:00-12:00", "2026-01-02T04:00:00+00:00"},
      {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"},
      {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"},
  };
  for (const auto& c : cases) {
    const auto info =
        RenewalInfo::Parse(absl::StrReplaceAll(kInfo, {{"2026-01-02T04:00:00Z", c.start}}), "a.b");
    ASSERT_TRUE(info.ok()) << c.start << ": " << info.status();
    EXPECT_EQ(absl::FormatTime(info->window.start, absl::UTCTimeZone()), c.utc);
  }
}

TEST(RenewalInfo, RefusesWhatIsNone) {
  const struct {
    std::string from, to, says;
  } cases[] = {
      {"suggestedWindow", "window", "suggestedWindow"},
      {"\"start\"", "\"begin\"", "start"},
      {"\"end\"", "\"finish\"", "end"},
      {"2026-01-02T04:00:00Z", "", "start"},
      {"2026-01-02T04:00:00Z", "tomorrow", "start"},
      {"2026-01-02T04:00:00Z", "infinite-future", "start"},
      {"2026-01-02T04:00:00Z", "2026-13-02T04:00:00Z", "start"},
      {"2026-01-02T04:00:00Z", "2026-01-02", "start"},
      {"\"2026-01-03T04:00:00Z\"", "1767412800", "end"},
      {"\"https://ca.example/why\"", "7", "explanationURL"},
  };
  for (const auto& c : cases) {
    const std::string text = absl::StrReplaceAll(kInfo, {{c.from, c.to}});
    ASSERT_NE(text, kInfo) << c.from;
    const auto info = RenewalInfo::Parse(text, "a.b");
    ASSERT_FALSE(info.ok()) << c.to;
    EXPECT_EQ(ErrorReason(info.status()), "CA_PROTOCOL") << info.status();
    EXPECT_THAT(std::string(info.status().message()), HasSubstr(c.says));
    EXPECT_THAT(std::string(info.status().message()), HasSubstr("a.b"));
  }
  for (const HostileJson& c : HostileJsonTable()) {
    EXPECT_FALSE(RenewalInfo::Parse(c.text, "a.b").ok()) << c.name;
  }
  EXPECT_FALSE(
      RenewalInfo::Parse(absl::StrCat(kInfo, std::string(kMaxRenewalInfoBytes, ' ')), "a.b").ok());
}

TEST(RenewalInfo, ExplanationsAreCappedAndPrintable) {
  const auto info = RenewalInfo::Parse(
      absl::StrReplaceAll(kInfo, {{"/why", absl::StrCat("/\\u001b[2J", std::string(4000, 'x'))}}),
      "a.b");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_LT(info->explanation_url.size(), 400u);
  EXPECT_EQ(info->explanation_url.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace norroy::acme
