#include "absl/strings/str_cat.h"
#include "agent/journal/frame.h"
#include "gtest/gtest.h"
#include "tests/fuzz/replay.h"

namespace norroy::agent {
namespace {

TEST(FrameFuzz, HoldsOverFilesAndTheirMutations) {
  fuzz::Replay({Frame("one"), absl::StrCat(Frame("one"), Frame(""), Frame("three")),
                absl::StrCat(Frame("one"), std::string(40, '\0')), std::string(16, '\xff')},
               2000);
}

}  // namespace
}  // namespace norroy::agent
