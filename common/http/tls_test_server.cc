#include "common/http/tls_test_server.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::http {
namespace {

constexpr int kPollMs = 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  // Any: the tests dial 127.0.0.2, too.
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return address;
}

int BoundSocket(int& port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t length = sizeof(address);
  NORROY_CHECK(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
  NORROY_CHECK(getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port = ntohs(address.sin_port);
  return socket_fd;
}

std::shared_ptr<X509> SelfSigned(EVP_PKEY* key, bool expired) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509* const x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), expired ? -60 : 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test server"), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  X509_set_pubkey(x509, key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  for (const auto& [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE"),
                                   std::pair(NID_subject_alt_name, "IP:127.0.0.1")}) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    NORROY_CHECK(extension != nullptr && X509_add_ext(x509, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }
  NORROY_CHECK(X509_sign(x509, key, EVP_sha256()) > 0);
  return certificate;
}

std::string ToPem(X509* certificate) {
  std::shared_ptr<BIO> memory(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(memory.get(), certificate);
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(length));
}

// The bytes of body that the header announces.
size_t ContentLength(absl::string_view header) {
  const size_t at = header.find("Content-Length: ");
  if (at == absl::string_view::npos) return 0;
  const absl::string_view rest = header.substr(at + 16);
  size_t length = 0;
  NORROY_CHECK(absl::SimpleAtoi(rest.substr(0, rest.find('\r')), &length));
  return length;
}

}  // namespace

int UnusedPort() {
  int port = 0;
  // Bound but not listening: a connection is refused, and nobody else gets the port.
  static const int socket_fd = BoundSocket(port);
  static const int kept = port;
  NORROY_CHECK(socket_fd >= 0);
  return kept;
}

TlsTestServer::TlsTestServer(const TlsTestServerOptions& options)
    : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::shared_ptr<X509> certificate = SelfSigned(key.get(), options.expired);
  root_pem_ = ToPem(certificate.get());
  NORROY_CHECK(SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1);
  NORROY_CHECK(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
  if (options.wants_certificate || options.needs_certificate) {
    const int needed = options.needs_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | needed, nullptr);
  }
  listener_ = BoundSocket(port_);
  NORROY_CHECK(listen(listener_, 64) == 0);
  acceptor_ = std::thread([this] { Accept(); });
}

TlsTestServer::~TlsTestServer() {
  stopping_ = true;
  acceptor_.join();
  std::vector<std::thread> workers;
  {
    MutexLock lock(&mutex_);
    workers = std::move(workers_);
  }
  for (std::thread& worker : workers) worker.join();
  close(listener_);
}

std::string TlsTestServer::url(const std::string& path) const {
  return absl::StrCat("https://127.0.0.1:", port_, path);
}

void TlsTestServer::Queue(Reply reply) {
  MutexLock lock(&mutex_);
  replies_.push_back(std::move(reply));
}

void TlsTestServer::Answer(const std::string& bytes, bool then_close) {
  Reply reply;
  reply.bytes = bytes;
  reply.then_close = then_close;
  Queue(std::move(reply));
}

void TlsTestServer::AnswerWithoutEnd(const std::string& head, const std::string& part) {
  Reply reply;
  reply.bytes = head;
  reply.part = part;
  reply.then_close = true;
  Queue(std::move(reply));
}

void TlsTestServer::Trickle(const std::string& bytes, absl::Duration pause) {
  Reply reply;
  reply.bytes = bytes;
  reply.pause = pause;
  reply.then_close = true;
  Queue(std::move(reply));
}

void TlsTestServer::AnswerAndReset(const std::string& bytes) {
  Reply reply;
  reply.bytes = bytes;
  reply.then_close = reply.then_reset = true;
  Queue(std::move(reply));
}

void TlsTestServer::Send(ssl_st* tls, const Reply& reply) {
  const size_t step =
      reply.pause > absl::ZeroDuration() ? 1 : std::max<size_t>(reply.bytes.size(), 1);
  for (size_t at = 0; at < reply.bytes.size() && !stopping_; at += step) {
    if (SSL_write(tls, reply.bytes.data() + at, static_cast<int>(step)) <= 0) return;
    // Nothing comes from the client meanwhile, unless it has had enough.
    pollfd waiting = {SSL_get_fd(tls), POLLIN, 0};
    const auto pause_ms = static_cast<int>(absl::ToInt64Milliseconds(reply.pause));
    if (pause_ms > 0 && poll(&waiting, 1, pause_ms) > 0) return;
  }
  while (!reply.part.empty() && !stopping_) {
    if (SSL_write(tls, reply.part.data(), static_cast<int>(reply.part.size())) <= 0) return;
    sent_without_end_ += static_cast<int64_t>(reply.part.size());
  }
}

void TlsTestServer::UseTls11Only() {
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_1_VERSION);
}

std::vector<std::string> TlsTestServer::requests() const {
  MutexLock lock(&mutex_);
  return requests_;
}

int TlsTestServer::connections() const {
  MutexLock lock(&mutex_);
  return connections_;
}

std::string TlsTestServer::last_peer() const {
  MutexLock lock(&mutex_);
  return last_peer_;
}

void TlsTestServer::WaitUntilClosed(int count) {
  MutexLock lock(&mutex_);
  while (closed_ < count) changed_.WaitFor(&mutex_, absl::Seconds(1));
}

bool TlsTestServer::WaitReadable(int socket_fd) const {
  while (!stopping_) {
    pollfd waiting = {socket_fd, POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) > 0) return true;
  }
  return false;
}

void TlsTestServer::Accept() {
  while (WaitReadable(listener_)) {
    sockaddr_in peer = {};
    socklen_t length = sizeof(peer);
    const int socket_fd =
        accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC);
    if (socket_fd < 0) continue;
    if (to_cut_ > 0) {
      --to_cut_;
      close(socket_fd);
      continue;
    }
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
    MutexLock lock(&mutex_);
    workers_.emplace_back([this, socket_fd, from = std::string(text)] { Serve(socket_fd, from); });
  }
}

bool TlsTestServer::ReadRequest(ssl_st* tls, std::string& request) const {
  for (;;) {
    const size_t end = request.find("\r\n\r\n");
    if (end != std::string::npos && request.size() >= end + 4 + ContentLength(request)) return true;
    char buffer[4096];
    if (SSL_pending(tls) == 0 && !WaitReadable(SSL_get_fd(tls))) return false;
    const int count = SSL_read(tls, buffer, sizeof(buffer));
    if (count <= 0) return false;
    request.append(buffer, static_cast<size_t>(count));
  }
}

bool TlsTestServer::Exchange(ssl_st* tls) {
  std::string request;
  if (!ReadRequest(tls, request)) return false;
  Reply reply;
  {
    MutexLock lock(&mutex_);
    requests_.push_back(std::move(request));
    NORROY_CHECK(!replies_.empty());
    reply = std::move(replies_.front());
    replies_.pop_front();
  }
  Send(tls, reply);
  if (reply.then_reset) {
    // Closing now sends RST instead of FIN.
    const linger at_once = {1, 0};
    setsockopt(SSL_get_fd(tls), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    SSL_set_quiet_shutdown(tls, 1);
  }
  return !reply.then_close;
}

void TlsTestServer::Serve(int socket_fd, const std::string& peer) {
  const std::shared_ptr<SSL> tls(SSL_new(context_.get()), SSL_free);
  SSL_set_fd(tls.get(), socket_fd);
  if (SSL_accept(tls.get()) == 1) {
    {
      MutexLock lock(&mutex_);
      ++connections_;
      last_peer_ = peer;
    }
    while (Exchange(tls.get())) {
    }
    SSL_shutdown(tls.get());
  }
  close(socket_fd);
  MutexLock lock(&mutex_);
  ++closed_;
  changed_.SignalAll();
}

}  // namespace norroy::http
