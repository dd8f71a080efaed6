#include "validator/preflight/issue_value.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace norroy::validator::preflight {
namespace {

// RFC 8659 4.2: letters, digits and hyphens inside, letters and digits at the ends.
bool IsLabel(absl::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
    return false;
  }
  return std::all_of(label.begin(), label.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

bool IsDomain(absl::string_view text) {
  if (text.size() > 253) return false;
  for (const absl::string_view label : absl::StrSplit(text, '.')) {
    if (!IsLabel(label)) return false;
  }
  return true;
}

// RFC 8659 4.2: %x21-3A / %x3C-7E.
bool IsValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x21 && c <= 0x7e && c != ';'; });
}

bool ParseParameter(absl::string_view text, IssueValue& value) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) return false;
  const absl::string_view tag = absl::StripAsciiWhitespace(text.substr(0, equals));
  const absl::string_view content = absl::StripAsciiWhitespace(text.substr(equals + 1));
  if (!IsLabel(tag) || !IsValue(content)) return false;
  return value.parameters.emplace(absl::AsciiStrToLower(tag), std::string(content)).second;
}

}  // namespace

const std::string* IssueValue::Find(absl::string_view tag) const {
  const auto found = parameters.find(std::string(tag));
  return found == parameters.end() ? nullptr : &found->second;
}

std::optional<IssueValue> ParseIssueValue(absl::string_view text) {
  if (text.size() > kMaxIssueValue) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ';');
  if (parts.size() > kMaxIssueParameters + 1) return std::nullopt;
  IssueValue value;
  value.issuer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[0]));
  if (!value.issuer.empty() && !IsDomain(value.issuer)) return std::nullopt;
  for (size_t i = 1; i < parts.size(); ++i) {
    // Nothing between two semicolons is nothing.
    if (absl::StripAsciiWhitespace(parts[i]).empty()) continue;
    if (!ParseParameter(parts[i], value)) return std::nullopt;
  }
  return value;
}

}  // namespace norroy::validator::preflight
