// Identities and trust domains: one text for each, and each from one text.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/identity/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using norroy::identity::Identity;
  using norroy::identity::TrustDomain;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<TrustDomain> domain = TrustDomain::Parse(input);
  if (domain.ok()) {
    NORROY_CHECK(domain->Host() == input);
    NORROY_CHECK(norroy::identity::CheckDeployment(domain->deployment).ok());
  }
  const absl::StatusOr<Identity> identity = Identity::ParseUri(input);
  if (identity.ok()) {
    NORROY_CHECK(identity->Uri() == input);
    const absl::string_view role_domain = norroy::identity::RoleDomain(identity->role);
    NORROY_CHECK(absl::StartsWith(
        input, absl::StrCat("spiffe://", role_domain, ".", identity->deployment, "/")));
    const bool enrolled = role_domain == "edge";
    NORROY_CHECK(identity->enrollment_id.size() == (enrolled ? 32 : 0));
#ifdef PLANTED
    NORROY_CHECK(identity->Uri().find_first_of("23456789") == std::string::npos);
#endif
    return 0;
  }
  NORROY_CHECK(norroy::ErrorReason(identity.status()) == "BAD_IDENTITY");
  NORROY_CHECK(norroy::Printable(identity.status().message(), 4096) == identity.status().message());
  return 0;
}
