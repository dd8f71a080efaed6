#include "cli/import_renewal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"

namespace norroy::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(RenewalFile, ReadsFilesAndOptions) {
  const auto file = ParseRenewalFile(
      "# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = /a/b c\n\n"
      "# Options used in the renewal process\n[renewalparams]\n  authenticator = webroot\n"
      "renew_hook = \"systemctl reload nginx\"\nreuse_key = True\r\n"
      "[[webroot_map]]\nwww.example.com = /var/www\nauthenticator = not this\n");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->files, ElementsAre(Pair("archive_dir", "/a/b c"), Pair("version", "2.1.0")));
  EXPECT_THAT(file->options,
              ElementsAre(Pair("authenticator", "webroot"),
                          Pair("renew_hook", "systemctl reload nginx"), Pair("reuse_key", "True")));
  EXPECT_TRUE(ParseRenewalFile("").ok());
}

TEST(RenewalFile, RefusesWhatItIsNot) {
  const struct {
    std::string text;
    std::string says;
  } cases[] = {
      {"version = 1\nno value\n", "line 2: is no key = value"},
      {"= value\n", "line 1"},
      {"a = 1\na = 2\n", "line 2: a is there twice"},
      {std::string(kMaxRenewalFile + 1, '#'), "too long"},
  };
  for (const auto& c : cases) {
    const auto file = ParseRenewalFile(c.text);
    EXPECT_EQ(ErrorReason(file.status()), "BAD_RENEWAL_FILE");
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(c.says));
  }
}

TEST(PlainCommand, TakesWhatNeedsNoShell) {
  const struct {
    std::string line;
    std::vector<std::string> argv;
  } cases[] = {
      {"env reload nginx", {"/usr/bin/env", "reload", "nginx"}},
      {"  /opt/deploy.sh   --to=web ", {"/opt/deploy.sh", "--to=web"}},
      {"", {}},
      {"no-such-program-here", {}},
      {"bin/relative", {}},
      {"A=b env", {}},
      {"env; rm -r /", {}},
      {"env && env", {}},
      {"env > /tmp/x", {}},
      {"env $RENEWED_LINEAGE", {}},
      {"env \"a b\"", {}},
      {"env `id`", {}},
      {"env ~/x", {}},
      {"env *", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(PlainCommand(c.line), c.argv) << c.line;
}

}  // namespace
}  // namespace norroy::cli
