#ifndef NORROY_VALIDATOR_PREFLIGHT_TEST_SERVER_H_
#define NORROY_VALIDATOR_PREFLIGHT_TEST_SERVER_H_

// TCP servers on loopback that answer whatever a test wants, and TLS ones with whatever
// certificate. For tests.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "validator/preflight/address.h"

struct ssl_ctx_st;
struct ssl_st;

namespace norroy::validator::preflight {

struct TestTls {
  std::string names;  // OpenSSL's text: "DNS:www.example.com"; empty: none
  std::string acme;   // the acmeIdentifier's content; empty: none
  bool acme_critical = true;
  std::vector<std::string> knows;  // ALPN protocols that it chooses
  bool refuse_others = false;      // with no_application_protocol, else goes on without
};

class TestServer {
 public:
  // What to answer to the n-th connection's (from 0) request, which is read up to its empty line;
  // nothing: the connection stays open and silent until the end of the test.
  using Handler = std::function<std::unique_ptr<std::string>(int n, const std::string& request)>;

  // `port` 0 picks one.
  TestServer(const Address& address, int port, Handler handler, const TestTls* tls = nullptr);
  ~TestServer();

  int port() const { return port_; }
  int connections() const { return connections_; }
  std::vector<std::string> requests();

 private:
  void Accept();
  void Serve(int fd, int n);
  void ServeTls(int fd, int n);
  bool WaitReadable(int fd) const;

  int listener_ = -1;
  int port_ = 0;
  const Handler handler_;
  std::shared_ptr<ssl_ctx_st> tls_;
  TestTls tls_options_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

// "HTTP/1.1 <status>" with these fields and this body.
std::string HttpText(const std::string& status, const std::string& body,
                     const std::string& fields = "");
// Always the same.
TestServer::Handler Always(const std::string& answer);
TestServer::Handler Silent();

// A port at which nobody listens, and one whose connections get no answer at all (its queue is
// full).
class ClosedPort {
 public:
  explicit ClosedPort(const Address& address, int port = 0, bool filtered = false);
  ~ClosedPort();
  int port() const { return port_; }

 private:
  std::vector<int> fds_;
  int port_ = 0;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_TEST_SERVER_H_
