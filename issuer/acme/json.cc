#include "issuer/acme/json.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::acme {

struct JsonNode {
  enum class Kind { kNull, kBool, kInteger, kOtherNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  std::string text;
  std::vector<std::shared_ptr<JsonNode>> items;
  std::vector<std::string> names;  // kObject: of the items
};

namespace {

using Kind = JsonNode::Kind;

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a boolean";
    case Kind::kInteger:
    case Kind::kOtherNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "unknown";
}

// Builds the tree from nlohmann's events, which it also stops: at the first duplicate name and at
// the depth's cap. (Its own tree would keep the last of duplicates and be destroyed recursively.)
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add(Kind::kNull) != nullptr; }
  bool boolean(bool value) override {
    Add(Kind::kBool)->boolean = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    Add(Kind::kInteger)->integer = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max())) {
      Add(Kind::kOtherNumber);
      return true;
    }
    Add(Kind::kInteger)->integer = static_cast<int64_t>(value);
    return true;
  }
  bool number_float(number_float_t, const string_t&) override {
    Add(Kind::kOtherNumber);
    return true;
  }
  bool string(string_t& value) override {
    Add(Kind::kString)->text = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return Stop("binary value"); }
  bool start_object(size_t) override { return Open(Kind::kObject); }
  bool start_array(size_t) override { return Open(Kind::kArray); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    std::vector<std::string>& names = open_.back()->names;
    if (names.size() >= kMaxMembers) return Stop("an object has too many members");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return Stop(absl::StrCat("the member \"", Printable(name, 64), "\" comes twice"));
    }
    names.push_back(std::move(name));
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return Stop(absl::StrCat("not JSON at byte ", position));
  }

  std::shared_ptr<JsonNode> root() { return root_; }
  const std::string& error() const { return error_; }

 private:
  // Bounds the search for duplicates.
  static constexpr size_t kMaxMembers = 512;

  bool Stop(absl::string_view why) {
    if (error_.empty()) error_ = std::string(why);
    return false;
  }

  std::shared_ptr<JsonNode> Add(Kind kind) {
    auto node = std::make_shared<JsonNode>();
    node->kind = kind;
    if (open_.empty()) {
      root_ = node;
    } else {
      open_.back()->items.push_back(node);
    }
    return node;
  }

  bool Open(Kind kind) {
    if (open_.size() >= static_cast<size_t>(kMaxJsonDepth)) {
      return Stop(absl::StrCat("nested more than ", kMaxJsonDepth, " deep"));
    }
    open_.push_back(Add(kind));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::shared_ptr<JsonNode> root_;
  std::vector<std::shared_ptr<JsonNode>> open_;
  std::string error_;
};

std::string Excerpt(absl::string_view text) {
  return absl::StrCat("; it begins \"", Printable(text.substr(0, 512), 512), "\"");
}

}  // namespace

absl::Status CaProtocolError(absl::string_view resource, absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, "CA_PROTOCOL",
                   absl::StrCat("the CA's reply is not what RFC 8555 says: ",
                                Printable(resource, 300), ": ", what));
}

absl::StatusOr<JsonObject> JsonObject::Parse(absl::string_view resource, absl::string_view text,
                                             size_t max_bytes) {
  if (text.size() > max_bytes) {
    return CaProtocolError(resource, absl::StrCat("longer than ", max_bytes, " bytes"));
  }
  if (absl::StripAsciiWhitespace(text).empty()) return CaProtocolError(resource, "empty body");
  // nlohmann takes NUL for the end and skips a byte order mark (RFC 8259 8.1 forbids to send one).
  if (text.find('\0') != absl::string_view::npos) {
    return CaProtocolError(resource, "a NUL byte in the text");
  }
  if (absl::StartsWith(text, "\xEF\xBB\xBF")) {
    return CaProtocolError(resource, "begins with a byte order mark");
  }
  TreeBuilder builder;
  const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  if (!parsed || builder.root() == nullptr) {
    return CaProtocolError(resource, absl::StrCat(builder.error(), Excerpt(text)));
  }
  if (builder.root()->kind != Kind::kObject) {
    return CaProtocolError(resource,
                           absl::StrCat("must be an object, is ", KindName(builder.root()->kind)));
  }
  return JsonObject(std::string(resource), builder.root());
}

std::shared_ptr<const JsonNode> JsonObject::Find(absl::string_view name) const {
  for (size_t i = 0; i < node_->names.size(); ++i) {
    if (node_->names[i] != name) continue;
    return node_->items[i]->kind == Kind::kNull ? nullptr : node_->items[i];
  }
  return nullptr;
}

bool JsonObject::Has(absl::string_view name) const { return Find(name) != nullptr; }

absl::StatusOr<std::string> JsonObject::OptionalString(absl::string_view name) const {
  const auto node = Find(name);
  if (node == nullptr) return std::string();
  if (node->kind != Kind::kString) {
    return Error(absl::StrCat(name, " must be a string, is ", KindName(node->kind)));
  }
  return node->text;
}

absl::StatusOr<std::string> JsonObject::RequiredString(absl::string_view name) const {
  NORROY_ASSIGN_OR_RETURN(std::string text, OptionalString(name));
  if (text.empty()) return Error(absl::StrCat(name, " is missing or empty"));
  return text;
}

absl::StatusOr<bool> JsonObject::OptionalBool(absl::string_view name) const {
  const auto node = Find(name);
  if (node == nullptr) return false;
  if (node->kind != Kind::kBool) {
    return Error(absl::StrCat(name, " must be a boolean, is ", KindName(node->kind)));
  }
  return node->boolean;
}

int JsonObject::IntegerOrZero(absl::string_view name) const {
  const auto node = Find(name);
  if (node == nullptr || node->kind != Kind::kInteger) return 0;
  const bool fits = node->integer >= std::numeric_limits<int>::min() &&
                    node->integer <= std::numeric_limits<int>::max();
  return fits ? static_cast<int>(node->integer) : 0;
}

absl::StatusOr<std::optional<absl::Time>> JsonObject::OptionalTime(absl::string_view name) const {
  NORROY_ASSIGN_OR_RETURN(const std::string text, OptionalString(name));
  if (text.empty()) return std::optional<absl::Time>();
  absl::Time time;
  // absl also takes "infinite-future", signs and blanks around: RFC 3339 5.6 does not.
  const bool plausible = text.size() >= 20 && text.size() <= 48 && absl::ascii_isdigit(text[0]) &&
                         absl::ascii_isdigit(text[3]) && text[4] == '-' &&
                         !absl::ascii_isspace(text.back());
  if (!plausible || !absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) {
    return Error(absl::StrCat(name, " must be an RFC 3339 date, is \"", Printable(text, 64), "\""));
  }
  return std::optional<absl::Time>(time);
}

absl::StatusOr<std::optional<JsonObject>> JsonObject::OptionalObject(absl::string_view name) const {
  const auto node = Find(name);
  if (node == nullptr) return std::optional<JsonObject>();
  if (node->kind != Kind::kObject) {
    return Error(absl::StrCat(name, " must be an object, is ", KindName(node->kind)));
  }
  return std::optional<JsonObject>(JsonObject(absl::StrCat(resource_, " ", name), node));
}

absl::StatusOr<JsonObject> JsonObject::RequiredObject(absl::string_view name) const {
  NORROY_ASSIGN_OR_RETURN(std::optional<JsonObject> object, OptionalObject(name));
  if (!object.has_value()) return Error(absl::StrCat(name, " is missing"));
  return *std::move(object);
}

absl::StatusOr<std::vector<std::shared_ptr<const JsonNode>>> JsonObject::Items(
    absl::string_view name, size_t max) const {
  const auto node = Find(name);
  if (node == nullptr) return std::vector<std::shared_ptr<const JsonNode>>();
  if (node->kind != Kind::kArray) {
    return Error(absl::StrCat(name, " must be an array, is ", KindName(node->kind)));
  }
  if (node->items.size() > max) {
    return Error(
        absl::StrCat(name, " has ", node->items.size(), " items, at most ", max, " are taken"));
  }
  return std::vector<std::shared_ptr<const JsonNode>>(node->items.begin(), node->items.end());
}

absl::StatusOr<std::vector<std::string>> JsonObject::Strings(absl::string_view name,
                                                             size_t max) const {
  NORROY_ASSIGN_OR_RETURN(const auto items, Items(name, max));
  std::vector<std::string> strings;
  for (const auto& item : items) {
    if (item->kind != Kind::kString) {
      return Error(absl::StrCat(name, " must hold strings, holds ", KindName(item->kind)));
    }
    strings.push_back(item->text);
  }
  return strings;
}

absl::StatusOr<std::vector<JsonObject>> JsonObject::Objects(absl::string_view name,
                                                            size_t max) const {
  NORROY_ASSIGN_OR_RETURN(const auto items, Items(name, max));
  std::vector<JsonObject> objects;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i]->kind != Kind::kObject) {
      return Error(absl::StrCat(name, " must hold objects, holds ", KindName(items[i]->kind)));
    }
    objects.push_back(JsonObject(absl::StrCat(resource_, " ", name, "[", i, "]"), items[i]));
  }
  return objects;
}

std::vector<std::pair<std::string, std::string>> JsonObject::StringMembers() const {
  std::vector<std::pair<std::string, std::string>> members;
  for (size_t i = 0; i < node_->names.size(); ++i) {
    if (node_->items[i]->kind != Kind::kString) continue;
    members.emplace_back(node_->names[i], node_->items[i]->text);
  }
  return members;
}

std::string JsonQuote(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonArray(const std::vector<std::string>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ","), "]");
}

}  // namespace norroy::acme
