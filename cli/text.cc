#include "cli/text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr absl::Duration kLongestSpan = absl::Hours(24 * 366);

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

// "OrderState" -> "ORDER_STATE_"
std::string PrefixOf(const google::protobuf::EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

std::string ValueText(const google::protobuf::EnumDescriptor& type, absl::string_view value) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(value, PrefixOf(type))),
                             {{"_", "-"}});
}

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", FromProto(time), absl::UTCTimeZone());
}

absl::StatusOr<absl::Duration> ParseSpan(absl::string_view what, absl::string_view text) {
  absl::Duration span;
  int64_t days = 0;
  const bool in_days = absl::EndsWith(text, "d") &&
                       absl::SimpleAtoi(absl::StripSuffix(text, "d"), &days) && days <= 366;
  if (in_days) span = absl::Hours(24 * days);
  if ((in_days || absl::ParseDuration(text, &span)) && span > absl::ZeroDuration() &&
      span <= kLongestSpan) {
    return span;
  }
  return Usage(absl::StrCat(what, ": \"", Printable(text),
                            "\" is no span of time; give for example 90s, 5m, 1h or 7d (at most "
                            "366d)"));
}

std::string Address::text() const {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

bool Address::is_any() const { return host == "0.0.0.0" || host == "::"; }

absl::StatusOr<Address> ParseAddress(absl::string_view what, absl::string_view text) {
  const auto bad = [&] {
    return Usage(absl::StrCat(what, ": \"", Printable(text),
                              "\" is no address; give HOST:PORT, for example 127.0.0.1:7443 or "
                              "[::1]:7443"));
  };
  const size_t colon = text.rfind(':');
  if (text.size() > 260 || colon == absl::string_view::npos) return bad();
  Address address;
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[");
  if ((bracketed && !absl::ConsumeSuffix(&host, "]")) || host.empty() ||
      absl::StrContains(host, ':') != bracketed)
    return bad();
  for (const char c : host) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '-' && !(bracketed && c == ':')) return bad();
  }
  if (!absl::SimpleAtoi(text.substr(colon + 1), &address.port) || address.port < 1 ||
      address.port > 65535) {
    return bad();
  }
  address.host = std::string(host);
  return address;
}

std::string EnumText(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  if (number == 0) return "-";
  return ValueText(type, value->name());
}

absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, absl::string_view what,
                              absl::string_view text) {
  std::string known;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() == 0) continue;
    const std::string value = ValueText(type, type.value(i)->name());
    if (value == text) return type.value(i)->number();
    absl::StrAppend(&known, known.empty() ? "" : ", ", value);
  }
  return Usage(absl::StrCat(what, ": \"", Printable(text), "\" is not one of ", known));
}

}  // namespace norroy::cli
