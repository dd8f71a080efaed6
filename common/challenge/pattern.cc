#include "common/challenge/pattern.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::challenge {
namespace {

// A name's 253 characters with "*." or "=" and "/128" fit.
constexpr size_t kMaxPatternLength = 260;

absl::Status BadPattern(absl::string_view text, absl::string_view problem) {
  const std::string printable = Printable(text, kMaxPatternLength);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PATTERN",
                   absl::StrCat("pattern \"", printable, "\": ", problem),
                   {{"pattern", printable}});
}

// Network byte order; `address` is an Identifier's value.
std::string AddressBytes(const std::string& address) {
  const bool v6 = absl::StrContains(address, ':');
  std::string bytes(v6 ? 16 : 4, '\0');
  inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data());
  return bytes;
}

std::string AddressText(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

std::string Masked(std::string bytes, int prefix_bits) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int keep = std::clamp(prefix_bits - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<char>(static_cast<uint8_t>(bytes[i]) & (0xFF00 >> keep));
  }
  return bytes;
}

// The bytes of a network's address. Unlike a host's it may end in zeros ("0.0.0.0", "::"), so it
// is no Identifier.
absl::StatusOr<std::string> ParseNetworkAddress(absl::string_view pattern, std::string address) {
  const bool v6 = absl::StrContains(address, ':');
  std::string bytes(v6 ? 16 : 4, '\0');
  if (absl::StrContains(address, '\0') ||
      inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) {
    return BadPattern(pattern,
                      "after \"=\" comes an address or a network, as in \"=192.0.2.0/24\"");
  }
  return bytes;
}

// "0" to "128", no sign, no leading zero.
bool ParsePrefixBits(absl::string_view text, int max, int* bits) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return false;
  if (text.find_first_not_of("0123456789") != absl::string_view::npos) return false;
  return absl::SimpleAtoi(text, bits) && *bits <= max;
}

}  // namespace

absl::StatusOr<Pattern> Pattern::Parse(absl::string_view text) {
  if (text.empty()) return BadPattern(text, "is empty");
  if (text.size() > kMaxPatternLength) {
    return BadPattern(text, absl::StrCat("is longer than ", kMaxPatternLength, " characters"));
  }
  if (text == ".") return Pattern(Kind::kUniversal, ".");
  if (text[0] == '=') return ParseNetwork(text);
  absl::string_view rest = text;
  const bool below = absl::ConsumePrefix(&rest, ".");
  const absl::StatusOr<Name> name = Name::Parse(rest);
  if (!name.ok()) return BadPattern(text, name.status().message());
  if (name->identifier().type() == IdentifierType::kIp) {
    return BadPattern(text, absl::StrCat("an address is written \"=", name->text(), "\""));
  }
  if (below && name->wildcard()) {
    return BadPattern(text, "nothing is below a wildcard; write the one or the other");
  }
  const Kind kind = below ? Kind::kBelow : name->wildcard() ? Kind::kWildcard : Kind::kExact;
  Pattern pattern(kind, absl::StrCat(below ? "." : "", name->text()));
  pattern.base_ = below ? pattern.text_ : name->identifier().value();
  return pattern;
}

absl::StatusOr<Pattern> Pattern::ParseNetwork(absl::string_view text) {
  const absl::string_view rest = text.substr(1);
  const size_t slash = rest.find('/');
  if (slash == absl::string_view::npos) {
    const absl::StatusOr<Name> name = Name::Parse(rest);
    if (!name.ok()) return BadPattern(text, name.status().message());
    if (name->identifier().type() != IdentifierType::kIp) {
      return BadPattern(text, "after \"=\" comes an address or a network, as in \"=192.0.2.0/24\"");
    }
    Pattern pattern(Kind::kNetwork, absl::StrCat("=", name->text()));
    pattern.network_ = AddressBytes(name->identifier().value());
    pattern.prefix_bits_ = static_cast<int>(pattern.network_.size()) * 8;
    return pattern;
  }
  NORROY_ASSIGN_OR_RETURN(const std::string bytes,
                          ParseNetworkAddress(text, std::string(rest.substr(0, slash))));
  const int max_bits = static_cast<int>(bytes.size()) * 8;
  int bits = 0;
  if (!ParsePrefixBits(rest.substr(slash + 1), max_bits, &bits)) {
    return BadPattern(text, absl::StrCat("after \"/\" comes a number from 0 to ", max_bits));
  }
  if (const std::string masked = Masked(bytes, bits); masked != bytes) {
    return BadPattern(text, absl::StrCat("has bits beyond its prefix; the network is \"=",
                                         AddressText(masked), "/", bits, "\""));
  }
  // One text for one pattern: a whole address has no prefix length.
  if (bits == max_bits) return ParseNetwork(absl::StrCat("=", AddressText(bytes)));
  Pattern pattern(Kind::kNetwork, absl::StrCat("=", AddressText(bytes), "/", bits));
  pattern.network_ = bytes;
  pattern.prefix_bits_ = bits;
  return pattern;
}

bool Pattern::Matches(const Name& name) const {
  const std::string& value = name.identifier().value();
  if (name.identifier().type() == IdentifierType::kIp) {
    if (kind_ != Kind::kNetwork || name.wildcard()) return false;
    const std::string address = AddressBytes(value);
    return address.size() == network_.size() && Masked(address, prefix_bits_) == network_;
  }
  switch (kind_) {
    case Kind::kExact:
      return !name.wildcard() && value == base_;
    case Kind::kBelow:
      return !name.wildcard() && absl::EndsWith(value, base_);
    case Kind::kWildcard:
      return name.wildcard() && value == base_;
    case Kind::kUniversal:
      return !name.wildcard();
    case Kind::kNetwork:
      return false;
  }
  return false;
}

bool Pattern::is_universal() const {
  return kind_ == Kind::kUniversal || (kind_ == Kind::kNetwork && prefix_bits_ == 0);
}

absl::StatusOr<std::vector<Pattern>> ParsePatterns(const std::vector<std::string>& texts) {
  if (texts.size() > kMaxPatterns) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PATTERN",
                     absl::StrCat(texts.size(), " patterns; a list takes at most ", kMaxPatterns));
  }
  std::vector<Pattern> patterns;
  patterns.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    absl::StatusOr<Pattern> pattern = Pattern::Parse(texts[i]);
    if (!pattern.ok()) {
      return WithContext(pattern.status(), absl::StrCat(i + 1, ". of ", texts.size(), " patterns"));
    }
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

bool MatchesAny(const std::vector<Pattern>& patterns, const Name& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&name](const Pattern& pattern) { return pattern.Matches(name); });
}

}  // namespace norroy::challenge
