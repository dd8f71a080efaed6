// The kept corpus of a fuzz target, replayed.

#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::fuzz {
namespace {

TEST(Corpus, IsReplayed) {
  const std::vector<std::string> corpus = ReadCorpus(NORROY_CORPUS);
  ASSERT_FALSE(corpus.empty()) << NORROY_CORPUS << " has no files";
  Replay(corpus, NORROY_MUTATIONS, NORROY_CUTS);
}

}  // namespace
}  // namespace norroy::fuzz
