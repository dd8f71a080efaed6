#include "validator/preflight/address_guard.h"

#include <algorithm>
#include <string>

#include "common/check.h"

namespace norroy::validator::preflight {
namespace {

struct Block {
  Network network;
  absl::string_view why;
};

Block Of(absl::string_view network, absl::string_view why) {
  absl::StatusOr<Network> parsed = Network::Parse(network);
  NORROY_CHECK(parsed.ok());
  return {*std::move(parsed), why};
}

// The registries' blocks of IPv4, whether "globally reachable" or not: no subscriber's server lives
// in any of them.
const std::vector<Block>& BlocksV4() {
  static const std::vector<Block> blocks = {
      Of("0.0.0.0/8", "\"this network\" (RFC 791)"),
      Of("10.0.0.0/8", "private (RFC 1918)"),
      Of("100.64.0.0/10", "shared by carriers (RFC 6598)"),
      Of("127.0.0.0/8", "loopback (RFC 1122)"),
      Of("169.254.0.0/16", "link-local, where clouds keep metadata (RFC 3927)"),
      Of("172.16.0.0/12", "private (RFC 1918)"),
      Of("192.0.0.0/24", "for IETF protocols (RFC 6890)"),
      Of("192.0.2.0/24", "for documentation (RFC 5737)"),
      Of("192.31.196.0/24", "AS112 (RFC 7535)"),
      Of("192.52.193.0/24", "AMT (RFC 7450)"),
      Of("192.88.99.0/24", "6to4 relays (RFC 7526)"),
      Of("192.168.0.0/16", "private (RFC 1918)"),
      Of("192.175.48.0/24", "AS112 (RFC 7534)"),
      Of("198.18.0.0/15", "for benchmarks (RFC 2544)"),
      Of("198.51.100.0/24", "for documentation (RFC 5737)"),
      Of("203.0.113.0/24", "for documentation (RFC 5737)"),
      Of("224.0.0.0/4", "multicast (RFC 5771)"),
      Of("240.0.0.0/4", "reserved (RFC 1112)"),
  };
  return blocks;
}

const std::vector<Block>& BlocksV6() {
  static const std::vector<Block> blocks = {
      Of("::/128", "unspecified (RFC 4291)"),
      Of("::1/128", "loopback (RFC 4291)"),
      Of("64:ff9b:1::/48", "local translation (RFC 8215)"),
      Of("100::/64", "discarded (RFC 6666)"),
      Of("100:0:0:1::/64", "a dummy prefix (RFC 9780)"),
      Of("2001::/23", "for IETF protocols, Teredo among them (RFC 2928)"),
      Of("2001:db8::/32", "for documentation (RFC 3849)"),
      Of("2002::/16", "6to4 (RFC 3056)"),
      Of("2620:4f:8000::/48", "AS112 (RFC 7534)"),
      Of("3fff::/20", "for documentation (RFC 9637)"),
      Of("5f00::/16", "segment routing (RFC 9602)"),
      Of("fc00::/7", "unique local (RFC 4193)"),
      Of("fe80::/10", "link-local (RFC 4291)"),
      Of("ff00::/8", "multicast (RFC 4291)"),
  };
  return blocks;
}

// RFC 4291 2.5.5.2, RFC 6052 2.1: the last four bytes are an IPv4 address.
Address Inner(const Address& address) {
  static const Network mapped = Of("::ffff:0.0.0.0/96", "").network;
  static const Network translated = Of("64:ff9b::/96", "").network;
  if (!mapped.Contains(address) && !translated.Contains(address)) return address;
  return Address::OfBytes(address.bytes().substr(12));
}

}  // namespace

absl::string_view AddressGuard::WhyForbidden(const Address& outer) const {
  const Address address = Inner(outer);
  if (std::any_of(allowed_.begin(), allowed_.end(),
                  [&](const Network& network) { return network.Contains(address); })) {
    return "";
  }
  for (const Block& block : address.is_v6() ? BlocksV6() : BlocksV4()) {
    if (block.network.Contains(address)) return block.why;
  }
  static const Network global = Of("2000::/3", "").network;
  if (address.is_v6() && !global.Contains(address)) return "no global unicast (RFC 4291)";
  return "";
}

}  // namespace norroy::validator::preflight
