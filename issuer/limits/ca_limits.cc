#include "issuer/limits/ca_limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "issuer/policy/registered_domain.h"

namespace norroy::limits {
namespace {

constexpr int kPercent = 80;
constexpr absl::Duration kThreeHours = absl::Hours(3);
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

struct Row {
  absl::string_view directory_url;
  CaLimits limits;
};

// https://letsencrypt.org/docs/rate-limits/ and /docs/staging-environment/, August 2026.
const Row kRows[] = {
    {"https://acme-v02.api.letsencrypt.org/directory",
     {.new_orders_per_account = Published{300, kThreeHours},
      .certificates_per_domain = Published{50, kWeek},
      .renewals_are_free = true}},
    {"https://acme-staging-v02.api.letsencrypt.org/directory",
     {.new_orders_per_account = Published{1500, kThreeHours},
      .certificates_per_domain = Published{30000, kWeek},
      .renewals_are_free = true}},
};

}  // namespace

CaLimits PublishedBy(absl::string_view directory_url) {
  for (const Row& row : kRows) {
    if (row.directory_url == directory_url) return row.limits;
  }
  return {};
}

BucketRule RuleOf(const Published& published, bool urgent) {
  const int ours = std::max(1, published.count * kPercent / 100);
  return {.burst = published.count,
          .interval = published.per / published.count * 100 / kPercent,
          .reserve = urgent ? 0 : published.count - ours};
}

std::string SubjectOf(const challenge::Identifier& identifier) {
  std::array<unsigned char, 16> bytes = {};
  if (inet_pton(AF_INET6, identifier.value().c_str(), bytes.data()) != 1) {
    return policy::RegisteredDomain(identifier);
  }
  std::memset(&bytes[8], 0, 8);
  std::array<char, INET6_ADDRSTRLEN> text = {};
  inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return absl::StrCat(text.data(), "/64");
}

}  // namespace norroy::limits
