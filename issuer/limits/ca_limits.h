#ifndef NORROY_ISSUER_LIMITS_CA_LIMITS_H_
#define NORROY_ISSUER_LIMITS_CA_LIMITS_H_

// How much CAs give, as they publish it, and how much of that is ours to use.

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "issuer/limits/token_bucket.h"

namespace norroy::limits {

// "300 in 3 hours": so many at once, and as many again within `per`, one after the other.
struct Published {
  int count = 1;  // >= 1
  absl::Duration per;
};

// By the names that Let's Encrypt gives them. Unset: there is no such limit.
struct CaLimits {
  std::optional<Published> new_orders_per_account;
  // Of all accounts at the CA together, by registered domain, IPv4 address or IPv6 /64.
  std::optional<Published> certificates_per_domain;
  // It counts no order that says what it replaces (RFC 9773 5), and none for names that it has
  // issued together in the last 120 days.
  bool renewals_are_free = false;
};

// Of the configured CAs, by their names.
struct KnownCa {
  std::string directory_url;
  CaLimits limits;
};
using KnownCas = std::map<std::string, KnownCa>;

// What the CA of this directory publishes; none of a CA that is not known.
CaLimits PublishedBy(absl::string_view directory_url);

// Ours is four fifths of the rate, for others use the same domains, and four fifths of the number:
// the rest is kept for certificates that are about to expire (`urgent`).
BucketRule RuleOf(const Published& published, bool urgent = false);

// What a name counts for in certificates_per_domain: "*.a.example.co.uk" for "example.co.uk",
// 2001:db8::1 for "2001:db8::/64".
std::string SubjectOf(const challenge::Identifier& identifier);

}  // namespace norroy::limits

#endif  // NORROY_ISSUER_LIMITS_CA_LIMITS_H_
