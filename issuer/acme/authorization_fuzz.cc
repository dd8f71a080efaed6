// Authorizations: what parses has challenges of distinct known types with safe tokens.

#include <cstddef>
#include <cstdint>
#include <set>

#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/authorization.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::Authorization;
using norroy::acme::Challenge;
using norroy::acme::UrlPolicy;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const UrlPolicy* const policy =
      new UrlPolicy(*UrlPolicy::Make("https://ca.example/dir", {}));
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Authorization> authorization =
      Authorization::Parse(text, "https://ca.example/authz/1", *policy);
  if (!authorization.ok()) {
    const absl::string_view message = authorization.status().message();
    NORROY_CHECK(!norroy::ErrorReason(authorization.status()).empty());
    NORROY_CHECK(norroy::Printable(message, 8192) == message);
    return 0;
  }
  std::set<norroy::challenge::ChallengeType> types;
  for (const Challenge& challenge : authorization->challenges) {
    NORROY_CHECK(types.insert(challenge.type).second);
    NORROY_CHECK(policy->Check("a test", challenge.url).ok());
    const std::string& token = challenge.token.value();
#ifdef PLANTED
    NORROY_CHECK(token.find_first_of("01235689-_") == std::string::npos);
#endif
    NORROY_CHECK(!token.empty() && token.size() <= 256);
    NORROY_CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789-_") == std::string::npos);
  }
  return 0;
}
