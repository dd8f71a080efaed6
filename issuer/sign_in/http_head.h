#ifndef NORROY_ISSUER_SIGN_IN_HTTP_HEAD_H_
#define NORROY_ISSUER_SIGN_IN_HTTP_HEAD_H_

// The head of one HTTP/1.1 request (RFC 9112), as far as a door with one room needs it: method,
// path and how long the body is. Strict: what two readers could take differently (bare LF, folded
// lines, blanks before a colon, two Content-Length, any Transfer-Encoding, control characters) is
// bad. A pure function: the caller owns sockets, times and answers.

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::sign_in {

inline constexpr size_t kMaxHead = 8 * 1024;
inline constexpr int kMaxHeaderLines = 64;

struct HttpHead {
  enum class State { kIncomplete, kComplete, kBad };

  State state = State::kIncomplete;
  // kComplete:
  std::string method;
  std::string path;             // as sent, query included
  size_t body_bytes = 0;        // Content-Length; SIZE_MAX for more than can be counted
  bool has_length = false;      // there was a Content-Length
  bool wants_continue = false;  // RFC 9110 10.1.1: Expect: 100-continue
  size_t size = 0;              // of the head: the body begins here
};

// `bytes`: all that came so far. A head that is over kMaxHead is bad.
HttpHead ParseHttpHead(absl::string_view bytes);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_HTTP_HEAD_H_
