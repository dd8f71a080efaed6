#include "validator/preflight/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::validator::preflight {
namespace {

constexpr size_t kMaxAddressText = 45;  // INET6_ADDRSTRLEN without its end

std::string Masked(std::string bytes, int prefix_bits) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int keep = std::clamp(prefix_bits - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<char>(static_cast<uint8_t>(bytes[i]) & (0xFF00 >> keep));
  }
  return bytes;
}

absl::Status BadNetwork(absl::string_view text, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_NETWORK",
                   absl::StrCat("network \"", Printable(text, 64), "\" ", problem));
}

// "0" to "128", no sign, no leading zero.
bool ParsePrefixBits(absl::string_view text, int max, int& bits) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return false;
  if (text.find_first_not_of("0123456789") != absl::string_view::npos) return false;
  return absl::SimpleAtoi(text, &bits) && bits <= max;
}

}  // namespace

absl::StatusOr<Address> Address::Parse(absl::string_view text) {
  const bool v6 = absl::StrContains(text, ':');
  std::string bytes(v6 ? 16 : 4, '\0');
  if (text.size() > kMaxAddressText || absl::StrContains(text, '\0') ||
      inet_pton(v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), bytes.data()) != 1) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS",
                     absl::StrCat("\"", Printable(text, 64), "\" is no IP address"));
  }
  return Address(std::move(bytes));
}

Address Address::OfBytes(std::string bytes) { return Address(std::move(bytes)); }

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v6() ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof(text));
  return text;
}

std::string Address::WithPort(int port) const {
  return is_v6() ? absl::StrCat("[", text(), "]:", port) : absl::StrCat(text(), ":", port);
}

absl::StatusOr<Network> Network::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  const absl::StatusOr<Address> base = Address::Parse(text.substr(0, slash));
  if (!base.ok()) return BadNetwork(text, "is not like \"10.20.0.0/16\" or \"fd00:1::/48\"");
  const int max_bits = static_cast<int>(base->bytes().size()) * 8;
  int bits = max_bits;
  if (slash != absl::string_view::npos &&
      !ParsePrefixBits(text.substr(slash + 1), max_bits, bits)) {
    return BadNetwork(text, absl::StrCat("needs a number from 0 to ", max_bits, " after \"/\""));
  }
  const Network network(Address::OfBytes(Masked(base->bytes(), bits)), bits);
  if (network.base_ != *base) {
    return BadNetwork(text, absl::StrCat("has bits beyond its prefix; it is ", network.text()));
  }
  return network;
}

bool Network::Contains(const Address& address) const {
  return address.is_v6() == base_.is_v6() && Masked(address.bytes(), prefix_bits_) == base_.bytes();
}

std::string Network::text() const { return absl::StrCat(base_.text(), "/", prefix_bits_); }

}  // namespace norroy::validator::preflight
