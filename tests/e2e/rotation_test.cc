// Roots, intermediates and seals that follow one another under real processes while orders go on,
// and identities that are refused without anybody being restarted.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

constexpr int kDomains = 8;

class RotationE2e : public testing::Test {
 protected:
  void SetUp() override {
    const std::string dir = TempDir("rotation");
    http_port_ = FreePort();
    pebble_ = Pebble::Start(dir, {.http_port = http_port_, .authz_reuse_percent = 0});
    norroy_ = Deployment::Start(dir, *pebble_);
    // No domain has more orders than an operator's quota for one day.
    for (int i = 0; i < kDomains; ++i) patterns_.push_back(absl::StrCat(".example", i, ".test"));
    norroy_->AddAgent("web1", {.patterns = patterns_, .http_port = http_port_});
  }

  // One order after the other, until the object goes.
  class Orders {
   public:
    explicit Orders(Deployment& norroy) : norroy_(norroy), thread_([this] { Run(); }) {}
    ~Orders() { Stop(); }
    void Stop() {
      stop_ = true;
      if (thread_.joinable()) thread_.join();
    }
    int issued() const { return issued_; }
    // So many more from now on.
    bool GoOn(int more = 2) {
      const int wanted = issued_ + more;
      return Eventually([&] { return issued_ >= wanted; });
    }

   private:
    void Run() {
      for (int n = 0; !stop_; ++n) {
        const Output output =
            norroy_.Cli({"issue", absl::StrCat("n", n, ".example", n % kDomains, ".test")});
        EXPECT_EQ(output.code, 0) << output.err << norroy_.Logs();
        if (output.code == 0) ++issued_;
      }
    }
    Deployment& norroy_;
    std::atomic<bool> stop_ = false;
    std::atomic<int> issued_ = 0;
    std::thread thread_;
  };

  void Rotate(const std::vector<std::string>& words) {
    std::vector<std::string> arguments = {"identity", "rotate"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    norroy_->CliOk(arguments);
  }
  bool BelievedByTheNewRootAlone() {
    const std::string root = norroy_->dir() + "/core/root.pem";
    return norroy_->Cli({"--core-root", root, "order", "list"}).code == 0 &&
           norroy_->Cli({"--core-root", root, "agent", "list"}).code == 0;
  }
  void RestartAgent() {
    norroy_->agent("web1").Signal(SIGKILL);
    norroy_->agent("web1").Wait(absl::Seconds(10));
    norroy_->StartAgent("web1");
    EXPECT_TRUE(Eventually([&] { return norroy_->IsAttached("web1"); })) << norroy_->Logs();
  }
  size_t RootsOfTheAgent() const {
    const std::string pem = ReadAll(norroy_->dir() + "/agents/web1/state/core-root.pem");
    return std::vector<std::string>(absl::StrSplit(pem, "-----BEGIN CERTIFICATE-----")).size() - 1;
  }

  int http_port_ = 0;
  std::vector<std::string> patterns_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(RotationE2e, NoOrderFailsWhileEverythingFollows) {
  Orders orders(*norroy_);
  ASSERT_TRUE(orders.GoOn());
  Rotate({"core", "prepare"});
  EXPECT_TRUE(Eventually([&] { return RootsOfTheAgent() == 2; })) << norroy_->Logs();
  ASSERT_TRUE(orders.GoOn());
  Rotate({"core", "activate"});
  ASSERT_TRUE(orders.GoOn(4));
  Rotate({"seal"});
  ASSERT_TRUE(orders.GoOn(4));
  Rotate({"edge", "prepare"});
  Rotate({"edge", "activate"});
  ASSERT_TRUE(orders.GoOn());
  // Servers take up their identities within a second or two: until then the old root is needed.
  EXPECT_TRUE(Eventually([&] { return BelievedByTheNewRootAlone(); })) << norroy_->Logs();
  Rotate({"core", "retire", "--force"});
  ASSERT_TRUE(orders.GoOn(4));
  orders.Stop();

  // Whoever starts now finds its way by what it has.
  RestartAgent();
  norroy_->issuer().Signal(SIGTERM);
  norroy_->issuer().Wait(absl::Seconds(20));
  norroy_->StartIssuer();
  EXPECT_TRUE(Eventually([&] {
    return norroy_->Cli({"order", "list"}).code == 0;
  })) << norroy_->Logs();
  EXPECT_EQ(norroy_->Cli({"issue", "last.example0.test"}).code, 0) << norroy_->Logs();
}

TEST_F(RotationE2e, AnAgentThatIsKilledInEachStageComesBack) {
  Rotate({"core", "prepare"});
  EXPECT_TRUE(Eventually([&] { return RootsOfTheAgent() == 2; })) << norroy_->Logs();
  RestartAgent();
  Rotate({"core", "activate"});
  RestartAgent();
  norroy_->CliOk({"issue", "one.example0.test"});
  Rotate({"core", "retire", "--force"});
  RestartAgent();
  norroy_->CliOk({"issue", "two.example0.test"});
}

TEST_F(RotationE2e, ARevokedIdentityIsRefusedWithoutARestart) {
  const std::string bob = norroy_->dir() + "/bob.pem";
  norroy_->CliOk({"identity", "issue", "operator", "bob", "--out", bob});
  norroy_->CliOk({"--identity", bob, "order", "list"});
  norroy_->CliOk({"--identity", bob, "agent", "list"});
  norroy_->CliOk({"identity", "revoke", bob});
  EXPECT_TRUE(Eventually(
      [&] {
        return norroy_->Cli({"--identity", bob, "order", "list"}).code != 0;
      },
      absl::Seconds(5)));
  EXPECT_TRUE(Eventually(
      [&] {
        return norroy_->Cli({"--identity", bob, "agent", "list"}).code != 0;
      },
      absl::Seconds(5)));
  const Output refused = norroy_->Cli({"--identity", bob, "order", "list"});
  EXPECT_TRUE(absl::StrContains(refused.err, "revoked")) << refused.err;
  norroy_->CliOk({"order", "list"});
  EXPECT_TRUE(absl::StrContains(norroy_->CliOk({"identity", "list"}), "revoked"));
}

}  // namespace
}  // namespace norroy::harness
