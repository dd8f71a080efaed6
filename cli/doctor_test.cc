// `norroy doctor` and `norroy dns-persist` against a small issuer over mTLS.

#include "cli/doctor.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "norroy/issuer/v1/doctor_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::RehearseResponse;

class SmallIssuer final : public issuer::v1::DoctorService::Service {
 public:
  grpc::Status Rehearse(grpc::ServerContext*, const issuer::v1::RehearseRequest* request,
                        RehearseResponse* response) override {
    asked = *request;
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    *response = answer;
    return grpc::Status::OK;
  }
  grpc::Status DescribePersistRecord(grpc::ServerContext*,
                                     const issuer::v1::DescribePersistRecordRequest* request,
                                     issuer::v1::DescribePersistRecordResponse* response) override {
    persist_asked = *request;
    if (!refusal.ok()) return rpc::ToGrpc(refusal);
    *response = persist;
    return grpc::Status::OK;
  }

  absl::Status refusal;
  RehearseResponse answer;
  issuer::v1::RehearseRequest asked;
  issuer::v1::DescribePersistRecordRequest persist_asked;
  issuer::v1::DescribePersistRecordResponse persist;
};

void AddFinding(types::v1::Severity severity, const char* code, const char* message,
                const char* advice,
                google::protobuf::RepeatedPtrField<types::v1::Finding>* findings) {
  types::v1::Finding& finding = *findings->Add();
  finding.set_severity(severity);
  finding.set_code(code);
  finding.set_message(message);
  finding.set_advice(advice);
}

// One that passes, one that fails before anybody looks, one that a viewpoint sees fail.
RehearseResponse Mixed() {
  RehearseResponse response;
  auto* good = response.add_rehearsals();
  good->set_name("www.example.com");
  good->set_challenge_type(types::v1::CHALLENGE_TYPE_HTTP_01);
  good->set_verdict(types::v1::VERDICT_PASS);
  good->add_agents("web1");
  auto* view = good->add_views();
  view->set_viewpoint("v1");
  view->set_verdict(types::v1::VERDICT_PASS);
  AddFinding(types::v1::SEVERITY_INFO, "ADDRESSES", "192.0.2.1", "", view->mutable_findings());

  auto* none = response.add_rehearsals();
  none->set_name("a.example.com");
  none->set_verdict(types::v1::VERDICT_FAIL);
  AddFinding(types::v1::SEVERITY_ERROR, "NO_GRANT", "nobody may", "norroy agent token create",
             none->mutable_findings());

  auto* bad = response.add_rehearsals();
  bad->set_name("b.example.com");
  bad->set_challenge_type(types::v1::CHALLENGE_TYPE_DNS_01);
  bad->set_verdict(types::v1::VERDICT_FAIL);
  bad->add_agents("dns1");
  bad->add_missing("dns2");
  AddFinding(types::v1::SEVERITY_WARNING, "NO_ACCOUNT", "not judged", "norroy account create",
             bad->mutable_findings());
  for (const char* viewpoint : {"v1", "v2"}) {
    view = bad->add_views();
    view->set_viewpoint(viewpoint);
    view->set_verdict(types::v1::VERDICT_FAIL);
    AddFinding(types::v1::SEVERITY_INFO, "PATH", "by a CNAME", "", view->mutable_findings());
    AddFinding(types::v1::SEVERITY_ERROR, "LAME_SERVER", "ns1 is \x1b[31mlame", "mend ns1",
               view->mutable_findings());
  }
  return response;
}

class DoctorTest : public testing::Test {
 protected:
  DoctorTest() {
    options_.dir = absl::StrCat(testing::TempDir(), "/doctor");
    options_.identity_file = deployment_.WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
    options_.core_root_file = deployment_.core_root_file();
    rpc::ServerOptions server;
    server.listen = {"127.0.0.1:0"};
    server.tls = deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer"));
    server.services = {&issuer_};
    server_ = *rpc::Server::Start(server);
    options_.issuer = absl::StrCat("127.0.0.1:", server_->ports()[0]);
  }
  ~DoctorTest() override {
    std::fclose(data_);
    std::fclose(talk_);
  }
  template <typename Function>
  absl::Status Run(Function function, Format format = Format::kTable) {
    std::rewind(data_);
    Output output(format, data_, talk_, false, false);
    Context context(options_, output, clock_);
    return function(context);
  }
  absl::Status RunDoctor(const DoctorOptions& options, Format format = Format::kTable) {
    return Run([&](Context& context) { return Doctor(context, options); }, format);
  }
  std::string Data() {
    std::string text(static_cast<size_t>(std::ftell(data_)), '\0');
    std::rewind(data_);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), data_), text.size());
    return text;
  }

  rpc::TestDeployment deployment_;
  SystemClock clock_;
  SmallIssuer issuer_;
  std::unique_ptr<rpc::Server> server_;
  Options options_;
  FILE* const data_ = std::tmpfile();
  FILE* const talk_ = std::tmpfile();
};

TEST(RehearsalText, ErrorsFirstAndInfoOnDemand) {
  EXPECT_EQ(RehearsalText(Mixed(), /*verbose=*/false),
            "www.example.com  http-01  pass  served by web1\n"
            "a.example.com  fail\n"
            "  nobody may (NO_GRANT)\n"
            "    -> norroy agent token create\n"
            "b.example.com  dns-01  fail  served by dns1  missing dns2\n"
            "  v1: ns1 is \\x1b[31mlame (LAME_SERVER)\n"
            "    -> mend ns1\n"
            "  v2: ns1 is \\x1b[31mlame (LAME_SERVER)\n"
            "    -> mend ns1\n"
            "  not judged (NO_ACCOUNT)\n"
            "    -> norroy account create\n");
  const std::string verbose = RehearsalText(Mixed(), /*verbose=*/true);
  EXPECT_TRUE(absl::StrContains(verbose, "  v1: 192.0.2.1 (ADDRESSES)\n")) << verbose;
  EXPECT_TRUE(absl::StrContains(verbose, "  v2: by a CNAME (PATH)\n")) << verbose;
}

TEST(TxtRecordText, StringsOfAMasterFile) {
  const struct {
    std::string value;
    std::string want;
  } cases[] = {
      {"ca.example; accounturi=https://ca.example/1",
       "o.example. IN TXT \"ca.example; accounturi=https://ca.example/1\""},
      {"", "o.example. IN TXT \"\""},
      {"a\"b\\c", "o.example. IN TXT \"a\\\"b\\\\c\""},
      {"a\n\xff", "o.example. IN TXT \"a\\010\\255\""},
      {std::string(255, 'x'), "o.example. IN TXT \"" + std::string(255, 'x') + "\""},
      {std::string(256, 'x'), "o.example. IN TXT \"" + std::string(255, 'x') + "\" \"x\""},
      {std::string(510, 'x'),
       "o.example. IN TXT \"" + std::string(255, 'x') + "\" \"" + std::string(255, 'x') + "\""},
  };
  for (const auto& c : cases) EXPECT_EQ(TxtRecordText("o.example", c.value), c.want);
}

TEST_F(DoctorTest, ExitCodes) {
  DoctorOptions options;
  options.names = {"www.example.com", "a.example.com"};
  options.types = {"http-01", "dns-01"};
  options.ca = "main";
  issuer_.answer = Mixed();
  absl::Status status = RunDoctor(options);
  EXPECT_EQ(ExitCodeOf(status), kExitFailed) << status;
  EXPECT_EQ(ErrorReason(status), "REHEARSAL_FAILED");
  EXPECT_TRUE(absl::StrContains(status.message(), "2 of 3")) << status;
  EXPECT_EQ(Data(), RehearsalText(Mixed(), false));
  EXPECT_EQ(issuer_.asked.names_size(), 2);
  EXPECT_EQ(issuer_.asked.types(1), types::v1::CHALLENGE_TYPE_DNS_01);
  EXPECT_EQ(issuer_.asked.ca(), "main");

  issuer_.answer.mutable_rehearsals()->DeleteSubrange(1, 2);
  issuer_.answer.set_passed(true);
  status = RunDoctor(options, Format::kJson);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(absl::StrContains(Data(), "\"passed\":true"));

  const struct {
    absl::StatusCode code;
    ExitCode want;
  } cases[] = {
      {absl::StatusCode::kInvalidArgument, kExitUsage},
      {absl::StatusCode::kPermissionDenied, kExitNotAuthorised},
      {absl::StatusCode::kResourceExhausted, kExitRateLimited},
      {absl::StatusCode::kUnavailable, kExitUnreachable},
  };
  for (const auto& c : cases) {
    issuer_.refusal = MakeError(c.code, "BECAUSE", "not this time");
    EXPECT_EQ(ExitCodeOf(RunDoctor(options)), c.want);
  }
  options.types = {"http-02"};
  EXPECT_EQ(ExitCodeOf(RunDoctor(options)), kExitUsage);
  server_->Stop(absl::ZeroDuration());
  options.types.clear();
  EXPECT_EQ(ExitCodeOf(RunDoctor(options)), kExitUnreachable);
}

TEST_F(DoctorTest, DnsPersistPrintsTheRecordAndWhatIsThere) {
  issuer_.persist.set_owner("_validation-persist.example.com");
  issuer_.persist.set_value("ca.example; accounturi=https://ca.example/1");
  types::v1::View* const view = issuer_.persist.add_views();
  view->set_viewpoint("v1");
  view->set_verdict(types::v1::VERDICT_FAIL);
  AddFinding(types::v1::SEVERITY_ERROR, "PERSIST_MISSING", "no such record", "publish it",
             view->mutable_findings());
  const struct {
    const char* until;
    int64_t want;  // -1: refused
  } cases[] = {
      {"", 0},
      {"2027-01-31", 1801353600},
      {"2027-01-31T12:00:00Z", 1801396800},
      {"2027-13-31", -1},
      {"soon", -1},
      {"2027-01-31 ; rm", -1},
  };
  for (const auto& c : cases) {
    DnsPersistOptions options;
    options.name = "*.example.com";
    options.until = c.until;
    const absl::Status status = Run([&](Context& context) { return DnsPersist(context, options); });
    if (c.want < 0) {
      EXPECT_EQ(ExitCodeOf(status), kExitUsage) << c.until;
      continue;
    }
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(issuer_.persist_asked.persist_until(), c.want) << c.until;
    EXPECT_EQ(issuer_.persist_asked.name(), "*.example.com");
    EXPECT_EQ(Data(),
              "_validation-persist.example.com. IN TXT \"ca.example; "
              "accounturi=https://ca.example/1\"\n"
              "v1: fail\n"
              "  no such record (PERSIST_MISSING)\n"
              "    -> publish it\n");
  }
  DnsPersistOptions options;
  options.name = "example.com";
  ASSERT_TRUE(
      Run([&](Context& context) { return DnsPersist(context, options); }, Format::kJson).ok());
  EXPECT_TRUE(absl::StrContains(Data(), "\"owner\":\"_validation-persist.example.com\""));
}

}  // namespace
}  // namespace norroy::cli
