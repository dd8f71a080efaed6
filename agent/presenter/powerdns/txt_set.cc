#include "agent/presenter/powerdns/txt_set.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"

namespace norroy::agent {
namespace {

using Json = nlohmann::json;

// RFC 2181 8: a TTL has 31 bits.
constexpr int64_t kMaxTtl = std::numeric_limits<int32_t>::max();

// Deeper JSON costs more memory than its bytes, and is not PowerDNS's.
constexpr int kMaxDepth = 16;

bool IsDeep(absl::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      if (++depth > kMaxDepth) return true;
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

Json Parsed(absl::string_view text) {
  if (IsDeep(text)) return Json(Json::value_t::discarded);
  return Json::parse(text.begin(), text.end(), nullptr, false);
}

// The member of an object; null if it is none or has none.
const Json* Member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string StringAt(const Json& object, const char* name) {
  const Json* const member = Member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

bool Means(const TxtSet::Record& record, absl::string_view value) {
  const std::optional<std::string> text = UnquotedTxt(record.content);
  return text.has_value() && *text == value;
}

bool IsSetOf(const Json& rrset, const dns::Name& owner) {
  if (StringAt(rrset, "type") != "TXT") return false;
  const auto name = dns::Name::Parse(StringAt(rrset, "name"));
  return name.ok() && *name == owner;
}

absl::StatusOr<TxtSet> ReadSet(const Json& rrset) {
  const Json* const records = Member(rrset, "records");
  if (records == nullptr || !records->is_array()) {
    return absl::UnavailableError("a set without \"records\"");
  }
  if (records->size() > kMaxTxtRecords) {
    return absl::UnavailableError(absl::StrCat("more than ", kMaxTxtRecords, " TXT records"));
  }
  TxtSet set;
  const Json* const ttl = Member(rrset, "ttl");
  if (ttl == nullptr || !ttl->is_number_unsigned() || *ttl > kMaxTtl) {
    return absl::UnavailableError("a set without a sensible \"ttl\"");
  }
  set.ttl = ttl->get<uint32_t>();
  for (const Json& record : *records) {
    const Json* const content = Member(record, "content");
    if (content == nullptr || !content->is_string()) {
      return absl::UnavailableError("a record without \"content\"");
    }
    const Json* const disabled = Member(record, "disabled");
    set.records.push_back({.content = content->get<std::string>(),
                           .disabled = disabled != nullptr && *disabled == true});
  }
  return set;
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json RecordJson(const std::string& content, bool disabled) {
  return Json{{"content", content}, {"disabled", disabled}};
}

std::string PatchBody(const dns::Name& owner, const char* changetype, Json rest) {
  rest["name"] = owner.absolute();
  rest["type"] = "TXT";
  rest["changetype"] = changetype;
  return Text(Json{{"rrsets", Json::array({std::move(rest)})}});
}

std::string OneRecordBody(const dns::Name& owner, const char* changetype, absl::string_view value,
                          uint32_t ttl) {
  return PatchBody(
      owner, changetype,
      Json{{"ttl", ttl}, {"records", Json::array({RecordJson(QuotedTxt(value), false)})}});
}

// One character of a content from `at` on, escapes undone; moves `at` behind it. -1: malformed.
int TakeCharacter(absl::string_view content, size_t& at) {
  if (content[at] != '\\') return static_cast<unsigned char>(content[at++]);
  if (++at == content.size()) return -1;
  if (!absl::ascii_isdigit(static_cast<unsigned char>(content[at]))) {
    return static_cast<unsigned char>(content[at++]);
  }
  int code = 0;
  if (at + 3 > content.size()) return -1;
  for (const size_t end = at + 3; at < end; ++at) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(content[at]))) return -1;
    code = code * 10 + (content[at] - '0');
  }
  return code > 255 ? -1 : code;
}

}  // namespace

bool TxtSet::Has(absl::string_view value) const {
  return std::any_of(records.begin(), records.end(),
                     [&](const Record& record) { return Means(record, value); });
}

bool TxtSet::Serves(absl::string_view value) const {
  return std::any_of(records.begin(), records.end(), [&](const Record& record) {
    return !record.disabled && Means(record, value);
  });
}

bool TxtSet::HasDisabled() const {
  return std::any_of(records.begin(), records.end(),
                     [](const Record& record) { return record.disabled; });
}

TxtSet TxtSet::With(absl::string_view value, uint32_t new_ttl) const {
  TxtSet set = Without(value);
  set.ttl = records.empty() ? new_ttl : ttl;
  set.records.push_back({.content = QuotedTxt(value)});
  return set;
}

TxtSet TxtSet::Without(absl::string_view value) const {
  TxtSet set = {.ttl = ttl};
  for (const Record& record : records) {
    if (!Means(record, value)) set.records.push_back(record);
  }
  return set;
}

bool IsTxtValue(absl::string_view value) {
  return !value.empty() && value.size() <= 255 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string QuotedTxt(absl::string_view value) {
  std::string content = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') content.push_back('\\');
    content.push_back(c);
  }
  content.push_back('"');
  return content;
}

std::optional<std::string> UnquotedTxt(absl::string_view content) {
  std::string text;
  for (size_t at = 0; at < content.size();) {
    if (content[at] == ' ') {
      ++at;
      continue;
    }
    if (content[at++] != '"') return std::nullopt;
    while (at < content.size() && content[at] != '"') {
      const int character = TakeCharacter(content, at);
      if (character < 0) return std::nullopt;
      text.push_back(static_cast<char>(character));
    }
    if (at == content.size()) return std::nullopt;
    ++at;
  }
  return text;
}

absl::StatusOr<TxtSet> ReadTxtSet(absl::string_view json, const dns::Name& owner) {
  const Json zone = Parsed(json);
  const Json* const rrsets = Member(zone, "rrsets");
  if (rrsets == nullptr || !rrsets->is_array()) {
    return absl::UnavailableError("what it answers is not a zone in JSON with \"rrsets\"");
  }
  for (const Json& rrset : *rrsets) {
    if (IsSetOf(rrset, owner)) return ReadSet(rrset);
  }
  return TxtSet{};
}

std::string ReplaceBody(const dns::Name& owner, const TxtSet& set) {
  if (set.records.empty()) return PatchBody(owner, "DELETE", Json::object());
  Json records = Json::array();
  for (const TxtSet::Record& record : set.records) {
    records.push_back(RecordJson(record.content, record.disabled));
  }
  // Without "comments" those that are there stay.
  return PatchBody(owner, "REPLACE", Json{{"ttl", set.ttl}, {"records", std::move(records)}});
}

std::string ExtendBody(const dns::Name& owner, absl::string_view value, uint32_t ttl) {
  return OneRecordBody(owner, "EXTEND", value, ttl);
}

std::string PruneBody(const dns::Name& owner, absl::string_view value, uint32_t ttl) {
  return OneRecordBody(owner, "PRUNE", value, ttl);
}

bool ServerExtends(absl::string_view json) {
  const std::string version = StringAt(Parsed(json), "version");
  const std::vector<std::string> parts = absl::StrSplit(version, '.');
  if (parts.size() < 3) return false;
  std::array<int, 3> numbers = {};
  for (size_t i = 0; i < numbers.size(); ++i) {
    // "2-rc1" counts as 2.
    const size_t digits = std::min(parts[i].find_first_not_of("0123456789"), parts[i].size());
    if (!absl::SimpleAtoi(parts[i].substr(0, digits), &numbers[i])) return false;
  }
  return numbers >= std::array<int, 3>{5, 0, 2};
}

std::string ErrorOf(absl::string_view body) {
  const std::string error = StringAt(Parsed(body), "error");
  return error.empty() ? std::string(body) : error;
}

}  // namespace norroy::agent
