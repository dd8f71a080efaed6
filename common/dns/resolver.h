#ifndef NORROY_COMMON_DNS_RESOLVER_H_
#define NORROY_COMMON_DNS_RESOLVER_H_

// The recursive resolvers that an operator configured, or the host's own.

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/dns/client.h"

namespace norroy::dns {

inline constexpr absl::Duration kResolveTimeout = absl::Seconds(3);
inline constexpr int kMaxResolvers = 8;

// Thread-safe; calls block.
class Resolver {
 public:
  // `client` outlives it; 1 to 8 servers.
  Resolver(Client& client, std::vector<Server> servers)
      : client_(client), servers_(std::move(servers)) {}

  // Asks one server after the other, each for at most `timeout` and all for at most `total`, until
  // one says NOERROR or NXDOMAIN; that one is asked first from then on. Else what the last said:
  // UNAVAILABLE, reason DNS_SERVFAIL (or DNS_REFUSED, ...; DNSSEC_BOGUS where only the signatures
  // are wrong), or the client's errors.
  absl::StatusOr<Message> Resolve(const Query& query, absl::Duration timeout = kResolveTimeout,
                                  absl::Duration total = absl::InfiniteDuration());

  const std::vector<Server>& servers() const { return servers_; }

 private:
  Client& client_;
  const std::vector<Server> servers_;
  std::atomic<size_t> first_ = 0;  // the place of the server that answered last
};

// The "nameserver" lines of a resolv.conf(5), at most 3. FAILED_PRECONDITION if there is none.
absl::StatusOr<std::vector<Server>> ReadResolvConf(const std::string& path = "/etc/resolv.conf");

// Servers of a configuration, as Server::Parse reads them; those of the host if there are none.
absl::StatusOr<std::vector<Server>> ResolversFrom(const std::vector<std::string>& configured);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_RESOLVER_H_
