#ifndef NORROY_ISSUER_ACME_DIRECTORY_H_
#define NORROY_ISSUER_ACME_DIRECTORY_H_

// The CA's directory object (RFC 8555 7.1.1).

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::acme {

// Which URLs of the CA we follow: https, no user info, and a host (with port) that is the
// directory's own or one of the operator's list. Everything the CA names goes through here.
class UrlPolicy {
 public:
  // `directory_url` must be https. `extra_hosts`: "host" or "host:port".
  static absl::StatusOr<UrlPolicy> Make(absl::string_view directory_url,
                                        const std::vector<std::string>& extra_hosts);
  // PERMISSION_DENIED, reason CA_URL_REFUSED, naming `what` and the URL.
  absl::Status Check(absl::string_view what, absl::string_view url) const;

 private:
  UrlPolicy() = default;
  std::vector<std::string> hosts_;  // "host:port", lower case
};

struct Directory {
  std::string new_nonce;
  std::string new_account;
  std::string new_order;
  std::string revoke_cert;
  std::string key_change;    // may be empty
  std::string renewal_info;  // may be empty (RFC 9773)
  std::string terms_of_service;
  std::string website;
  std::vector<std::string> caa_identities;
  bool external_account_required = false;
  std::map<std::string, std::string> profiles;  // name -> description

  static absl::StatusOr<Directory> Parse(absl::string_view json, const UrlPolicy& urls);
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_DIRECTORY_H_
