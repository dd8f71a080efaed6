#include "agent/enroll_flags.h"

#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TEST(EnrollFlags, Reads) {
  const auto flags =
      ParseEnrollFlags({"--config", "c", "--token-file=t", "--allow", "a.example", "*.example.com",
                        "--state-dir", "s", "--allow=.example.net", "--replace"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->config, "c");
  EXPECT_EQ(flags->token_file, "t");
  EXPECT_EQ(flags->state_dir, "s");
  EXPECT_TRUE(flags->replace);
  EXPECT_EQ(flags->allow, (std::vector<std::string>{"a.example", "*.example.com", ".example.net"}));
  EXPECT_TRUE(ParseEnrollFlags({"--help"})->help);
}

TEST(EnrollFlags, Refuses) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"--token-file", "t"},
      {"--allow", "a.example"},
      {"--token-file", "t", "--allow"},
      {"--token-file", "--allow", "a.example"},
      {"--token-file=", "--allow", "a.example"},
      {"--token-file", "t", "u", "--allow", "a.example"},
      {"--token-file", "t", "--allow", "a.example", "--unknown"},
      {"--token-file", "t", "--allow", "a.example", "--replace=yes"},
      {"stray"},
  };
  for (const auto& arguments : cases) {
    EXPECT_EQ(ErrorReason(ParseEnrollFlags(arguments).status()), "BAD_FLAG");
  }
}

}  // namespace
}  // namespace norroy::agent
