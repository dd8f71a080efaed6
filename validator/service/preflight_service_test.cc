// PreflightService over mTLS: a whole validator, its resolver a real name server.

#include "validator/service/preflight_service.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/challenge/proof.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sql/database.h"
#include "tests/harness/bind.h"
#include "tests/harness/process.h"
#include "validator/preflight/address.h"
#include "validator/service/servers.h"

namespace norroy::validator {
namespace {

using challenge::ChallengeType;
using types::v1::Role;

constexpr char kRecord[] = "ca.example; accounturi=https://ca.example/1";

types::v1::Proof ProofFor(const std::string& name, ChallengeType type) {
  const challenge::Token token = *challenge::Token::Parse("token-of-the-test");
  return challenge::ToProto(
      challenge::Proof{*challenge::Name::Parse(name), type, token,
                       *challenge::KeyAuthorization::Make(token, std::string(43, 'A'))});
}

class PreflightServiceTest : public testing::Test {
 protected:
  PreflightServiceTest()
      : bind_(harness::Bind::Start(
            harness::TempDir("bind"),
            {.zones = {{.name = "example.test",
                        .records = absl::StrCat("www IN A 127.0.0.1\n_validation-persist IN TXT \"",
                                                kRecord, "\"\n")}}})),
        database_(*sql::OpenSqlite(":memory:")) {
    EXPECT_TRUE(sql::Migrate(*database_, Store::Migrations()).ok());
    store_ = Store::Make(*database_);
    preflight::PreflightOptions preflight;
    preflight.viewpoint = "north";
    preflight.resolvers = {dns::Server{bind_->address(), bind_->port()}};
    preflight.allow_networks = {*preflight::Network::Parse("127.0.0.0/8")};
    preflight.ports.http = harness::FreePort();  // nobody listens
    const std::string identity = deployment_.WriteIdentity(types::v1::ROLE_VALIDATOR, "validator");
    auto servers = Servers::Start({.store = *store_,
                                   .clock = clock_,
                                   .timers = timers_,
                                   .random = random_,
                                   .version = "norroy-validator test",
                                   .deployment = deployment_.name(),
                                   .listen = {"127.0.0.1:0"},
                                   .agent_listen = {"127.0.0.1:0"},
                                   .agent_addresses = {},
                                   .core_tls = deployment_.CoreFiles(identity),
                                   .edge_tls = deployment_.EdgeFiles(identity),
                                   .edge = deployment_.edge(),
                                   .agent_identity_lifetime = absl::Hours(12),
                                   .preflight = preflight});
    EXPECT_TRUE(servers.ok()) << servers.status();
    servers_ = *std::move(servers);
  }

  std::unique_ptr<v1::PreflightService::Stub> Stub(Role role) {
    const auto credentials =
        rpc::ClientCredentials(deployment_.CoreFiles(deployment_.WriteIdentity(role, "somebody")),
                               deployment_.name(), types::v1::ROLE_VALIDATOR);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return v1::PreflightService::NewStub(
        rpc::NewChannel(absl::StrCat("127.0.0.1:", servers_->ports()[0]), *credentials));
  }
  absl::StatusOr<v1::LookResponse> Look(const v1::LookRequest& request,
                                        Role role = types::v1::ROLE_ISSUER) {
    grpc::ClientContext context;
    v1::LookResponse response;
    const absl::Status status = rpc::FromGrpc(Stub(role)->Look(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::LookPersistResponse> LookPersist(const v1::LookPersistRequest& request,
                                                      Role role = types::v1::ROLE_ISSUER) {
    grpc::ClientContext context;
    v1::LookPersistResponse response;
    const absl::Status status =
        rpc::FromGrpc(Stub(role)->LookPersist(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  const std::unique_ptr<harness::Bind> bind_;
  rpc::TestDeployment deployment_;
  SystemClock clock_;
  ThreadTimers timers_;
  crypto::SystemRandom random_;
  const std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Servers> servers_;
};

v1::LookRequest GoodLook() {
  v1::LookRequest request;
  *request.add_proofs() = ProofFor("none.example.test", ChallengeType::kHttp01);
  *request.add_proofs() = ProofFor("www.example.test", ChallengeType::kHttp01);
  request.mutable_ca()->add_caa_identities("ca.example");
  return request;
}

v1::LookPersistRequest PersistRequest(const std::string& name, const std::string& value,
                                      bool wildcard = false) {
  v1::LookPersistRequest request;
  request.set_name(name);
  request.set_value(value);
  request.set_wildcard(wildcard);
  return request;
}

TEST_F(PreflightServiceTest, LooksAtProofs) {
  const auto response = Look(GoodLook());
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->views_size(), 2);
  const char* const codes[] = {"NO_ADDRESS", "PORT_CLOSED"};
  for (int i = 0; i < 2; ++i) {
    const types::v1::View& view = response->views(i);
    EXPECT_EQ(view.viewpoint(), "north");
    EXPECT_EQ(view.verdict(), types::v1::VERDICT_FAIL);
    ASSERT_FALSE(view.findings().empty());
    EXPECT_EQ(view.findings(0).code(), codes[i]) << view.DebugString();
  }
}

TEST_F(PreflightServiceTest, LooksAtPersistRecords) {
  const std::string other = "ca.example; accounturi=https://ca.example/2";
  const struct {
    v1::LookPersistRequest request;
    const char* code;
    const char* advice;
  } cases[] = {
      {PersistRequest("example.test", kRecord), "PERSIST_OK", ""},
      {PersistRequest("example.test", other), "PERSIST_WRONG_ACCOUNT",
       "`norroy dns-persist example.test` prints"},
      {PersistRequest("example.test", kRecord, true), "PERSIST_NO_WILDCARD", "policy=wildcard"},
      {PersistRequest("www.example.test", kRecord), "PERSIST_MISSING",
       "`norroy dns-persist www.example.test` prints"},
      {PersistRequest("www.example.test", kRecord, true), "PERSIST_MISSING",
       "`norroy dns-persist '*.www.example.test'` prints"},
  };
  for (const auto& c : cases) {
    const auto response = LookPersist(c.request);
    ASSERT_TRUE(response.ok()) << response.status();
    const types::v1::View& view = response->view();
    EXPECT_EQ(view.viewpoint(), "north");
    ASSERT_EQ(view.findings_size(), 1) << view.DebugString();
    EXPECT_EQ(view.findings(0).code(), c.code);
    EXPECT_NE(view.findings(0).advice().find(c.advice), std::string::npos) << view.DebugString();
    const bool good = view.findings(0).code() == "PERSIST_OK";
    EXPECT_EQ(view.verdict(), good ? types::v1::VERDICT_PASS : types::v1::VERDICT_FAIL);
  }
}

TEST_F(PreflightServiceTest, OnlyIssuersMayAsk) {
  for (const Role role :
       {types::v1::ROLE_OPERATOR, types::v1::ROLE_AUDITOR, types::v1::ROLE_VALIDATOR}) {
    SCOPED_TRACE(types::v1::Role_Name(role));
    EXPECT_EQ(ErrorReason(Look(GoodLook(), role).status()), "ROLE_NOT_ALLOWED");
    EXPECT_EQ(ErrorReason(LookPersist(PersistRequest("example.test", kRecord), role).status()),
              "ROLE_NOT_ALLOWED");
  }
}

TEST_F(PreflightServiceTest, BadRequests) {
  v1::LookRequest many;
  for (int i = 0; i < 101; ++i) {
    *many.add_proofs() = ProofFor(absl::StrCat("n", i, ".example.test"), ChallengeType::kHttp01);
  }
  v1::LookRequest token = GoodLook();
  token.mutable_proofs(1)->set_token("../../etc/passwd");
  v1::LookRequest identities = GoodLook();
  for (int i = 0; i < 16; ++i) identities.mutable_ca()->add_caa_identities("ca.example");
  v1::LookRequest account = GoodLook();
  account.mutable_ca()->set_account_uri(std::string(2049, 'u'));
  const struct {
    const char* what;
    v1::LookRequest request;
    const char* says;
  } looks[] = {
      {"nothing", {}, "0 proofs"},
      {"too much", many, "101 proofs"},
      {"a token that is none", token, "proofs[1]"},
      {"too many identities", identities, "ca.caa_identities"},
      {"a long account", account, "ca.account_uri"},
  };
  for (const auto& c : looks) {
    const absl::Status status = Look(c.request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.what << ": " << status;
    EXPECT_NE(std::string(status.message()).find(c.says), std::string::npos) << status;
  }
  const struct {
    const char* name;
    std::string value;
    const char* reason;
  } records[] = {
      {"", kRecord, "BAD_NAME"},
      {"not a name", kRecord, "BAD_NAME"},
      {"*.example.test", kRecord, "BAD_LOOK"},
      {"127.0.0.1", kRecord, "BAD_LOOK"},
      {"example.test", "", "BAD_LOOK"},
      {"example.test", "v=spf1 -all", "BAD_LOOK"},
      {"example.test", "ca.example; accounturi=", "BAD_LOOK"},
  };
  for (const auto& c : records) {
    const absl::Status status = LookPersist(PersistRequest(c.name, c.value)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.name << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << status;
  }
}

}  // namespace
}  // namespace norroy::validator
