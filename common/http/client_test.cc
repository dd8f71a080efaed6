#include "common/http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace norroy::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_sec, text, &time, &error)) << error;
  return time;
}

TEST(Response, ReadsHeadersWhateverTheirCase) {
  Response response;
  response.headers = {{"Replay-Nonce", "a"}, {"link", "b"}, {"LINK", "c"}};
  EXPECT_EQ(response.Header("replay-nonce"), "a");
  EXPECT_EQ(response.Header("Location"), "");
  EXPECT_THAT(response.HeaderValues("Link"), ElementsAre("b", "c"));
  EXPECT_THAT(response.HeaderValues("Location"), IsEmpty());
}

struct RetryAfterCase {
  std::string value;
  std::string expected;  // RFC 3339; "": none
};

TEST(ParseRetryAfter, UnderstandsBothFormsAndNothingElse) {
  // The moment of asking: Sunday, 2026-03-01 12:00:00.
  const std::vector<RetryAfterCase> cases = {
      {"0", "2026-03-01T12:00:01Z"},
      {"1", "2026-03-01T12:00:01Z"},
      {"3600", "2026-03-01T13:00:00Z"},
      {"  3600  ", "2026-03-01T13:00:00Z"},
      {"0003600", "2026-03-01T13:00:00Z"},
      {"86400", "2026-03-02T12:00:00Z"},
      {"86401", "2026-03-02T12:00:00Z"},
      {"315360000", "2026-03-02T12:00:00Z"},
      {"9223372036854775807", "2026-03-02T12:00:00Z"},
      {"99999999999999999999999999", "2026-03-02T12:00:00Z"},
      {"", ""},
      {"-1", ""},
      {"+1", ""},
      {"1.5", ""},
      {"1e3", ""},
      {"0x10", ""},
      {"3600 seconds", ""},
      {"1, 2", ""},
      {"soon", ""},
      {std::string("12\0", 3), ""},
      // IMF-fixdate.
      {"Sun, 01 Mar 2026 12:30:00 GMT", "2026-03-01T12:30:00Z"},
      {"Sun, 01 Mar 2026 12:30:60 GMT", "2026-03-01T12:31:00Z"},
      {"Sun, 06 Nov 1994 08:49:37 GMT", "2026-03-01T12:00:01Z"},
      {"Mon, 01 Mar 2032 12:30:00 GMT", "2026-03-02T12:00:00Z"},
      {"Sun, 1 Mar 2026 12:30:00 GMT", ""},
      {"Sun, 01 Mar 2026 12:30:00 UTC", ""},
      {"Sun, 01 Mar 2026 12:30:00 +0000", ""},
      {"Sun, 01 mar 2026 12:30:00 GMT", ""},
      {"Sun, 30 Feb 2026 12:30:00 GMT", ""},
      {"Sun, 01 Mar 2026 24:30:00 GMT", ""},
      {"Sun, 01 Mar 2026 12:60:00 GMT", ""},
      {"Sun, 01 Mar 2026 12:30:61 GMT", ""},
      {"Sun, 00 Mar 2026 12:30:00 GMT", ""},
      {"Sun, 01 Mar 2026 12:30:00 GMT; x", ""},
      {"Sun, 01 Mar 2026", ""},
      {"Sun,", ""},
      // RFC 850.
      {"Sunday, 01-Mar-26 12:30:00 GMT", "2026-03-01T12:30:00Z"},
      {"Sunday, 06-Nov-94 08:49:37 GMT", "2026-03-01T12:00:01Z"},
      {"Sunday, 01-Mar-76 12:30:00 GMT", "2026-03-02T12:00:00Z"},
      {"Sunday, 01-Mar-77 12:30:00 GMT", "2026-03-01T12:00:01Z"},
      {"Sun, 01-Mar-26 12:30:00 GMT", ""},
      {"Sunday, 01-Mar-2026 12:30:00 GMT", ""},
      // asctime.
      {"Sun Mar  1 12:30:00 2026", "2026-03-01T12:30:00Z"},
      {"Mon Mar 02 11:30:00 2026", "2026-03-02T11:30:00Z"},
      {"Mon Mar 02 11:30:00 2026 GMT", ""},
      {"Mon Mar    11:30:00 2026", ""},
  };
  const absl::Time now = At("2026-03-01T12:00:00Z");
  for (const RetryAfterCase& c : cases) {
    const std::optional<absl::Time> moment = ParseRetryAfter(c.value, now);
    const std::string text =
        moment.has_value() ? absl::FormatTime(absl::RFC3339_sec, *moment, absl::UTCTimeZone()) : "";
    const std::string expected =
        c.expected.empty()
            ? ""
            : absl::FormatTime(absl::RFC3339_sec, At(c.expected), absl::UTCTimeZone());
    EXPECT_EQ(text, expected) << c.value;
  }
}

struct LinkCase {
  std::vector<std::string> headers;
  std::vector<std::string> expected;
};

TEST(RetryAfterOf, MeasuresADateByTheSendersClock) {
  const absl::Time now = absl::FromUnixSeconds(1'772'366'400);  // 2026-03-01 12:00:00
  struct Case {
    std::string retry_after, date;
    std::optional<absl::Duration> wait;
  };
  const std::vector<Case> cases = {
      {"600", "Sat, 28 Feb 2026 12:00:00 GMT", absl::Minutes(10)},
      {"Sun, 01 Mar 2026 12:10:00 GMT", "", absl::Minutes(10)},
      {"Sun, 01 Mar 2026 12:10:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", absl::Minutes(10)},
      // A day behind, a day ahead.
      {"Sat, 28 Feb 2026 12:10:00 GMT", "Sat, 28 Feb 2026 12:00:00 GMT", absl::Minutes(10)},
      {"Mon, 02 Mar 2026 12:10:00 GMT", "Mon, 02 Mar 2026 12:00:00 GMT", absl::Minutes(10)},
      {"Mon, 02 Mar 2026 12:10:00 GMT", "yesterday", absl::Hours(24)},
      {"Sat, 28 Feb 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", absl::Seconds(1)},
      {"Mon, 01 Mar 2027 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", absl::Hours(24)},
      {"soon", "Sun, 01 Mar 2026 12:00:00 GMT", std::nullopt},
      {"", "Sun, 01 Mar 2026 12:00:00 GMT", std::nullopt},
  };
  for (const Case& c : cases) {
    Response response;
    if (!c.retry_after.empty()) response.headers.emplace_back("Retry-After", c.retry_after);
    if (!c.date.empty()) response.headers.emplace_back("Date", c.date);
    const std::optional<absl::Time> at = RetryAfterOf(response, now);
    ASSERT_EQ(at.has_value(), c.wait.has_value()) << c.retry_after << c.date;
    if (at.has_value()) {
      EXPECT_EQ(*at - now, *c.wait) << c.retry_after << c.date;
    }
  }
}

TEST(LinkTargets, FollowsRfc8288) {
  const std::vector<LinkCase> cases = {
      {{}, {}},
      {{"<https://a/1>;rel=\"alternate\""}, {"https://a/1"}},
      {{"<https://a/1>; rel=alternate"}, {"https://a/1"}},
      {{"<https://a/1>;REL=\"ALTERNATE\""}, {"https://a/1"}},
      {{"<https://a/1>;rel=\"index alternate\""}, {"https://a/1"}},
      {{"<https://a/1>;rel=\"alternates\""}, {}},
      {{"<https://a/1>;rel=\"index\"", "<https://a/2>;rel=\"alternate\""}, {"https://a/2"}},
      {{"<https://a/1>;rel=alternate, <https://a/2> ; title=\"x, y; <z>\" ; rel=alternate"},
       {"https://a/1", "https://a/2"}},
      {{", ,<https://a/1>;rel=alternate,,"}, {"https://a/1"}},
      {{"<https://a/1>;rel=index;rel=alternate"}, {}},
      {{"<https://a/1>;rel=alternate;anchor=\"https://b\""}, {}},
      {{"<https://a/1>;title=\"a\\\"b\";rel=alternate"}, {"https://a/1"}},
      {{"<https://a/1>;title=\"open;rel=alternate"}, {}},
      {{"<https://a/1"}, {}},
      {{"https://a/1;rel=alternate"}, {}},
      {{"<>;rel=alternate"}, {""}},
      {{"<https://a/1>;;rel=alternate"}, {"https://a/1"}},
      {{"<https://a/1>;rel="}, {}},
      {{"<https://a/1>;rel=\""}, {}},
      {{"<https://a/1> rel=alternate"}, {}},
      {{"<https://a/1>;x;rel=alternate"}, {"https://a/1"}},
  };
  for (const LinkCase& c : cases) {
    Response response;
    for (const std::string& header : c.headers) response.headers.emplace_back("link", header);
    EXPECT_EQ(LinkTargets(response, "alternate"), c.expected)
        << (c.headers.empty() ? "" : c.headers[0]);
  }
}

TEST(LinkTargets, TakesAtMostSixteen) {
  for (const int count : {15, 16, 17, 10'000}) {
    Response response;
    std::string value;
    for (int i = 0; i < count; ++i) absl::StrAppend(&value, "<https://a/", i, ">;rel=alternate,");
    response.headers.emplace_back("Link", value);
    EXPECT_EQ(LinkTargets(response, "alternate").size(), std::min<size_t>(count, 16));
  }
}

}  // namespace
}  // namespace norroy::http
