#ifndef NORROY_COMMON_CONFIG_YAML_TREE_H_
#define NORROY_COMMON_CONFIG_YAML_TREE_H_

// The part of YAML that configuration files may use, as a tree with the place of each node: block
// and flow mappings and lists, plain, quoted and block scalars, comments. What makes YAML
// surprising is refused: anchors, aliases, tags, directives, several documents, tabs, and quotes
// that are never closed.

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::config {

inline constexpr size_t kMaxYamlBytes = 1 << 20;
inline constexpr size_t kMaxYamlDepth = 32;

// A file's text without byte order mark, and how errors in it are said. Refers to both.
class YamlSource {
 public:
  YamlSource(absl::string_view text, absl::string_view file);
  absl::string_view text() const { return text_; }
  // "<file>:<line>:<column>: <problem>"; lines and columns from 1, columns in characters.
  absl::Status ErrorAt(size_t offset, absl::string_view problem) const;

 private:
  absl::string_view text_;
  absl::string_view file_;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  size_t offset = 0;  // into YamlSource::text()
  std::string scalar;
  bool quoted = false;  // a scalar that is text whatever it looks like
  // kList: the items. kMap: key, value, key, value, ...
  std::vector<YamlNode> items;
};

// "a list", "text" ...: for errors.
absl::string_view YamlKindName(const YamlNode& node);

// An empty file, or one of comments only, is an empty mapping.
absl::StatusOr<YamlNode> ReadYamlTree(const YamlSource& source);

}  // namespace norroy::config

#endif  // NORROY_COMMON_CONFIG_YAML_TREE_H_
