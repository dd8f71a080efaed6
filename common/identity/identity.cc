#include "common/identity/identity.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

constexpr absl::string_view kScheme = "spiffe://";
constexpr size_t kMaxUri = 256;
constexpr size_t kMaxDeployment = 32;
constexpr size_t kMaxName = 63;
constexpr size_t kEnrollmentDigits = 32;

struct RoleRow {
  Role role;
  absl::string_view name;
  absl::string_view domain;  // the trust domain's first label
  bool enrolled;             // the URI ends in an enrollment id
};
constexpr RoleRow kRoles[] = {
    {types::v1::ROLE_ISSUER, "issuer", "core", false},
    {types::v1::ROLE_VALIDATOR, "validator", "core", false},
    {types::v1::ROLE_OPERATOR, "operator", "core", false},
    {types::v1::ROLE_AUDITOR, "auditor", "core", false},
    {types::v1::ROLE_SEAL, "seal", "core", false},
    {types::v1::ROLE_REQUESTER, "requester", "ci", false},
    {types::v1::ROLE_AGENT, "agent", "edge", true},
    {types::v1::ROLE_BOOTSTRAP, "bootstrap", "edge", true},
};

const RoleRow* FindRole(Role role) {
  for (const RoleRow& row : kRoles) {
    if (row.role == role) return &row;
  }
  return nullptr;
}

absl::Status BadIdentity(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_IDENTITY", message);
}

// [a-z0-9][a-z0-9-]{0,max-1}
bool IsLabel(absl::string_view text, size_t max) {
  if (text.empty() || text.size() > max || text[0] == '-') return false;
  for (const char c : text) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') return false;
  }
  return true;
}

bool IsEnrollmentId(absl::string_view text) {
  if (text.size() != kEnrollmentDigits) return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return false;
  }
  return true;
}

}  // namespace

absl::string_view RoleName(Role role) {
  const RoleRow* row = FindRole(role);
  return row == nullptr ? "unspecified" : row->name;
}

absl::StatusOr<Role> ParseRole(absl::string_view name) {
  for (const RoleRow& row : kRoles) {
    if (row.name == name) return row.role;
  }
  return BadIdentity(absl::StrCat("unknown role \"", Printable(name, 64),
                                  "\"; known are issuer, validator, operator, auditor, seal, "
                                  "requester, agent, bootstrap"));
}

absl::string_view RoleDomain(Role role) {
  const RoleRow* row = FindRole(role);
  return row == nullptr ? "" : row->domain;
}

absl::Status CheckDeployment(absl::string_view deployment) {
  if (IsLabel(deployment, kMaxDeployment)) return absl::OkStatus();
  return BadIdentity(absl::StrCat("deployment \"", Printable(deployment, 64), "\": 1 to ",
                                  kMaxDeployment,
                                  " of a-z, 0-9 and \"-\", not beginning with \"-\""));
}

absl::Status CheckResourceName(absl::string_view what, absl::string_view name) {
  if (IsLabel(name, kMaxName)) return absl::OkStatus();
  return BadIdentity(absl::StrCat(what, " \"", Printable(name, 128), "\": 1 to ", kMaxName,
                                  " of a-z, 0-9 and \"-\", not beginning with \"-\""));
}

absl::StatusOr<Identity> Identity::ParseUri(absl::string_view uri) {
  const auto refuse = [uri](absl::string_view why) {
    return BadIdentity(absl::StrCat("identity \"", Printable(uri, kMaxUri), "\": ", why));
  };
  absl::string_view rest = uri;
  if (uri.size() > kMaxUri) return refuse("too long");
  if (!absl::ConsumePrefix(&rest, kScheme)) return refuse("does not begin with spiffe://");
  const std::vector<absl::string_view> parts = absl::StrSplit(rest, '/');
  if (parts.size() < 3) return refuse("expected spiffe://DOMAIN.DEPLOYMENT/ROLE/NAME");
  const std::pair<absl::string_view, absl::string_view> host =
      absl::StrSplit(parts[0], absl::MaxSplits('.', 1));
  Identity identity;
  NORROY_ASSIGN_OR_RETURN(identity.role, ParseRole(parts[1]));
  const RoleRow* row = FindRole(identity.role);
  NORROY_CHECK(row != nullptr);
  if (host.first != row->domain) {
    return refuse(
        absl::StrCat("role ", row->name, " counts only under ", row->domain, ".DEPLOYMENT"));
  }
  if (parts.size() != (row->enrolled ? 4u : 3u)) {
    return refuse(row->enrolled ? "expected /ROLE/NAME/ENROLLMENT" : "expected /ROLE/NAME");
  }
  NORROY_RETURN_IF_ERROR(CheckDeployment(host.second));
  NORROY_RETURN_IF_ERROR(CheckResourceName("name", parts[2]));
  if (row->enrolled && !IsEnrollmentId(parts[3])) {
    return refuse("the enrollment is not 32 lower-case hexadecimal digits");
  }
  identity.deployment = std::string(host.second);
  identity.name = std::string(parts[2]);
  if (row->enrolled) identity.enrollment_id = std::string(parts[3]);
  return identity;
}

absl::StatusOr<Identity> Identity::OfCertificate(const crypto::Certificate& certificate) {
  if (certificate.uris().size() != 1) {
    return BadIdentity(absl::StrCat("the certificate names ", certificate.uris().size(),
                                    " URIs; an identity is exactly one"));
  }
  return ParseUri(certificate.uris()[0]);
}

std::string Identity::Uri() const {
  return absl::StrCat(kScheme, RoleDomain(role), ".", deployment, "/", Principal(),
                      enrollment_id.empty() ? "" : "/", enrollment_id);
}

std::string Identity::Principal() const { return absl::StrCat(RoleName(role), "/", name); }

absl::StatusOr<TrustDomain> TrustDomain::Parse(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  if (parts.first != "core" && parts.first != "ci" && parts.first != "edge") {
    return BadIdentity(absl::StrCat("trust domain \"", Printable(text, 64),
                                    "\": expected core.DEPLOYMENT, ci.DEPLOYMENT or "
                                    "edge.DEPLOYMENT"));
  }
  NORROY_RETURN_IF_ERROR(CheckDeployment(parts.second));
  return TrustDomain{std::string(parts.first), std::string(parts.second)};
}

absl::StatusOr<TrustDomain> TrustDomain::OfAuthority(const crypto::Certificate& certificate) {
  // Not the string itself in the conditional: that would be a view of a temporary copy.
  absl::string_view uri;
  if (certificate.uris().size() == 1) uri = certificate.uris()[0];
  if (!certificate.is_ca() || !absl::ConsumePrefix(&uri, kScheme)) {
    return BadIdentity(
        absl::StrCat("\"", Printable(certificate.subject_common_name(), 64),
                     "\" is not an authority of a trust domain: make roots with `norroy init`"));
  }
  return Parse(uri);
}

std::string TrustDomain::Host() const { return absl::StrCat(domain, ".", deployment); }

std::string TrustDomain::Uri() const { return absl::StrCat(kScheme, Host()); }

}  // namespace norroy::identity
