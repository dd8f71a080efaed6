#ifndef NORROY_VALIDATOR_PREFLIGHT_HTTP_ANSWER_H_
#define NORROY_VALIDATOR_PREFLIGHT_HTTP_ANSWER_H_

// HTTP/1.x answers (RFC 9112) read from bytes that grow: call again with more until complete. Only
// what a look needs is kept. Lenient as clients are (bare LF, white space), but everything capped.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::validator::preflight {

inline constexpr size_t kMaxHttpHead = 32 * 1024;

struct HttpHead {
  int status = 0;            // 200 to 599
  std::string location;      // of the first such field
  std::string content_type;  // lower case
  bool chunked = false;
  std::optional<uint64_t> content_length;
  size_t size = 0;  // bytes of the head, interim answers (RFC 9110 15.2) included
};

enum class HttpParseState { kIncomplete, kComplete, kBad };

struct HttpHeadParse {
  HttpParseState state = HttpParseState::kIncomplete;
  HttpHead head;  // if kComplete
};

// kBad as soon as it is certain: what is no HTTP at all shows by its first bytes.
HttpHeadParse ParseHttpHead(absl::string_view bytes);

struct HttpBodyParse {
  HttpParseState state = HttpParseState::kIncomplete;
  std::string body;  // never more than `limit`
};

// `bytes`: what came after the head. `ended`: no more will. Complete at the body's end or once
// `limit` bytes of it are there.
HttpBodyParse ParseHttpBody(const HttpHead& head, absl::string_view bytes, bool ended,
                            size_t limit);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_HTTP_ANSWER_H_
