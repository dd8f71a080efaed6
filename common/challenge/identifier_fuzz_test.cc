#include <gtest/gtest.h>

#include "common/challenge/name_table.h"
#include "tests/fuzz/replay.h"

namespace norroy::challenge {
namespace {

TEST(IdentifierFuzz, HoldsOverTheNameTableAndItsMutations) {
  std::vector<std::string> corpus;
  for (const NameCase& c : NameTable()) corpus.push_back(c.input);
  fuzz::Replay(corpus, 50);
}

}  // namespace
}  // namespace norroy::challenge
