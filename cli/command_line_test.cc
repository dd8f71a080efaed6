#include "cli/command_line.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

absl::StatusOr<CommandLine> Parse(absl::string_view text) {
  return ParseCommandLine(absl::StrSplit(text, ' ', absl::SkipEmpty()));
}

TEST(ParseCommandLine, EveryCommandIsThere) {
  for (const char* text : {
           "init",
           "init --dir /d --ca letsencrypt --contact a@b.example --agree-tos --allow a.b *.b",
           "init --ca https://ca.example/dir --ca-root f --eab-kid k --eab-key-file f",
           "up --dir /d",
           "issue a.example.com b.example.com --out o --timeout 1m",
           "issue --csr f a.example.com",
           "issue *.example.com --key-type rsa2048 --ca c --profile p",
           "order create a.example.com --wait --timeout 10s --request-id r --profile p",
           "order create --label a=b --finalizer requester/x a.example.com",
           "order finalize 0123 --csr f --out d",
           "order list --state ready --name a.example.com --limit 5",
           "order show 0123",
           "order watch 0123 --until-ready",
           "order cancel 0123",
           "order retry 0123",
           "cert list",
           "cert show 0123",
           "cert get 0123 --out d",
           "cert revoke 0123 --reason superseded",
           "cert revoke --name *.a.example.com --under example.com --serial 0a --ca c",
           "cert revoke --public-key f --creator requester/x --label a=b --label c=d --confirm 2",
           "agent token create web1 --answer www.example.com .example.com --type http-01 --out f",
           "agent list",
           "agent show web1",
           "agent drain web1",
           "agent drain web1 --undo",
           "agent remove web1",
           "doctor a.example.com *.example.com --type http-01 --type dns-01 --ca c --verbose",
           "doctor --type tls-alpn-01 a.example.com -o json",
           "dns-persist *.example.com --ca c --until 2027-01-31",
           "account create letsencrypt --agree-tos",
           "account list",
           "account show",
           "identity issue requester ci-web --out f --days 30",
           "identity issue validator v2 --host 192.0.2.1 --host v2.example.net",
           "identity renew",
           "identity renew a.pem b.pem",
           "identity list",
           "identity ci-authority --out f",
           "sync",
           "sync --config f --force a.example.com --force b --timeout 1m -o json",
           "sync --config f --dry-run",
           "sync --watch --config f",
           "sync status --config f",
           "sync --config f status -o json",
           "import certbot /etc/letsencrypt --config f",
           "import lego .lego",
           "login --oidc-token-file f --door issuer.example:8444 --out i.pem",
           "login --token-file f",
           "token create requester/ci-web --expires 90d",
           "token list",
           "token delete 0123",
           "agent grants web1 --all",
           "agent set-grants web1 --name .example.com --name *.example.com --type dns-01 "
           "--responders one --expected-version 3",
           "agent ban web1 --reason stolen",
           "agent unban web1",
           "agent blast-radius web1",
           "agent blast-radius web1 a.example.com *.example.com",
           "version --servers",
           "--dir /d -o json order list",
           "order list -o json --dir /d --issuer 127.0.0.1:1 -q",
       }) {
    const auto line = Parse(text);
    ASSERT_TRUE(line.ok()) << text << ": " << line.status();
    EXPECT_TRUE(line->run) << text;
    EXPECT_TRUE(line->text.empty()) << text;
  }
}

TEST(ParseCommandLine, WhatIsWrongIsSaid) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"", "subcommand"},
      {"nonsense", "nonsense"},
      {"order", "subcommand"},
      {"order nonsense", "nonsense"},
      {"issue", "NAME"},
      {"issue a.example.com --nonsense", "--nonsense"},
      {"issue a.example.com --csr f --key-type p256", "--csr"},
      {"issue a.example.com --csr", "--csr"},
      {"order finalize 0123", "--csr"},
      {"order list --limit 0", "--limit"},
      {"order list --limit many", "--limit"},
      {"order show a b", "b"},
      {"agent token create web1", "--answer"},
      {"agent set-grants web1", "--name"},
      {"agent ban web1", "--reason"},
      {"order list -o yaml", "yaml"},
      {"up now", "now"},
      {"sync now", "now"},
      {"sync --watch --dry-run", "--watch"},
      {"sync --watch --once", "--watch"},
      {"import certbot", "DIR"},
      {"import acme.sh d", "acme.sh"},
  };
  for (const auto& c : cases) {
    const auto line = Parse(c.text);
    ASSERT_FALSE(line.ok()) << c.text;
    EXPECT_EQ(ErrorReason(line.status()), "BAD_USAGE") << c.text;
    EXPECT_TRUE(absl::StrContains(line.status().message(), c.says))
        << c.text << ": " << line.status();
  }
}

TEST(ParseCommandLine, GlobalOptionsStandAnywhere) {
  for (const char* text : {"--dir /d -o json -q --issuer h:1 order show 01",
                           "order --dir /d show -o json 01 --issuer h:1 -q"}) {
    const auto line = Parse(text);
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->options.dir, "/d");
    EXPECT_EQ(line->options.issuer, "h:1");
    EXPECT_EQ(line->format, Format::kJson);
    EXPECT_TRUE(line->quiet);
  }
}

TEST(ParseCommandLine, HelpAndVersionAreText) {
  for (const char* text : {"--help", "order --help", "agent token create --help", "--version"}) {
    const auto line = Parse(text);
    ASSERT_TRUE(line.ok()) << text << ": " << line.status();
    EXPECT_FALSE(line->text.empty()) << text;
    EXPECT_FALSE(line->run) << text;
  }
  EXPECT_TRUE(absl::StrContains(Parse("order create --help")->text, "--finalizer"));
}

}  // namespace
}  // namespace norroy::cli
