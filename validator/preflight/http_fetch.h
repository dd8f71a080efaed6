#ifndef NORROY_VALIDATOR_PREFLIGHT_HTTP_FETCH_H_
#define NORROY_VALIDATOR_PREFLIGHT_HTTP_FETCH_H_

// One GET for an HTTP-01 answer as a CA makes it (RFC 8555 8.3): to one address, then wherever
// redirects lead, by the rules that Let's Encrypt's Boulder follows: at most 10, to http and https
// on their two ports only, each host looked up and each address guarded anew.

#include <string>

#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/outcome.h"
#include "validator/preflight/url.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

inline constexpr int kMaxRedirects = 10;
// A CA reads no more of an answer; one that long is refused.
inline constexpr size_t kMaxBody = 128;

struct HttpQuestion {
  Url url;
  Address address;       // of url's host
  std::string expected;  // the body, without white space at its end
};

Outcome Fetch(const Viewpoint& viewpoint, const HttpQuestion& question, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_HTTP_FETCH_H_
