#ifndef NORROY_ISSUER_SIGN_IN_HTTPS_SERVER_H_
#define NORROY_ISSUER_SIGN_IN_HTTPS_SERVER_H_

// HTTPS for strangers: one small request, one answer, the end. One thread on libevent's loop reads
// and writes; handlers run on a small pool. libevent's own HTTP server tells nobody of a connection
// before its first request is whole, which is too late for what is promised here:
//
// - A connection lives for `deadline` at most, whatever its peer does.
// - There are at most `max_connections`, and `max_per_address` of one address. When there are too
//   many, the oldest goes that has not sent its request yet (or has its answer): who holds
//   connections open cannot keep others out. Only when all are being answered the new one goes.
// - Head and body are capped. Requests of one address are counted, and so are its connections,
//   before any TLS.
// - No keep-alive, no tickets, no resumption, no renegotiation.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "issuer/sign_in/http_head.h"

namespace norroy::sign_in {

struct HttpsRequest {
  std::string method;
  std::string path;
  std::string body;
  std::string peer;  // "192.0.2.7:51000"
};

struct HttpsReply {
  int status = 200;
  std::string body;  // JSON
};

struct HttpsServerOptions {
  std::vector<std::string> listen;  // "127.0.0.1:8443", "[::]:8443"
  // Key and certificates, one PEM file; read again when it was replaced.
  std::string tls_file;
  int max_connections = 64;
  int max_per_address = 8;
  absl::Duration deadline = absl::Seconds(10);
  size_t max_body = 16 * 1024;
  int requests_per_minute = 30;  // of one address
  int connections_per_minute = 120;
  int threads = 4;
  int max_waiting = 64;
  // On a complete head, before its body is read: an answer, or nothing to go on. Must not block.
  std::function<std::optional<HttpsReply>(const HttpHead&)> judge;
  // The answer to a whole request; on the pool.
  std::function<HttpsReply(const HttpsRequest&)> handle;
  // The body of an answer that the server gives by itself: 400, 413, 429, 503.
  std::function<std::string(int status)> refuse;
};

class HttpsServer {
 public:
  // `clock` outlives the server.
  static absl::StatusOr<std::unique_ptr<HttpsServer>> Start(HttpsServerOptions options,
                                                            Clock& clock);
  // An IP address and a port; reason BAD_CONFIG.
  static absl::Status CheckAddress(const std::string& address);
  // Ends every connection; waits for handlers that run.
  virtual ~HttpsServer() = default;
  // As bound, in the order of `listen`.
  virtual const std::vector<int>& ports() const = 0;
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_HTTPS_SERVER_H_
