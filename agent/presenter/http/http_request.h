#ifndef NORROY_AGENT_PRESENTER_HTTP_HTTP_REQUEST_H_
#define NORROY_AGENT_PRESENTER_HTTP_HTTP_REQUEST_H_

// The head of one HTTP/1.x request (RFC 9112), as far as an HTTP-01 responder needs it: method,
// path and host. Strict: what two readers could take differently (bare LF, folded lines, blanks
// before a colon, two Host fields, control characters) is bad. A pure function: the caller owns
// sockets, times and answers.

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::agent {

inline constexpr size_t kMaxHttpRequest = 2048;

enum class HttpMethod { kGet, kHead, kOther };

struct HttpRequest {
  HttpMethod method = HttpMethod::kOther;
  // As sent, query included: nothing is decoded.
  std::string path;
  // In normal form; empty if an HTTP/1.0 request says none.
  std::string host;
};

enum class HttpParseState { kIncomplete, kComplete, kBad };

struct HttpParse {
  HttpParseState state = HttpParseState::kIncomplete;
  HttpRequest request;  // kComplete
};

// `bytes`: all that came so far. Bytes after the head are ignored. A head that is over
// kMaxHttpRequest is bad.
HttpParse ParseHttpRequest(absl::string_view bytes);

// The name or address of a Host field: lower case, without port; an IPv6 address as inet_ntop
// writes it, without brackets. Nothing for what is neither.
std::optional<std::string> NormalHost(absl::string_view field);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_HTTP_REQUEST_H_
