#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/challenge/name_table.h"
#include "tests/fuzz/replay.h"

namespace norroy::challenge {
namespace {

TEST(PatternFuzz, HoldsOverPairsAndTheirMutations) {
  std::vector<std::string> corpus;
  for (const NameCase& c : NameTable()) {
    for (const char* prefix : {"", ".", "="}) {
      corpus.push_back(absl::StrCat(prefix, c.input, "\nwww.", c.input));
    }
  }
  for (const char* pair : {".\nwww.example.com", "=192.0.2.0/24\n192.0.2.1", "=::/0\n::1",
                           "=2001:db8::/33\n2001:db8:8000::1", "*.example.com\n*.example.com"}) {
    corpus.push_back(pair);
  }
  fuzz::Replay(corpus, 5);
}

}  // namespace
}  // namespace norroy::challenge
