#include "common/crypto/latest_renewal.h"

namespace norroy::crypto {
namespace {

constexpr absl::Duration kShortLife = absl::Hours(24 * 10);

}  // namespace

absl::Time LatestRenewal(absl::Time not_before, absl::Time not_after) {
  const absl::Duration lifetime = not_after - not_before;
  return not_after - (lifetime < kShortLife ? lifetime / 2 : lifetime / 3);
}

}  // namespace norroy::crypto
