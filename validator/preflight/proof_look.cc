#include "validator/preflight/proof_look.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "validator/preflight/alpn_look.h"
#include "validator/preflight/dns_look.h"
#include "validator/preflight/dnssec_look.h"
#include "validator/preflight/http_look.h"
#include "validator/preflight/lookup.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;

// RFC 8738 4: the address itself, else what DNS says.
absl::StatusOr<std::vector<Address>> AddressesOf(const Viewpoint& viewpoint,
                                                 const challenge::Proof& proof,
                                                 const Deadline& deadline) {
  const challenge::Identifier& identifier = proof.name.identifier();
  if (identifier.type() == challenge::IdentifierType::kIp) {
    const absl::StatusOr<Address> address = Address::Parse(identifier.value());
    if (!address.ok()) return address.status();
    return std::vector<Address>{*address};
  }
  const absl::StatusOr<dns::Name> host = dns::Name::Parse(identifier.value());
  if (!host.ok()) return host.status();
  return LookUpAddresses(viewpoint, *host, deadline);
}

Sight LookByType(const Viewpoint& viewpoint, const challenge::Proof& proof,
                 const Deadline& deadline) {
  if (proof.type == ChallengeType::kDns01) return DnsLook(viewpoint, proof, deadline);
  const absl::StatusOr<std::vector<Address>> addresses = AddressesOf(viewpoint, proof, deadline);
  if (!addresses.ok()) {
    Sight sight;
    if (absl::IsCancelled(addresses.status())) {
      sight.CutShort(absl::StrCat("the addresses of ", proof.name.text(), " could be looked up"));
      return sight;
    }
    sight.Unknown("RESOLVER_FAILS",
                  absl::StrCat("the addresses of ", proof.name.text(),
                               " cannot be looked up: ", Printable(addresses.status().message())),
                  "see to the resolvers in dns.resolvers of validator.yaml");
    return sight;
  }
  if (proof.type == ChallengeType::kHttp01) {
    return HttpLook(viewpoint, proof, *addresses, deadline);
  }
  return AlpnLook(viewpoint, proof, *addresses, deadline);
}

}  // namespace

Sight NoResolver() {
  Sight sight;
  sight.Unknown("NO_RESOLVER", "this validator knows no DNS resolver",
                "name some in dns.resolvers of validator.yaml, or in /etc/resolv.conf");
  return sight;
}

Sight LookAtProof(const Viewpoint& viewpoint, const challenge::Proof& proof, const CaFacts& ca,
                  const Deadline& deadline) {
  const challenge::Identifier& identifier = proof.name.identifier();
  if (identifier.type() == challenge::IdentifierType::kIp) {
    return LookByType(viewpoint, proof, deadline);
  }
  if (viewpoint.resolvers.empty()) return NoResolver();
  const absl::StatusOr<dns::Name> name = dns::Name::Parse(identifier.value());
  Sight sight;
  if (!name.ok()) {
    sight.Fail("NAME_TOO_LONG", absl::StrCat(identifier.value(), " is no name that DNS can hold"),
               "order another name");
    return sight;
  }
  ResolverReplies replies = AskEveryResolver(viewpoint, *name, dns::Type::kA, deadline);
  sight.Merge(replies.sight);
  if (replies.answering.empty()) return sight;
  // Those that do not answer would only cost time from here on.
  Viewpoint rest = viewpoint;
  rest.resolvers = std::move(replies.answering);
  Sight parts[2];
  rest.crew.Each(2, [&](size_t i) {
    parts[i] = i == 0 ? LookByType(rest, proof, deadline)
                      : CaaLook(rest, proof.name, proof.type, ca, deadline);
  });
  for (const Sight& part : parts) sight.Merge(part);
  return sight;
}

}  // namespace norroy::validator::preflight
