#ifndef NORROY_ISSUER_POLICY_REGISTERED_DOMAIN_H_
#define NORROY_ISSUER_POLICY_REGISTERED_DOMAIN_H_

// What a name counts for where orders are counted per domain, by the public suffix list with its
// private entries, as CAs count: "www.example.co.uk" counts for "example.co.uk", "b.github.io" and
// "co.uk" (a suffix) for themselves, an IP address for itself, "*.example.com" for "example.com".

#include <string>
#include <vector>

#include "common/challenge/identifier.h"

namespace norroy::policy {

// Thread-safe. The list is the newer of the system's (/usr/share/publicsuffix) and the library's
// own, read once.
std::string RegisteredDomain(const challenge::Identifier& identifier);

// Of all names, sorted, each once.
std::vector<std::string> RegisteredDomains(const std::vector<challenge::Name>& names);

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_REGISTERED_DOMAIN_H_
