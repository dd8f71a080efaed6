#include "agent/scope/scope.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

TEST(Scope, ParsesLinesAndComments) {
  const auto scope = ParseScope(
      "# ours\n\n www.Example.com  # the shop\r\n.example.net\n=192.0.2.0/24\n", "scope");
  ASSERT_TRUE(scope.ok()) << scope.status();
  ASSERT_EQ(scope->size(), 3u);
  EXPECT_TRUE(challenge::MatchesAny(*scope, *challenge::Name::Parse("www.example.com")));
  EXPECT_TRUE(challenge::MatchesAny(*scope, *challenge::Name::Parse("a.example.net")));
  EXPECT_TRUE(challenge::MatchesAny(*scope, *challenge::Name::Parse("192.0.2.9")));
  EXPECT_FALSE(challenge::MatchesAny(*scope, *challenge::Name::Parse("example.com")));
  const auto again = ParseScope(FormatScope(*scope), "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *scope);
}

TEST(Scope, RefusesWithTheLine) {
  const struct {
    const char* what;
    std::string text;
    const char* message;
  } cases[] = {
      {"empty", "", "0 patterns"},
      {"only comments", "# a\n\n", "0 patterns"},
      {"any name", "a.example.com\n.\n", "f:2: \".\""},
      {"no pattern", "\n\nfoo bar\n", "f:3: "},
      {"over the size", std::string(kMaxScopeFile + 1, '#'), "256 KiB"},
  };
  for (const auto& c : cases) {
    const auto scope = ParseScope(c.text, "f");
    EXPECT_EQ(ErrorReason(scope.status()), "BAD_SCOPE") << c.what;
    EXPECT_TRUE(absl::StrContains(scope.status().message(), c.message)) << scope.status();
  }
  EXPECT_FALSE(MakeScope({}).ok());
  EXPECT_FALSE(MakeScope({"."}).ok());
  std::vector<std::string> texts(kMaxScopePatterns, "a.example.com");
  EXPECT_TRUE(MakeScope(texts).ok());
  texts.push_back("b.example.com");
  EXPECT_FALSE(MakeScope(texts).ok());
}

TEST(Scope, TheFileMustBeOurs) {
  const std::string path = absl::StrCat(testing::TempDir(), "/scope");
  std::ofstream(path) << "www.example.com\n";
  const struct {
    mode_t mode;
    bool ok;
  } cases[] = {{0644, true}, {0600, true}, {0400, true}, {0664, false}, {0646, false}};
  for (const auto& c : cases) {
    ASSERT_EQ(chmod(path.c_str(), c.mode), 0);
    EXPECT_EQ(ReadScope(path).ok(), c.ok) << std::oct << c.mode;
  }
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  // Only a real root can give files away.
  if (chown(path.c_str(), 12345, 12345) == 0) {
    EXPECT_TRUE(absl::StrContains(ReadScope(path).status().message(), "12345"));
    ASSERT_EQ(chown(path.c_str(), geteuid(), getegid()), 0);
  }
  const std::string link = absl::StrCat(path, ".link");
  unlink(link.c_str());
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_FALSE(ReadScope(link).ok());
  EXPECT_EQ(ReadScope(path + ".none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadScope(testing::TempDir()).ok());
}

}  // namespace
}  // namespace norroy::agent
