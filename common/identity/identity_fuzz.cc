// Identities: one text for each, and each from one text.

#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "common/error/error.h"
#include "common/identity/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using norroy::identity::Identity;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Identity> identity = Identity::ParseUri(input);
  if (identity.ok()) {
    NORROY_CHECK(identity->Uri() == input);
    return 0;
  }
  NORROY_CHECK(norroy::ErrorReason(identity.status()) == "BAD_IDENTITY");
  NORROY_CHECK(norroy::Printable(identity.status().message(), 4096) == identity.status().message());
  return 0;
}
