#include "issuer/service/idna.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

absl::Status BadName(absl::string_view name, absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_NAME",
                   absl::StrCat("\"", Printable(name), "\" ", why), {{"name", Printable(name)}});
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isascii(c); });
}

// Some label starts with "xn--".
bool HasALabel(absl::string_view lower) {
  return absl::StartsWith(lower, "xn--") || absl::StrContains(lower, ".xn--");
}

}  // namespace

absl::StatusOr<std::string> ToAscii(absl::string_view name) {
  if (name.size() > kMaxNameInput) {
    return BadName(name.substr(0, 64),
                   absl::StrCat("is cut here: a name may have at most ", kMaxNameInput, " bytes"));
  }
  if (name.find('\0') != absl::string_view::npos) return BadName(name, "contains a NUL byte");
  absl::string_view base = name;
  const bool wildcard = absl::ConsumePrefix(&base, "*.");
  const std::string lower = absl::AsciiStrToLower(base);
  const bool ascii = IsAscii(base);
  if (ascii && !HasALabel(lower)) return std::string(name);

  const std::string input(base);
  uint8_t* raw = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(input.c_str()), &raw,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<uint8_t, void (*)(void*)> owned(raw, idn2_free);
  if (result != IDN2_OK) {
    return BadName(name, absl::StrCat("is no valid internationalized name (IDNA2008): ",
                                      idn2_strerror(result)));
  }
  const std::string converted(reinterpret_cast<const char*>(owned.get()));
  if (ascii && converted != lower) {
    return BadName(
        name, absl::StrCat("has an A-label that is not in its normal form; write ", converted));
  }
  return absl::StrCat(wildcard ? "*." : "", converted);
}

}  // namespace norroy::service
