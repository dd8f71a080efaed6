// `norroy policy` and `norroy grant`, as they are typed, against a small issuer and validator over
// mTLS: what they send, what they print, and what stays as it was.

#include "cli/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/command_line.h"
#include "cli/exit_code.h"
#include "common/error/error.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/mutex.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::IssuanceGrant;
using issuer::v1::Policy;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Keeps versions as the real one does, as far as the CLI can tell.
class SmallIssuer final : public issuer::v1::PolicyService::Service {
 public:
  SmallIssuer() {
    IssuanceGrant& grant = *configured.Add();
    grant.set_principal("operator/alice");
    grant.add_names(".");
    grant.set_from_configuration(true);
  }

  grpc::Status GetPolicy(grpc::ServerContext*, const issuer::v1::GetPolicyRequest* request,
                         issuer::v1::GetPolicyResponse* response) override {
    MutexLock lock(&mutex);
    Policy& policy = *response->mutable_policy();
    policy.set_version(request->version() == 0 ? Version() : request->version());
    if (policy.version() > 0) {
      policy.set_creator("operator/alice");
      policy.set_comment(comments.at(static_cast<size_t>(policy.version()) - 1));
      *policy.mutable_grants() = versions.at(static_cast<size_t>(policy.version()) - 1);
    }
    if (request->version() == 0) policy.mutable_grants()->MergeFrom(configured);
    return grpc::Status::OK;
  }

  grpc::Status ApplyPolicy(grpc::ServerContext*, const issuer::v1::ApplyPolicyRequest* request,
                           issuer::v1::ApplyPolicyResponse* response) override {
    MutexLock lock(&mutex);
    ++applies;
    if (intruders > 0 && !request->dry_run()) {
      --intruders;
      versions.push_back(Current());
      comments.push_back("somebody else's");
    }
    if (request->expected_version() != Version()) {
      return rpc::ToGrpc(MakeError(absl::StatusCode::kAborted, "VERSION_MISMATCH", "too late"));
    }
    Grants next;
    for (const IssuanceGrant& grant : request->grants()) {
      if (grant.principal() == "bad") {
        return rpc::ToGrpc(MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                                     "grants[1].principal: \"bad\" is none"));
      }
      if (!grant.from_configuration()) *next.Add() = grant;
    }
    for (const IssuanceGrant& grant : next) {
      if (!Has(Current(), grant)) *response->add_added() = grant;
    }
    for (const IssuanceGrant& grant : Current()) {
      if (!Has(next, grant)) *response->add_removed() = grant;
    }
    if (!request->dry_run() && response->added_size() + response->removed_size() > 0) {
      versions.push_back(next);
      comments.push_back(request->comment());
    }
    response->set_version(Version());
    return grpc::Status::OK;
  }

  grpc::Status ListPolicies(grpc::ServerContext*, const issuer::v1::ListPoliciesRequest*,
                            issuer::v1::ListPoliciesResponse* response) override {
    MutexLock lock(&mutex);
    for (int64_t version = Version(); version > 0; --version) {
      Policy& policy = *response->add_policies();
      policy.set_version(version);
      policy.set_creator("operator/alice");
      policy.set_comment(comments.at(static_cast<size_t>(version) - 1));
    }
    return grpc::Status::OK;
  }

  using Grants = google::protobuf::RepeatedPtrField<IssuanceGrant>;
  static bool Has(const Grants& grants, const IssuanceGrant& grant) {
    for (const IssuanceGrant& other : grants) {
      if (other.SerializeAsString() == grant.SerializeAsString()) return true;
    }
    return false;
  }
  int64_t Version() const { return static_cast<int64_t>(versions.size()); }
  Grants Current() const { return versions.empty() ? Grants() : versions.back(); }

  Mutex mutex;
  Grants configured;
  std::vector<Grants> versions;
  std::vector<std::string> comments;
  int intruders = 0;  // how many more calls find that somebody was quicker
  int applies = 0;
};

class SmallValidator final : public validator::v1::AgentAdminService::Service {
 public:
  SmallValidator() {
    validator::v1::Agent& agent = agents["web1"];
    agent.set_name("web1");
    agent.set_grants_version(4);
    validator::v1::ChallengeGrant& grant = *agent.add_grants();
    grant.add_patterns("www.example.com");
    grant.add_types(types::v1::CHALLENGE_TYPE_HTTP_01);
    grant.set_responders(validator::v1::RESPONDERS_ALL);
  }
  grpc::Status GetAgent(grpc::ServerContext*, const validator::v1::GetAgentRequest* request,
                        validator::v1::GetAgentResponse* response) override {
    const auto it = agents.find(request->name());
    if (it == agents.end()) {
      return rpc::ToGrpc(MakeError(absl::StatusCode::kNotFound, "AGENT_NOT_FOUND", "no agent"));
    }
    *response->mutable_agent() = it->second;
    return grpc::Status::OK;
  }
  grpc::Status SetAgentGrants(grpc::ServerContext*,
                              const validator::v1::SetAgentGrantsRequest* request,
                              validator::v1::SetAgentGrantsResponse* response) override {
    validator::v1::Agent& agent = agents.at(request->name());
    if (request->expected_version() != agent.grants_version()) {
      return rpc::ToGrpc(MakeError(absl::StatusCode::kAborted, "VERSION_MISMATCH", "too late"));
    }
    *agent.mutable_grants() = request->grants();
    agent.set_grants_version(agent.grants_version() + 1);
    *response->mutable_agent() = agent;
    return grpc::Status::OK;
  }

  std::map<std::string, validator::v1::Agent> agents;
};

std::string ReadAndClose(FILE* file) {
  std::string text;
  std::rewind(file);
  char buffer[4096];
  size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, count);
  std::fclose(file);
  return text;
}

class PolicyCommands : public ::testing::Test {
 protected:
  PolicyCommands() {
    issuer_server_ = Serve(types::v1::ROLE_ISSUER, &issuer_);
    validator_server_ = Serve(types::v1::ROLE_VALIDATOR, &validator_);
    identity_ = deployment_.WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
  }
  ~PolicyCommands() override {
    issuer_server_->Stop(absl::Seconds(1));
    validator_server_->Stop(absl::Seconds(1));
  }

  std::unique_ptr<rpc::Server> Serve(identity::Role role, grpc::Service* service) {
    auto server =
        rpc::Server::Start({.listen = {"127.0.0.1:0"},
                            .tls = deployment_.CoreFiles(deployment_.WriteIdentity(role, "main")),
                            .services = {service}});
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  // `norroy` with these words; what it printed is in out_ and err_.
  absl::Status Run(const std::string& words) {
    std::vector<std::string> arguments;
    for (const absl::string_view word : absl::StrSplit(words, ' ', absl::SkipEmpty())) {
      arguments.emplace_back(word);
    }
    const auto port = [](const rpc::Server& server) {
      return absl::StrCat("127.0.0.1:", server.ports()[0]);
    };
    for (const std::string& more :
         {std::string("--dir"), deployment_.directory(), std::string("--issuer"),
          port(*issuer_server_), std::string("--validator"), port(*validator_server_),
          std::string("--identity"), identity_, std::string("--core-root"),
          deployment_.core_root_file()}) {
      arguments.push_back(more);
    }
    auto line = ParseCommandLine(arguments);
    if (!line.ok()) return line.status();
    FILE* const out = std::tmpfile();
    FILE* const err = std::tmpfile();
    absl::Status status;
    {
      Output output(line->format, out, err, false, line->quiet);
      SystemClock clock;
      Context context(line->options, output, clock);
      status = line->run(context);
    }
    out_ = ReadAndClose(out);
    err_ = ReadAndClose(err);
    return status;
  }

  std::string File(const std::string& text) {
    const std::string path = absl::StrCat(deployment_.directory(), "/policy.yaml");
    std::ofstream(path) << text;
    return path;
  }

  rpc::TestDeployment deployment_;
  std::string identity_;
  SmallIssuer issuer_;
  SmallValidator validator_;
  std::unique_ptr<rpc::Server> issuer_server_;
  std::unique_ptr<rpc::Server> validator_server_;
  std::string out_;
  std::string err_;
};

constexpr char kBoth[] = R"(issuance:
  - principal: requester/shop
    names: [".shop.example.com", "*.shop.example.com"]
    key_types: [p256]
    quota:
      orders_per_day: 20
    reuse: never
  - principal: requester/ci
    names: ["ci.example.com"]
agents:
  - agent: web1
    grants:
      - names: ["www.example.com", ".Shop.example.com"]
        types: [http-01]
)";

TEST_F(PolicyCommands, AFileOfBothKindsIsComparedAndApplied) {
  const std::string file = File(kBoth);
  const char kDiff[] =
      "+ requester/shop  .shop.example.com, *.shop.example.com  keys p256  20 orders/day  "
      "reuse never\n"
      "+ requester/ci  ci.example.com\n"
      "- agent/web1  www.example.com  http-01  responders all\n"
      "+ agent/web1  www.example.com, .shop.example.com  http-01  responders all\n";
  ASSERT_TRUE(Run("policy apply --dry-run " + file).ok());
  EXPECT_EQ(out_, kDiff);
  EXPECT_EQ(issuer_.Version(), 0);
  EXPECT_EQ(validator_.agents["web1"].grants_version(), 4);

  ASSERT_TRUE(Run("policy apply --comment shop " + file).ok());
  EXPECT_EQ(out_, kDiff);
  EXPECT_THAT(err_, HasSubstr("policy version 1 is in force"));
  EXPECT_EQ(issuer_.Version(), 1);
  EXPECT_THAT(issuer_.comments, ElementsAre("shop"));
  EXPECT_EQ(issuer_.Current().Get(0).reuse(), issuer::v1::REUSE_NEVER);
  EXPECT_EQ(validator_.agents["web1"].grants_version(), 5);
  EXPECT_EQ(validator_.agents["web1"].grants(0).patterns(1), ".shop.example.com");

  // Once more: nothing differs, nothing is written.
  ASSERT_TRUE(Run("policy apply " + file).ok());
  EXPECT_EQ(out_, "");
  EXPECT_THAT(err_, HasSubstr("policy version 1 stays in force"));
  EXPECT_EQ(validator_.agents["web1"].grants_version(), 5);
}

TEST_F(PolicyCommands, AFileAboutAgentsAloneTakesNobodysRightToOrder) {
  ASSERT_TRUE(Run("grant add requester/ci ci.example.com").ok());
  const std::string agents = R"(agents:
  - agent: web1
    grants:
      - names: ["api.example.com"]
        types: [dns-01]
)";
  ASSERT_TRUE(Run("policy apply " + File(agents)).ok());
  EXPECT_THAT(err_, HasSubstr("these grants stay"));
  EXPECT_EQ(issuer_.Version(), 1);
  EXPECT_EQ(validator_.agents["web1"].grants(0).responders(), validator::v1::RESPONDERS_ONE);
  // Said with so many words, they go.
  ASSERT_TRUE(Run("policy apply " + File("issuance: []\n")).ok());
  EXPECT_EQ(out_, "- requester/ci  ci.example.com\n");
  EXPECT_EQ(issuer_.Version(), 2);
  EXPECT_TRUE(issuer_.Current().empty());
}

TEST_F(PolicyCommands, AWrongFileChangesNothing) {
  const struct {
    std::string text;
    std::string says;
  } cases[] = {
      {"issuance:\n  - principal: x\n    name: [a]\n", "policy.yaml:3"},
      {"issuance:\n  - principal: a\n    names: [b]\n  - principal: bad\n    names: [b]\n",
       "policy.yaml: issuance[1].principal"},
      {"issuance: []\nagents:\n  - agent: web9\n    grants: []\n", "agents[0].agent"},
      {"issuance: []\nagents:\n  - agent: web1\n    grants:\n      - names: [a..b]\n",
       "agents[0].grants[0].names[0]"},
      {"issuance: []\nagents:\n  - agent: web1\n    grants:\n      - names: [a.example.com]\n"
       "        types: [smtp-01]\n",
       "agents[0].grants[0].types[0]"},
      {"issuance: []\nagents:\n  - agent: web1\n    grants:\n      - names: [a.example.com]\n"
       "        types: [http-01]\n        responders: some\n",
       "agents[0].grants[0].responders"},
  };
  ASSERT_TRUE(Run("grant add requester/ci ci.example.com").ok());
  for (const auto& c : cases) {
    const absl::Status status = Run("policy apply " + File(c.text));
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_EQ(issuer_.Version(), 1) << c.says;
    EXPECT_EQ(validator_.agents["web1"].grants_version(), 4) << c.says;
  }
  EXPECT_EQ(Run("policy apply /nowhere/policy.yaml").ok(), false);
}

TEST_F(PolicyCommands, ExpectMeansThisVersion) {
  ASSERT_TRUE(Run("grant add requester/ci ci.example.com").ok());
  const absl::Status status = Run("policy apply --expect 0 " + File(kBoth));
  EXPECT_EQ(ErrorReason(status), "VERSION_MISMATCH");
  EXPECT_EQ(issuer_.Version(), 1);
  EXPECT_TRUE(Run("policy apply --expect 1 " + File(kBoth)).ok());
  EXPECT_EQ(issuer_.Version(), 2);
}

TEST_F(PolicyCommands, WhatIsShownCanBeApplied) {
  ASSERT_TRUE(Run("policy apply --comment first " + File(kBoth)).ok());
  ASSERT_TRUE(Run("policy show").ok());
  EXPECT_THAT(out_, HasSubstr("# version 1, applied"));
  EXPECT_THAT(out_, HasSubstr("# first\n"));
  EXPECT_THAT(out_, HasSubstr("#   - principal: operator/alice"));
  EXPECT_THAT(out_, HasSubstr("\n  - principal: requester/shop"));
  ASSERT_TRUE(Run("policy apply " + File(out_)).ok());
  EXPECT_EQ(out_, "");
  EXPECT_EQ(issuer_.Version(), 1);
  ASSERT_TRUE(Run("policy show -o yaml").ok());
  EXPECT_THAT(out_, HasSubstr("requester/shop"));
  ASSERT_TRUE(Run("policy show --version 1 -o json").ok());
  EXPECT_THAT(out_, HasSubstr("\"principal\":\"requester/shop\""));
  EXPECT_THAT(out_, Not(HasSubstr("operator/alice\",\"names\"")));
  // YAML is for this command alone.
  EXPECT_FALSE(Run("grant list -o yaml").ok());
  ASSERT_TRUE(Run("policy history").ok());
  EXPECT_THAT(out_, HasSubstr("first"));
}

TEST_F(PolicyCommands, GrantsOneAtATime) {
  ASSERT_TRUE(Run("grant add requester/ci ci.example.com *.ci.example.com --key-type p256 --ca le "
                  "--profile short --orders-per-day 9 --orders-per-domain-per-day 4 --reuse never "
                  "--comment why")
                  .ok());
  EXPECT_EQ(out_,
            "+ requester/ci  ci.example.com, *.ci.example.com  keys p256  cas le  profiles short  "
            "9 orders/day  4 orders/domain and day  reuse never\n");
  ASSERT_TRUE(Run("grant add requester/shop shop.example.com").ok());
  ASSERT_TRUE(Run("grant list").ok());
  EXPECT_THAT(out_, HasSubstr("configuration"));
  EXPECT_THAT(out_, HasSubstr("requester/shop"));
  ASSERT_TRUE(Run("grant remove requester/ci *.CI.example.com.").ok());
  EXPECT_EQ(issuer_.Current().Get(0).names_size(), 1);
  EXPECT_EQ(issuer_.Current().Get(0).quota().orders_per_day(), 9);
  ASSERT_TRUE(Run("grant remove requester/ci").ok());
  ASSERT_EQ(issuer_.Current().size(), 1);
  EXPECT_EQ(issuer_.Current().Get(0).principal(), "requester/shop");
  EXPECT_EQ(ErrorReason(Run("grant remove requester/ci")), "GRANT_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Run("grant remove requester/sho")), "GRANT_NOT_FOUND");
  EXPECT_EQ(ErrorReason(Run("grant remove operator/alice")), "GRANT_CONFIGURED");
  EXPECT_EQ(issuer_.Version(), 4);
  const struct {
    std::string words;
  } bad[] = {
      {"grant add requester/ci"},
      {"grant add"},
      {"grant remove"},
      {"grant add requester/ci a.example.com --orders-per-day 0"},
      {"grant add requester/ci a.example.com --reuse sometimes"},
      {"policy apply"},
      {"policy show --version -1"},
  };
  for (const auto& c : bad) EXPECT_FALSE(Run(c.words).ok()) << c.words;
  EXPECT_EQ(issuer_.Version(), 4);
}

TEST_F(PolicyCommands, AGrantIsAddedToWhatSomebodyElseApplied) {
  issuer_.intruders = 3;
  ASSERT_TRUE(Run("grant add requester/ci ci.example.com").ok());
  EXPECT_EQ(issuer_.Version(), 4);
  EXPECT_EQ(issuer_.applies, 4);
  issuer_.intruders = 100;
  EXPECT_EQ(ErrorReason(Run("grant add requester/ci b.example.com")), "VERSION_MISMATCH");
}

TEST_F(PolicyCommands, WhatNoCallCarriesIsNotSent) {
  std::string text = "issuance:\n";
  for (int i = 0; i < 3000; ++i) {
    absl::StrAppend(&text, "  - principal: requester/r", i, "\n    names: [\"",
                    std::string(60, 'a'), ".", std::string(40, 'b'), ".example.com\"]\n");
  }
  const absl::Status status = Run("policy apply " + File(text));
  EXPECT_EQ(ErrorReason(status), "POLICY_TOO_LARGE") << status;
  EXPECT_EQ(issuer_.applies, 0);
}

}  // namespace
}  // namespace norroy::cli
