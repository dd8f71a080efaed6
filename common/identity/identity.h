#ifndef NORROY_COMMON_IDENTITY_IDENTITY_H_
#define NORROY_COMMON_IDENTITY_IDENTITY_H_

// Who somebody is: a role under the trust domain that the role belongs to, a name, and for agents
// the enrollment. Written as the one URI of a certificate's subjectAltName:
//
//   spiffe://core.<deployment>/{issuer,validator,operator,auditor,seal}/<name>
//   spiffe://ci.<deployment>/requester/<name>
//   spiffe://edge.<deployment>/{agent,bootstrap}/<name>/<enrollment id>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/certificate.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::identity {

using types::v1::Role;

struct Identity {
  std::string deployment;  // [a-z0-9][a-z0-9-]{0,31}
  Role role = types::v1::ROLE_UNSPECIFIED;
  std::string name;           // [a-z0-9][a-z0-9-]{0,62}
  std::string enrollment_id;  // agent, bootstrap: 32 hexadecimal digits; else empty

  // Refuses a role outside its own trust domain, and anything but exactly this form.
  static absl::StatusOr<Identity> ParseUri(absl::string_view uri);
  // The certificate must have exactly one URI, and it must parse.
  static absl::StatusOr<Identity> OfCertificate(const crypto::Certificate& certificate);

  std::string Uri() const;
  // "operator/alice": what grants, orders and logs say.
  std::string Principal() const;
  bool operator==(const Identity&) const = default;
};

// Whose certificates an authority of ours signs: "core", "ci" or "edge" of a deployment. The
// authority's certificate says so in its one URI, "spiffe://core.<deployment>".
struct TrustDomain {
  std::string domain;
  std::string deployment;

  // "edge.<deployment>".
  static absl::StatusOr<TrustDomain> Parse(absl::string_view text);
  static absl::StatusOr<TrustDomain> OfAuthority(const crypto::Certificate& certificate);

  std::string Host() const;
  std::string Uri() const;
  bool operator==(const TrustDomain&) const = default;
};

// "issuer", "validator", "operator", ...
absl::string_view RoleName(Role role);
// "core", "ci" or "edge": where the role counts; empty for no role.
absl::string_view RoleDomain(Role role);
absl::StatusOr<Role> ParseRole(absl::string_view name);
absl::Status CheckDeployment(absl::string_view deployment);
// The form of agents', operators' and CAs' names.
absl::Status CheckResourceName(absl::string_view what, absl::string_view name);

}  // namespace norroy::identity

#endif  // NORROY_COMMON_IDENTITY_IDENTITY_H_
