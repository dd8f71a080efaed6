#include "common/challenge/identifier.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/challenge/punycode.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::challenge {
namespace {

constexpr size_t kMaxNameLength = 253;  // RFC 1035 2.3.4, written with dots
constexpr size_t kMaxLabelLength = 63;  // RFC 1035 2.3.4
constexpr size_t kMaxLabels = 10;       // what Boulder takes

// Top-level labels that no CA certifies: RFC 6761, 6762, 7686, 9476, and the infrastructure's own.
constexpr absl::string_view kSpecialTops[] = {"alt",   "arpa",      "invalid",
                                              "local", "localhost", "onion"};

absl::Status BadName(absl::string_view text, absl::string_view problem) {
  const std::string printable = Printable(text, kMaxNameLength + 2);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_NAME",
                   absl::StrCat("name \"", printable, "\": ", problem), {{"name", printable}});
}

// Problems are said as text, "" for none: the caller knows what the whole name was.

std::string CharacterProblem(absl::string_view name) {
  for (const char c : name) {
    if (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.') continue;
    if (!absl::ascii_isascii(c)) {
      return "has a character that is not ASCII; write the A-label form (\"xn--...\")";
    }
    if (c == '*') return "a wildcard can only be the whole first label, as in \"*.example.com\"";
    if (c == '_') return "has an underscore, which no host name may have (RFC 5280 4.2.1.6)";
    return absl::StrCat("has the character \"", Printable(absl::string_view(&c, 1)),
                        "\"; only letters, digits, \"-\" and \".\" are allowed (no scheme, port or "
                        "path)");
  }
  return "";
}

std::string LabelProblem(absl::string_view label) {
  if (label.empty()) return "has an empty label: a dot too many";
  if (label.size() > kMaxLabelLength) {
    return absl::StrCat("has a label of ", label.size(), " characters; at most ", kMaxLabelLength,
                        " are allowed");
  }
  if (label.front() == '-' || label.back() == '-') {
    return absl::StrCat("label \"", label, "\" begins or ends with a hyphen");
  }
  if (absl::StartsWith(label, "xn--")) {
    if (IsALabel(label)) return "";
    return absl::StrCat("label \"", label,
                        "\" is no A-label: its Punycode does not decode to "
                        "characters outside ASCII (RFC 5890 2.3.2.1)");
  }
  // RFC 5891 4.2.3.1: such labels are reserved.
  if (label.size() >= 4 && label.substr(2, 2) == "--") {
    return absl::StrCat("label \"", label,
                        "\" has hyphens in places 3 and 4, which only \"xn--\" may");
  }
  return "";
}

// `name` is lower case, without "*." and trailing dot; `room` is the length that it may have.
std::string DnsProblem(absl::string_view name, size_t room) {
  if (name.empty()) return "is empty where a domain name should be";
  if (name.size() > room) {
    return absl::StrCat("is longer than ", kMaxNameLength, " characters");
  }
  if (std::string problem = CharacterProblem(name); !problem.empty()) return problem;
  const std::vector<absl::string_view> labels = absl::StrSplit(name, '.');
  for (const absl::string_view label : labels) {
    if (std::string problem = LabelProblem(label); !problem.empty()) return problem;
  }
  if (std::find(std::begin(kSpecialTops), std::end(kSpecialTops), labels.back()) !=
      std::end(kSpecialTops)) {
    return absl::StrCat("is a special-use name (\"", labels.back(), "\"), which no CA certifies");
  }
  if (labels.size() < 2) return "is a single label; write the full name, as in \"www.example.com\"";
  if (labels.size() > kMaxLabels) {
    return absl::StrCat("has ", labels.size(), " labels; at most ", kMaxLabels, " are allowed");
  }
  return "";
}

// What readers of numbers, browsers above all, take for an IPv4 address: the last label is decimal
// or hexadecimal.
bool EndsInNumber(absl::string_view text) {
  absl::ConsumeSuffix(&text, ".");
  absl::string_view last = text.substr(text.rfind('.') + 1);
  if (last.empty()) return false;
  if (std::all_of(last.begin(), last.end(), absl::ascii_isdigit)) return true;
  if (!absl::ConsumePrefix(&last, "0x") && !absl::ConsumePrefix(&last, "0X")) return false;
  return std::all_of(last.begin(), last.end(), absl::ascii_isxdigit);
}

// The normal form of an address, or why there is none.
struct AddressVerdict {
  std::string normal;
  std::string problem;
};

AddressVerdict ReadIpv4(const std::string& text) {
  std::array<unsigned char, 4> bytes;
  if (text.find('\0') != std::string::npos || inet_pton(AF_INET, text.c_str(), bytes.data()) != 1) {
    return {"", "its last label is a number, but it is no IPv4 address of the form \"192.0.2.1\""};
  }
  if (bytes[0] == 0 || bytes[0] >= 224) {
    return {"", "is an address that no host has (RFC 6890: this network, multicast, reserved)"};
  }
  // inet_pton refuses leading zeros, so the text is the normal form.
  return {text, ""};
}

std::string Ipv6SyntaxProblem(absl::string_view text) {
  if (absl::StartsWith(text, "[")) return "write an IPv6 address without brackets and port";
  if (absl::StrContains(text, '%')) return "write an IPv6 address without a zone";
  return "has the character \":\" but is no IPv6 address (no scheme, port or path)";
}

AddressVerdict ReadIpv6(const std::string& text) {
  std::array<unsigned char, 16> bytes;
  if (text.find('\0') != std::string::npos ||
      inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) {
    return {"", Ipv6SyntaxProblem(text)};
  }
  const auto zeros = [&bytes](size_t n) {
    return std::all_of(bytes.begin(), bytes.begin() + n, [](unsigned char b) { return b == 0; });
  };
  // RFC 4291 2.5.5: IPv4 inside IPv6, a second spelling of an address; "::1" is none.
  const bool mapped = zeros(10) && bytes[10] == 0xFF && bytes[11] == 0xFF;
  if (mapped || (zeros(12) && !(zeros(15) && bytes[15] == 1))) {
    return {"", "is an IPv4 address in IPv6 form, or none; write it as IPv4"};
  }
  if (bytes[0] == 0xFF) return {"", "is a multicast address, which no host has"};
  char normal[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, bytes.data(), normal, sizeof(normal));
  return {normal, ""};
}

// nullopt: `text` is to be read as a domain name.
std::optional<AddressVerdict> ReadAddress(absl::string_view text) {
  if (absl::StrContains(text, ':')) return ReadIpv6(std::string(text));
  if (EndsInNumber(text)) return ReadIpv4(std::string(text));
  return std::nullopt;
}

}  // namespace

absl::string_view IdentifierTypeName(IdentifierType type) {
  return type == IdentifierType::kDns ? "dns" : "ip";
}

absl::StatusOr<Identifier> Identifier::Parse(IdentifierType type, absl::string_view value) {
  NORROY_ASSIGN_OR_RETURN(const Name name, Name::Parse(value));
  if (name.wildcard()) {
    return BadName(value, "is a wildcard, but identifiers have none (RFC 8555 7.1.4)");
  }
  if (name.identifier().type() != type) {
    return BadName(value, absl::StrCat("is no identifier of type ", IdentifierTypeName(type)));
  }
  if (absl::AsciiStrToLower(value) != name.identifier().value()) {
    return BadName(value,
                   absl::StrCat("is not in its normal form, \"", name.identifier().value(), "\""));
  }
  return name.identifier();
}

absl::StatusOr<Name> Name::Parse(absl::string_view text) {
  if (text.empty()) return BadName(text, "is empty");
  // One trailing dot is no part of the length.
  if (text.size() > kMaxNameLength + 1) {
    return BadName(text, absl::StrCat("is longer than ", kMaxNameLength, " characters"));
  }
  absl::string_view host = text;
  const bool wildcard = absl::ConsumePrefix(&host, "*.");
  if (const std::optional<AddressVerdict> address = ReadAddress(host); address.has_value()) {
    if (!address->problem.empty()) return BadName(text, address->problem);
    if (wildcard) return BadName(text, "is a wildcard below an address");
    return Name(Identifier(IdentifierType::kIp, address->normal), false);
  }
  absl::ConsumeSuffix(&host, ".");
  std::string value = absl::AsciiStrToLower(host);
  const size_t room = wildcard ? kMaxNameLength - 2 : kMaxNameLength;
  if (const std::string problem = DnsProblem(value, room); !problem.empty()) {
    return BadName(text, problem);
  }
  return Name(Identifier(IdentifierType::kDns, std::move(value)), wildcard);
}

Name Name::Of(Identifier identifier, bool wildcard) {
  return Name(std::move(identifier), wildcard);
}

std::string Name::text() const {
  return wildcard_ ? absl::StrCat("*.", identifier_.value()) : identifier_.value();
}

absl::StatusOr<std::vector<Name>> ParseNames(const std::vector<std::string>& texts) {
  if (texts.empty() || texts.size() > kMaxNamesPerOrder) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_NAME",
                     absl::StrCat(texts.size(), " names; an order takes 1 to ", kMaxNamesPerOrder));
  }
  std::vector<Name> names;
  names.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    absl::StatusOr<Name> name = Name::Parse(texts[i]);
    if (!name.ok()) {
      return WithContext(name.status(), absl::StrCat(i + 1, ". of ", texts.size(), " names"));
    }
    names.push_back(*std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string SetKey(const std::vector<Name>& names) {
  return absl::StrJoin(
      names, ",", [](std::string* out, const Name& name) { absl::StrAppend(out, name.text()); });
}

}  // namespace norroy::challenge
