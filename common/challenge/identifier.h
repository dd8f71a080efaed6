#ifndef NORROY_COMMON_CHALLENGE_IDENTIFIER_H_
#define NORROY_COMMON_CHALLENGE_IDENTIFIER_H_

// What a certificate is for. `Identifier` is the CA's object (RFC 8555 9.7.7, RFC 8738 2): type
// and value. `Name` is what people order and certificates carry: an identifier, or the wildcard
// below one.

#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::challenge {

enum class IdentifierType { kDns, kIp };

// "dns", "ip" (RFC 8555 9.7.7, RFC 8738 4).
absl::string_view IdentifierTypeName(IdentifierType type);

class Identifier {
 public:
  // An identifier as a CA writes it: never "*.", already normal but for case.
  static absl::StatusOr<Identifier> Parse(IdentifierType type, absl::string_view value);

  IdentifierType type() const { return type_; }
  // DNS: lower case, A-labels, no trailing dot, at most 253 characters, 2 to 10 labels.
  // IP: inet_ntop's form (RFC 8738 3).
  const std::string& value() const { return value_; }

  auto operator<=>(const Identifier&) const = default;

 private:
  friend class Name;
  Identifier(IdentifierType type, std::string value) : type_(type), value_(std::move(value)) {}
  IdentifierType type_;
  std::string value_;
};

class Name {
 public:
  // "www.example.com", "*.example.com", "192.0.2.1", "2001:db8::1". ASCII only: U-labels are
  // converted at the edge (issuer service, CLI), not here. Collapsed: case, one trailing dot.
  // Refused with INVALID_ARGUMENT, reason BAD_NAME, saying what is wrong: empty or over-long
  // labels, single labels, numeric top-level labels, underscores, hyphens at ends, "--" in places
  // 3 and 4 but for "xn--", wildcards elsewhere than as the whole first label, public suffixes
  // are not known here; special names ("localhost", ".local", ".onion", ".invalid", ".arpa" ...).
  static absl::StatusOr<Name> Parse(absl::string_view text);
  static Name Of(Identifier identifier, bool wildcard);

  const Identifier& identifier() const { return identifier_; }
  bool wildcard() const { return wildcard_; }
  // As ordered and as a certificate's subjectAltName says it: "*.example.com".
  std::string text() const;

  auto operator<=>(const Name&) const = default;

 private:
  Name(Identifier identifier, bool wildcard)
      : identifier_(std::move(identifier)), wildcard_(wildcard) {}
  Identifier identifier_;
  bool wildcard_;
};

inline constexpr int kMaxNamesPerOrder = 100;

// Sorted, without duplicates; the first bad name's error names it and its place. 1 to 100 names.
absl::StatusOr<std::vector<Name>> ParseNames(const std::vector<std::string>& texts);

// "a.example.com,b.example.com": the key of an exact set (sorted already).
std::string SetKey(const std::vector<Name>& names);

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_IDENTIFIER_H_
