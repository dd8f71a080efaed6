// What a daemon does for its log: checkpoints by the clock and at the stop, refused calls, bounded.

#include "common/audit/keeper.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/audit/test_signer.h"
#include "common/identity/issuing.h"

namespace norroy::audit {
namespace {

Entry Refused(const std::string& principal, const std::string& method) {
  return {.principal = principal,
          .action = "call.refused",
          .object = absl::StrCat("method/", method),
          .detail = "ROLE_NOT_ALLOWED: no",
          .outcome = kDenied};
}

class RefusalsTest : public ::testing::Test {
 protected:
  std::vector<Entry> written_;
  Refusals refusals_{[this](const Entry& entry) {
                       written_.push_back(entry);
                       return absl::OkStatus();
                     },
                     [](const std::function<void()>& work) {
                       work();
                       return true;
                     }};
};

TEST_F(RefusalsTest, TheFirstAtOnceTheOthersAsOneAMinute) {
  for (int i = 0; i < 1000; ++i) refusals_.Note(Refused("requester/web", "A"));
  refusals_.Note(Refused("requester/web", "B"));
  refusals_.Note(Refused("requester/ci", "A"));
  ASSERT_EQ(written_.size(), 3u);
  EXPECT_EQ(written_[0].outcome, kDenied);
  refusals_.Flush();
  ASSERT_EQ(written_.size(), 4u);
  EXPECT_TRUE(absl::StrContains(written_[3].detail, "999 more times")) << written_[3].detail;
  EXPECT_TRUE(absl::StrContains(written_[3].detail, "ROLE_NOT_ALLOWED"));
  // Who goes on is counted on; who stopped is new again a minute later.
  for (int i = 0; i < 5; ++i) refusals_.Note(Refused("requester/web", "A"));
  EXPECT_EQ(written_.size(), 4u);
  refusals_.Flush();
  EXPECT_EQ(written_.size(), 5u);
  refusals_.Flush();
  EXPECT_EQ(written_.size(), 5u);
  refusals_.Note(Refused("requester/web", "A"));
  EXPECT_EQ(written_.size(), 6u);
}

TEST_F(RefusalsTest, ManyNamesFillNothing) {
  for (int minute = 0; minute < 3; ++minute) {
    written_.clear();
    for (int i = 0; i < 10'000; ++i) {
      refusals_.Note(Refused(absl::StrCat("requester/", minute, "-", i), "A"));
    }
    EXPECT_EQ(written_.size(), kMaxRefusers);
    refusals_.Flush();
    ASSERT_EQ(written_.size(), kMaxRefusers + 1);
    EXPECT_TRUE(absl::StrContains(written_.back().detail, absl::StrCat(10'000 - kMaxRefusers)))
        << written_.back().detail;
  }
}

TEST(Refusals, WaitWhileNobodyCanWrite) {
  std::vector<Entry> written;
  Refusals refusals(
      [&](const Entry& entry) {
        written.push_back(entry);
        return absl::OkStatus();
      },
      [](const std::function<void()>&) { return false; });
  refusals.Note(Refused("requester/web", "A"));
  EXPECT_TRUE(written.empty());
  refusals.Flush();
  EXPECT_EQ(written.size(), 1u);
}

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() : database_(sql::OpenSqlite(":memory:").value()) {
    EXPECT_TRUE(sql::Migrate(*database_, {{1, kTable}, {2, kTableOrigin}}).ok());
    identity_file_ =
        absl::StrCat(::testing::TempDir(), "/",
                     ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".pem");
    EXPECT_TRUE(identity::WriteIdentityFile(identity_file_,
                                            deployment_.Issue(types::v1::ROLE_ISSUER, "main"))
                    .ok());
    keeper_ = std::make_unique<Keeper>(LogOptions{.database = *database_,
                                                  .clock = clock_,
                                                  .deployment = "test",
                                                  .writer = "issuer/main",
                                                  .identity_file = identity_file_},
                                       timers_, absl::Minutes(5));
  }
  size_t Checkpoints() { return keeper_->log().Checkpoints(0, 100)->size(); }
  // What the keeper's own thread does is waited for.
  bool Soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(5));
    return condition();
  }
  void Append() {
    ASSERT_TRUE(
        keeper_->log().Append({.principal = "p", .action = "order.create", .object = "o"}).ok());
  }

  SimulatedClock clock_{kTestNow};
  SimulatedTimers timers_{clock_};
  const TestSigner deployment_;
  std::unique_ptr<sql::Database> database_;
  std::string identity_file_;
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, SignsWhenThereIsSomethingNewAndAtTheStop) {
  Append();
  timers_.Advance(absl::Minutes(4));
  EXPECT_EQ(Checkpoints(), 0u);
  timers_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Soon([&] { return Checkpoints() == 1; }));
  Append();
  timers_.Advance(absl::Minutes(5));
  EXPECT_TRUE(Soon([&] { return Checkpoints() == 2; }));
  Append();
  keeper_->Stop();
  const auto kept = keeper_->log().Checkpoints(0, 100);
  ASSERT_EQ(kept->size(), 3u);
  Series series(deployment_.trust());
  for (const KeptCheckpoint& one : *kept) {
    const auto verified = series.Add(one.checkpoint);
    EXPECT_TRUE(verified.ok()) << verified.status();
  }
  EXPECT_TRUE(keeper_->log().Verify().ok());
  timers_.Advance(absl::Hours(1));
  EXPECT_EQ(Checkpoints(), 3u);
}

TEST_F(KeeperTest, SignsWithTheIdentityOfTheDay) {
  Append();
  ASSERT_TRUE(keeper_->log().Sign().ok());
  ASSERT_TRUE(
      identity::WriteIdentityFile(identity_file_, deployment_.Issue(types::v1::ROLE_ISSUER, "main"))
          .ok());
  Append();
  ASSERT_TRUE(keeper_->log().Sign().ok());
  const auto kept = keeper_->log().Checkpoints(0, 100);
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_NE((*kept)[0].checkpoint.chain, (*kept)[1].checkpoint.chain);
}

TEST_F(KeeperTest, RefusedCallsAreInTheLog) {
  for (int i = 0; i < 100; ++i) keeper_->refusals().Note(Refused("requester/web", "A"));
  const auto records = [&] {
    return *keeper_->log().List({.action = "call."}, true, nullptr, 100);
  };
  EXPECT_TRUE(Soon([&] { return records().size() == 1; }));
  timers_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Soon([&] { return records().size() == 2; }));
  EXPECT_EQ(records()[1].writer, "issuer/main");
}

TEST_F(KeeperTest, FindsItsOwnCheckpointsContradicted) {
  Append();
  ASSERT_TRUE(keeper_->log().Sign().ok());
  ASSERT_TRUE(
      database_
          ->Write([](sql::Connection& c) { return c.Execute("DELETE FROM audit", {}).status(); })
          .ok());
  EXPECT_EQ(keeper_->log().Verify().status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace norroy::audit
