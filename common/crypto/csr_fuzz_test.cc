#include <gtest/gtest.h>

#include "common/challenge/replay.h"
#include "common/crypto/csr_corpus.h"

namespace norroy::crypto {
namespace {

TEST(CsrFuzz, HoldsOverTheCorpusAndItsMutations) {
  std::vector<std::string> corpus;
  for (const CsrCase& c : CsrCorpus()) {
    // Larger ones only meet the cap.
    if (c.input.size() < 4096) corpus.push_back(c.input);
  }
  challenge::Replay(corpus, 20);
}

}  // namespace
}  // namespace norroy::crypto
