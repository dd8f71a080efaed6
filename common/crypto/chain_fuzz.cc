// Certificate chains: what comes out is a path made of what went in, and stays what it is. The
// input is PEM, or the DER of a TBSCertificate of the issuer "Middle", which is then signed
// genuinely and followed by that issuer: no fuzzer finds signatures.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/chain.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"
#include "tests/fuzz/der_mutator.h"

namespace norroy::crypto {
namespace {

void CheckIssuedByIt(const CertificateChain& chain) {
#ifdef PLANTED
  NORROY_CHECK(chain.leaf().serial().size() == 16);
#endif
  NORROY_CHECK(!chain.leaf().names().empty() || chain.leaf().names_clean());
  NORROY_CHECK(!chain.leaf().claims_ca());
  NORROY_CHECK(chain.leaf().not_before() < chain.leaf().not_after());
}

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
  for (const absl::Time now : {chain.leaf().not_before(), middle, absl::UnixEpoch(), TestNow()}) {
    const absl::Status status = CheckIssued(chain, *key, chain.leaf().names(), now);
    NORROY_CHECK(status.ok() || ErrorReason(status) == "BAD_CERTIFICATE");
    if (status.ok()) CheckIssuedByIt(chain);
  }
}

// A whole chain under a key of our own.
std::string Signed(absl::string_view tbs) {
  static const TestCertificate* const root = new TestCertificate(MakeTestCa("Root", nullptr));
  static const TestCertificate* const issuer = new TestCertificate(MakeTestCa("Middle", root));
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  unsigned char signature[80];
  size_t length = sizeof(signature);
  NORROY_CHECK(
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, issuer->key.get()) == 1 &&
      EVP_DigestSign(context.get(), signature, &length, Bytes(tbs), tbs.size()) == 1);
  // RFC 5758 3.2: ecdsa-with-SHA256.
  const std::string der =
      Seq({tbs, Seq({Oid("1.2.840.10045.4.3.2")}),
           BitString(absl::string_view(reinterpret_cast<char*>(signature), length))});
  return absl::StrCat(PemEncode("CERTIFICATE", der), issuer->certificate.ToPem());
}

void Check(absl::string_view pem) {
  const absl::StatusOr<CertificateChain> chain = CertificateChain::ParsePem(pem);
  if (chain.ok()) {
    CheckAccepted(*chain, pem);
  } else {
    NORROY_CHECK(ErrorReason(chain.status()) == "BAD_CERTIFICATE");
    NORROY_CHECK(Printable(chain.status().message(), 4096) == chain.status().message());
  }
  NORROY_CHECK(ERR_peek_error() == 0);
}

bool IsTbs(const uint8_t* data, size_t size) { return size > 1 && data[0] == 0x30; }

}  // namespace
}  // namespace norroy::crypto

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateDerInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  norroy::crypto::Check(norroy::crypto::IsTbs(data, size) ? norroy::crypto::Signed(input)
                                                          : std::string(input));
  return 0;
}
