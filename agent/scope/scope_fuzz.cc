// A scope's text either reads into 1 to 1000 patterns, none of them ".", or is refused; see
// scope.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "agent/scope/scope.h"
#include "common/check.h"
#include "common/error/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto scope = norroy::agent::ParseScope(text, "scope");
  if (!scope.ok()) {
    NORROY_CHECK(norroy::ErrorReason(scope.status()) == "BAD_SCOPE");
    return 0;
  }
  NORROY_CHECK(!scope->empty() && scope->size() <= norroy::agent::kMaxScopePatterns);
  for (const auto& pattern : *scope) {
    NORROY_CHECK(!pattern.is_universal());
#ifdef PLANTED
    NORROY_CHECK(scope->size() < 3 || !absl::StartsWith(pattern.text(), "=") ||
                 !absl::StrContains(pattern.text(), ":"));
#endif
  }
  const auto again = norroy::agent::ParseScope(norroy::agent::FormatScope(*scope), "again");
  NORROY_CHECK(again.ok() && *again == *scope);
  return 0;
}
