#include "cli/certificate_selection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/challenge/identifier.h"
#include "common/crypto/certificate.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr size_t kSha256Digits = 64;
constexpr size_t kMaxFile = size_t{1} << 20;

absl::Status BadUsage(absl::string_view option, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   absl::StrCat(option, ": ", message));
}

bool IsHex(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

// As certificates have it: lower case, without the colons of openssl and the zeros before it.
absl::StatusOr<std::string> ParseSerial(absl::string_view text) {
  if (text.empty()) return "";
  std::string digits = absl::AsciiStrToLower(absl::StrReplaceAll(text, {{":", ""}}));
  if (!IsHex(digits)) return BadUsage("--serial", "give it in hexadecimal, as cert show does");
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return digits;
}

absl::StatusOr<std::string> ParsePublicKey(const std::string& text) {
  if (text.empty()) return "";
  if (text.size() == kSha256Digits && IsHex(text)) return absl::AsciiStrToLower(text);
  const absl::StatusOr<std::string> pem = identity::ReadFile(text, kMaxFile);
  const absl::StatusOr<crypto::Certificate> certificate =
      pem.ok() ? crypto::Certificate::ParsePem(*pem) : pem.status();
  if (certificate.ok()) return certificate->spki_sha256();
  return BadUsage("--public-key",
                  absl::StrCat("give the SHA-256 of the key in hexadecimal, as cert show does, or "
                               "the file of a certificate that has it: ",
                               certificate.status().message()));
}

absl::StatusOr<std::string> ParseName(absl::string_view option, const std::string& text) {
  if (text.empty()) return "";
  const absl::StatusOr<challenge::Name> name = challenge::Name::Parse(text);
  if (!name.ok()) return BadUsage(option, name.status().message());
  return name->text();
}

// "*.example.com" is under example.com, too.
bool IsUnder(absl::string_view name, absl::string_view domain) {
  absl::ConsumePrefix(&name, "*.");
  return name == domain || absl::EndsWith(name, absl::StrCat(".", domain));
}

}  // namespace

bool SelectionOptions::empty() const {
  return name.empty() && under.empty() && serial.empty() && public_key.empty() && ca.empty() &&
         creator.empty() && labels.empty();
}

bool Counts(const issuer::v1::Certificate& certificate, absl::Time now) {
  return !certificate.has_revoke_time() &&
         certificate.not_after().seconds() > absl::ToUnixSeconds(now);
}

absl::StatusOr<Selection> Selection::Parse(const SelectionOptions& options) {
  Selection selection;
  NORROY_ASSIGN_OR_RETURN(selection.name_, ParseName("--name", options.name));
  NORROY_ASSIGN_OR_RETURN(selection.under_, ParseName("--under", options.under));
  if (absl::StartsWith(selection.under_, "*.")) {
    return BadUsage("--under", "give the domain without \"*.\"; its wildcard is among them");
  }
  NORROY_ASSIGN_OR_RETURN(selection.serial_, ParseSerial(options.serial));
  NORROY_ASSIGN_OR_RETURN(selection.public_key_sha256_, ParsePublicKey(options.public_key));
  selection.ca_ = options.ca;
  selection.creator_ = options.creator;
  for (const std::string& label : options.labels) {
    const size_t equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return BadUsage("--label", absl::StrCat("\"", Printable(label), "\" is not KEY=VALUE"));
    }
    const auto [at, added] =
        selection.labels_.emplace(label.substr(0, equals), label.substr(equals + 1));
    if (!added) return BadUsage("--label", absl::StrCat(at->first, " comes twice"));
  }
  return selection;
}

bool Selection::Has(const issuer::v1::Certificate& certificate, absl::Time now) const {
  const auto& names = certificate.names();
  const auto is = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  const bool named = name_.empty() || std::find(names.begin(), names.end(), name_) != names.end();
  const bool under = under_.empty() || std::any_of(names.begin(), names.end(), [&](const auto& n) {
                       return IsUnder(n, under_);
                     });
  const bool labelled = std::all_of(labels_.begin(), labels_.end(), [&](const auto& label) {
    const auto at = certificate.labels().find(label.first);
    return at != certificate.labels().end() && at->second == label.second;
  });
  return named && under && labelled && is(serial_, certificate.serial()) &&
         is(public_key_sha256_, certificate.public_key_sha256()) && is(ca_, certificate.ca()) &&
         is(creator_, certificate.creator()) && Counts(certificate, now);
}

}  // namespace norroy::cli
