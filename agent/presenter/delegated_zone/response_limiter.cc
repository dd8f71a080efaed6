#include "agent/presenter/delegated_zone/response_limiter.h"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {
namespace {

constexpr absl::Duration kDepth = absl::Seconds(1);
constexpr size_t kV4Prefix = 3;
constexpr size_t kV6Prefix = 7;
constexpr size_t kMappedPrefix = 12;

}  // namespace

ResponseLimiter::ResponseLimiter(int per_second, size_t max_networks)
    : cost_(absl::Seconds(1) / per_second), max_networks_(max_networks) {}

ResponseLimiter::Bucket& ResponseLimiter::Find(const std::string& network, absl::Duration now) {
  const auto known = by_network_.find(network);
  if (known != by_network_.end()) {
    buckets_.splice(buckets_.end(), buckets_, known->second);
    return buckets_.back();
  }
  if (buckets_.size() >= max_networks_) {
    by_network_.erase(buckets_.front().network);
    buckets_.pop_front();
  }
  buckets_.push_back(Bucket{.network = network, .credit = kDepth, .updated = now});
  by_network_[network] = std::prev(buckets_.end());
  return buckets_.back();
}

ResponseLimiter::Verdict ResponseLimiter::Take(const std::string& network, absl::Duration now) {
  Bucket& bucket = Find(network, now);
  bucket.credit = std::min(kDepth, bucket.credit + (now - bucket.updated));
  bucket.updated = now;
  if (bucket.credit >= cost_) {
    bucket.credit -= cost_;
    return Verdict::kSend;
  }
  const Verdict verdict = bucket.truncate_next ? Verdict::kTruncate : Verdict::kDrop;
  bucket.truncate_next = !bucket.truncate_next;
  return verdict;
}

std::string ClientNetwork(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    const char* const bytes = reinterpret_cast<const char*>(&v4.sin_addr);
    return absl::StrCat("4", absl::string_view(bytes, kV4Prefix));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const char* const bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    return absl::StrCat("4", absl::string_view(bytes + kMappedPrefix, kV4Prefix));
  }
  return absl::StrCat("6", absl::string_view(bytes, kV6Prefix));
}

}  // namespace norroy::agent
