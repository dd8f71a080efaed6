// Directories: what parses names only https URLs of hosts that we follow.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/directory.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::Directory;
using norroy::acme::UrlPolicy;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const UrlPolicy* const policy =
      new UrlPolicy(*UrlPolicy::Make("https://ca.example/dir", {"cdn.example:8443"}));
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  // The input as a URL.
  if (policy->Check("a test", text).ok()) {
    NORROY_CHECK(absl::StartsWithIgnoreCase(text, "https://ca.example") ||
                 absl::StartsWithIgnoreCase(text, "https://cdn.example:8443") ||
                 absl::StartsWithIgnoreCase(text, "https://cdn.example:08443"));
    NORROY_CHECK(!absl::StrContains(text.substr(0, text.find_first_of("/?", 8)), "@"));
  }
  const absl::StatusOr<Directory> directory = Directory::Parse(text, *policy);
  if (!directory.ok()) {
    const absl::string_view message = directory.status().message();
    NORROY_CHECK(!norroy::ErrorReason(directory.status()).empty());
    NORROY_CHECK(norroy::Printable(message, 8192) == message);
    return 0;
  }
  NORROY_CHECK(!directory->new_nonce.empty() && !directory->new_order.empty());
  for (const std::string& url :
       {directory->new_nonce, directory->new_account, directory->new_order, directory->revoke_cert,
        directory->key_change, directory->renewal_info}) {
    NORROY_CHECK(url.empty() || policy->Check("a test", url).ok());
  }
#ifdef PLANTED
  for (const auto& [unused, description] : directory->profiles) {
    NORROY_CHECK(description.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  }
#endif
  NORROY_CHECK(norroy::Printable(directory->terms_of_service, 8192) == directory->terms_of_service);
  return 0;
}
