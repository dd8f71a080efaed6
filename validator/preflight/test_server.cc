#include "validator/preflight/test_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::validator::preflight {
namespace {

constexpr int kPollMs = 10;

struct Place {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

Place PlaceOf(const Address& address, int port) {
  Place place;
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&place.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&v6->sin6_addr, address.bytes().data(), 16);
    place.size = sizeof(*v6);
    return place;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&place.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(static_cast<uint16_t>(port));
  std::memcpy(&v4->sin_addr, address.bytes().data(), 4);
  place.size = sizeof(*v4);
  return place;
}

int Bound(const Address& address, int& port) {
  Place place = PlaceOf(address, port);
  const int fd = socket(place.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  NORROY_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&place.storage), place.size) == 0);
  NORROY_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&place.storage), &place.size) == 0);
  // Both families have the port at the same place.
  port = ntohs(reinterpret_cast<sockaddr_in*>(&place.storage)->sin_port);
  return fd;
}

void AddExtension(X509* x509, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  NORROY_CHECK(extension != nullptr && X509_add_ext(x509, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void AddAcme(X509* x509, const TestTls& tls) {
  ASN1_OCTET_STRING* const content = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(content, reinterpret_cast<const unsigned char*>(tls.acme.data()),
                        static_cast<int>(tls.acme.size()));
  ASN1_OBJECT* const oid = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
  X509_EXTENSION* const extension =
      X509_EXTENSION_create_by_OBJ(nullptr, oid, tls.acme_critical ? 1 : 0, content);
  NORROY_CHECK(X509_add_ext(x509, extension, -1) == 1);
  X509_EXTENSION_free(extension);
  ASN1_OBJECT_free(oid);
  ASN1_OCTET_STRING_free(content);
}

std::shared_ptr<SSL_CTX> ContextOf(const TestTls& tls) {
  const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::shared_ptr<X509> x509(X509_new(), X509_free);
  X509_set_version(x509.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), key.get());
  if (!tls.names.empty()) AddExtension(x509.get(), NID_subject_alt_name, tls.names);
  if (!tls.acme.empty()) AddAcme(x509.get(), tls);
  NORROY_CHECK(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  NORROY_CHECK(SSL_CTX_use_certificate(context.get(), x509.get()) == 1);
  NORROY_CHECK(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  return context;
}

int Choose(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
           unsigned in_size, void* argument) {
  const auto* tls = static_cast<const TestTls*>(argument);
  for (unsigned at = 0; at < in_size; at += in[at] + 1u) {
    const absl::string_view offered(reinterpret_cast<const char*>(in + at + 1), in[at]);
    for (const std::string& known : tls->knows) {
      if (known != offered) continue;
      *out = in + at + 1;
      *out_size = in[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return tls->refuse_others ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

TestServer::TestServer(const Address& address, int port, Handler handler, const TestTls* tls)
    : port_(port), handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (tls != nullptr) {
    tls_options_ = *tls;
    tls_ = ContextOf(*tls);
    SSL_CTX_set_alpn_select_cb(tls_.get(), Choose, &tls_options_);
  }
  listener_ = Bound(address, port_);
  NORROY_CHECK(listen(listener_, 64) == 0);
  acceptor_ = std::thread([this] { Accept(); });
}

TestServer::~TestServer() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& worker : workers_) worker.join();
  close(listener_);
}

std::vector<std::string> TestServer::requests() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return requests_;
}

bool TestServer::WaitReadable(int fd) const {
  while (!stopping_) {
    pollfd waiting = {fd, POLLIN, 0};
    if (poll(&waiting, 1, kPollMs) > 0) return true;
  }
  return false;
}

void TestServer::Accept() {
  while (WaitReadable(listener_)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    workers_.emplace_back([this, fd, n = connections_++] {
      if (tls_ == nullptr) {
        Serve(fd, n);
      } else {
        ServeTls(fd, n);
      }
      close(fd);
    });
  }
}

void TestServer::Serve(int fd, int n) {
  std::string request;
  char buffer[4096];
  while (!absl::StrContains(request, "\r\n\r\n") && request.substr(0, 1) != "\x16") {
    if (!WaitReadable(fd)) return;
    const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got <= 0) return;
    request.append(buffer, static_cast<size_t>(got));
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_.push_back(request);
  }
  const std::unique_ptr<std::string> answer = handler_(n, request);
  if (answer == nullptr) {
    while (WaitReadable(fd) && recv(fd, buffer, sizeof(buffer), 0) > 0) {
    }
    return;
  }
  send(fd, answer->data(), answer->size(), MSG_NOSIGNAL);
}

void TestServer::ServeTls(int fd, int n) {
  const std::shared_ptr<SSL> ssl(SSL_new(tls_.get()), SSL_free);
  SSL_set_fd(ssl.get(), fd);
  if (!WaitReadable(fd) || SSL_accept(ssl.get()) != 1) return;
  std::string request;
  char buffer[4096];
  while (!absl::StrContains(request, "\r\n\r\n")) {
    if (SSL_pending(ssl.get()) == 0 && !WaitReadable(fd)) return;
    const int got = SSL_read(ssl.get(), buffer, sizeof(buffer));
    if (got <= 0) return;
    request.append(buffer, static_cast<size_t>(got));
  }
  const std::unique_ptr<std::string> answer = handler_(n, request);
  if (answer == nullptr) return;
  SSL_write(ssl.get(), answer->data(), static_cast<int>(answer->size()));
  SSL_shutdown(ssl.get());
}

std::string HttpText(const std::string& status, const std::string& body,
                     const std::string& fields) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\n", fields, "Content-Length: ", body.size(),
                      "\r\n\r\n", body);
}

TestServer::Handler Always(const std::string& answer) {
  return [answer](int, const std::string&) { return std::make_unique<std::string>(answer); };
}

TestServer::Handler Silent() {
  return [](int, const std::string&) { return std::unique_ptr<std::string>(); };
}

ClosedPort::ClosedPort(const Address& address, int port, bool filtered) : port_(port) {
  fds_.push_back(Bound(address, port_));
  if (!filtered) return;
  NORROY_CHECK(listen(fds_[0], 0) == 0);
  const Place place = PlaceOf(address, port_);
  // The queue of connections that nobody accepts is full after two.
  for (int i = 0; i < 4; ++i) {
    const int fd = socket(place.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    static_cast<void>(connect(fd, reinterpret_cast<const sockaddr*>(&place.storage), place.size));
    fds_.push_back(fd);
  }
}

ClosedPort::~ClosedPort() {
  for (const int fd : fds_) close(fd);
}

}  // namespace norroy::validator::preflight
