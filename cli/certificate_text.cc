#include "cli/certificate_text.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace norroy::cli {
namespace {

std::string RevokedText(const issuer::v1::Certificate& certificate) {
  if (!certificate.has_revoke_time()) return "";
  std::string text = TimeText(certificate.revoke_time());
  if (certificate.revocation_reason() != issuer::v1::REVOCATION_REASON_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", EnumText(certificate.revocation_reason()));
  }
  return text;
}

}  // namespace

std::string NamesText(const issuer::v1::Certificate& certificate) {
  std::string names = certificate.names().empty() ? "" : certificate.names(0);
  if (certificate.names_size() > 1) absl::StrAppend(&names, " +", certificate.names_size() - 1);
  return names;
}

Fields CertificateFields(const issuer::v1::Certificate& certificate) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : certificate.labels()) {
    labels.push_back(absl::StrCat(key, "=", value));
  }
  return {{"certificate", certificate.id()},
          {"order", certificate.order_id()},
          {"names", ListText(certificate.names())},
          {"CA", certificate.ca()},
          {"profile", certificate.profile()},
          {"serial", certificate.serial()},
          {"key type", certificate.key_type()},
          {"public key", certificate.public_key_sha256()},
          {"not before", TimeText(certificate.not_before())},
          {"not after", TimeText(certificate.not_after())},
          {"renewal", TimeText(certificate.renewal_time())},
          {"chains",
           certificate.chains_pem().empty() ? "" : absl::StrCat(certificate.chains_pem_size())},
          {"labels", labels.empty() ? "" : ListText(labels)},
          {"revoked", RevokedText(certificate)},
          {"replaced by", certificate.replaced_by()},
          {"creator", certificate.creator()}};
}

Fields FilesFields(const CertificateFiles& files) {
  return {{"certificate", files.cert()},
          {"chain", files.chain()},
          {"fullchain", files.fullchain()},
          {"private key", files.privkey()},
          {"not after", TimeText(files.not_after())}};
}

}  // namespace norroy::cli
