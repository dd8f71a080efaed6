#ifndef NORROY_COMMON_HTTP_CLIENT_H_
#define NORROY_COMMON_HTTP_CLIENT_H_

// HTTP requests as a port. The adapter over libcurl (curl_client.h) keeps connections open,
// speaks HTTP/1.1 over TLS 1.2+, https only, never follows a redirect, never decompresses, ignores
// proxy variables of the environment, and caps header, body and time.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::http {

struct Request {
  std::string purpose;         // for metrics, in few words: "newOrder"
  std::string method = "GET";  // "GET", "HEAD", "POST"
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  size_t max_body_bytes = 256 * 1024;
  absl::Duration timeout = absl::Seconds(60);
};

struct Response {
  int status = 0;
  // In the order received; names as sent.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The values of the header, case-insensitive.
  std::vector<std::string> HeaderValues(absl::string_view name) const;
  // The first, or "".
  std::string Header(absl::string_view name) const;
};

// Thread-safe; a call blocks its thread. Errors: UNAVAILABLE, and metadata "sent" = "no" where the
// request surely did not reach the server (it may be repeated as it is), else "maybe";
// RESOURCE_EXHAUSTED (reason REPLY_TOO_LARGE); DEADLINE_EXCEEDED ("maybe"). A reply of any HTTP
// status is a Response, not an error.
class Client {
 public:
  virtual ~Client() = default;
  virtual absl::StatusOr<Response> Send(const Request& request) = 0;
};

inline constexpr size_t kMaxHeaderBytes = 32 * 1024;

// Retry-After in both forms (RFC 9110 10.2.3): the moment it means, at `now`. Unset for none or
// nonsense. Clamped to [now + 1 s, now + 24 h].
std::optional<absl::Time> ParseRetryAfter(absl::string_view value, absl::Time now);
// RFC 9110 5.6.7, in its three forms. Unset for anything else.
std::optional<absl::Time> ParseDate(absl::string_view value, absl::Time now);
// A reply's Retry-After at `now`. A date is the sender's: it is measured from the reply's own Date,
// if that has one, so that a clock that is wrong on either side does not matter.
std::optional<absl::Time> RetryAfterOf(const Response& response, absl::Time now);

// Link headers (RFC 8288 3): the targets of the relation, at most 16, as written.
std::vector<std::string> LinkTargets(const Response& response, absl::string_view relation);

}  // namespace norroy::http

#endif  // NORROY_COMMON_HTTP_CLIENT_H_
