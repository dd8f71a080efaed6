#include "validator/preflight/url.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/preflight/address.h"

namespace norroy::validator::preflight {
namespace {

constexpr size_t kMaxHost = 253;
constexpr size_t kMaxLocation = 4096;

absl::Status Bad(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_REDIRECT", problem);
}

bool IsHostCharacter(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
}

absl::Status ReadHost(absl::string_view text, Url& url) {
  if (absl::ConsumePrefix(&text, "[")) {
    const bool closed = absl::ConsumeSuffix(&text, "]");
    if (!closed || !absl::StrContains(text, ':') || !Address::Parse(text).ok()) {
      return Bad("its host is in brackets and no IPv6 address");
    }
  } else if (text.empty() || text.size() > kMaxHost ||
             !std::all_of(text.begin(), text.end(), IsHostCharacter)) {
    return Bad("its host is no host name");
  }
  url.host = absl::AsciiStrToLower(text);
  return absl::OkStatus();
}

// RFC 3986 3.2: host and port.
absl::Status ReadAuthority(absl::string_view text, Url& url) {
  if (absl::StrContains(text, '@')) return Bad("it has user information before the host");
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  url.port = 0;
  if (colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket)) {
    const absl::string_view port = text.substr(colon + 1);
    const bool digits = port.find_first_not_of("0123456789") == absl::string_view::npos;
    // RFC 3986 3.2.3: an empty port is the scheme's own.
    if (!port.empty() &&
        (!digits || !absl::SimpleAtoi(port, &url.port) || url.port < 1 || url.port > 65535)) {
      return Bad("its port is no port");
    }
    text = text.substr(0, colon);
  }
  return ReadHost(text, url);
}

// RFC 3986 5.2.4, of a path that begins with "/".
std::string WithoutDots(absl::string_view path) {
  const std::vector<absl::string_view> segments = absl::StrSplit(path.substr(1), '/');
  std::vector<absl::string_view> kept;
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    const bool dots = segments[i] == "." || segments[i] == "..";
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (!dots) kept.push_back(segments[i]);
    if (dots && last) kept.push_back("");
  }
  return absl::StrCat("/", absl::StrJoin(kept, "/"));
}

std::string PathAndQuery(absl::string_view text) {
  const size_t query = std::min(text.find('?'), text.size());
  const absl::string_view path = text.substr(0, query);
  return absl::StrCat(path.empty() ? "/" : WithoutDots(path), text.substr(query));
}

// RFC 3986 5.3, of what has neither scheme nor authority.
std::string Relative(const Url& base, absl::string_view text) {
  if (absl::StartsWith(text, "/")) return PathAndQuery(text);
  const absl::string_view path =
      absl::string_view(base.path).substr(0, std::min(base.path.find('?'), base.path.size()));
  if (text.empty()) return base.path;
  if (text[0] == '?') return absl::StrCat(path, text);
  return PathAndQuery(absl::StrCat(path.substr(0, path.rfind('/') + 1), text));
}

// The scheme before the first ":", if what is there can be one (RFC 3986 3.1).
absl::string_view SchemeOf(absl::string_view text) {
  const size_t end = text.find_first_of(":/?#");
  if (end == absl::string_view::npos || text[end] != ':') return "";
  return text.substr(0, end);
}

}  // namespace

std::string Url::text() const {
  const bool v6 = absl::StrContains(host, ':');
  return absl::StrCat(https ? "https://" : "http://", v6 ? "[" : "", host, v6 ? "]" : "",
                      port == 0 ? "" : absl::StrCat(":", port), path);
}

absl::StatusOr<Url> ResolveLocation(const Url& base, absl::string_view location) {
  location = absl::StripAsciiWhitespace(location);
  if (location.empty()) return Bad("it has no Location");
  if (location.size() > kMaxLocation) return Bad("its Location is too long");
  for (const unsigned char c : location) {
    if (c <= 0x20 || c >= 0x7f) return Bad("its Location has spaces, controls or non-ASCII bytes");
  }
  absl::string_view rest = location.substr(0, location.find('#'));
  Url url = base;
  const absl::string_view scheme = SchemeOf(rest);
  if (!scheme.empty()) {
    url.https = absl::EqualsIgnoreCase(scheme, "https");
    if (!url.https && !absl::EqualsIgnoreCase(scheme, "http")) {
      return Bad("its scheme is neither http nor https");
    }
    rest.remove_prefix(scheme.size() + 1);
    if (!absl::StartsWith(rest, "//")) return Bad("it has a scheme and no host");
  }
  if (absl::ConsumePrefix(&rest, "//")) {
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    NORROY_RETURN_IF_ERROR(ReadAuthority(rest.substr(0, end), url));
    url.path = PathAndQuery(rest.substr(end));
  } else {
    url.path = Relative(base, rest);
  }
  if (url.path.size() > kMaxUrlPath) return Bad("its path is longer than 2000 bytes");
  return url;
}

}  // namespace norroy::validator::preflight
