#ifndef NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_
#define NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_

// HTTP-01's conversation: one request head of at most 2 KiB, one answer, the end. No TLS, no
// keep-alive, no body.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agent/presenter/bounded_server.h"
#include "agent/presenter/http/http_request.h"

namespace norroy::agent {

// The whole response to a head that is complete or bad. Called on the server's thread; must not
// block.
using HttpAnswer = std::function<std::string(const HttpParse&)>;

absl::StatusOr<std::unique_ptr<BoundedServer>> StartHttpServer(ListenSet sockets,
                                                               const ServerLimits& limits,
                                                               HttpAnswer answer);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_HTTP_SERVER_H_
