#include "common/crypto/key_uri.h"

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kForms =
    "a path, \"file:/path\" or \"pkcs11:token=...;object=...\" is needed";
// What the engine keeps of a value.
constexpr size_t kMaxValue = 127;

absl::Status BadUri(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_KEY_URI",
                   absl::StrCat("key URI: ", message));
}

// RFC 3986 2.1. nullopt for a malformed escape or a byte that no name or path has.
std::optional<std::string> Unescape(absl::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      if (!absl::ascii_isxdigit(text[i + 1]) || !absl::ascii_isxdigit(text[i + 2])) {
        return std::nullopt;
      }
      c = absl::HexStringToBytes(text.substr(i + 1, 2))[0];
      i += 2;
    }
    bytes.push_back(c);
  }
  return bytes;
}

bool HasControl(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(c)) return true;
  }
  return false;
}

// RFC 8089 2: "/path" or "///path", of this host.
absl::StatusOr<std::string> FilePath(absl::string_view rest) {
  if (absl::StartsWith(rest, "///")) rest.remove_prefix(2);
  const std::optional<std::string> path = Unescape(rest);
  if (!path.has_value() || HasControl(*path) || !absl::StartsWith(*path, "/") ||
      absl::StartsWith(*path, "//") || path->size() < 2) {
    return BadUri("after \"file:\" comes the absolute path of a file here: \"file:/path\"");
  }
  return *path;
}

bool IsTokenAttribute(absl::string_view name) {
  return name == "token" || name == "serial" || name == "model" || name == "manufacturer";
}

// RFC 7512 2.3: what a value may be made of besides letters, digits and escapes. "&" only ends an
// attribute of the query.
bool IsPlainValue(absl::string_view value) {
  for (const char c : value) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("-._~:[]@!$'()*+,=&%", c)) return false;
  }
  return true;
}

// "name=value" of the path, checked; its name.
absl::StatusOr<std::string> PathAttribute(absl::string_view attribute) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(attribute, absl::MaxSplits('=', 1));
  const auto& [name, value] = parts;
  // Also behind a "&" that should have been a "?": then it would be part of a label.
  if (absl::StrContains(attribute, "pin-value")) {
    return BadUri("pin-value is refused: a PIN belongs into a file of its own (pin-source)");
  }
  if (!IsTokenAttribute(name) && name != "object" && name != "id" && name != "type") {
    return BadUri(absl::StrCat("\"", Printable(name, 32),
                               "\" is none of token, serial, model, manufacturer, object, id, "
                               "type"));
  }
  const std::optional<std::string> bytes = Unescape(value);
  const bool text = name != "id";
  if (!bytes.has_value() || !IsPlainValue(value) || bytes->empty() || bytes->size() > kMaxValue ||
      (text && HasControl(*bytes))) {
    return BadUri(absl::StrCat("the value of ", name, " is malformed: 1 to ", kMaxValue,
                               " bytes, what is not a letter or digit written as %20 (RFC 7512)"));
  }
  if (name == "type" && *bytes != "private") return BadUri("type must be private, or left out");
  return std::string(name);
}

// The file that a PIN is in, from what follows "?".
absl::StatusOr<std::string> PinFile(absl::string_view query) {
  std::string file;
  for (const absl::string_view attribute : absl::StrSplit(query, '&')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(attribute, absl::MaxSplits('=', 1));
    const auto& [name, value] = parts;
    if (name == "pin-value") {
      return BadUri("pin-value is refused: a PIN belongs into a file of its own (pin-source)");
    }
    if (name == "module-path" || name == "module-name") {
      return BadUri(absl::StrCat(name, " is refused: the configuration's pkcs11_module says it"));
    }
    if (name != "pin-source" || !file.empty()) {
      return BadUri("after \"?\" stands pin-source, once, and nothing else");
    }
    absl::string_view rest = value;
    absl::ConsumePrefix(&rest, "file:");
    absl::StatusOr<std::string> path = FilePath(rest);
    if (!path.ok()) return BadUri("pin-source must be the absolute path of a file");
    file = *std::move(path);
  }
  return file;
}

}  // namespace

absl::StatusOr<KeyUri> KeyUri::ParseFile(absl::string_view rest) {
  KeyUri uri;
  NORROY_ASSIGN_OR_RETURN(uri.path_, FilePath(rest));
  return uri;
}

absl::StatusOr<KeyUri> KeyUri::ParseToken(absl::string_view rest) {
  KeyUri uri;
  const size_t question = rest.find('?');
  const absl::string_view path = rest.substr(0, question);
  if (question != absl::string_view::npos) {
    NORROY_ASSIGN_OR_RETURN(uri.pin_file_, PinFile(rest.substr(question + 1)));
  }
  std::set<std::string> names;
  std::vector<absl::string_view> of_token;
  std::vector<absl::string_view> of_key;
  for (const absl::string_view attribute : absl::StrSplit(path, ';')) {
    NORROY_ASSIGN_OR_RETURN(const std::string name, PathAttribute(attribute));
    // RFC 7512 2.3: an attribute must not occur twice.
    if (!names.insert(name).second) return BadUri(absl::StrCat(name, " stands there twice"));
    if (name != "type") (IsTokenAttribute(name) ? of_token : of_key).push_back(attribute);
  }
  if (names.count("token") + names.count("serial") == 0) {
    return BadUri("it does not say which token: give token=LABEL or serial=NUMBER");
  }
  if (of_key.empty()) {
    return BadUri("it does not say which key of the token: give object=LABEL or id=%01");
  }
  uri.token_only_ = absl::StrCat("pkcs11:", absl::StrJoin(of_token, ";"));
  uri.token_uri_ = absl::StrCat(uri.token_only_, ";", absl::StrJoin(of_key, ";"));
  return uri;
}

absl::StatusOr<KeyUri> KeyUri::Parse(absl::string_view text) {
  if (text.empty() || text.size() > kMaxKeyUri || HasControl(text)) {
    return BadUri(absl::StrCat("it is empty, longer than ", kMaxKeyUri,
                               " bytes or has control characters; ", kForms));
  }
  if (absl::ConsumePrefix(&text, "pkcs11:")) return ParseToken(text);
  if (absl::ConsumePrefix(&text, "file:")) return ParseFile(text);
  // RFC 3986 3.1: what comes before the first ":" is a scheme, unless a "/" was before.
  const size_t colon = text.find_first_of(":/");
  if (colon != absl::string_view::npos && text[colon] == ':') {
    return BadUri(
        absl::StrCat("\"", Printable(text.substr(0, colon), 32), ":\" is unknown; ", kForms));
  }
  KeyUri uri;
  uri.path_ = std::string(text);
  return uri;
}

}  // namespace norroy::crypto
