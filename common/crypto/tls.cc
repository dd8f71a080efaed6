#include "common/crypto/tls.h"

#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

// TLS 1.2's with forward secrecy; TLS 1.3's are OpenSSL's.
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
// No finite fields: a peer that asks for the largest costs much.
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr int kMaxPeerChain = 10;

std::shared_ptr<SSL_CTX> Wrap(SSL_CTX* context) {
  NORROY_CHECK(context != nullptr);
  return std::shared_ptr<SSL_CTX>(context, SSL_CTX_free);
}

bool Restrict(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1;
}

}  // namespace

absl::StatusOr<TlsServer> TlsServer::Make(const PrivateKey& key,
                                          const std::vector<Certificate>& chain) {
  const ErrorScope scope;
  std::shared_ptr<SSL_CTX> context = Wrap(SSL_CTX_new(TLS_server_method()));
  bool done = Restrict(context.get()) && !chain.empty() &&
              SSL_CTX_use_certificate(context.get(), chain[0].get()) == 1 &&
              SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1 &&
              SSL_CTX_check_private_key(context.get()) == 1;
  for (size_t i = 1; done && i < chain.size(); ++i) {
    done = SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1;
  }
  if (!done) {
    return absl::FailedPreconditionError(
        absl::StrCat("key and certificates are not fit for TLS: ", ErrorText()));
  }
  return TlsServer(std::move(context));
}

ssl_st* TlsServer::NewConnection() const { return SSL_new(context_.get()); }

void EndSending(ssl_st* connection) {
  const ErrorScope scope;
  if (SSL_is_init_finished(connection) == 1) SSL_shutdown(connection);
}

struct TlsClientCallback {
  // 1: the server is believed.
  static int Verify(X509_STORE_CTX* store, void* argument) {
    auto* const client = static_cast<TlsClient*>(argument);
    std::vector<Certificate> chain;
    const STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(sent) && i < kMaxPeerChain; ++i) {
      absl::StatusOr<Certificate> certificate =
          Certificate::ParseDer(ToDer<i2d_X509>(sk_X509_value(sent, i)));
      if (!certificate.ok()) {
        client->verdict_ = certificate.status();
        return 0;
      }
      chain.push_back(*std::move(certificate));
    }
    client->verdict_ = client->believe_(chain);
    if (!client->verdict_.ok()) {
      X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    }
    return client->verdict_.ok() ? 1 : 0;
  }
};

TlsClient::TlsClient(Believe believe, std::string server_name)
    : believe_(std::move(believe)),
      server_name_(std::move(server_name)),
      verdict_(absl::UnavailableError("there was no handshake")),
      context_(Wrap(SSL_CTX_new(TLS_client_method()))) {
  NORROY_CHECK(Restrict(context_.get()));
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context_.get(), &TlsClientCallback::Verify, this);
}

ssl_st* TlsClient::NewConnection() const {
  SSL* const connection = SSL_new(context_.get());
  if (connection == nullptr || server_name_.empty()) return connection;
  if (SSL_set_tlsext_host_name(connection, server_name_.c_str()) == 1) return connection;
  SSL_free(connection);
  return nullptr;
}

}  // namespace norroy::crypto
