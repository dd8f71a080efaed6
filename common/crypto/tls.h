#ifndef NORROY_COMMON_CRYPTO_TLS_H_
#define NORROY_COMMON_CRYPTO_TLS_H_

// TLS for those who speak HTTPS on their own event loop: 1.2 with ECDHE and AEAD, or 1.3; no
// tickets, no resumption, no renegotiation. The connections are for libevent's
// bufferevent_openssl_socket_new, which takes them over.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"

struct ssl_ctx_st;
struct ssl_st;

namespace norroy::crypto {

// Immutable; thread-safe.
class TlsServer {
 public:
  // `chain`: the server's own certificate first.
  static absl::StatusOr<TlsServer> Make(const PrivateKey& key,
                                        const std::vector<Certificate>& chain);
  // Null if memory is short. Whoever takes it frees it.
  ssl_st* NewConnection() const;

 private:
  explicit TlsServer(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

// Says that nothing more will be sent (close_notify, RFC 8446 6.1), on a connection whose handshake
// is complete.
void EndSending(ssl_st* connection);

// One connection's client side. Not thread-safe; outlives the connection.
class TlsClient {
 public:
  // Looks at the server's certificates (its own first) during the handshake, before anything is
  // sent; an error ends it. Host names are not compared: that is the function's business.
  using Believe = std::function<absl::Status(const std::vector<Certificate>& chain)>;

  // `server_name` is what the server is asked for (SNI, RFC 6066 3); empty: nothing.
  explicit TlsClient(Believe believe, std::string server_name = "");
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ssl_st* NewConnection() const;
  // What `believe` said; an error until it was asked.
  const absl::Status& verdict() const { return verdict_; }

 private:
  friend struct TlsClientCallback;
  const Believe believe_;
  const std::string server_name_;
  absl::Status verdict_;
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_TLS_H_
