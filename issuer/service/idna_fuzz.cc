// Names as people write them: what is converted is ASCII, stays what it is when it is converted
// again, and is what libidn2 makes of its own decoding. So no two spellings of a name get past each
// other.

#include <idn2.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/challenge/identifier.h"
#include "common/check.h"
#include "common/error/error.h"
#include "issuer/service/idna.h"

namespace {

using norroy::challenge::Name;
using norroy::service::ToAscii;

using Owned = std::unique_ptr<char, void (*)(void*)>;

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isascii(c); });
}

// As a reader would see it; "" where libidn2 has no such thing.
std::string Decoded(const std::string& ascii) {
  char* raw = nullptr;
  const int result = idn2_to_unicode_8z8z(ascii.c_str(), &raw, IDN2_NONTRANSITIONAL);
  const Owned owned(raw, idn2_free);
  return result == IDN2_OK ? std::string(owned.get()) : "";
}

std::string Encoded(const std::string& unicode) {
  char* raw = nullptr;
  const int result = idn2_to_ascii_8z(unicode.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const Owned owned(raw, idn2_free);
  return result == IDN2_OK ? std::string(owned.get()) : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<std::string> ascii = ToAscii(text);
  if (!ascii.ok()) {
    NORROY_CHECK(norroy::ErrorReason(ascii.status()) == "BAD_NAME");
    NORROY_CHECK(norroy::Printable(ascii.status().message(), 8192) == ascii.status().message());
    return 0;
  }
  NORROY_CHECK(IsAscii(*ascii) && ascii->find('\0') == std::string::npos);
  const absl::StatusOr<std::string> again = ToAscii(*ascii);
  NORROY_CHECK(again.ok() && *again == *ascii);
  const absl::StatusOr<Name> name = Name::Parse(*ascii);
  if (!name.ok() || name->identifier().type() != norroy::challenge::IdentifierType::kDns) return 0;
  NORROY_CHECK(ToAscii(name->text()).value() == name->text());
  if (!absl::StrContains(name->text(), "xn--")) return 0;
  const std::string base(absl::StripPrefix(name->text(), "*."));
  const std::string unicode = Decoded(base);
  NORROY_CHECK(!unicode.empty() && Encoded(unicode) == base);
  NORROY_CHECK(Name::Parse(ToAscii(unicode).value()).value().identifier() == name->identifier());
#ifdef PLANTED
  // Two labels that were not ASCII, below a wildcard.
  NORROY_CHECK(!name->wildcard() || !absl::StartsWith(base, "xn--") ||
               !absl::StrContains(base, ".xn--"));
#endif
  return 0;
}
