#ifndef NORROY_TESTS_FAKES_CA_HTTPS_FRONT_H_
#define NORROY_TESTS_FAKES_CA_HTTPS_FRONT_H_

// HTTPS on a free port of 127.0.0.1 in front of a function, for fakes that real processes talk to:
// HTTP/1.1, connections are kept, many at once (libevent's HTTP server on one thread, the function
// on a pool). Not for strangers.

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/crypto/tls.h"
#include "common/http/client.h"

namespace norroy::fakes {

class HttpsFront {
 public:
  // From several threads. An error cuts the connection: what the client sees is that no reply came.
  using Handler = std::function<absl::StatusOr<http::Response>(const http::Request& request)>;

  // Listens when it returns; answers nobody before Serve. Port 0: any free one.
  static absl::StatusOr<std::unique_ptr<HttpsFront>> Listen(crypto::TlsServer tls, int port);
  // Ends connections; waits for what is being handled.
  virtual ~HttpsFront() = default;
  virtual int port() const = 0;
  // Once.
  virtual void Serve(Handler handler) = 0;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_HTTPS_FRONT_H_
