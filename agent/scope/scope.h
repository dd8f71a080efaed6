#ifndef NORROY_AGENT_SCOPE_SCOPE_H_
#define NORROY_AGENT_SCOPE_SCOPE_H_

// The names that this host will ever speak for: written at enrollment from the host's own command
// line, never from a validator. One pattern a line (common/challenge/pattern.h), "#" begins a
// comment. There is no default and no "any name".
//
// For DNS the zones of agent.yaml bound it further: a value for a name of the scope is written only
// where the name's CNAMEs end inside one of them. Nothing that a validator says adds a pattern or a
// zone.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/pattern.h"

namespace norroy::agent {

inline constexpr int kMaxScopePatterns = 1000;
inline constexpr size_t kMaxScopeFile = 256 * 1024;

// 1 to 1000 patterns, none of them ".". INVALID_ARGUMENT, reason BAD_SCOPE.
absl::StatusOr<std::vector<challenge::Pattern>> MakeScope(const std::vector<std::string>& texts);

// `file` is what errors call it; they say the line.
absl::StatusOr<std::vector<challenge::Pattern>> ParseScope(absl::string_view text,
                                                           absl::string_view file);
// What parses to the same.
std::string FormatScope(const std::vector<challenge::Pattern>& scope);

// The file must be a regular file of root or of our own user that nobody else can write.
absl::StatusOr<std::vector<challenge::Pattern>> ReadScope(const std::string& path);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SCOPE_SCOPE_H_
