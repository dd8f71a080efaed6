#include <gtest/gtest.h>

#include "common/crypto/csr_corpus.h"
#include "tests/fuzz/replay.h"

namespace norroy::crypto {
namespace {

TEST(CsrFuzz, HoldsOverTheCorpusAndItsMutations) {
  std::vector<std::string> corpus;
  for (const CsrCase& c : CsrCorpus()) {
    // Larger ones only meet the cap.
    if (c.input.size() < 4096) corpus.push_back(c.input);
  }
  fuzz::Replay(corpus, 20);
}

}  // namespace
}  // namespace norroy::crypto
