// Certificate chains: what comes out is a path made of what went in, and stays what it is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/crypto/chain.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

void CheckAccepted(const CertificateChain& chain, absl::string_view input) {
  const std::vector<Certificate>& path = chain.certificates();
  NORROY_CHECK(!path.empty() && path.size() <= kMaxChainCertificates);
  const std::vector<PemBlock> blocks = PemDecode(input).value();
  NORROY_CHECK(path.front().der() == blocks.front().der);
  for (size_t i = 0; i < path.size(); ++i) {
    NORROY_CHECK(std::count_if(blocks.begin(), blocks.end(), [&](const PemBlock& block) {
                   return block.der == path[i].der();
                 }) == 1);
    NORROY_CHECK(i == 0 || path[i - 1].IsSignedBy(path[i]));
  }
  NORROY_CHECK(CertificateChain::ParsePem(chain.ToPem())->ToPem() == chain.ToPem());
  const absl::StatusOr<PublicKey> key = chain.leaf().public_key();
  if (!key.ok()) return;
  const absl::Time middle =
      chain.leaf().not_before() + (chain.leaf().not_after() - chain.leaf().not_before()) / 2;
  for (const absl::Time now : {chain.leaf().not_before(), middle, absl::UnixEpoch()}) {
    const absl::Status status = CheckIssued(chain, *key, chain.leaf().names(), now);
    NORROY_CHECK(status.ok() || ErrorReason(status) == "BAD_CERTIFICATE");
  }
}

}  // namespace
}  // namespace norroy::crypto

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::crypto;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<CertificateChain> chain = CertificateChain::ParsePem(input);
  if (chain.ok()) {
    CheckAccepted(*chain, input);
  } else {
    NORROY_CHECK(norroy::ErrorReason(chain.status()) == "BAD_CERTIFICATE");
    NORROY_CHECK(norroy::Printable(chain.status().message(), 4096) == chain.status().message());
  }
  NORROY_CHECK(ERR_peek_error() == 0);
  return 0;
}
