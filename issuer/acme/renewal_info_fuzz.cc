// Renewal information: what parses has two dates and a text that can be shown.

#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/renewal_info.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::RenewalInfo;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<RenewalInfo> info = RenewalInfo::Parse(text, "id.of.it");
  if (!info.ok()) {
    const absl::string_view message = info.status().message();
    NORROY_CHECK(norroy::ErrorReason(info.status()) == "CA_PROTOCOL");
    NORROY_CHECK(norroy::Printable(message, 8192) == message);
    return 0;
  }
  NORROY_CHECK(info->window.start > absl::InfinitePast());
  NORROY_CHECK(info->window.end < absl::InfiniteFuture());
  NORROY_CHECK(norroy::Printable(info->explanation_url, 1024) == info->explanation_url);
#ifdef PLANTED
  NORROY_CHECK(info->explanation_url.empty() || info->window.start <= info->window.end);
#endif
  return 0;
}
