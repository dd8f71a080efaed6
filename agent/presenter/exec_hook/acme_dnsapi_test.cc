// The example program of deploy/examples/exec-hook, with a stub for acme.sh and its DNS API.

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/exec_hook/exec_hook.h"
#include "common/error/error.h"
#include "common/program/test_world.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using program::NewFolder;
using program::TextOf;
using program::WriteProgram;

// As acme.sh ends: it runs its first argument when it is read.
constexpr char kAcmeSh[] = R"(#!/usr/bin/env sh
_initpath() { ACCOUNT_CONF_PATH="$LE_WORKING_DIR/account.conf"; }
main() {
  if [ -z "$1" ]; then echo "usage: acme.sh"; return; fi
  case "$1" in -*) echo "unknown flag $1"; return 1 ;; esac
  "$@"
}
main "$@"
)";

constexpr char kDnsApi[] = R"(#!/usr/bin/env sh
dns_stub_add() {
  printf 'add<%s><%s><%s><%s>\n' "$1" "$2" "$#" "$ACCOUNT_CONF_PATH" >> "$STUB_LOG"
  [ "$2" != refused ] || { echo "the stub refuses"; return 1; }
}
dns_stub_rm() { printf 'rm<%s><%s><%s>\n' "$1" "$2" "$#" >> "$STUB_LOG"; }
)";

class AcmeDnsapi : public testing::Test {
 protected:
  const std::string folder_ = NewFolder();
  const std::string log_ = folder_ + "/log";
  const std::string acme_ = WriteProgram(folder_, "acme.sh", kAcmeSh);
  const std::string api_ = WriteProgram(folder_, "dns_stub.sh", kDnsApi);

  std::string Program() {
    const std::string text = TextOf(
        absl::StrCat(getenv("TEST_SRCDIR"), "/norroy/", "deploy/examples/exec-hook/acme-dnsapi"));
    EXPECT_FALSE(text.empty());
    return WriteProgram(folder_, "acme-dnsapi", text);
  }

  absl::Status Call(const std::vector<std::string>& environment, bool add,
                    const std::string& value) {
    auto writer = MakeExecHook({.argv = {Program()},
                                .zones = {*dns::Name::Parse("example.com")},
                                .environment = environment,
                                .timeout = absl::Seconds(30)});
    if (!writer.ok()) return writer.status();
    const dns::Name owner = *dns::Name::Parse("_acme-challenge.example.com");
    return add ? (*writer)->Add(owner, value) : (*writer)->Remove(owner, value);
  }

  std::vector<std::string> Environment() const {
    return {"ACME_SH=" + acme_, "ACME_DNS_API=dns_stub", "ACME_DNS_API_FILE=" + api_,
            "LE_WORKING_DIR=" + folder_, "STUB_LOG=" + log_};
  }
};

TEST_F(AcmeDnsapi, CallsAddAndRmWithTheValueAsItIs) {
  for (const char* const value : {"plain", "-dash", "a b  c", "$(id)", "`id`;&|", "'\"\\*"}) {
    absl::Status status = Call(Environment(), true, value);
    EXPECT_TRUE(status.ok()) << status;
    status = Call(Environment(), false, value);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(TextOf(log_),
              absl::StrCat("add<_acme-challenge.example.com><", value, "><2><", folder_,
                           "/account.conf>\nrm<_acme-challenge.example.com><", value, "><2>\n"));
    ASSERT_EQ(remove(log_.c_str()), 0);
  }
}

TEST_F(AcmeDnsapi, FindsTheApiBesideAcmeSh) {
  ASSERT_EQ(system(absl::StrCat("mkdir ", folder_, "/dnsapi").c_str()), 0);
  WriteProgram(folder_, "dnsapi/dns_stub.sh", kDnsApi);
  auto environment = Environment();
  environment.erase(environment.begin() + 2);
  const absl::Status status = Call(environment, true, "v");
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(AcmeDnsapi, FailsAsTheApiDoes) {
  const absl::Status status = Call(Environment(), true, "refused");
  EXPECT_EQ(ErrorReason(status), "EXEC_HOOK_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "exited with 1: the stub refuses")) << status;
}

TEST_F(AcmeDnsapi, SaysWhatIsMissing) {
  const struct {
    size_t at;
    std::string instead;
    std::string text;
  } cases[] = {
      {0, "ACME_SH=", "ACME_SH"},
      {0, "ACME_SH=/nonexistent/acme.sh", "cannot read [ACME_SH]"},
      {1, "ACME_DNS_API=", "ACME_DNS_API"},
      {1, "ACME_DNS_API=rm -rf", "ACME_DNS_API"},
      {1, "ACME_DNS_API=dns_x;id", "ACME_DNS_API"},
      {1, "ACME_DNS_API=dns_other", "has no [ACME_DNS_API]_rm"},
      {2, "ACME_DNS_API_FILE=/nonexistent/dns_stub.sh", "cannot read [ACME_DNS_API_FILE]"},
  };
  for (const auto& c : cases) {
    auto environment = Environment();
    environment[c.at] = c.instead;
    const absl::Status status = Call(environment, false, "v");
    EXPECT_EQ(ErrorReason(status), "EXEC_HOOK_FAILED") << c.instead;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << status;
    EXPECT_EQ(TextOf(log_), "");
  }
}

TEST_F(AcmeDnsapi, IsASoundShellProgram) {
  EXPECT_EQ(system(absl::StrCat("/bin/sh -n ", Program()).c_str()), 0);
  EXPECT_NE(system(absl::StrCat(Program(), " list a b 2>/dev/null").c_str()), 0);
  EXPECT_NE(system(absl::StrCat(Program(), " present a 2>/dev/null").c_str()), 0);
}

}  // namespace
}  // namespace norroy::agent
