#include "common/dns/name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

absl::Status BadName(absl::string_view text, absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DNS_NAME",
                   absl::StrCat("\"", Printable(text, 80), "\" is no DNS name: ", why));
}

bool IsLabelCharacter(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

// What is wrong with it; empty if nothing is.
absl::string_view LabelFault(absl::string_view label, bool first) {
  if (label.empty()) return "it has an empty label";
  if (label.size() > kMaxLabel) return "a label has over 63 characters";
  if (first && label == "*") return "";
  for (const char c : label) {
    if (!IsLabelCharacter(c)) return "labels hold letters, digits, '-' and '_'";
  }
  return "";
}

}  // namespace

absl::StatusOr<Name> Name::Parse(absl::string_view text) {
  absl::string_view rest = text;
  if (rest == ".") return Name();
  if (absl::EndsWith(rest, ".")) rest.remove_suffix(1);
  if (rest.empty()) return BadName(text, "it is empty; the root is \".\"");
  if (rest.size() > kMaxName) {
    return BadName(text, absl::StrCat("it has ", rest.size(), " characters; 253 are allowed"));
  }
  bool first = true;
  for (const absl::string_view label : absl::StrSplit(rest, '.')) {
    const absl::string_view fault = LabelFault(label, first);
    if (!fault.empty()) return BadName(text, fault);
    first = false;
  }
  return Name(absl::AsciiStrToLower(rest));
}

std::vector<std::string> Name::labels() const {
  if (text_.empty()) return {};
  return absl::StrSplit(text_, '.');
}

bool Name::IsWithin(const Name& zone) const {
  if (zone.is_root() || *this == zone) return true;
  return absl::EndsWith(text_, absl::StrCat(".", zone.text_));
}

Name Name::parent() const {
  const size_t dot = text_.find('.');
  return dot == std::string::npos ? Name() : Name(text_.substr(dot + 1));
}

absl::StatusOr<Name> Name::Child(absl::string_view label) const {
  return Parse(is_root() ? std::string(label) : absl::StrCat(label, ".", text_));
}

}  // namespace norroy::dns
