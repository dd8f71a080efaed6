// `norroy audit` against the real audit service of a small issuer and a small validator over mTLS,
// whose databases somebody changes.

#include "cli/audit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/audit_seen.h"
#include "cli/audit_text.h"
#include "cli/exit_code.h"
#include "common/error/error.h"
#include "common/rpc/test_audit_server.h"
#include "common/rpc/test_deployment.h"

namespace norroy::cli {
namespace {

class AuditTest : public ::testing::Test {
 protected:
  AuditTest()
      : issuer_(deployment_, types::v1::ROLE_ISSUER, "issuer/main"),
        validator_(deployment_, types::v1::ROLE_VALIDATOR, "validator/main") {
    options_.dir = absl::StrCat(::testing::TempDir(), "/",
                                ::testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.identity_file = deployment_.WriteIdentity(types::v1::ROLE_AUDITOR, "eve");
    options_.core_root_file = deployment_.core_root_file();
    options_.issuer = issuer_.address();
    options_.validator = validator_.address();
    issuer_.Append(3);
    validator_.Append(2);
  }
  ~AuditTest() override {
    std::fclose(data_);
    std::fclose(talk_);
  }

  template <typename O>
  absl::Status Run(absl::Status (*command)(Context&, const O&), const O& options,
                   Format format = Format::kTable) {
    std::rewind(data_);
    EXPECT_EQ(ftruncate(fileno(data_), 0), 0);
    Output output(format, data_, talk_, false, true);
    Context context(options_, output, clock_);
    return command(context, options);
  }
  std::string Data() {
    std::string text(static_cast<size_t>(std::ftell(data_)), '\0');
    std::rewind(data_);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), data_), text.size());
    return text;
  }
  std::string File(const std::string& name) { return absl::StrCat(options_.dir, "-", name); }
  absl::Status Verify() { return Run(AuditVerify, AuditVerifyOptions{}); }

  rpc::TestDeployment deployment_;
  SystemClock clock_;
  rpc::TestAuditServer issuer_;
  rpc::TestAuditServer validator_;
  Options options_;
  FILE* const data_ = std::tmpfile();
  FILE* const talk_ = std::tmpfile();
};

TEST(RecordLine, SaysWhoDidWhatInOneLine) {
  audit::v1::AuditRecord record;
  record.set_writer("issuer/main");
  record.set_seq(7);
  record.set_principal("operator/alice");
  record.set_action("order.create");
  record.set_object("order/1");
  record.set_outcome("ok");
  record.mutable_time()->set_seconds(1'800'000'000);
  EXPECT_EQ(RecordLine(record),
            "2027-01-15T08:00:00Z  operator/alice  order.create  order/1  ok  [issuer/main 7]\n");
  record.set_peer("192.0.2.7:51000");
  record.set_policy_version(3);
  record.set_request_id("r");
  record.set_detail("names=\x1b[31mred\nline");
  EXPECT_EQ(RecordLine(record),
            "2027-01-15T08:00:00Z  operator/alice  order.create  order/1  ok  from "
            "192.0.2.7:51000  policy 3  request r  names=\\x1b[31mred\\x0aline  [issuer/main 7]\n");
}

TEST_F(AuditTest, TailShowsTheLastOldestFirst) {
  ASSERT_TRUE(Run(AuditTail, AuditTailOptions{.limit = 2}).ok());
  const std::string text = Data();
  EXPECT_FALSE(absl::StrContains(text, "order/0")) << text;
  EXPECT_LT(text.find("order/1"), text.find("order/2")) << text;
  ASSERT_TRUE(Run(AuditTail, AuditTailOptions{.of = "validator", .object = "order/1"}).ok());
  EXPECT_TRUE(absl::StrContains(Data(), "[validator/main 2]"));
  EXPECT_EQ(ExitCodeOf(Run(AuditTail, AuditTailOptions{.of = "agent"})), kExitUsage);
}

TEST_F(AuditTest, VerifyComparesWithWhatWasSeen) {
  ASSERT_TRUE(Verify().ok());
  EXPECT_TRUE(absl::StrContains(Data(), "there is nothing kept earlier"));
  EXPECT_TRUE(LoadSeen(options_.dir, "issuer/main")->has_value());
  issuer_.Append(2);
  const absl::Status again = Verify();
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_TRUE(absl::StrContains(Data(), "checkpoint 1, seen earlier")) << Data();
}

// What a server would say of itself after somebody had its database: all is well.
TEST_F(AuditTest, WhatWasCutOffShowsAgainstWhatWasSeen) {
  ASSERT_TRUE(Verify().ok());
  issuer_.Tamper("DELETE FROM audit WHERE seq = 3");
  issuer_.Tamper("DELETE FROM audit_checkpoints");
  const absl::Status cut = Verify();
  EXPECT_EQ(ExitCodeOf(cut), kExitFailed) << cut;
  EXPECT_TRUE(absl::StrContains(cut.message(), "issuer: ")) << cut;
  EXPECT_TRUE(absl::StrContains(cut.message(), "is not the one that was seen")) << cut;
  EXPECT_TRUE(absl::StrContains(Data(), "validator/main")) << "the other log is looked at, too";
  // What was seen is not forgotten over it.
  EXPECT_EQ(ExitCodeOf(Verify()), kExitFailed);
}

TEST_F(AuditTest, AnAlteredRecordIsNamed) {
  validator_.Tamper("UPDATE audit SET principal = 'operator/bob' WHERE seq = 1");
  const absl::Status status = Verify();
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "validator: ")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "entry 1: it was altered")) << status;
}

TEST_F(AuditTest, AnExportIsVerifiedWithoutAServer) {
  const std::string older = File("older");
  ASSERT_TRUE(Run(AuditExport, AuditExportOptions{.file = older}).ok());
  EXPECT_EQ(ExitCodeOf(Run(AuditExport, AuditExportOptions{.file = older})), kExitUsage);
  issuer_.Append(2);
  const std::string newer = File("newer");
  ASSERT_TRUE(Run(AuditExport, AuditExportOptions{.file = newer}, Format::kJson).ok());
  EXPECT_TRUE(absl::StrContains(Data(), "\"records\":\"5\""));
  options_.issuer = options_.validator = "127.0.0.1:1";
  options_.identity_file = "/nonexistent";
  ASSERT_TRUE(Run(AuditVerify, AuditVerifyOptions{.file = newer, .against = older}).ok());
  EXPECT_TRUE(absl::StrContains(Data(), "what this cannot know"));
  EXPECT_EQ(ExitCodeOf(Run(AuditVerify, AuditVerifyOptions{.file = older, .against = newer})),
            kExitFailed);
  EXPECT_EQ(ExitCodeOf(Run(AuditVerify, AuditVerifyOptions{.against = older})), kExitUsage);
}

// A log that is broken can still be taken away as it is; verify says what is wrong with it.
TEST_F(AuditTest, ABrokenLogIsExportedAsItIs) {
  ASSERT_TRUE(Verify().ok());
  issuer_.Tamper("DELETE FROM audit WHERE seq = 2");
  const std::string file = File("broken");
  ASSERT_TRUE(Run(AuditExport, AuditExportOptions{.file = file}).ok());
  const absl::Status status = Run(AuditVerify, AuditVerifyOptions{.file = file});
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "entry 2: it is missing")) << status;
}

}  // namespace
}  // namespace norroy::cli
