#ifndef NORROY_ISSUER_ACME_JSON_H_
#define NORROY_ISSUER_ACME_JSON_H_

// Objects that a CA sends as JSON (RFC 8259), read by the names that the RFC gives their members.
// Refused: text over its cap, more than 32 levels, duplicate names in one object, bad UTF-8, NUL,
// byte order marks, numbers that do not fit. Unknown members are ignored; null reads as absent.
// Errors are INTERNAL, reason CA_PROTOCOL, and say which member of which resource is wrong.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace norroy::acme {

inline constexpr size_t kMaxDirectoryBytes = 64 * 1024;
inline constexpr size_t kMaxJsonBytes = 256 * 1024;
inline constexpr int kMaxJsonDepth = 32;

// What the CA said is not what the RFC says.
absl::Status CaProtocolError(absl::string_view resource, absl::string_view what);

struct JsonNode;

// Immutable value; copies share the parsed text's tree.
class JsonObject {
 public:
  // `resource` names the object in errors: "order https://...".
  static absl::StatusOr<JsonObject> Parse(absl::string_view resource, absl::string_view text,
                                          size_t max_bytes = kMaxJsonBytes);

  bool Has(absl::string_view name) const;

  absl::StatusOr<std::string> RequiredString(absl::string_view name) const;
  // "" if absent.
  absl::StatusOr<std::string> OptionalString(absl::string_view name) const;
  // False if absent.
  absl::StatusOr<bool> OptionalBool(absl::string_view name) const;
  // 0 if absent or not an integer within an int.
  int IntegerOrZero(absl::string_view name) const;
  // RFC 3339 5.6.
  absl::StatusOr<std::optional<absl::Time>> OptionalTime(absl::string_view name) const;
  absl::StatusOr<JsonObject> RequiredObject(absl::string_view name) const;
  absl::StatusOr<std::optional<JsonObject>> OptionalObject(absl::string_view name) const;
  // Arrays; empty if absent. More than `max` items are an error.
  absl::StatusOr<std::vector<std::string>> Strings(absl::string_view name, size_t max) const;
  absl::StatusOr<std::vector<JsonObject>> Objects(absl::string_view name, size_t max) const;
  // The members with string values; others are left out.
  std::vector<std::pair<std::string, std::string>> StringMembers() const;

  absl::Status Error(absl::string_view what) const { return CaProtocolError(resource_, what); }
  const std::string& resource() const { return resource_; }

 private:
  JsonObject(std::string resource, std::shared_ptr<const JsonNode> node)
      : resource_(std::move(resource)), node_(std::move(node)) {}
  // Null where absent.
  std::shared_ptr<const JsonNode> Find(absl::string_view name) const;
  absl::StatusOr<std::vector<std::shared_ptr<const JsonNode>>> Items(absl::string_view name,
                                                                     size_t max) const;
  std::string resource_;
  std::shared_ptr<const JsonNode> node_;
};

// A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string JsonQuote(absl::string_view text);
// "[a,b]" of finished values.
std::string JsonArray(const std::vector<std::string>& values);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_JSON_H_
