#ifndef NORROY_VALIDATOR_PREFLIGHT_URL_H_
#define NORROY_VALIDATOR_PREFLIGHT_URL_H_

// http and https URLs as far as a CA follows them, and where a Location header leads (RFC 3986 5,
// RFC 9110 10.2.2).

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::validator::preflight {

inline constexpr size_t kMaxUrlPath = 2000;  // with the query

struct Url {
  bool https = false;
  std::string host;  // lower case; an IPv6 address without its brackets
  int port = 0;      // 0: the scheme's own
  std::string path;  // with the query; begins with "/"

  auto operator<=>(const Url&) const = default;
  // "http://www.example.com/x?y", "https://[2001:db8::1]:8443/"
  std::string text() const;
};

// `location` seen from `base`: absolute, or relative in any way; a fragment is dropped.
// INVALID_ARGUMENT, reason BAD_REDIRECT: says in words why a CA would not follow it (another
// scheme, no host, user information, a bad port, a path that is too long).
absl::StatusOr<Url> ResolveLocation(const Url& base, absl::string_view location);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_URL_H_
