#include "common/http/client.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace norroy::http {
namespace {

constexpr size_t kMaxLinkTargets = 16;
constexpr absl::Duration kMinRetryAfter = absl::Seconds(1);
constexpr absl::Duration kMaxRetryAfter = absl::Hours(24);

// Takes pieces off the front of a date; after a piece that does not fit, ok() stays false.
class DateReader {
 public:
  explicit DateReader(absl::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

  void Literal(absl::string_view expected) { Fail(!absl::ConsumePrefix(&rest_, expected)); }

  // Exactly `width` digits, or blanks before digits if `padded`.
  int Number(size_t width, bool padded = false) {
    if (rest_.size() < width) Fail(true);
    if (!ok_) return 0;
    absl::string_view digits = rest_.substr(0, width);
    rest_.remove_prefix(width);
    if (padded) digits = absl::StripLeadingAsciiWhitespace(digits);
    int value = 0;
    Fail(digits.empty() || !std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
         !absl::SimpleAtoi(digits, &value));
    return value;
  }

  // 1 to the number of names.
  template <size_t count>
  int OneOf(const std::array<absl::string_view, count>& names) {
    for (size_t i = 0; i < count; ++i) {
      if (absl::ConsumePrefix(&rest_, names[i])) return static_cast<int>(i) + 1;
    }
    Fail(true);
    return 0;
  }

  void TimeOfDay(int& hour, int& minute, int& second) {
    hour = Number(2);
    Literal(":");
    minute = Number(2);
    Literal(":");
    second = Number(2);
  }

 private:
  void Fail(bool failed) { ok_ = ok_ && !failed; }
  absl::string_view rest_;
  bool ok_ = true;
};

constexpr std::array<absl::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};
constexpr std::array<absl::string_view, 7> kLongDays = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::array<absl::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct DateFields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

std::optional<absl::Time> ToTime(const DateFields& date) {
  // RFC 9110 5.6.7: a leap second is 60.
  if (date.hour > 23 || date.minute > 59 || date.second > 60) return std::nullopt;
  const absl::CivilDay day(date.year, date.month, date.day);
  if (day.month() != date.month || day.day() != date.day) return std::nullopt;
  return absl::FromCivil(
      absl::CivilSecond(date.year, date.month, date.day, date.hour, date.minute, date.second),
      absl::UTCTimeZone());
}

// RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<absl::Time> ParseImfDate(absl::string_view text) {
  DateReader reader(text);
  DateFields date;
  reader.OneOf(kDays);
  reader.Literal(", ");
  date.day = reader.Number(2);
  reader.Literal(" ");
  date.month = reader.OneOf(kMonths);
  reader.Literal(" ");
  date.year = reader.Number(4);
  reader.Literal(" ");
  reader.TimeOfDay(date.hour, date.minute, date.second);
  reader.Literal(" GMT");
  return reader.done() ? ToTime(date) : std::nullopt;
}

// RFC 9110 5.6.7, obsolete: "Sunday, 06-Nov-94 08:49:37 GMT".
std::optional<absl::Time> ParseRfc850Date(absl::string_view text, absl::Time now) {
  DateReader reader(text);
  DateFields date;
  reader.OneOf(kLongDays);
  reader.Literal(", ");
  date.day = reader.Number(2);
  reader.Literal("-");
  date.month = reader.OneOf(kMonths);
  reader.Literal("-");
  date.year = reader.Number(2);
  reader.Literal(" ");
  reader.TimeOfDay(date.hour, date.minute, date.second);
  reader.Literal(" GMT");
  if (!reader.done()) return std::nullopt;
  // RFC 9110 5.6.7: a year that seems more than 50 years ahead is one of the past.
  const int this_year = static_cast<int>(absl::ToCivilYear(now, absl::UTCTimeZone()).year());
  date.year += this_year - this_year % 100;
  if (date.year > this_year + 50) date.year -= 100;
  if (date.year < this_year - 49) date.year += 100;
  return ToTime(date);
}

// RFC 9110 5.6.7, obsolete: "Sun Nov  6 08:49:37 1994".
std::optional<absl::Time> ParseAsctimeDate(absl::string_view text) {
  DateReader reader(text);
  DateFields date;
  reader.OneOf(kDays);
  reader.Literal(" ");
  date.month = reader.OneOf(kMonths);
  reader.Literal(" ");
  date.day = reader.Number(2, /*padded=*/true);
  reader.Literal(" ");
  reader.TimeOfDay(date.hour, date.minute, date.second);
  reader.Literal(" ");
  date.year = reader.Number(4);
  return reader.done() ? ToTime(date) : std::nullopt;
}

// RFC 9110 5.6.2.
bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", absl::string_view(&c, 1));
}

// RFC 8288 3 and its appendix B.2: the link-values of one header field.
class LinkReader {
 public:
  explicit LinkReader(absl::string_view text) : rest_(text) {}

  // False at the end and at the first thing that is not a link.
  bool Next(std::string& target, std::string& relations) {
    while (Skip() && rest_[0] == ',') rest_.remove_prefix(1);
    if (!absl::ConsumePrefix(&rest_, "<")) return false;
    const size_t end = rest_.find('>');
    if (end == absl::string_view::npos) return false;
    target = std::string(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    relations.clear();
    bool anchored = false;
    bool related = false;
    while (Skip() && rest_[0] == ';') {
      rest_.remove_prefix(1);
      std::string name, value;
      if (!Parameter(name, value)) return false;
      if (name == "anchor") anchored = true;
      // RFC 8288 3.3: the first "rel" counts.
      if (name == "rel" && !related) relations = value;
      related = related || name == "rel";
    }
    // RFC 8288 3.2: with an anchor the link is not about this resource.
    if (anchored) relations.clear();
    return true;
  }

 private:
  bool Skip() {
    rest_ = absl::StripLeadingAsciiWhitespace(rest_);
    return !rest_.empty();
  }

  std::string TakeToken() {
    size_t length = 0;
    while (length < rest_.size() && IsTokenCharacter(rest_[length])) ++length;
    std::string token(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return token;
  }

  bool Quoted(std::string& value) {
    while (!rest_.empty()) {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = rest_[0];
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return false;
  }

  bool Parameter(std::string& name, std::string& value) {
    if (!Skip()) return true;
    name = absl::AsciiStrToLower(TakeToken());
    if (!Skip() || rest_[0] != '=') return true;
    rest_.remove_prefix(1);
    if (!Skip()) return true;
    if (absl::ConsumePrefix(&rest_, "\"")) return Quoted(value);
    value = TakeToken();
    return true;
  }

  absl::string_view rest_;
};

bool HasRelation(absl::string_view relations, absl::string_view wanted) {
  for (const absl::string_view relation :
       absl::StrSplit(relations, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {
    if (absl::EqualsIgnoreCase(relation, wanted)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> Response::HeaderValues(absl::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) values.push_back(value);
  }
  return values;
}

std::string Response::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

std::optional<absl::Time> ParseDate(absl::string_view value, absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  std::optional<absl::Time> moment = ParseImfDate(value);
  if (!moment.has_value()) moment = ParseRfc850Date(value, now);
  if (!moment.has_value()) moment = ParseAsctimeDate(value);
  return moment;
}

std::optional<absl::Time> ParseRetryAfter(absl::string_view value, absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  if (value.empty()) return std::nullopt;
  std::optional<absl::Time> moment;
  if (std::all_of(value.begin(), value.end(), absl::ascii_isdigit)) {
    // RFC 9110 10.2.3: delay-seconds. More digits than a number has mean "very long" too.
    int64_t seconds = 0;
    const bool fits = absl::SimpleAtoi(value, &seconds);
    moment = now + (fits ? absl::Seconds(seconds) : kMaxRetryAfter);
  } else {
    moment = ParseDate(value, now);
  }
  if (!moment.has_value()) return std::nullopt;
  return std::clamp(*moment, now + kMinRetryAfter, now + kMaxRetryAfter);
}

std::optional<absl::Time> RetryAfterOf(const Response& response, absl::Time now) {
  const std::string value = response.Header("Retry-After");
  const std::optional<absl::Time> until = ParseDate(value, now);
  const std::optional<absl::Time> sent = ParseDate(response.Header("Date"), now);
  if (!until.has_value() || !sent.has_value()) return ParseRetryAfter(value, now);
  return std::clamp(now + (*until - *sent), now + kMinRetryAfter, now + kMaxRetryAfter);
}

std::vector<std::string> LinkTargets(const Response& response, absl::string_view relation) {
  std::vector<std::string> targets;
  for (const std::string& value : response.HeaderValues("Link")) {
    LinkReader reader(value);
    std::string target, relations;
    while (targets.size() < kMaxLinkTargets && reader.Next(target, relations)) {
      if (HasRelation(relations, relation)) targets.push_back(target);
    }
  }
  return targets;
}

}  // namespace norroy::http
