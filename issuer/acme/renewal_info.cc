#include "issuer/acme/renewal_info.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

constexpr size_t kMaxExplanationUrl = 300;

absl::StatusOr<absl::Time> RequiredTime(const JsonObject& window, absl::string_view name) {
  NORROY_ASSIGN_OR_RETURN(const std::optional<absl::Time> time, window.OptionalTime(name));
  if (!time.has_value()) return window.Error(absl::StrCat(name, " is missing"));
  return *time;
}

absl::Status NoRenewalId(absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_RENEWAL_ID",
                   absl::StrCat("the CA cannot be asked about this certificate: ", why));
}

}  // namespace

absl::StatusOr<RenewalInfo> RenewalInfo::Parse(absl::string_view json, absl::string_view id) {
  NORROY_ASSIGN_OR_RETURN(
      const JsonObject object,
      JsonObject::Parse(absl::StrCat("renewalInfo ", id), json, kMaxRenewalInfoBytes));
  NORROY_ASSIGN_OR_RETURN(const JsonObject window, object.RequiredObject("suggestedWindow"));
  RenewalInfo info;
  NORROY_ASSIGN_OR_RETURN(info.window.start, RequiredTime(window, "start"));
  NORROY_ASSIGN_OR_RETURN(info.window.end, RequiredTime(window, "end"));
  NORROY_ASSIGN_OR_RETURN(const std::string url, object.OptionalString("explanationURL"));
  info.explanation_url = Printable(url, kMaxExplanationUrl);
  return info;
}

absl::StatusOr<std::string> RenewalId(const crypto::Certificate& certificate) {
  const std::string& issuer = certificate.authority_key_id();
  if (issuer.empty()) return NoRenewalId("it has no authority key identifier");
  if (absl::StartsWith(certificate.serial(), "-")) return NoRenewalId("its serial is negative");
  const bool odd = certificate.serial().size() % 2 == 1;
  std::string serial = absl::HexStringToBytes(absl::StrCat(odd ? "0" : "", certificate.serial()));
  // RFC 9773 4.1: the octets of the DER encoding, in which a positive number begins with a 0 bit.
  if (static_cast<unsigned char>(serial.front()) >= 0x80) serial.insert(serial.begin(), '\0');
  return absl::StrCat(crypto::Base64Url(issuer), ".", crypto::Base64Url(serial));
}

}  // namespace norroy::acme
