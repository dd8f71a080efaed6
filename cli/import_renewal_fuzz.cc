// Whatever a renewal file holds: it is refused with a reason, or read into keys that it has,
// without white space around them; and a hook's line becomes words without what a shell would act
// upon.

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "cli/import_renewal.h"
#include "common/check.h"
#include "common/error/error.h"

namespace {

void CheckHook(const std::string& line) {
  for (const std::string& word : norroy::cli::PlainCommand(line)) {
    NORROY_CHECK(!word.empty());
    NORROY_CHECK(word.find_first_of("$`\"'\\;&|<>()*?[]{}~!# \t\n") == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = norroy::cli::ParseRenewalFile(text);
  if (!file.ok()) {
    NORROY_CHECK(norroy::ErrorReason(file.status()) == "BAD_RENEWAL_FILE");
    return 0;
  }
  for (const auto* section : {&file->files, &file->options}) {
    for (const auto& [key, value] : *section) {
      NORROY_CHECK(absl::StripAsciiWhitespace(key) == key);
      NORROY_CHECK(absl::StrContains(text, key) && absl::StrContains(text, value));
#ifdef PLANTED
      NORROY_CHECK(key != "post_hook" || value.empty());
#endif
      CheckHook(value);
    }
  }
  return 0;
}
