#ifndef NORROY_VALIDATOR_PREFLIGHT_ADDRESS_H_
#define NORROY_VALIDATOR_PREFLIGHT_ADDRESS_H_

// IP addresses and networks as values. Unlike an identifier, an address here may be any that a DNS
// server says: 0.0.0.0, mapped, multicast. Whether it may be connected to is AddressGuard's.

#include <compare>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::validator::preflight {

// Immutable.
class Address {
 public:
  // inet_pton's forms alone: no decimal or octal numbers, no zone. INVALID_ARGUMENT, reason
  // BAD_ADDRESS.
  static absl::StatusOr<Address> Parse(absl::string_view text);
  // 4 or 16 bytes in network order.
  static Address OfBytes(std::string bytes);

  bool is_v6() const { return bytes_.size() == 16; }
  const std::string& bytes() const { return bytes_; }
  // As inet_ntop writes it.
  std::string text() const;
  // "192.0.2.1:80", "[2001:db8::1]:80"
  std::string WithPort(int port) const;

  auto operator<=>(const Address&) const = default;

 private:
  explicit Address(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// Immutable.
class Network {
 public:
  // "10.0.0.0/8", "fd00:1::/48", "192.0.2.1". INVALID_ARGUMENT, reason BAD_NETWORK: says what is
  // wrong; bits beyond the prefix are.
  static absl::StatusOr<Network> Parse(absl::string_view text);

  // Of its own family only.
  bool Contains(const Address& address) const;
  std::string text() const;
  bool operator==(const Network&) const = default;

 private:
  Network(Address base, int prefix_bits) : base_(std::move(base)), prefix_bits_(prefix_bits) {}
  Address base_;
  int prefix_bits_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_ADDRESS_H_
