#include <gtest/gtest.h>

#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/crypto/key_corpus.h"
#include "tests/fuzz/replay.h"

namespace norroy::crypto {
namespace {

TEST(KeyFuzz, HoldsOverTheCorpusAndItsMutations) {
  std::vector<std::string> corpus;
  for (const KeyCase& c : KeyCorpus()) {
    if (c.spki.size() < 1024) corpus.push_back(c.spki);
  }
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kRsa2048}) {
    const Secret pem = PrivateKey::Generate(type)->ToPem();
    corpus.emplace_back(pem.Expose());
    // Mutations of the text seldom reach the DER: change that too.
    std::string der = PemDecode(pem.Expose())->at(0).der;
    for (size_t i = 0; i < der.size(); i += 5) {
      der[i] = static_cast<char>(der[i] ^ 0x41);
      const std::string changed = PemEncode("PRIVATE KEY", der);
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(changed.data()), changed.size());
      der[i] = static_cast<char>(der[i] ^ 0x41);
    }
  }
  fuzz::Replay(corpus, 20);
}

}  // namespace
}  // namespace norroy::crypto
