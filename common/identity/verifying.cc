#include "common/identity/verifying.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::identity {
namespace {

// Leaf, intermediate, and a root that some clients send along.
constexpr size_t kMaxChain = 4;
constexpr int kMaxIntermediates = 2;
// OpenSSL's level of 112 bits: no SHA-1, no short keys.
constexpr int kSecurityLevel = 2;

absl::Status Untrusted(absl::string_view message) {
  return MakeError(absl::StatusCode::kPermissionDenied, "UNTRUSTED_IDENTITY",
                   absl::StrCat("certificate not trusted: ", message));
}

struct FreeStack {
  // The certificates in it belong to the caller.
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

absl::Status VerifyPath(const std::vector<crypto::Certificate>& chain,
                        const std::vector<crypto::Certificate>& roots, absl::Time now) {
  crypto::ErrorScope scope;
  const crypto::X509StorePtr store(X509_STORE_new());
  const crypto::X509StoreCtxPtr context(X509_STORE_CTX_new());
  const std::unique_ptr<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
  NORROY_CHECK(store != nullptr && context != nullptr && others != nullptr);
  for (const crypto::Certificate& root : roots) {
    NORROY_CHECK(X509_STORE_add_cert(store.get(), root.get()) == 1);
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    NORROY_CHECK(sk_X509_push(others.get(), chain[i].get()) > 0);
  }
  NORROY_CHECK(X509_STORE_CTX_init(context.get(), store.get(), chain[0].get(), others.get()) == 1);
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_depth(parameters, kMaxIntermediates);
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  NORROY_CHECK(X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY) == 1);
  NORROY_CHECK(X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT) == 1);
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  const int error = X509_STORE_CTX_get_error(context.get());
  const int depth = X509_STORE_CTX_get_error_depth(context.get());
  return Untrusted(absl::StrCat(X509_verify_cert_error_string(error), " (certificate ", depth,
                                " of the path, code ", error, ")"));
}

// The one trust domain of all: which root a path ended at does not matter then.
absl::StatusOr<TrustDomain> DomainOf(const std::vector<crypto::Certificate>& roots) {
  if (roots.empty()) return Untrusted("no root is believed");
  NORROY_ASSIGN_OR_RETURN(const TrustDomain first, TrustDomain::OfAuthority(roots.front()));
  for (const crypto::Certificate& root : roots) {
    NORROY_ASSIGN_OR_RETURN(const TrustDomain domain, TrustDomain::OfAuthority(root));
    if (domain != first) return Untrusted("the roots are of different trust domains");
  }
  return first;
}

}  // namespace

absl::StatusOr<Identity> VerifyIdentity(const std::vector<crypto::Certificate>& chain,
                                        const std::vector<crypto::Certificate>& roots,
                                        absl::string_view deployment, absl::Time now) {
  if (chain.empty()) return Untrusted("there is none");
  if (chain.size() > kMaxChain)
    return Untrusted(absl::StrCat("more than ", kMaxChain, " in a chain"));
  const absl::StatusOr<TrustDomain> trust = DomainOf(roots);
  if (!trust.ok()) return Untrusted(trust.status().message());
  NORROY_RETURN_IF_ERROR(VerifyPath(chain, roots, now));
  if (chain[0].is_ca()) return Untrusted("it is an authority's");
  absl::StatusOr<Identity> identity = Identity::OfCertificate(chain[0]);
  if (!identity.ok()) return Untrusted(identity.status().message());
  if (identity->deployment != deployment) {
    return Untrusted(absl::StrCat(identity->Uri(), " is not of deployment ", deployment));
  }
  // A role counts only below the root that its trust domain belongs to.
  const absl::string_view needed = RoleDomain(identity->role) == "edge" ? "edge" : "core";
  if (trust->domain != needed || trust->deployment != deployment) {
    return Untrusted(absl::StrCat(identity->Uri(), " does not belong below ", trust->Host()));
  }
  return identity;
}

absl::StatusOr<Identity> VerifyIdentity(const std::vector<crypto::Certificate>& chain,
                                        const crypto::Certificate& root,
                                        absl::string_view deployment, absl::Time now) {
  return VerifyIdentity(chain, std::vector<crypto::Certificate>{root}, deployment, now);
}

}  // namespace norroy::identity
