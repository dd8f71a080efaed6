// Key URIs: what is accepted reads back as itself, names one key, and shows no PIN; neither does an
// error.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/crypto/key_uri.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

bool HasControl(absl::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

void CheckPath(const KeyUri& uri) {
  NORROY_CHECK(!uri.path().empty() && !HasControl(uri.path()));
  NORROY_CHECK(uri.token_uri().empty() && uri.token_only().empty() && uri.pin_file().empty());
  NORROY_CHECK(uri.text() == uri.path());
}

void CheckToken(const KeyUri& uri) {
  const std::string& text = uri.token_uri();
  NORROY_CHECK(uri.path().empty() && uri.text() == text);
  // Which token, then which key of it.
  NORROY_CHECK(absl::StartsWith(uri.token_only(), "pkcs11:"));
  NORROY_CHECK(absl::StartsWith(text, absl::StrCat(uri.token_only(), ";")));
  NORROY_CHECK(absl::StrContains(uri.token_only(), "token=") ||
               absl::StrContains(uri.token_only(), "serial="));
  NORROY_CHECK(absl::StrContains(text, "object=") || absl::StrContains(text, "id="));
  // What would say where a PIN or a module is.
  NORROY_CHECK(!absl::StrContains(text, "?") && !absl::StrContains(text, "pin-value"));
  NORROY_CHECK(uri.pin_file().empty() || absl::StartsWith(uri.pin_file(), "/"));
  NORROY_CHECK(!HasControl(uri.pin_file()));
  // Its own text is a URI of the same key.
  const KeyUri again = KeyUri::Parse(text).value();
  NORROY_CHECK(again.token_uri() == text && again.token_only() == uri.token_only());
  NORROY_CHECK(again.pin_file().empty());
#ifdef PLANTED
  NORROY_CHECK(!absl::StrContains(text, ";id=") || uri.pin_file().empty());
#endif
}

void Check(absl::string_view input) {
  const absl::StatusOr<KeyUri> uri = KeyUri::Parse(input);
  if (!uri.ok()) {
    NORROY_CHECK(absl::IsInvalidArgument(uri.status()));
    NORROY_CHECK(ErrorReason(uri.status()) == "BAD_KEY_URI");
    NORROY_CHECK(Printable(uri.status().message(), 4096) == uri.status().message());
    return;
  }
  NORROY_CHECK(input.size() <= kMaxKeyUri && !HasControl(input));
  NORROY_CHECK(uri->in_token() == absl::StartsWith(input, "pkcs11:"));
  return uri->in_token() ? CheckToken(*uri) : CheckPath(*uri);
}

// A PIN that somebody wrote into the URI stays between him and us.
void CheckPinIsNotShown(absl::string_view input) {
  constexpr absl::string_view kPin = "sEcReT-4711";
  for (const absl::string_view at : {"?pin-value=", ";pin-value=", "&pin-value="}) {
    const absl::StatusOr<KeyUri> uri = KeyUri::Parse(absl::StrCat(input, at, kPin));
    if (uri.ok() && uri->in_token()) NORROY_CHECK(!absl::StrContains(uri->text(), kPin));
    const absl::Status status = uri.status();
    NORROY_CHECK(!absl::StrContains(status.message(), kPin) || !absl::StartsWith(input, "pkcs11:"));
  }
}

}  // namespace
}  // namespace norroy::crypto

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  norroy::crypto::Check(input);
  norroy::crypto::CheckPinIsNotShown(input);
  return 0;
}
