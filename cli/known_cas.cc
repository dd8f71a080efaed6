#include "cli/known_cas.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace norroy::cli {

const std::vector<KnownCa>& KnownCas() {
  static const auto* const cas = new std::vector<KnownCa>{
      {.name = "letsencrypt",
       .title = "Let's Encrypt",
       .directory_url = "https://acme-v02.api.letsencrypt.org/directory"},
      {.name = "letsencrypt-staging",
       .title = "Let's Encrypt, staging",
       .directory_url = "https://acme-staging-v02.api.letsencrypt.org/directory",
       .staging = true},
      {.name = "google",
       .title = "Google Trust Services",
       .directory_url = "https://dv.acme-v02.api.pki.goog/directory",
       .eab_from = "`gcloud publicca external-account-keys create`"},
      {.name = "google-staging",
       .title = "Google Trust Services, staging",
       .directory_url = "https://dv.acme-v02.test-api.pki.goog/directory",
       .eab_from = "`gcloud publicca external-account-keys create`, with the staging API",
       .staging = true},
      {.name = "zerossl",
       .title = "ZeroSSL",
       .directory_url = "https://acme.zerossl.com/v2/DV90",
       .eab_from = "the developer page of your ZeroSSL account"},
      {.name = "sslcom-ecc",
       .title = "SSL.com, certificates with EC keys",
       .directory_url = "https://acme.ssl.com/sslcom-dv-ecc",
       .eab_from = "the API credentials of your SSL.com account"},
      {.name = "sslcom-rsa",
       .title = "SSL.com, certificates with RSA keys",
       .directory_url = "https://acme.ssl.com/sslcom-dv-rsa",
       .eab_from = "the API credentials of your SSL.com account"},
      {.name = "actalis",
       .title = "Actalis",
       .directory_url = "https://acme-api.actalis.com/acme/directory",
       .eab_from = "the ACME credentials in Actalis' customer area"},
      {.name = "sectigo",
       .title = "Sectigo, domain validation",
       .directory_url = "https://acme.sectigo.com/v2/DV",
       .eab_from = "the ACME account that your contract's console makes"},
  };
  return *cas;
}

const KnownCa* FindKnownCa(absl::string_view name) {
  for (const KnownCa& ca : KnownCas()) {
    if (ca.name == name) return &ca;
  }
  return nullptr;
}

std::string KnownCaNames() {
  return absl::StrJoin(KnownCas(), ", ",
                       [](std::string* out, const KnownCa& ca) { absl::StrAppend(out, ca.name); });
}

}  // namespace norroy::cli
