#include "issuer/flow/certificate.h"

namespace norroy::flow {

absl::Time StoredCertificate::renewal_time() const {
  const absl::Duration lifetime = not_after - not_before;
  const bool short_lived = lifetime < absl::Hours(24 * 10);
  return short_lived ? not_before + lifetime / 2 : not_before + lifetime / 3 * 2;
}

}  // namespace norroy::flow
