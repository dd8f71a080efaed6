#ifndef NORROY_VALIDATOR_PREFLIGHT_ADDRESS_GUARD_H_
#define NORROY_VALIDATOR_PREFLIGHT_ADDRESS_GUARD_H_

// Which addresses a look may connect to. Where a name or a redirect leads is up to strangers, and a
// validator stands inside somebody's network: nothing that is not public is touched, unless
// dns.allow_networks opens it. Asked before each connect, about exactly the address that is then
// connected to, so that a name that changes its address in between gains nothing.
//
// Forbidden: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890), multicast, and what of
// IPv6 is no global unicast. Addresses that carry an IPv4 address (::ffff:0:0/96, 64:ff9b::/96) are
// what that one is.

#include <vector>

#include "absl/strings/string_view.h"
#include "validator/preflight/address.h"

namespace norroy::validator::preflight {

// Immutable, thread-safe.
class AddressGuard {
 public:
  explicit AddressGuard(std::vector<Network> allowed = {}) : allowed_(std::move(allowed)) {}

  // Why this address must not be connected to: "private (RFC 1918)". Empty: it may.
  absl::string_view WhyForbidden(const Address& address) const;

 private:
  const std::vector<Network> allowed_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_ADDRESS_GUARD_H_
