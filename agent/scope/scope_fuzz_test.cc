#include "gtest/gtest.h"
#include "tests/fuzz/replay.h"

namespace norroy::agent {
namespace {

TEST(ScopeFuzz, HoldsOverFilesAndTheirMutations) {
  fuzz::Replay({"www.example.com\n.example.net # below\n*.example.org\r\n",
                "=192.0.2.0/24\n=2001:db8::/32\n", ".\n", "# nothing\n\n"},
               500);
}

}  // namespace
}  // namespace norroy::agent
