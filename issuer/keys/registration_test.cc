#include "issuer/keys/registration.h"

#include <gtest/gtest.h>

#include <map>

#include "common/error/error.h"

namespace norroy::keys {
namespace {

// Accounts whose registration goes as scripted: one status after the other, the last one again.
class ScriptedAccounts final : public Accounts {
 public:
  void Script(const std::string& ca, std::vector<absl::Status> statuses) {
    MutexLock lock(&mutex_);
    scripts_[ca] = std::move(statuses);
  }
  std::vector<std::string> cas() const override { return {}; }
  absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) override {
    MutexLock lock(&mutex_);
    if (scripts_.count(std::string(ca)) == 0) return nullptr;
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT", "none yet");
  }
  absl::StatusOr<store::AccountRecord> Register(absl::string_view ca, bool agree_tos) override {
    MutexLock lock(&mutex_);
    EXPECT_TRUE(agree_tos);
    const int count = ++tries_[std::string(ca)];
    changed_.SignalAll();
    const std::vector<absl::Status>& script = scripts_.at(std::string(ca));
    const size_t index = std::min<size_t>(count, script.size()) - 1;
    if (!script[index].ok()) return script[index];
    return store::AccountRecord();
  }
  void WaitForTries(const std::string& ca, int count) {
    MutexLock lock(&mutex_);
    while (tries_[ca] < count) changed_.Wait(&mutex_);
  }
  std::map<std::string, int> tries() {
    MutexLock lock(&mutex_);
    return tries_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, std::vector<absl::Status>> scripts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> tries_ ABSL_GUARDED_BY(mutex_);
};

TEST(Registration, TriesAgainWhatMayPass) {
  ScriptedAccounts accounts;
  accounts.Script("fine", {absl::OkStatus()});
  accounts.Script(
      "down", {absl::UnavailableError("down"), absl::UnavailableError("still"), absl::OkStatus()});
  accounts.Script("refuses", {absl::PermissionDeniedError("no")});
  Registration registration({.accounts = accounts,
                             .cas = {"fine", "down", "refuses", "registered before"},
                             .first_back_off = absl::Milliseconds(1)});
  registration.WaitForFirstTries(absl::InfiniteDuration());
  accounts.WaitForTries("down", 3);
  const std::map<std::string, int> expected = {{"down", 3}, {"fine", 1}, {"refuses", 1}};
  EXPECT_EQ(accounts.tries(), expected);
}

TEST(Registration, EndsWhileItWaits) {
  ScriptedAccounts accounts;
  accounts.Script("down", {absl::UnavailableError("down")});
  Registration registration(
      {.accounts = accounts, .cas = {"down"}, .first_back_off = absl::Hours(1)});
  registration.WaitForFirstTries(absl::InfiniteDuration());
}

}  // namespace
}  // namespace norroy::keys
