#include "cli/init.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/identity/verifying.h"

namespace norroy::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1800000000);

std::string FreshDir() {
  return absl::StrCat(testing::TempDir(), "/init-",
                      testing::UnitTest::GetInstance()->current_test_info()->name());
}

InitOptions Minimal() {
  InitOptions options;
  options.deployment = "test";
  options.operator_name = "alice";
  options.ca = "https://ca.example/dir";
  return options;
}

bool Exists(const std::string& path) { return std::filesystem::exists(path); }

TEST(InitPlan, BadOptionsAreRefusedBeforeAnythingIsWritten) {
  const std::string file = absl::StrCat(testing::TempDir(), "/not-a-certificate");
  ASSERT_TRUE(identity::WriteFileAtomically(file, "not a key!", 0600).ok());
  const struct {
    std::function<void(InitOptions&)> change;
    const char* says;
  } cases[] = {
      {[](InitOptions& o) { o.deployment = "Bad_Name"; }, "Bad_Name"},
      {[](InitOptions& o) { o.operator_name = "no spaces"; }, "--operator"},
      {[](InitOptions& o) { o.ca = "http://ca.example/dir"; }, "https"},
      {[](InitOptions& o) { o.ca = "zerossl"; }, "developer page"},
      {[](InitOptions& o) { o.ca = "buypass"; }, "letsencrypt-staging, google"},
      {[](InitOptions& o) { o.ca = "letsencrypt", o.test_ca = true; }, "--test-ca"},
      {[](InitOptions& o) { o.contact = "nobody"; }, "--contact"},
      {[](InitOptions& o) { o.contact = "a@b.example,c@d.example"; }, "--contact"},
      {[&](InitOptions& o) { o.ca_root = file; }, "--ca-root"},
      {[](InitOptions& o) { o.ca_root = "/nonexistent"; }, "/nonexistent"},
      {[](InitOptions& o) { o.eab_kid = "k"; }, "--eab-key-file"},
      {[&](InitOptions& o) { o.eab_kid = "k", o.eab_key_file = file; }, "base64url"},
      {[](InitOptions& o) { o.allow = {"."}; }, "too wide"},
      {[](InitOptions& o) { o.allow = {"a b"}; }, "a b"},
      {[](InitOptions& o) { o.http_listen = "0.0.0.0:80"; }, "--allow"},
      {[](InitOptions& o) { o.webroot = "/tmp"; }, "--allow"},
      {[](InitOptions& o) { o.allow = {"a.example.com"}, o.webroot = "/nonexistent"; },
       "--webroot"},
      {[](InitOptions& o) { o.allow = {"a.example.com"}, o.http_listen = "80"; }, "--http-listen"},
      {[](InitOptions& o) { o.issuer_listen = "7443"; }, "--issuer-listen"},
  };
  for (const auto& c : cases) {
    InitOptions options = Minimal();
    c.change(options);
    const auto plan = InitPlan::Make(options);
    ASSERT_FALSE(plan.ok()) << c.says;
    EXPECT_TRUE(absl::StrContains(plan.status().message(), c.says)) << plan.status();
  }
}

TEST(InitPlan, LetsEncryptByName) {
  InitOptions options = Minimal();
  options.ca = "letsencrypt";
  EXPECT_EQ(InitPlan::Make(options)->ca.directory_url(),
            "https://acme-v02.api.letsencrypt.org/directory");
  EXPECT_EQ(InitPlan::Make(InitOptions())->ca.name(), "letsencrypt-staging");
}

TEST(InitPlan, ACaOfCustomersByNameAndItsBinding) {
  InitOptions options = Minimal();
  options.ca = "google";
  options.eab_kid = "kid";
  options.eab_key_file = absl::StrCat(testing::TempDir(), "/eab-key");
  ASSERT_TRUE(identity::WriteFileAtomically(options.eab_key_file, "c2VjcmV0", 0600).ok());
  const auto plan = InitPlan::Make(options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->ca.name(), "google");
  EXPECT_EQ(plan->ca.directory_url(), "https://dv.acme-v02.api.pki.goog/directory");
  EXPECT_EQ(plan->ca.eab_kid(), "kid");
}

TEST(InitPlan, GuardsAreRaisedAndPreflightIsOffForTestCasOnly) {
  InitOptions options = Minimal();
  EXPECT_FALSE(InitPlan::Make(options)->Issuer().has_limits());
  EXPECT_EQ(InitPlan::Make(options)->Issuer().preflight_size(), 0);
  options.test_ca = true;
  ASSERT_EQ(InitPlan::Make(options)->Issuer().preflight_size(), 1);
  EXPECT_EQ(InitPlan::Make(options)->Issuer().preflight(0).grade(),
            config::v1::PREFLIGHT_GRADE_OFF);
  EXPECT_GT(InitPlan::Make(options)->Issuer().limits().new_orders_per_set_per_hour(), 1000);
}

TEST(InitPlan, NamesAndPortsAreMadeUp) {
  const auto first = InitPlan::Make(InitOptions());
  const auto second = InitPlan::Make(InitOptions());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_NE(first->deployment, second->deployment);
  EXPECT_EQ(first->deployment.size(), 10u);
  EXPECT_NE(first->issuer_listen.port, first->validator_listen.port);
  EXPECT_NE(first->issuer_listen.port, first->agent_listen.port);
  EXPECT_EQ(first->issuer_listen.host, "127.0.0.1");
}

TEST(InitPlan, ConfigurationsFollow) {
  InitOptions options = Minimal();
  options.allow = {"www.example.com", "*.example.com", "=192.0.2.0/24"};
  options.agent_listen = "0.0.0.0:7443";
  options.contact = "certs@example.com";
  const auto plan = InitPlan::Make(options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto issuer = plan->Issuer();
  ASSERT_EQ(issuer.grants_size(), 1);
  EXPECT_EQ(issuer.grants(0).principal(), "operator/alice");
  EXPECT_EQ(ListText(issuer.grants(0).names()), "., *.example.com, =192.0.2.0/24");
  EXPECT_EQ(issuer.cas(0).contacts(0), "mailto:certs@example.com");
  EXPECT_FALSE(issuer.cas(0).agree_tos());
  // Agents cannot dial 0.0.0.0.
  ASSERT_EQ(plan->Validator().agent_addresses_size(), 1);
  EXPECT_FALSE(absl::StartsWith(plan->Validator().agent_addresses(0), "0.0.0.0"));
  EXPECT_EQ(plan->Agent().http_listener().listen(0), "0.0.0.0:80");
}

TEST(MakeDeployment, EverythingThereReadableAndClosed) {
  const std::string dir = FreshDir();
  InitOptions options = Minimal();
  options.allow = {"www.example.com"};
  options.http_listen = "127.0.0.1:8080";
  const auto result = MakeDeployment(dir, *InitPlan::Make(options), kNow);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->principal(), "operator/alice");

  config::v1::IssuerConfig issuer;
  config::v1::ValidatorConfig validator;
  config::v1::AgentConfig agent;
  ClientConfig client;
  const struct {
    const char* path;
    google::protobuf::Message& message;
  } configs[] = {{layout::kIssuerConfig, issuer},
                 {layout::kValidatorConfig, validator},
                 {layout::kAgentConfig, agent},
                 {layout::kClientConfig, client}};
  for (const auto& c : configs) {
    const absl::Status status = config::LoadYaml(absl::StrCat(dir, "/", c.path), c.message);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(issuer.validators(0), validator.listen(0));
  EXPECT_EQ(client.issuer(), issuer.listen(0));
  EXPECT_EQ(*identity::ReadFile(dir + "/agent/allow", 1000), "www.example.com\n");
  EXPECT_FALSE(Exists(dir + "/agent/state"));
  for (const char* secret :
       {"core/root.key", "edge/root.key", "issuer/identity.pem", "issuer/seal.pem",
        "validator/identity.pem", "validator/edge-ca.pem", "operator/identity.pem"}) {
    struct stat info = {};
    ASSERT_EQ(stat(absl::StrCat(dir, "/", secret).c_str(), &info), 0) << secret;
    EXPECT_EQ(info.st_mode & 077, 0u) << secret;
  }
}

TEST(MakeDeployment, EachIdentityIsWhatItsPlaceSays) {
  const std::string dir = FreshDir();
  ASSERT_TRUE(MakeDeployment(dir, *InitPlan::Make(Minimal()), kNow).ok());
  const auto root =
      crypto::Certificate::ParsePem(*identity::ReadFile(dir + "/operator/core-root.pem", 10000));
  const struct {
    const char* file;
    const char* principal;
  } cases[] = {{layout::kIssuerIdentity, "issuer/issuer"},
               {layout::kIssuerSeal, "seal/issuer"},
               {layout::kValidatorIdentity, "validator/validator"},
               {layout::kOperatorIdentity, "operator/alice"}};
  for (const auto& c : cases) {
    const auto file = identity::ReadIdentityFile(absl::StrCat(dir, "/", c.file));
    ASSERT_TRUE(file.ok()) << file.status();
    const auto identity = identity::VerifyIdentity(file->chain, *root, "test", kNow);
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(identity->Principal(), c.principal);
  }
}

TEST(MakeDeployment, WithoutAllowThereIsNoAgent) {
  const std::string dir = FreshDir();
  ASSERT_TRUE(MakeDeployment(dir, *InitPlan::Make(Minimal()), kNow).ok());
  EXPECT_FALSE(Exists(dir + "/agent"));
}

TEST(MakeDeployment, NeverOverwrites) {
  const std::string dir = FreshDir();
  ASSERT_TRUE(MakeDeployment(dir, *InitPlan::Make(Minimal()), kNow).ok());
  const std::string before = *identity::ReadFile(dir + "/core/root.key", 10000);
  const auto again = MakeDeployment(dir, *InitPlan::Make(Minimal()), kNow);
  EXPECT_EQ(ErrorReason(again.status()), "ALREADY_INITIALISED") << again.status();
  EXPECT_EQ(*identity::ReadFile(dir + "/core/root.key", 10000), before);
}

TEST(MakeDeployment, OtherFilesInTheDirectoryStay) {
  const std::string dir = FreshDir();
  ASSERT_TRUE(MakeFolder(dir).ok());
  ASSERT_TRUE(identity::WriteFileAtomically(dir + "/notes", "mine", 0600).ok());
  ASSERT_TRUE(MakeDeployment(dir, *InitPlan::Make(Minimal()), kNow).ok());
  EXPECT_EQ(*identity::ReadFile(dir + "/notes", 100), "mine");
}

TEST(MakeDeployment, AFailureLeavesNothingBehind) {
  const std::string dir = FreshDir();
  InitPlan plan = *InitPlan::Make(Minimal());
  plan.operator_name = "not/a/name";
  EXPECT_FALSE(MakeDeployment(dir, plan, kNow).ok());
  EXPECT_TRUE(std::filesystem::is_empty(dir));
}

TEST(MakeDeployment, TheCasFilesAreCopiedIn) {
  const std::string dir = FreshDir();
  const auto root = identity::MakeRoot("core", "ca", kNow, absl::Hours(10));
  const std::string root_file = absl::StrCat(testing::TempDir(), "/ca.pem");
  const std::string key_file = absl::StrCat(testing::TempDir(), "/eab");
  ASSERT_TRUE(identity::WriteFileAtomically(root_file, root->certificate.ToPem(), 0644).ok());
  ASSERT_TRUE(identity::WriteFileAtomically(key_file, "c2VjcmV0\n", 0600).ok());
  InitOptions options = Minimal();
  options.ca_root = root_file;
  options.eab_kid = "kid-1";
  options.eab_key_file = key_file;
  ASSERT_TRUE(MakeDeployment(dir, *InitPlan::Make(options), kNow).ok());
  config::v1::IssuerConfig issuer;
  const std::string config = dir + "/issuer/issuer.yaml";
  ASSERT_TRUE(config::LoadYaml(config, issuer).ok());
  const auto& ca = issuer.cas(0);
  EXPECT_EQ(*identity::ReadFile(config::ResolvePath(config, ca.root_file()), 10000),
            root->certificate.ToPem());
  EXPECT_EQ(*identity::ReadFile(config::ResolvePath(config, ca.eab_key_file()), 100), "c2VjcmV0\n");
  EXPECT_EQ(ca.eab_kid(), "kid-1");
}

}  // namespace
}  // namespace norroy::cli
