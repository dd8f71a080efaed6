#include "agent/session/issued.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxChain = 4;
constexpr size_t kMaxCertificate = 16 * 1024;

absl::Status Bad(absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_IDENTITY_REPLY",
                   absl::StrCat("the validator's certificate is not ours: ", what));
}

absl::StatusOr<std::vector<crypto::Certificate>> ParseChain(const std::vector<std::string>& ders) {
  if (ders.empty() || ders.size() > kMaxChain) {
    return Bad(absl::StrCat(ders.size(), " certificates, not 1 to ", kMaxChain));
  }
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : ders) {
    if (der.size() > kMaxCertificate) return Bad("a certificate is over 16 KiB");
    auto certificate = crypto::Certificate::ParseDer(der);
    if (!certificate.ok()) return Bad(certificate.status().message());
    if (!chain.empty() && !chain.back().IsSignedBy(*certificate)) {
      return Bad("its chain does not link");
    }
    chain.push_back(*std::move(certificate));
  }
  return chain;
}

}  // namespace

absl::StatusOr<identity::IdentityFile> CheckIssuedIdentity(const std::vector<std::string>& ders,
                                                           const crypto::PrivateKey& key,
                                                           const identity::Identity& expected,
                                                           absl::Time now) {
  auto chain = ParseChain(ders);
  if (!chain.ok()) return chain.status();
  const crypto::Certificate& own = chain->front();
  if (own.spki_der() != key.public_key().spki_der()) return Bad("it is for another key");
  const auto identity = identity::Identity::OfCertificate(own);
  if (!identity.ok()) return Bad(identity.status().message());
  if (*identity != expected) {
    return Bad(absl::StrCat("it is for ", identity->Uri(), ", not ", expected.Uri()));
  }
  if (own.is_ca()) return Bad("it is a CA's");
  if (now >= own.not_after()) {
    return Bad(absl::StrCat("it ended at ", absl::FormatTime(own.not_after(), absl::UTCTimeZone()),
                            "; is this host's clock right?"));
  }
  return identity::IdentityFile{key, *std::move(chain)};
}

}  // namespace norroy::agent
