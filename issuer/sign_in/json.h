#ifndef NORROY_ISSUER_SIGN_IN_JSON_H_
#define NORROY_ISSUER_SIGN_IN_JSON_H_

// JSON (RFC 8259) that somebody sent who is not believed yet: a token's header and claims, and what
// an OIDC issuer's servers answer. Refused: more than 8 levels or 4096 values, duplicate names in
// one object, bad UTF-8, NUL, byte order marks, anything but an object outside.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::sign_in {

inline constexpr int kMaxJsonDepth = 8;
inline constexpr size_t kMaxJsonValues = 4096;

struct JsonValue {
  enum class Kind { kNull, kBool, kInteger, kReal, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;  // kInteger: those that fit
  double real = 0;      // kReal: all other numbers
  std::string text;
  std::vector<JsonValue> items;
  std::vector<std::string> names;  // kObject: of the items

  // A member of an object; null if there is none.
  const JsonValue* Find(absl::string_view name) const;
  // The member if it is a string that is not empty; else null.
  const std::string* FindText(absl::string_view name) const;
};

// INVALID_ARGUMENT, reason BAD_JSON.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text, size_t max_bytes);

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_JSON_H_
