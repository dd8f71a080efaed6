#include "issuer/sign_in/address_rate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace norroy::sign_in {
namespace {

constexpr size_t kPrefix6 = 8;  // bytes of a /64

std::string Bytes(const void* data, size_t size) {
  return std::string(static_cast<const char*>(data), size);
}

}  // namespace

std::string AddressKey(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return Bytes(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
  }
  if (address->sa_family != AF_INET6) return "";
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return Bytes(v6.s6_addr + 12, 4);
  return Bytes(v6.s6_addr, kPrefix6);
}

std::string AddressText(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    return absl::StrCat(text, ":", ntohs(v4->sin_port));
  }
  if (address->sa_family != AF_INET6) return "";
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, sizeof(text));
    return absl::StrCat(text, ":", ntohs(v6->sin6_port));
  }
  inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
  return absl::StrCat("[", text, "]:", ntohs(v6->sin6_port));
}

bool AddressRate::Take(const std::string& key, absl::Duration now) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMaxAddresses) {
      buckets_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    const double full = per_minute_;
    found = buckets_.emplace(key, Bucket{full, now, order_.begin()}).first;
  }
  Bucket& bucket = found->second;
  order_.splice(order_.begin(), order_, bucket.place);
  const double gained = absl::FDivDuration(now - bucket.time, absl::Minutes(1)) * per_minute_;
  bucket.left = std::min<double>(per_minute_, bucket.left + gained);
  bucket.time = now;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

}  // namespace norroy::sign_in
