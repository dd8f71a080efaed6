#include "issuer/sign_in/json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::sign_in {
namespace {

using Kind = JsonValue::Kind;

absl::Status BadJson(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_JSON", absl::StrCat("JSON: ", message));
}

// Builds the tree from nlohmann's events, so that it can stop at the first duplicate name and at
// the caps. Open objects and arrays are on a path of their own and move into their parent when they
// are whole.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add({}); }
  bool boolean(bool value) override { return Add({.kind = Kind::kBool, .boolean = value}); }
  bool number_integer(number_integer_t value) override {
    return Add({.kind = Kind::kInteger, .integer = value});
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<int64_t>::max())) {
      return Add({.kind = Kind::kReal, .real = static_cast<double>(value)});
    }
    return Add({.kind = Kind::kInteger, .integer = static_cast<int64_t>(value)});
  }
  bool number_float(number_float_t value, const string_t&) override {
    return Add({.kind = Kind::kReal, .real = value});
  }
  bool string(string_t& value) override {
    return Add({.kind = Kind::kString, .text = std::move(value)});
  }
  bool binary(binary_t&) override { return Stop("a binary value"); }
  bool start_object(size_t) override { return Open(Kind::kObject); }
  bool start_array(size_t) override { return Open(Kind::kArray); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    std::vector<std::string>& names = open_.back().names;
    if (names.size() >= kMaxMembers) return Stop("an object has too many members");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return Stop(absl::StrCat("the member \"", Printable(name, 64), "\" comes twice"));
    }
    names.push_back(std::move(name));
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return Stop(absl::StrCat("a mistake at byte ", position));
  }

  JsonValue& root() { return root_; }
  const std::string& error() const { return error_; }

 private:
  // Bounds the search for duplicates.
  static constexpr size_t kMaxMembers = 256;

  bool Stop(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return false;
  }

  bool Count() {
    if (++values_ <= kMaxJsonValues) return true;
    return Stop(absl::StrCat("more than ", kMaxJsonValues, " values"));
  }

  bool Add(JsonValue value) {
    if (!Count()) return false;
    Place(std::move(value));
    return true;
  }

  bool Open(Kind kind) {
    if (open_.size() >= static_cast<size_t>(kMaxJsonDepth)) {
      return Stop(absl::StrCat("nested more than ", kMaxJsonDepth, " deep"));
    }
    if (!Count()) return false;
    open_.push_back({.kind = kind});
    return true;
  }

  bool Close() {
    JsonValue whole = std::move(open_.back());
    open_.pop_back();
    Place(std::move(whole));
    return true;
  }

  void Place(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
  }

  JsonValue root_;
  std::vector<JsonValue> open_;
  size_t values_ = 0;
  std::string error_;
};

}  // namespace

const JsonValue* JsonValue::Find(absl::string_view name) const {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return &items[i];
  }
  return nullptr;
}

const std::string* JsonValue::FindText(absl::string_view name) const {
  const JsonValue* const value = Find(name);
  const bool is_text = value != nullptr && value->kind == Kind::kString && !value->text.empty();
  return is_text ? &value->text : nullptr;
}

absl::StatusOr<JsonValue> ParseJson(absl::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes) return BadJson(absl::StrCat("longer than ", max_bytes, " bytes"));
  // nlohmann takes NUL for the end and skips a byte order mark (RFC 8259 8.1 forbids to send one).
  if (text.find('\0') != absl::string_view::npos) return BadJson("a NUL byte in the text");
  if (absl::StartsWith(text, "\xEF\xBB\xBF")) return BadJson("begins with a byte order mark");
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return BadJson(builder.error());
  }
  if (builder.root().kind != Kind::kObject) return BadJson("not an object");
  return std::move(builder.root());
}

}  // namespace norroy::sign_in
