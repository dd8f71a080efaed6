#ifndef NORROY_ISSUER_SIGN_IN_ADDRESS_RATE_H_
#define NORROY_ISSUER_SIGN_IN_ADDRESS_RATE_H_

// How often one address may do something: a token bucket each, full at first. An IPv6 address
// counts as its /64, an IPv4 address in IPv6's clothes as itself. At most 4096 addresses are
// remembered, the latest.

#include <list>
#include <map>
#include <string>

#include "absl/time/time.h"

struct sockaddr;

namespace norroy::sign_in {

// What counts as one address: its bytes. Empty for what is no IP address.
std::string AddressKey(const sockaddr* address);
// "192.0.2.7:51000", "[2001:db8::7]:51000".
std::string AddressText(const sockaddr* address);

// Not thread-safe.
class AddressRate {
 public:
  explicit AddressRate(int per_minute) : per_minute_(per_minute) {}

  // Takes one if there is one. `now` by the monotonic clock.
  bool Take(const std::string& key, absl::Duration now);
  // Until there is one again, in whole seconds; for who got none.
  int SecondsUntilNext() const { return (60 + per_minute_ - 1) / per_minute_; }
  size_t size() const { return buckets_.size(); }

  static constexpr size_t kMaxAddresses = 4096;

 private:
  struct Bucket {
    double left = 0;
    absl::Duration time;
    std::list<std::string>::iterator place;
  };

  const int per_minute_;
  std::map<std::string, Bucket> buckets_;
  std::list<std::string> order_;  // keys, the latest first
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_ADDRESS_RATE_H_
