#ifndef NORROY_COMMON_DNS_NAME_H_
#define NORROY_COMMON_DNS_NAME_H_

// A domain name as DNS has it (RFC 1035 3.1): absolute, lower case, without the trailing dot; the
// root is "". Wider than challenge::Name: underscores and single labels are fine. Labels hold
// letters, digits, '-', '_' and, as the first label alone, '*': nothing that this project asks for
// or writes has others.

#include <compare>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::dns {

inline constexpr size_t kMaxName = 253;
inline constexpr size_t kMaxLabel = 63;

// A value; immutable.
class Name {
 public:
  // The root.
  Name() = default;
  // One trailing dot is fine, "." is the root. INVALID_ARGUMENT, reason BAD_DNS_NAME.
  static absl::StatusOr<Name> Parse(absl::string_view text);

  // Without the trailing dot; "" for the root.
  const std::string& text() const { return text_; }
  // "www.example.com."
  std::string absolute() const { return text_ + "."; }
  bool is_root() const { return text_.empty(); }
  std::vector<std::string> labels() const;
  // Is this `zone` or a name below it?
  bool IsWithin(const Name& zone) const;
  // Without the first label; the root's is the root.
  Name parent() const;
  // `label` (already valid) in front. INVALID_ARGUMENT if that is too long.
  absl::StatusOr<Name> Child(absl::string_view label) const;

  auto operator<=>(const Name&) const = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_NAME_H_
