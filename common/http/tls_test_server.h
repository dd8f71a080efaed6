#ifndef NORROY_COMMON_HTTP_TLS_TEST_SERVER_H_
#define NORROY_COMMON_HTTP_TLS_TEST_SERVER_H_

// A TLS server on 127.0.0.1 that answers each request with the next bytes it was given, whatever
// they are. For the tests of the HTTP client.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sync/mutex.h"

struct ssl_ctx_st;
struct ssl_st;

namespace norroy::http {

// A port at which nobody listens.
int UnusedPort();

struct TlsTestServerOptions {
  bool expired = false;            // its certificate
  bool wants_certificate = false;  // asks the client for one
  bool needs_certificate = false;  // and goes no further without
};

// Thread-safe.
class TlsTestServer {
 public:
  // Its certificate is its own root, for 127.0.0.1.
  explicit TlsTestServer(const TlsTestServerOptions& options = {});
  ~TlsTestServer();

  int port() const { return port_; }
  std::string url(const std::string& path) const;
  const std::string& root_pem() const { return root_pem_; }

  // Queues the bytes for one request.
  void Answer(const std::string& bytes, bool then_close = false);
  // Queues a head, and a body that goes on as `part` after `part` until the client has enough.
  void AnswerWithoutEnd(const std::string& head, const std::string& part);
  // Queues bytes that come one by one, so far apart.
  void Trickle(const std::string& bytes, absl::Duration pause);
  // Queues bytes after which the connection is reset.
  void AnswerAndReset(const std::string& bytes);
  // The next connections are closed before their handshake.
  void CutConnections(int count) { to_cut_ = count; }
  // How much of a body without end was sent.
  int64_t sent_without_end() const { return sent_without_end_; }
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
    bool then_reset = false;
    std::string part;                             // sent again and again
    absl::Duration pause = absl::ZeroDuration();  // between two bytes
  };
  void Queue(Reply reply);
  void Send(ssl_st* tls, const Reply& reply);
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
  std::atomic<int> to_cut_ = 0;
  std::atomic<int64_t> sent_without_end_ = 0;
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
