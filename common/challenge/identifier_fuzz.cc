// Names: what parses is normal, and stays what it is.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/challenge/identifier.h"
#include "common/check.h"
#include "common/error/error.h"

using norroy::challenge::Identifier;
using norroy::challenge::Name;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Name> name = Name::Parse(text);
  if (!name.ok()) {
    NORROY_CHECK(norroy::ErrorReason(name.status()) == "BAD_NAME");
    NORROY_CHECK(norroy::Printable(name.status().message(), 4096) == name.status().message());
    return 0;
  }
  const std::string normal = name->text();
  NORROY_CHECK(!normal.empty() && normal.size() <= 253);
  NORROY_CHECK(normal.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.:*") ==
               std::string::npos);
  // Idempotent, and case says nothing.
  NORROY_CHECK(Name::Parse(normal).value() == *name);
  NORROY_CHECK(Name::Parse(absl::AsciiStrToUpper(normal)).value() == *name);
#ifdef PLANTED
  NORROY_CHECK(!name->wildcard() || !absl::StrContains(normal, ".xn--"));
#endif
  // The identifier below stands on its own, as a CA would send it.
  const Identifier& identifier = name->identifier();
  NORROY_CHECK(!absl::StrContains(identifier.value(), '*'));
  NORROY_CHECK(Identifier::Parse(identifier.type(), identifier.value()).value() == identifier);
  return 0;
}
