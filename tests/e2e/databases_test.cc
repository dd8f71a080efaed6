// A database's life beside serving: backups while orders run, a restore after a crash, the move
// from SQLite to PostgreSQL.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/harness/deployment.h"
#include "tests/harness/postgres.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;

class Databases : public ::testing::Test {
 protected:
  Databases() {
    dir_ = TempDir("databases");
    http_port_ = FreePort();
    pebble_ = Pebble::Start(dir_, {.http_port = http_port_, .authz_reuse_percent = 0});
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }

  std::string Csr(const std::string& name) {
    const std::string csr = absl::StrCat(dir_, "/", name, ".csr");
    const Output key = RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                                   "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                                   absl::StrCat(dir_, "/", name, ".key"), "-out", csr, "-subj", "/",
                                   "-addext", absl::StrCat("subjectAltName=DNS:", name)});
    EXPECT_EQ(key.code, 0) << key.err;
    return csr;
  }
  // Its order, with a CSR, not waited for.
  std::string Create(const std::string& name) {
    return Deployment::Field(
        norroy_->CliOk({"order", "create", name, "--csr", Csr(name), "-o", "json"}), "id");
  }
  // An order that waits for its CSR.
  std::string CreateReady(const std::string& name) {
    return Deployment::Field(norroy_->CliOk({"order", "create", name, "--wait", "-o", "json"}),
                             "id");
  }
  std::string State(const std::string& id) {
    return Deployment::Field(norroy_->Cli({"order", "show", id, "-o", "json"}).out, "state");
  }
  void ExpectIssued(const std::string& id) {
    EXPECT_TRUE(Eventually([&] { return State(id) == "ORDER_STATE_VALID"; }, absl::Seconds(90)))
        << norroy_->Cli({"order", "show", id}).out << norroy_->Logs();
  }
  std::string Chain(const std::string& order) { return norroy_->CliOk({"cert", "get", order}); }
  int Issued() { return pebble_->LogCount("Issued certificate serial"); }

  void Kill(Process& process, int signal) {
    process.Signal(signal);
    EXPECT_NE(process.Wait(absl::Seconds(20)), -1);
  }
  // What docs/databases.md says.
  void Restore(const std::string& file, const std::string& backup) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::rename((file + suffix).c_str(), (file + ".aside" + suffix).c_str());
    }
    EXPECT_EQ(RunProgram({"/bin/cp", backup, file}).code, 0);
  }
  std::string IssuerFile() const { return norroy_->dir() + "/issuer/issuer.db"; }
  std::string ValidatorFile() const { return norroy_->dir() + "/validator/validator.db"; }

  std::string dir_;
  int http_port_ = 0;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(Databases, ABackupUnderLoadCanBeRestoredAndGoesOn) {
  std::vector<std::string> valid;
  std::vector<std::string> chains;
  for (int i = 0; i < 3; ++i) {
    valid.push_back(Create(absl::StrCat("a", i, ".example.test")));
    ExpectIssued(valid.back());
    chains.push_back(Chain(valid.back()));
  }
  const std::string ready = CreateReady("b.example.test");
  // Its agent is down: under way in the backup, whenever that is made.
  Kill(norroy_->agent("web1"), SIGKILL);
  const std::string waiting = Create("c.example.test");
  std::vector<std::string> load;
  for (int i = 0; i < 4; ++i) load.push_back(Create(absl::StrCat("d", i, ".example.test")));
  norroy_->StartAgent("web1");
  const std::string backup = dir_ + "/backup";
  const Output issuer = norroy_->RunIssuer({"backup", "--out", backup + "-issuer"});
  ASSERT_EQ(issuer.code, 0) << issuer.err;
  const Output validator = norroy_->RunValidator({"backup", "--out", backup + "-validator"});
  ASSERT_EQ(validator.code, 0) << validator.err;

  Kill(norroy_->issuer(), SIGKILL);
  Kill(norroy_->validator(), SIGKILL);
  const int issued = Issued();
  Restore(IssuerFile(), backup + "-issuer");
  Restore(ValidatorFile(), backup + "-validator");
  norroy_->StartValidator();
  norroy_->StartIssuer();
  EXPECT_TRUE(Eventually([&] { return !State(valid[0]).empty(); })) << norroy_->Logs();

  for (size_t i = 0; i < valid.size(); ++i) {
    EXPECT_EQ(State(valid[i]), "ORDER_STATE_VALID");
    EXPECT_EQ(Chain(valid[i]), chains[i]);
  }
  norroy_->CliOk(
      {"order", "finalize", ready, "--csr", Csr("b.example.test"), "--out", dir_ + "/b"});
  ExpectIssued(waiting);
  for (const std::string& id : load) ExpectIssued(id);
  // One for each that had none in the backup; one more where the crash came after it was issued.
  EXPECT_GE(Issued(), 3 + 6);
  EXPECT_LE(Issued(), issued + 6);
  EXPECT_EQ(norroy_->CliOk({"audit", "verify"}).empty(), false);
  EXPECT_TRUE(Eventually([&] { return norroy_->Presented("web1") == 0; }));
}

TEST_F(Databases, MovesFromSqliteToPostgres) {
  const std::string valid = Create("a.example.test");
  ExpectIssued(valid);
  const std::string chain = Chain(valid);
  const std::string ready = CreateReady("b.example.test");
  const int issued = Issued();
  // In use.
  EXPECT_THAT(norroy_->RunIssuer({"migrate"}).err, HasSubstr("in use by another process"));
  Kill(norroy_->issuer(), SIGTERM);
  Kill(norroy_->validator(), SIGTERM);

  const std::unique_ptr<Postgres> postgres = Postgres::Start();
  for (const std::string service : {"issuer", "validator"}) {
    const std::string yaml = absl::StrCat(norroy_->dir(), "/", service, "/", service, ".yaml");
    WriteAll(yaml,
             absl::StrReplaceAll(ReadAll(yaml), {{absl::StrCat("database: ", service, ".db"),
                                                  "database: " + postgres->Database(service)}}),
             0600);
  }
  const Output refused = norroy_->RunIssuer({});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("norroy-issuer migrate --config"));
  const Output issuer = norroy_->RunIssuer({"import", "--from", IssuerFile()});
  ASSERT_EQ(issuer.code, 0) << issuer.err;
  EXPECT_THAT(issuer.out, HasSubstr("certificates: 1 rows"));
  EXPECT_THAT(issuer.out, HasSubstr("entries, whole"));
  const Output validator = norroy_->RunValidator({"import", "--from", ValidatorFile()});
  ASSERT_EQ(validator.code, 0) << validator.err;
  EXPECT_THAT(validator.out, HasSubstr("agents: 1 rows"));
  EXPECT_THAT(norroy_->RunIssuer({"import", "--from", IssuerFile()}).err, HasSubstr("already"));
  EXPECT_THAT(norroy_->RunIssuer({"backup", "--out", dir_ + "/b"}).err, HasSubstr("pg_dump"));

  norroy_->StartValidator();
  norroy_->StartIssuer();
  EXPECT_TRUE(Eventually([&] { return State(valid) == "ORDER_STATE_VALID"; })) << norroy_->Logs();
  EXPECT_EQ(Chain(valid), chain);
  norroy_->CliOk(
      {"order", "finalize", ready, "--csr", Csr("b.example.test"), "--out", dir_ + "/b"});
  EXPECT_TRUE(Eventually([&] { return norroy_->IsAttached("web1"); }));
  ExpectIssued(Create("c.example.test"));
  EXPECT_EQ(Issued(), issued + 2);
  EXPECT_EQ(norroy_->Cli({"audit", "verify"}).code, 0);
  EXPECT_THAT(norroy_->RunIssuer({"migrate"}).err, HasSubstr("in use by issuer/"));
}

}  // namespace
}  // namespace norroy::harness
