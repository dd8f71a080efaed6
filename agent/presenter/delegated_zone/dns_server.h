#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_SERVER_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_SERVER_H_

// The internet-facing end of the delegated zone: takes DNS messages by UDP and by TCP (RFC 7766:
// each after its length, several on a connection) and sends back what a function says. One thread
// on libevent's loop. A connection lives for `deadline` at most, whatever its peer does. When there
// are too many, the oldest goes: a peer that holds connections open cannot keep resolvers out.

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/presenter/delegated_zone/dns_answer.h"
#include "agent/presenter/listen_address.h"

namespace norroy::agent {

// On one connection; a resolver with more to ask opens another.
inline constexpr int kMaxTcpQueries = 100;

struct DnsServerOptions {
  int max_connections = 256;
  absl::Duration deadline = absl::Seconds(5);
};

// The answer to a message; empty: none, and a connection is closed. Called on the server's thread;
// must not block.
using DnsHandler = std::function<std::string(absl::string_view message, DnsTransport transport,
                                             const sockaddr_storage& peer)>;

class DnsServer {
 public:
  // Takes the sockets over, also when it fails.
  static absl::StatusOr<std::unique_ptr<DnsServer>> Start(std::vector<BoundSocket> sockets,
                                                          const DnsServerOptions& options,
                                                          DnsHandler handler);
  // Closes everything.
  virtual ~DnsServer() = default;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_DNS_SERVER_H_
