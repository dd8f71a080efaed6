#ifndef NORROY_COMMON_HTTP_REPLY_READER_H_
#define NORROY_COMMON_HTTP_REPLY_READER_H_

// Puts a reply together from what a transport hands over: header lines one by one, the body in
// pieces of any size. However it is cut, the reply is the same, and no more of it is kept than the
// caps allow. Not thread-safe.

#include <cstddef>

#include "absl/strings/string_view.h"
#include "common/http/client.h"

namespace norroy::http {

class ReplyReader {
 public:
  explicit ReplyReader(size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // A line with or without its end: "HTTP/1.1 200 OK", "Link: ...", "". A status line begins anew:
  // a reply may follow a 1xx one. False: more than kMaxHeaderBytes; nothing more is to be read.
  [[nodiscard]] bool OnHeaderLine(absl::string_view line);
  // False: more than the cap of the body.
  [[nodiscard]] bool OnBody(absl::string_view piece);

  bool too_large() const { return too_large_; }
  // The empty line has come. What comes after it are trailers: nobody expects any.
  bool headers_complete() const { return headers_complete_; }
  Response& response() { return response_; }

 private:
  const size_t max_body_bytes_;
  Response response_;
  size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool headers_complete_ = false;
};

}  // namespace norroy::http

#endif  // NORROY_COMMON_HTTP_REPLY_READER_H_
