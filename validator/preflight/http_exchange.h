#ifndef NORROY_VALIDATOR_PREFLIGHT_HTTP_EXCHANGE_H_
#define NORROY_VALIDATOR_PREFLIGHT_HTTP_EXCHANGE_H_

// One request on one connection, and what came back. No redirects: HttpFetch follows those.

#include <memory>
#include <string>

#include "validator/preflight/deadline.h"
#include "validator/preflight/http_answer.h"
#include "validator/preflight/tcp_dial.h"
#include "validator/preflight/url.h"

namespace norroy::validator::preflight {

enum class HttpFault {
  kNone,
  kTimedOut,  // no whole answer in time
  kClosed,    // the connection ended before a whole head
  kNotHttp,   // what came is no HTTP/1.x answer
};

struct HttpExchange {
  HttpFault fault = HttpFault::kNone;
  HttpHead head;
  std::string body;   // at most `max_body` bytes
  std::string first;  // kNotHttp: what came first
};

// GET url.path with url's host. Host has a port if `port` is not the scheme's own (RFC 9110 7.2).
HttpExchange Get(Stream& stream, const Url& url, int port, size_t max_body,
                 const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_HTTP_EXCHANGE_H_
