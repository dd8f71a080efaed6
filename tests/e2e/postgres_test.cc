// Issuer and validator on a PostgreSQL server: certificates are issued, whatever is killed, and no
// two processes of one name work at once.

#include "tests/harness/postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

class OnPostgres : public ::testing::Test {
 protected:
  OnPostgres() {
    dir_ = TempDir("postgres");
    http_port_ = FreePort();
    postgres_ = Postgres::Start();
    pebble_ = Pebble::Start(dir_, {.http_port = http_port_, .authz_reuse_percent = 0});
    Deployment::Options options;
    options.postgres = postgres_.get();
    norroy_ = Deployment::Start(dir_, *pebble_, options);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }

  void Issue(const std::string& name) {
    const std::string out = absl::StrCat(dir_, "/", name);
    const Output issued = norroy_->Cli({"issue", name, "--out", out});
    EXPECT_EQ(issued.code, 0) << issued.err << norroy_->Logs();
    EXPECT_THAT(ReadAll(out + "/cert.pem"), HasSubstr("BEGIN CERTIFICATE"));
  }

  // Its order, not waited for.
  std::string Create(const std::string& name) {
    const Output key = RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                                   "ec_paramgen_curve:P-256", "-nodes", "-keyout", dir_ + "/k.pem",
                                   "-out", dir_ + "/k.csr", "-subj", "/", "-addext",
                                   absl::StrCat("subjectAltName=DNS:", name)});
    EXPECT_EQ(key.code, 0) << key.err;
    return Deployment::Field(
        norroy_->CliOk({"order", "create", name, "--csr", dir_ + "/k.csr", "-o", "json"}), "id");
  }

  std::string State(const std::string& id) {
    return Deployment::Field(norroy_->Cli({"order", "show", id, "-o", "json"}).out, "state");
  }

  std::string dir_;
  int http_port_ = 0;
  std::unique_ptr<Postgres> postgres_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(OnPostgres, Issues) {
  Issue("a.example.test");
  EXPECT_THAT(norroy_->CliOk({"audit", "verify"}), HasSubstr("issuer/"));
  EXPECT_EQ(postgres_->Sql("issuer", "SELECT count(*) FROM certificates"), "1\n");
  EXPECT_EQ(postgres_->Sql("validator", "SELECT count(*) FROM agents WHERE state = 1"), "1\n");
  EXPECT_NE(RunProgram({"/usr/bin/test", "-e", norroy_->dir() + "/issuer/issuer.db"}).code, 0);
}

TEST_F(OnPostgres, KillsCostTimeOnly) {
  std::vector<std::string> ids;
  for (int round = 0; round < 6; ++round) {
    ids.push_back(Create(absl::StrCat("k", round, ".example.test")));
    absl::SleepFor(absl::Milliseconds(15) * round);
    if (round % 3 == 0) {
      postgres_->Kill();
      postgres_->StartAgain();
      continue;
    }
    Process& victim = round % 3 == 1 ? norroy_->issuer() : norroy_->validator();
    victim.Signal(SIGKILL);
    victim.Wait(absl::Seconds(5));
    if (round % 3 == 1) norroy_->StartIssuer();
    if (round % 3 == 2) norroy_->StartValidator();
    EXPECT_TRUE(Eventually([&] { return !State(ids.back()).empty(); }));
  }
  for (const std::string& id : ids) {
    EXPECT_TRUE(Eventually([&] { return State(id) == "ORDER_STATE_VALID"; }, absl::Seconds(60)))
        << norroy_->Cli({"order", "show", id}).out << norroy_->Logs();
  }
  EXPECT_EQ(pebble_->LogCount("Issued certificate serial"), 6);
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_F(OnPostgres, ASecondProcessOfTheSameNameIsRefused) {
  const Output second = RunProgram(
      {Runfile("issuer/norroy-issuer"), "--config", norroy_->dir() + "/issuer/issuer.yaml"});
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err, HasSubstr("is in use by another process on this database"));
  const Output validator = RunProgram({Runfile("validator/norroy-validator"), "--config",
                                       norroy_->dir() + "/validator/validator.yaml"});
  EXPECT_EQ(validator.code, 1);
  EXPECT_THAT(validator.err, HasSubstr("is in use by another process on this database"));
  Issue("b.example.test");
}

}  // namespace
}  // namespace norroy::harness
