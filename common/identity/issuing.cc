#include "common/identity/issuing.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

using crypto::Bytes;
using crypto::ErrorText;

// Against clocks that are behind ours.
constexpr absl::Duration kBackdate = absl::Hours(1);
constexpr int kSerialBits = 128;
constexpr size_t kMaxCommonName = 64;  // X.520 ub-common-name
constexpr size_t kMaxHosts = 32;
// One intermediate below a root.
constexpr int kRootPathLength = 1;

absl::Status Refuse(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_IDENTITY", message);
}

// What differs between one certificate and the next.
struct Draft {
  std::string common_name;
  const crypto::PublicKey* key = nullptr;
  absl::Time now;
  absl::Duration lifetime;
  absl::Duration backdate = kBackdate;
  std::vector<std::pair<int, std::string>> extensions;  // NID, OpenSSL's text form
};

bool SetTime(ASN1_TIME* field, absl::Time time) {
  return ASN1_TIME_adj(field, absl::ToTimeT(time), 0, 0) != nullptr;
}

bool SetSerial(X509* x509) {
  const crypto::BnPtr serial(BN_new());
  return serial != nullptr &&
         BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool SetCommonName(X509* x509, const std::string& name) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                    Bytes(name), static_cast<int>(name.size()), -1, 0) == 1;
}

bool AddExtension(X509* x509, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  const crypto::ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1;
}

absl::Status CheckDates(const Draft& draft, absl::Time not_after) {
  if (draft.lifetime <= absl::ZeroDuration()) return Refuse("the lifetime must be positive");
  if (not_after > draft.now) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "AUTHORITY_EXPIRED",
      absl::StrCat("the authority's certificate ended at ",
                   absl::FormatTime(not_after, absl::UTCTimeZone()), ": renew it first"));
}

// Fills and signs. `issuer` is null for a root.
absl::StatusOr<crypto::Certificate> Sign(const Draft& draft, const crypto::PrivateKey& issuer_key,
                                         const crypto::Certificate* issuer) {
  absl::Time not_after = draft.now + draft.lifetime;
  if (issuer != nullptr) not_after = std::min(not_after, issuer->not_after());
  NORROY_RETURN_IF_ERROR(CheckDates(draft, not_after));
  if (draft.common_name.empty() || draft.common_name.size() > kMaxCommonName) {
    return Refuse(absl::StrCat("name \"", Printable(draft.common_name, 128), "\": 1 to ",
                               kMaxCommonName, " characters"));
  }
  crypto::ErrorScope scope;
  const crypto::X509Ptr x509(X509_new());
  NORROY_CHECK(x509 != nullptr);
  X509* const signer = issuer == nullptr ? x509.get() : issuer->get();
  bool done = X509_set_version(x509.get(), X509_VERSION_3) == 1 && SetSerial(x509.get()) &&
              SetTime(X509_getm_notBefore(x509.get()), draft.now - draft.backdate) &&
              SetTime(X509_getm_notAfter(x509.get()), not_after) &&
              X509_set_pubkey(x509.get(), draft.key->get()) == 1 &&
              SetCommonName(x509.get(), draft.common_name) &&
              X509_set_issuer_name(x509.get(), X509_get_subject_name(signer)) == 1;
  // The key identifier first: a root's authority key identifier is read from it.
  done = done && AddExtension(x509.get(), signer, NID_subject_key_identifier, "hash") &&
         AddExtension(x509.get(), signer, NID_authority_key_identifier, "keyid:always");
  for (const auto& [nid, value] : draft.extensions) {
    done = done && AddExtension(x509.get(), signer, nid, value);
  }
  done = done && X509_sign(x509.get(), issuer_key.get(), EVP_sha256()) > 0;
  if (!done) return absl::InternalError(absl::StrCat("making a certificate: ", ErrorText()));
  return crypto::Certificate::ParseDer(crypto::ToDer<i2d_X509>(x509.get()));
}

// An authority may sign URIs of these hosts and nothing else (RFC 5280 4.2.1.10).
std::vector<std::pair<int, std::string>> AuthorityExtensions(
    const TrustDomain& domain, int path_length, const std::vector<std::string>& permitted) {
  std::vector<std::string> constraints = {"critical"};
  for (const std::string& host : permitted) {
    constraints.push_back(absl::StrCat("permitted;URI:", host));
  }
  return {
      {NID_basic_constraints, absl::StrCat("critical,CA:TRUE,pathlen:", path_length)},
      {NID_key_usage, "critical,keyCertSign,cRLSign"},
      {NID_subject_alt_name, absl::StrCat("URI:", domain.Uri())},
      {NID_name_constraints, absl::StrJoin(constraints, ",")},
  };
}

// What a root may sign for. The CI intermediate hangs below the core root.
std::vector<std::string> PermittedBelow(const TrustDomain& root) {
  std::vector<std::string> permitted = {root.Host()};
  if (root.domain == "core") permitted.push_back(absl::StrCat("ci.", root.deployment));
  return permitted;
}

absl::Status CheckAuthority(const Authority& authority) {
  if (authority.key.public_key().spki_der() == authority.certificate.spki_der()) {
    return absl::OkStatus();
  }
  return Refuse(absl::StrCat("the key is not that of the authority \"",
                             authority.certificate.subject_common_name(), "\""));
}

bool IsAddress(const std::string& host) {
  unsigned char address[16];
  return inet_pton(AF_INET, host.c_str(), address) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address) == 1;
}

// Host names here are those of the deployment's own network: one label is enough.
bool IsHostName(absl::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  for (const absl::string_view label : absl::StrSplit(host, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
      return false;
    }
    for (const char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-') return false;
    }
  }
  return true;
}

// The checks also keep "," and ":" out of OpenSSL's text form, where they would begin another
// entry.
absl::StatusOr<std::string> AlternativeNames(const LeafRequest& request) {
  if (request.hosts.size() > kMaxHosts)
    return Refuse(absl::StrCat("more than ", kMaxHosts, " hosts"));
  std::string value = absl::StrCat("URI:", request.identity.Uri());
  for (const std::string& host : request.hosts) {
    if (IsAddress(host)) {
      absl::StrAppend(&value, ",IP:", host);
      continue;
    }
    if (!IsHostName(host)) {
      return Refuse(absl::StrCat("host \"", Printable(host, 256),
                                 "\": expected a host name or an IP address"));
    }
    absl::StrAppend(&value, ",DNS:", host);
  }
  return value;
}

absl::string_view ExtendedKeyUsage(Role role) {
  switch (role) {
    case types::v1::ROLE_ISSUER:
    case types::v1::ROLE_VALIDATOR:
      return "serverAuth,clientAuth";
    case types::v1::ROLE_SEAL:
      // documentSigning (RFC 9336): without any usage TLS would take it.
      return "1.3.6.1.5.5.7.3.36";
    default:
      return "clientAuth";
  }
}

// The role fits the authority's trust domain, and the identity is well formed.
absl::Status CheckLeaf(const Authority& authority, const LeafRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const Identity parsed, Identity::ParseUri(request.identity.Uri()));
  if (parsed != request.identity) return Refuse("the identity is not well formed");
  NORROY_ASSIGN_OR_RETURN(const TrustDomain domain,
                          TrustDomain::OfAuthority(authority.certificate));
  const TrustDomain needed = {std::string(RoleDomain(request.identity.role)),
                              request.identity.deployment};
  if (domain != needed) {
    return Refuse(absl::StrCat(request.identity.Principal(), " needs an authority of ",
                               needed.Host(), "; this one is of ", domain.Host()));
  }
  const bool server = request.identity.role == types::v1::ROLE_ISSUER ||
                      request.identity.role == types::v1::ROLE_VALIDATOR;
  if (!server && !request.hosts.empty()) {
    return Refuse(
        absl::StrCat("hosts are for issuer and validator, not for ", request.identity.Principal()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<crypto::Certificate> MakeCrossCertificate(const Authority& old_root,
                                                         const crypto::Certificate& new_root,
                                                         absl::Time now) {
  NORROY_RETURN_IF_ERROR(CheckAuthority(old_root));
  NORROY_ASSIGN_OR_RETURN(const TrustDomain trust, TrustDomain::OfAuthority(old_root.certificate));
  NORROY_ASSIGN_OR_RETURN(const TrustDomain successor, TrustDomain::OfAuthority(new_root));
  if (trust != successor || trust.domain == "ci") {
    return Refuse(
        absl::StrCat("a root of ", successor.Host(), " cannot follow one of ", trust.Host()));
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::PublicKey key, new_root.public_key());
  const Draft draft = {
      .common_name = new_root.subject_common_name(),
      .key = &key,
      .now = now,
      .lifetime = new_root.not_after() - now,
      .extensions = AuthorityExtensions(trust, kRootPathLength, PermittedBelow(trust)),
  };
  return Sign(draft, old_root.key, &old_root.certificate);
}

absl::StatusOr<Authority> MakeRoot(absl::string_view domain, absl::string_view deployment,
                                   absl::Time now, absl::Duration lifetime) {
  if (domain != "core" && domain != "edge") {
    return Refuse(absl::StrCat("root \"", Printable(domain, 64), "\": expected core or edge"));
  }
  NORROY_RETURN_IF_ERROR(CheckDeployment(deployment));
  const TrustDomain trust = {std::string(domain), std::string(deployment)};
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const Draft draft = {
      .common_name = absl::StrCat("Norroy ", domain, " root ", deployment),
      .key = &key.public_key(),
      .now = now,
      .lifetime = lifetime,
      .extensions = AuthorityExtensions(trust, kRootPathLength, PermittedBelow(trust)),
  };
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate, Sign(draft, key, nullptr));
  return Authority{std::move(key), std::move(certificate)};
}

absl::StatusOr<Authority> MakeIntermediate(const Authority& root, absl::string_view name,
                                           absl::string_view trust_domain, absl::Time now,
                                           absl::Duration lifetime) {
  NORROY_RETURN_IF_ERROR(CheckAuthority(root));
  NORROY_ASSIGN_OR_RETURN(const TrustDomain above, TrustDomain::OfAuthority(root.certificate));
  NORROY_ASSIGN_OR_RETURN(const TrustDomain trust, TrustDomain::Parse(trust_domain));
  const absl::string_view needed = trust.domain == "edge" ? "edge" : "core";
  if (trust.domain == "core" || above.domain != needed || above.deployment != trust.deployment) {
    return Refuse(absl::StrCat("an intermediate for ", trust.Host(), " cannot be below ",
                               above.Host(), ": edge goes below edge, ci below core"));
  }
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  const Draft draft = {
      .common_name = std::string(name),
      .key = &key.public_key(),
      .now = now,
      .lifetime = lifetime,
      .extensions = AuthorityExtensions(trust, 0, {trust.Host()}),
  };
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate,
                          Sign(draft, root.key, &root.certificate));
  return Authority{std::move(key), std::move(certificate)};
}

absl::StatusOr<crypto::Certificate> IssueLeaf(const Authority& authority,
                                              const crypto::PublicKey& key,
                                              const LeafRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckAuthority(authority));
  NORROY_RETURN_IF_ERROR(CheckLeaf(authority, request));
  if (key.type() != crypto::KeyType::kP256) {
    return Refuse(
        absl::StrCat("identities have p256 keys, this one is ", crypto::KeyTypeName(key.type())));
  }
  NORROY_ASSIGN_OR_RETURN(const std::string alternatives, AlternativeNames(request));
  const Draft draft = {
      .common_name = request.identity.name,
      .key = &key,
      .now = request.now,
      .lifetime = request.lifetime,
      .backdate = request.backdate,
      .extensions =
          {
              {NID_basic_constraints, "critical,CA:FALSE"},
              {NID_key_usage, "critical,digitalSignature"},
              {NID_ext_key_usage, std::string(ExtendedKeyUsage(request.identity.role))},
              {NID_subject_alt_name, alternatives},
          },
  };
  return Sign(draft, authority.key, &authority.certificate);
}

}  // namespace norroy::identity
