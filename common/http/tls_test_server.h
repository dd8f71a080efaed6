#ifndef NORROY_COMMON_HTTP_TLS_TEST_SERVER_H_
#define NORROY_COMMON_HTTP_TLS_TEST_SERVER_H_

// A TLS server on 127.0.0.1 that answers each request with the next bytes it was given, whatever
// they are. For the tests of the HTTP client.

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

struct ssl_ctx_st;
struct ssl_st;

namespace norroy::http {

// A port at which nobody listens.
int UnusedPort();

// Thread-safe.
class TlsTestServer {
 public:
  // Its certificate is its own root, for 127.0.0.1.
  TlsTestServer();
  ~TlsTestServer();

  int port() const { return port_; }
  std::string url(const std::string& path) const;
  const std::string& root_pem() const { return root_pem_; }

  // Queues the bytes for one request.
  void Answer(const std::string& bytes, bool then_close = false);
  void UseTls11Only();

  // As received: header and body.
  std::vector<std::string> requests() const;
  // Connections that finished their handshake.
  int connections() const;
  // Until so many connections were closed by this side.
  void WaitUntilClosed(int count);
  std::string last_peer() const;

 private:
  struct Reply {
    std::string bytes;
    bool then_close = false;
  };
  void Accept();
  void Serve(int socket, const std::string& peer);
  // False: the connection is over.
  bool ReadRequest(ssl_st* tls, std::string& request) const;
  bool Exchange(ssl_st* tls);
  bool WaitReadable(int socket) const;

  int listener_ = -1;
  int port_ = 0;
  std::string root_pem_;
  std::shared_ptr<ssl_ctx_st> context_;
  std::atomic<bool> stopping_ = false;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Reply> replies_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  int closed_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_peer_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> workers_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace norroy::http

#endif  // NORROY_COMMON_HTTP_TLS_TEST_SERVER_H_
