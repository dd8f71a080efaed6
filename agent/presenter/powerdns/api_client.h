#ifndef NORROY_AGENT_PRESENTER_POWERDNS_API_CLIENT_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_API_CLIENT_H_

// One HTTP request at a time to PowerDNS's API, each over a connection of its own. No redirects are
// followed, no proxies used.

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/presenter/powerdns/api_url.h"
#include "agent/presenter/powerdns/tls_client.h"
#include "common/crypto/secret.h"

namespace norroy::agent {

inline constexpr size_t kMaxApiHeaders = 32 * 1024;
inline constexpr size_t kMaxApiReply = 256 * 1024;
// Where the server may answer with a whole zone.
inline constexpr size_t kMaxZoneReply = 4 * 1024 * 1024;

struct ApiRequest {
  bool patch = false;  // else GET
  std::string target;  // after "/api/v1": "/servers/localhost"
  std::string body;    // JSON
  size_t max_reply = kMaxApiReply;
};

struct ApiReply {
  int status = 0;
  std::string body;
  std::string location;
};

// Thread-safe; calls block.
class ApiClient {
 public:
  // `tls` is a must for an https url.
  ApiClient(ApiUrl url, crypto::Secret api_key, std::unique_ptr<TlsClient> tls)
      : url_(std::move(url)), api_key_(std::move(api_key)), tls_(std::move(tls)) {}

  // Where the host of the url is, at most 4 numeric addresses. UNAVAILABLE, reason
  // POWERDNS_UNREACHABLE. A name is looked up by the system's resolver on the calling thread, which
  // resolv.conf(5) alone bounds: once for several requests.
  absl::StatusOr<std::vector<std::string>> Addresses() const;

  // `addresses`: at least one, of Addresses. A reply of any status is OK. UNAVAILABLE, reason
  // POWERDNS_UNREACHABLE: no connection, or it broke; POWERDNS_TLS: the handshake failed;
  // POWERDNS_BAD_REPLY: not HTTP. RESOURCE_EXHAUSTED, reason POWERDNS_REPLY_TOO_LARGE.
  // DEADLINE_EXCEEDED, reason POWERDNS_TIMEOUT. Messages name the server, never the key.
  absl::StatusOr<ApiReply> Send(const std::vector<std::string>& addresses,
                                const ApiRequest& request, absl::Duration timeout) const;

  const ApiUrl& url() const { return url_; }
  const crypto::Secret& api_key() const { return api_key_; }

 private:
  const ApiUrl url_;
  const crypto::Secret api_key_;
  const std::unique_ptr<TlsClient> tls_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_API_CLIENT_H_
