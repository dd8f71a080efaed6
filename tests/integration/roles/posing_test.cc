// Each role's certificate behind a listener, and each client of ours dialling it: only the one role
// that the client means is talked to; any other sees the handshake and no call.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/check.h"
#include "common/identity/identity.h"
#include "common/join/join_token.h"
#include "common/rpc/credentials.h"
#include "tests/integration/roles/world.h"

namespace norroy::roles {
namespace {

// A server that shows some identity and counts the calls it gets.
class Poser final : public grpc::CallbackGenericService {
 public:
  Poser(const std::string& identity_file, const std::string& root_file) {
    const auto credentials = rpc::ServerCredentials({identity_file, root_file});
    NORROY_CHECK(credentials.ok());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    NORROY_CHECK(server_ != nullptr);
  }
  ~Poser() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  int calls() const { return calls_; }

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() { Finish(grpc::Status(grpc::ABORTED, "posing")); }
    void OnDone() override { delete this; }
  };
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    ++calls_;
    return new Reactor();
  }

  int port_ = 0;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

constexpr types::v1::Role kRoles[] = {
    types::v1::ROLE_ISSUER,  types::v1::ROLE_VALIDATOR, types::v1::ROLE_OPERATOR,
    types::v1::ROLE_AUDITOR, types::v1::ROLE_REQUESTER, types::v1::ROLE_SEAL,
    types::v1::ROLE_AGENT,   types::v1::ROLE_BOOTSTRAP,
};

class PosingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    world_ = new World();
    for (const types::v1::Role role : kRoles) files_[role] = world_->Identity(role);
  }
  static void TearDownTestSuite() { delete std::exchange(world_, nullptr); }

  std::unique_ptr<Poser> Pose(types::v1::Role role, bool for_agents = false) {
    return std::make_unique<Poser>(
        files_[role], for_agents ? world_->edge_root_file() : world_->core_root_file());
  }

  static World* world_;
  static std::map<int, std::string> files_;
};
World* PosingTest::world_ = nullptr;
std::map<int, std::string> PosingTest::files_;

TEST_F(PosingTest, TheCliTalksToNobodyElse) {
  const struct {
    std::vector<std::string> words;
    const char* flag;
    types::v1::Role right;
  } cases[] = {
      {{"order", "list"}, "--issuer", types::v1::ROLE_ISSUER},
      {{"issue", "www.example.test", "--timeout", "3s"}, "--issuer", types::v1::ROLE_ISSUER},
      {{"agent", "list"}, "--validator", types::v1::ROLE_VALIDATOR},
  };
  for (const auto& c : cases) {
    for (const types::v1::Role role : kRoles) {
      SCOPED_TRACE(absl::StrCat(absl::StrJoin(c.words, " "), " at a listener of role ",
                                identity::RoleName(role)));
      const auto poser = Pose(role);
      std::vector<std::string> words = {c.flag, poser->address()};
      words.insert(words.end(), c.words.begin(), c.words.end());
      EXPECT_NE(world_->norroy().Cli(words).code, 0);
      EXPECT_EQ(poser->calls() > 0, role == c.right);
    }
  }
}

TEST_F(PosingTest, ANewHostEnrollsWithNobodyElse) {
  const std::string dir = harness::TempDir("enroll");
  for (const types::v1::Role role : kRoles) {
    SCOPED_TRACE(identity::RoleName(role));
    const auto poser = Pose(role, /*for_agents=*/true);
    const std::string name = absl::StrCat("host-", identity::RoleName(role));
    const std::string token = absl::StrCat(dir, "/", name);
    world_->norroy().CliOk(
        {"agent", "token", "create", name, "--answer", ".example.test", "--out", token});
    auto changed = join::ParseJoinToken(harness::ReadAll(token));
    ASSERT_TRUE(changed.ok()) << changed.status();
    changed->validators = {poser->address()};
    ASSERT_TRUE(join::WriteJoinToken(token + ".changed", *changed).ok());
    const harness::Output enrolled = harness::RunProgram(
        {harness::Runfile("agent/norroy-agent"), "enroll", "--token-file", token + ".changed",
         "--state-dir", token + ".state", "--allow", ".example.test"});
    EXPECT_NE(enrolled.code, 0);
    EXPECT_EQ(poser->calls() > 0, role == types::v1::ROLE_VALIDATOR);
  }
}

TEST_F(PosingTest, AnAgentAttachesToNobodyElse) {
  harness::Deployment& norroy = world_->norroy();
  const std::string config = norroy.dir() + "/agents/web1/agent.yaml";
  const std::string before = harness::ReadAll(config);
  norroy.agent("web1").Signal(SIGTERM);
  norroy.agent("web1").Wait(absl::Seconds(20));
  for (size_t first = 0; first < std::size(kRoles); first += 2) {
    std::vector<std::unique_ptr<Poser>> posers;
    std::string validators = "validators:\n";
    for (size_t i = first; i < first + 2; ++i) {
      posers.push_back(Pose(kRoles[i], /*for_agents=*/true));
      absl::StrAppend(&validators, "  - ", posers.back()->address(), "\n");
    }
    // Dialled all the time: when it is called twice, the others were tried too.
    posers.push_back(Pose(types::v1::ROLE_VALIDATOR, /*for_agents=*/true));
    absl::StrAppend(&validators, "  - ", posers.back()->address(), "\n");
    harness::WriteAll(config, before + validators, 0600);
    const auto agent =
        harness::Process::Start({harness::Runfile("agent/norroy-agent"), "--config", config},
                                absl::StrCat(norroy.dir(), "/posed-", first, ".log"));
    EXPECT_TRUE(harness::Eventually([&] { return posers.back()->calls() >= 2; }))
        << harness::ReadAll(absl::StrCat(norroy.dir(), "/posed-", first, ".log"));
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(posers[i]->calls() > 0, kRoles[first + i] == types::v1::ROLE_VALIDATOR)
          << identity::RoleName(kRoles[first + i]);
    }
  }
  harness::WriteAll(config, before, 0600);
}

TEST_F(PosingTest, AnIssuerPlansWithNobodyElse) {
  harness::Deployment& norroy = world_->norroy();
  const std::string config = norroy.dir() + "/issuer/issuer.yaml";
  const std::string before = harness::ReadAll(config);
  std::vector<std::unique_ptr<Poser>> posers;
  std::string validators = "validators:\n";
  for (const types::v1::Role role : kRoles) {
    posers.push_back(Pose(role));
    absl::StrAppend(&validators, "  - ", posers.back()->address(), "\n");
  }
  harness::WriteAll(config, absl::StrReplaceAll(before, {{"validators:\n", validators}}), 0600);
  norroy.issuer().Signal(SIGTERM);
  norroy.issuer().Wait(absl::Seconds(20));
  norroy.StartIssuer();
  ASSERT_TRUE(harness::Eventually([&] { return norroy.Cli({"order", "list"}).code == 0; }));
  EXPECT_TRUE(harness::Eventually([&] {
    (void)norroy.Cli({"issue", "www.example.test", "--timeout", "3s"});
    return posers[1]->calls() > 0;
  }));
  for (size_t i = 0; i < posers.size(); ++i) {
    EXPECT_EQ(posers[i]->calls() > 0, kRoles[i] == types::v1::ROLE_VALIDATOR)
        << identity::RoleName(kRoles[i]);
  }
}

}  // namespace
}  // namespace norroy::roles
