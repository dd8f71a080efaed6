// Patterns: the first line of the input is a pattern, the second a name.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/challenge/pattern.h"
#include "common/check.h"
#include "common/error/error.h"

using norroy::challenge::MatchesAny;
using norroy::challenge::Name;
using norroy::challenge::Pattern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(input, absl::MaxSplits('\n', 1));
  const absl::StatusOr<Pattern> pattern = Pattern::Parse(halves.first);
  if (!pattern.ok()) {
    NORROY_CHECK(norroy::ErrorReason(pattern.status()) == "BAD_PATTERN");
    return 0;
  }
  const Pattern again = Pattern::Parse(pattern->text()).value();
  NORROY_CHECK(again == *pattern && again.text() == pattern->text());
  NORROY_CHECK(again.is_universal() == pattern->is_universal());
  const absl::StatusOr<Name> name = Name::Parse(halves.second);
  if (!name.ok()) return 0;
  const bool matches = pattern->Matches(*name);
  NORROY_CHECK(again.Matches(*name) == matches);
  NORROY_CHECK(pattern->Matches(Name::Parse(name->text()).value()) == matches);
#ifdef PLANTED
  NORROY_CHECK(!matches || pattern->text().front() != '=');
#endif
  // A wildcard is never implied.
  NORROY_CHECK(!matches || name->wildcard() == absl::StartsWith(pattern->text(), "*."));
  // One more pattern never takes anything away.
  NORROY_CHECK(!matches || MatchesAny({Pattern::Parse(".").value(), *pattern}, *name));
  return 0;
}
