#ifndef NORROY_COMMON_CHALLENGE_PATTERN_H_
#define NORROY_COMMON_CHALLENGE_PATTERN_H_

// Which names somebody may order or answer for. One grammar for issuance grants, challenge grants
// and an agent's scope:
//
//   www.example.com   that name
//   .example.com      any name below it (not itself), no wildcard
//   *.example.com     the wildcard identifier "*.example.com" and nothing else
//   =192.0.2.0/24     IP addresses ("=2001:db8::/32", "=192.0.2.1")
//   .                 any DNS name, no wildcard (issuance grants only: see is_universal)
//
// Wildcards are never implied. Matching is on the normal form of names.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"

namespace norroy::challenge {

class Pattern {
 public:
  // INVALID_ARGUMENT, reason BAD_PATTERN.
  static absl::StatusOr<Pattern> Parse(absl::string_view text);

  bool Matches(const Name& name) const;
  // "." and networks of prefix length 0: too wide for whoever answers challenges.
  bool is_universal() const;
  // The normal form; parses to an equal pattern.
  const std::string& text() const { return text_; }
  bool operator==(const Pattern& other) const { return text_ == other.text_; }

 private:
  enum class Kind { kExact, kBelow, kWildcard, kNetwork, kUniversal };
  Pattern(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  static absl::StatusOr<Pattern> ParseNetwork(absl::string_view text);
  Kind kind_;
  std::string text_;
  std::string base_;     // kExact, kWildcard: the identifier; kBelow: ".example.com"
  std::string network_;  // kNetwork: 4 or 16 bytes
  int prefix_bits_ = 0;
};

inline constexpr size_t kMaxPatterns = 1000;

// In the order given; the first bad pattern's error names it and its place. At most kMaxPatterns.
absl::StatusOr<std::vector<Pattern>> ParsePatterns(const std::vector<std::string>& texts);
bool MatchesAny(const std::vector<Pattern>& patterns, const Name& name);

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_PATTERN_H_
