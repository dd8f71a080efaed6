#ifndef NORROY_AGENT_PRESENTER_DELEGATED_ZONE_RESPONSE_LIMITER_H_
#define NORROY_AGENT_PRESENTER_DELEGATED_ZONE_RESPONSE_LIMITER_H_

// How many answers by UDP a client network gets. A sender's address can be forged: without a bound
// this server would throw at a victim whatever its attacker asks for. A token bucket for each
// network, a second's worth deep. Of the answers over it every other goes out truncated, so a real
// client among the forged ones still gets through by TCP; the rest are left out.
//
// Not thread-safe. Time is a parameter.

#include <sys/socket.h>

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace norroy::agent {

inline constexpr size_t kMaxLimitedNetworks = 10'000;
inline constexpr int kMaxResponsesPerSecond = 100'000;

class ResponseLimiter {
 public:
  enum class Verdict { kSend, kTruncate, kDrop };

  // 1 to kMaxResponsesPerSecond.
  explicit ResponseLimiter(int per_second, size_t max_networks = kMaxLimitedNetworks);

  // For one answer to this network. `now` is monotonic. When too many networks are known, the one
  // that was silent for longest is forgotten.
  Verdict Take(const std::string& network, absl::Duration now);
  size_t networks() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string network;
    absl::Duration credit;
    absl::Duration updated;
    bool truncate_next = true;
  };
  Bucket& Find(const std::string& network, absl::Duration now);

  const absl::Duration cost_;
  const size_t max_networks_;
  std::list<Bucket> buckets_;  // the longest silent first
  absl::flat_hash_map<std::string, std::list<Bucket>::iterator> by_network_;
};

// The /24 of an IPv4 address (also of one that IPv6 carries), the /56 of an IPv6 address.
std::string ClientNetwork(const sockaddr_storage& address);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DELEGATED_ZONE_RESPONSE_LIMITER_H_
