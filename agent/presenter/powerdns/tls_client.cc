#include "agent/presenter/powerdns/tls_client.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

absl::Status BadRoot(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_ROOT_FILE", message);
}

// Who must be at the other end; false if memory is short.
bool Expect(SSL* tls, const std::string& host, bool numeric) {
  X509_VERIFY_PARAM* const verify = SSL_get0_param(tls);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (numeric) return X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) == 1;
  return SSL_set1_host(tls, host.c_str()) == 1 && SSL_set_tlsext_host_name(tls, host.c_str()) == 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsClient>> TlsClient::Make(const std::string& root_file) {
  const crypto::ErrorScope scope;
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return BadRoot(absl::StrCat("TLS: ", crypto::ErrorText()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (root_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
      return BadRoot(
          absl::StrCat("cannot load the system's CAs: ", crypto::ErrorText(), "; give root_file"));
    }
  } else if (SSL_CTX_load_verify_file(context.get(), root_file.c_str()) != 1) {
    return BadRoot(absl::StrCat("root_file ", Printable(root_file),
                                ": cannot read certificates (PEM) from it: ", crypto::ErrorText()));
  }
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(context)));
}

bufferevent* TlsClient::NewConnection(event_base* base, const std::string& host, bool numeric,
                                      ssl_st*& tls) const {
  tls = SSL_new(context_.get());
  if (tls == nullptr) return nullptr;
  bufferevent* const connection =
      Expect(tls, host, numeric)
          ? bufferevent_openssl_socket_new(base, -1, tls, BUFFEREVENT_SSL_CONNECTING,
                                           BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)
          : nullptr;
  if (connection == nullptr) SSL_free(tls);
  return connection;
}

std::string TlsClient::Failure(ssl_st* tls, bufferevent* connection) {
  const long verified = SSL_get_verify_result(tls);
  if (verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  std::string text;
  for (unsigned long code; (code = bufferevent_get_openssl_error(connection)) != 0;) {
    const char* const reason = ERR_reason_error_string(code);
    if (text.empty() && reason != nullptr) text = reason;
  }
  return text;
}

}  // namespace norroy::agent
