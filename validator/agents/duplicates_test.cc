#include "validator/agents/duplicates.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace norroy::validator {
namespace {

TEST(Duplicates, TwoProcessesInTurns) {
  const struct {
    const char* what;
    std::string boots;  // one letter a hello; "-": says none; "+": enrolled anew
    int flagged;        // hellos
  } cases[] = {
      {"one process", "A", 0},
      {"reconnects", "AAAA", 0},
      {"a restart", "AB", 0},
      {"a restart, then reconnects", "AABBB", 0},
      {"many restarts", "ABCDEFGHIJKL", 0},
      {"a copy", "ABA", 1},
      {"a copy that goes on", "ABABAB", 4},
      {"a copy that reconnects", "AABBAA", 1},
      {"a copy, and restarts of the other", "ABCDA", 1},
      {"two copies", "ABCABC", 3},
      {"no boot id", "A-A-A", 0},
      {"enrolled anew between", "AB+A", 0},
      {"the new enrollment copied", "AB+ABA", 1},
      {"longer ago than is remembered", "ABCDEFGHIA", 0},
  };
  for (const auto& c : cases) {
    Duplicates duplicates;
    int enrollment = 1, flagged = 0, hello = 0;
    for (const char boot : c.boots) {
      if (boot == '+') {
        ++enrollment;
        continue;
      }
      const std::string id = boot == '-' ? "" : std::string(1, boot);
      // Another agent's boots do not mix in.
      EXPECT_TRUE(duplicates.OnHello("other", "o", absl::StrCat(hello), "x").empty());
      flagged += duplicates
                         .OnHello("web1", absl::StrCat(enrollment), id,
                                  absl::StrCat("192.0.2.1:", ++hello))
                         .empty()
                     ? 0
                     : 1;
    }
    EXPECT_EQ(flagged, c.flagged) << c.what;
  }
}

TEST(Duplicates, SaysWhereBothCameFrom) {
  Duplicates duplicates;
  EXPECT_TRUE(duplicates.OnHello("web1", "1", "A", "192.0.2.1:1").empty());
  EXPECT_TRUE(duplicates.OnHello("web1", "1", "B", "192.0.2.2:1").empty());
  EXPECT_EQ(absl::StrJoin(duplicates.OnHello("web1", "1", "A", "192.0.2.1:2"), " "),
            "192.0.2.1:2 192.0.2.2:1");
  EXPECT_EQ(absl::StrJoin(duplicates.OnHello("web1", "1", "B", "192.0.2.2:2"), " "),
            "192.0.2.2:2 192.0.2.1:2");
}

}  // namespace
}  // namespace norroy::validator
