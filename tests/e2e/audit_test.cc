// The audit log of a real deployment: what it says after an issuance and a refused call, and that
// whatever is changed in an export or in the database itself is found and named.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

class AuditE2e : public ::testing::Test {
 protected:
  AuditE2e() : dir_(TempDir("audit")), http_port_(FreePort()) {
    PebbleOptions options;
    options.http_port = http_port_;
    pebble_ = Pebble::Start(dir_, options);
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }

  // As requester/mallory, who may ask for nothing of this.
  Output AsMallory(std::vector<std::string> arguments) {
    const std::string file = dir_ + "/mallory.pem";
    if (ReadAll(file).empty()) {
      norroy_->CliOk({"identity", "issue", "requester", "mallory", "--out", file});
    }
    arguments.insert(arguments.end(), {"--identity", file});
    return norroy_->Cli(arguments);
  }
  std::string Export(const std::string& name, const std::string& of = "issuer") {
    const std::string path = absl::StrCat(dir_, "/", name);
    norroy_->CliOk({"audit", "export", path, "--of", of});
    return path;
  }
  Output Verify(const std::string& file) { return norroy_->Cli({"audit", "verify", file}); }
  // The file with its lines changed.
  Output VerifyChanged(const std::string& file, const std::function<void(Lines&)>& change) {
    std::vector<std::string> lines = absl::StrSplit(ReadAll(file), '\n');
    change(lines);
    const std::string changed = file + ".changed";
    WriteAll(changed, absl::StrJoin(lines, "\n"));
    return Verify(changed);
  }
  // The index of the first line with both texts.
  static size_t Find(const Lines& lines, const std::string& a, const std::string& b) {
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return absl::StrContains(line, a) && absl::StrContains(line, b);
    });
    EXPECT_NE(found, lines.end()) << a << " " << b;
    return static_cast<size_t>(found - lines.begin());
  }
  void Sql(const std::string& statement) {
    const Output done = RunProgram({"sqlite3", norroy_->dir() + "/issuer/issuer.db", statement});
    EXPECT_EQ(done.code, 0) << done.err;
  }
  // Stops the issuer, changes its database, and starts it again.
  void Tamper(const std::string& statement) {
    norroy_->issuer().Signal(SIGTERM);
    EXPECT_EQ(norroy_->issuer().Wait(absl::Seconds(20)), 0);
    Sql(statement);
    norroy_->StartIssuer();
    EXPECT_TRUE(Eventually([&] { return norroy_->Cli({"account", "list"}).code == 0; }));
  }

  const std::string dir_;
  const int http_port_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(AuditE2e, TellsWhatHappenedAndFindsWhatWasChanged) {
  norroy_->CliOk({"issue", "www.example.test"});
  EXPECT_EQ(AsMallory({"audit", "tail"}).code, 4);
  EXPECT_EQ(AsMallory({"agent", "list"}).code, 4);

  // Who did what.
  const std::string tail = norroy_->CliOk({"audit", "tail"});
  for (const char* action :
       {"order.create", "order.presenting", "order.done", "certificate.issue", "account.put"}) {
    EXPECT_THAT(tail, HasSubstr(action));
  }
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(norroy_->CliOk({"audit", "tail", "--action", "call."}),
                             "method/norroy.audit.v1.AuditService.ListRecords");
  }));
  const std::string refused = norroy_->CliOk({"audit", "tail", "--principal", "requester/mallory"});
  EXPECT_THAT(refused, HasSubstr("denied"));
  EXPECT_THAT(refused, HasSubstr("from 127.0.0.1:"));
  EXPECT_TRUE(Eventually([&] {
    return absl::StrContains(norroy_->CliOk({"audit", "tail", "--of", "validator"}),
                             "AgentAdminService.ListAgents");
  }));

  // How the certificate came to be.
  const std::string certificates = norroy_->CliOk({"cert", "list", "-o", "json"});
  const std::string id = Deployment::Field(certificates, "0.id");
  const std::string evidence = norroy_->CliOk({"cert", "evidence", id});
  for (const char* part : {"www.example.test", "http-01", "web1", "order.create",
                           "certificate.issue", "https://127.0.0.1:"}) {
    EXPECT_THAT(evidence, HasSubstr(part));
  }
  EXPECT_EQ(AsMallory({"cert", "evidence", id}).code, 4);

  // The servers' own logs, and an export that needs no server.
  const Output verified = norroy_->Cli({"audit", "verify"});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("issuer/"));
  EXPECT_THAT(verified.out, HasSubstr("validator/"));
  EXPECT_THAT(verified.out, HasSubstr("what this cannot know"));
  const std::string older = Export("older");
  norroy_->CliOk({"issue", "api.example.test"});
  const std::string newer = Export("newer");
  EXPECT_EQ(Verify(newer).code, 0) << Verify(newer).err;
  const Output against = norroy_->Cli({"audit", "verify", newer, "--against", older});
  EXPECT_EQ(against.code, 0) << against.err;
  EXPECT_EQ(norroy_->Cli({"audit", "verify", older, "--against", newer}).code, 1);
  EXPECT_EQ(Verify(Export("validator", "validator")).code, 0);
  EXPECT_EQ(norroy_->Cli({"audit", "export", newer}).code, 2);

  // Each change by itself.
  const Output changed = VerifyChanged(newer, [](Lines& lines) {
    std::string& line = lines[Find(lines, "\"record\"", "certificate.issue")];
    line = absl::StrReplaceAll(line, {{"operator/", "operatos/"}});
  });
  EXPECT_EQ(changed.code, 1);
  EXPECT_THAT(changed.err, HasSubstr("was altered"));
  const Output dropped = VerifyChanged(
      newer, [](Lines& lines) { lines.erase(lines.begin() + Find(lines, "\"record\"", "\"3\"")); });
  EXPECT_EQ(dropped.code, 1);
  EXPECT_THAT(dropped.err, HasSubstr("entry 3: it is missing"));
  const Output swapped = VerifyChanged(newer, [](Lines& lines) {
    const size_t at = Find(lines, "\"record\"", "\"3\"");
    std::swap(lines[at], lines[at + 1]);
  });
  EXPECT_EQ(swapped.code, 1);
  EXPECT_THAT(swapped.err, HasSubstr("entry 3"));
  const Output cut = VerifyChanged(newer, [](Lines& lines) {
    // The last record; its end counts honestly.
    const size_t end = Find(lines, "\"end\"", "records");
    lines.erase(lines.begin() + end - 1);
    const std::string records = Deployment::Field(lines[end - 1], "end.records");
    lines[end - 1] = absl::StrReplaceAll(
        lines[end - 1],
        {{absl::StrCat("\"", records, "\""), absl::StrCat("\"", std::stoi(records) - 1, "\"")}});
  });
  EXPECT_EQ(cut.code, 1);
  EXPECT_THAT(cut.err, HasSubstr("the chain ends before it"));
  EXPECT_NE(VerifyChanged(newer,
                          [](Lines& lines) {
                            lines.pop_back();
                            lines.pop_back();
                          })
                .code,
            0);
}

TEST_F(AuditE2e, FindsWhatWasChangedInTheDatabase) {
  norroy_->CliOk({"issue", "www.example.test"});
  EXPECT_EQ(norroy_->Cli({"audit", "verify"}).code, 0);
  struct Case {
    const char* statement;
    const char* undo;
    const char* says;
  };
  const Case cases[] = {
      {"UPDATE audit SET detail = detail || 'x' WHERE seq = 2",
       "UPDATE audit SET detail = substr(detail, 1, length(detail) - 1) WHERE seq = 2",
       "entry 2: it was altered"},
      {"UPDATE audit SET seq = -seq WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = -3",
       "entry"},
      {"UPDATE audit SET seq = seq + 1000000 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = "
       "3; UPDATE audit SET seq = 3 WHERE seq = 1000002",
       "UPDATE audit SET seq = seq + 1000000 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = "
       "3; UPDATE audit SET seq = 3 WHERE seq = 1000002",
       "entry 2"},
  };
  for (const Case& c : cases) {
    Tamper(c.statement);
    const Output verified = norroy_->Cli({"audit", "verify"});
    EXPECT_EQ(verified.code, 1) << c.statement;
    EXPECT_THAT(verified.err, HasSubstr("AUDIT_BROKEN")) << c.statement;
    EXPECT_THAT(verified.err, HasSubstr(c.says)) << c.statement;
    EXPECT_THAT(verified.out, HasSubstr("validator/")) << "the other log is fine";
    Tamper(c.undo);
    const Output again = norroy_->Cli({"audit", "verify"});
    EXPECT_EQ(again.code, 0) << c.undo << again.err;
  }
  // A chain's end, together with the checkpoints that saw it: what was seen from here remains.
  Tamper("DELETE FROM audit WHERE seq > 4; DELETE FROM audit_checkpoints");
  const Output cut = norroy_->Cli({"audit", "verify"});
  EXPECT_EQ(cut.code, 1);
  EXPECT_THAT(cut.err, HasSubstr("is not the one that was seen from here"));
}

}  // namespace
}  // namespace norroy::harness
