#ifndef NORROY_ISSUER_FLOW_CERTIFICATE_H_
#define NORROY_ISSUER_FLOW_CERTIFICATE_H_

// A certificate as the issuer keeps it.

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"

namespace norroy::flow {

struct StoredCertificate {
  std::string id;
  std::string order_id;
  std::string creator;
  std::vector<std::string> readers;  // further principals that may fetch it
  std::vector<challenge::Name> names;
  std::string ca;
  std::string account_url;
  std::string profile;
  std::string serial;
  std::string public_key_sha256;
  std::string key_type;
  absl::Time not_before;
  absl::Time not_after;
  std::vector<std::string> chains_pem;  // the preferred first
  std::map<std::string, std::string> labels;
  absl::Time revoke_time = absl::InfiniteFuture();  // InfiniteFuture: not revoked
  int revocation_reason = 0;
  std::string replaced_by;
  absl::Time create_time;
  // As it is planned (issuer/renewal/plan.h); set by the store when it reads one. Until then a
  // repeat gets this certificate.
  absl::Time renewal_time = absl::InfinitePast();
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_CERTIFICATE_H_
