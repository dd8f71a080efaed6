#ifndef NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_
#define NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_

// The internet-facing end of HTTP-01: accepts connections, reads one request head of at most
// 2 KiB, sends one answer, closes. One thread on libevent's loop; no TLS, no keep-alive, no body.
// A connection lives for `deadline` at most, whatever its peer does. When there are too many, the
// oldest goes: a peer that holds connections open cannot keep the CA out.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/http/http_request.h"
#include "agent/presenter/listen_address.h"

namespace norroy::agent {

struct HttpServerOptions {
  int max_connections = 1024;
  absl::Duration deadline = absl::Seconds(5);
};

// The whole response to a head that is complete or bad. Called on the server's thread; must not
// block.
using HttpAnswer = std::function<std::string(const HttpParse&)>;

class HttpServer {
 public:
  // Takes the sockets over, also when it fails.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(std::vector<BoundSocket> sockets,
                                                           const HttpServerOptions& options,
                                                           HttpAnswer answer);
  // Closes everything.
  virtual ~HttpServer() = default;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_
