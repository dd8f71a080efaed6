#ifndef NORROY_AGENT_PRESENTER_POWERDNS_TLS_CLIENT_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_TLS_CLIENT_H_

// The client's side of TLS for https: 1.2 or newer, the server's chain and its name or address
// verified (RFC 9110 4.3.4).

#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct bufferevent;
struct event_base;
struct ssl_ctx_st;
struct ssl_st;

namespace norroy::agent {

// Thread-safe; one for many connections.
class TlsClient {
 public:
  // `root_file`: PEM; empty: the system's CAs. FAILED_PRECONDITION, reason BAD_ROOT_FILE.
  static absl::StatusOr<std::unique_ptr<TlsClient>> Make(const std::string& root_file);

  // A connection to `host` (an address or a name), not connected yet. `tls` stays valid for as
  // long as the bufferevent is. Null if memory is short.
  bufferevent* NewConnection(event_base* base, const std::string& host, bool numeric,
                             ssl_st*& tls) const;

  // Why the handshake or the connection of `tls` failed; empty if TLS is not to blame.
  static std::string Failure(ssl_st* tls, bufferevent* connection);

 private:
  explicit TlsClient(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  const std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_TLS_CLIENT_H_
