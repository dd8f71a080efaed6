#include <gtest/gtest.h>

#include "common/crypto/encoding.h"
#include "common/crypto/test_certificate.h"
#include "tests/fuzz/replay.h"

namespace norroy::crypto {
namespace {

TEST(ChainFuzz, HoldsOverChainsAndTheirMutations) {
  const TestCertificate root = MakeTestCa("Root", nullptr);
  const TestCertificate middle = MakeTestCa("Middle", &root);
  TestDraft draft;
  draft.alternative_names = "DNS:www.example.com,IP:192.0.2.1";
  draft.extended_key_usage = "serverAuth";
  draft.basic_constraints = "CA:FALSE";
  const Certificate leaf = MakeTestCertificate(draft, &middle).certificate;
  const std::string pem = leaf.ToPem() + middle.certificate.ToPem();
  const std::vector<std::string> corpus = {
      pem,
      pem + root.certificate.ToPem(),
      middle.certificate.ToPem() + leaf.ToPem(),
      leaf.ToPem(),
      pem + pem,
      pem + PemEncode("PRIVATE KEY", "x"),
  };
  fuzz::Replay(corpus, 100);
  // Mutations of the text seldom reach the DER: change that too.
  for (size_t i = 0; i < leaf.der().size(); ++i) {
    std::string der = leaf.der();
    der[i] = static_cast<char>(der[i] ^ 0x81);
    const std::string changed = PemEncode("CERTIFICATE", der) + middle.certificate.ToPem();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(changed.data()), changed.size());
  }
}

}  // namespace
}  // namespace norroy::crypto
