// Ends of leases, restarts, and what fails meanwhile.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/session/presentations.h"
#include "agent/session/session_fixture.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

TEST_F(SessionTest, ALeaseEndsWithoutAnyValidator) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  timers_.Advance(kLease - absl::Milliseconds(1));
  EXPECT_TRUE(Serves(proof_));
  timers_.Advance(absl::Milliseconds(2));
  EXPECT_FALSE(Serves(proof_));
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionTest, NoSettingOfTheClockProlongsALease) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  clock_.JumpWall(-absl::Hours(3));
  timers_.Advance(kLease + absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
}

// The CA may be looking.
TEST_F(SessionTest, NoSettingOfTheClockCutsALeaseShort) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  clock_.JumpWall(absl::Hours(24));
  timers_.Advance(kLease - absl::Milliseconds(1));
  EXPECT_TRUE(Serves(proof_));
  timers_.Advance(absl::Milliseconds(2));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ARestartPutsUpAgainWhatIsStillValid) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  timers_.Advance(absl::Minutes(5));
  ASSERT_EQ(Put(sealer_.Seal("order-2", 1, second_, clock_.Now())), "");
  session_.reset();
  clock_.Advance(absl::Minutes(11));
  EXPECT_EQ(web_.size(), 2) << "as files are after kill -9";
  Restart();
  EXPECT_FALSE(Serves(proof_)) << "its lease ended while nobody was there";
  EXPECT_TRUE(Serves(second_));
  EXPECT_EQ(session_->presented(), 1);
  timers_.Advance(absl::Minutes(5));
  EXPECT_EQ(web_.size(), 0);
}

TEST_F(SessionTest, ARestartWithANarrowerScopeTakesDown) {
  ASSERT_EQ(PutUp({sealer_.Seal("order-1", 1, proof_), sealer_.Seal("order-1", 1, second_)})
                .results_size(),
            2);
  scope_ = *challenge::ParsePatterns({"a.example.com"});
  Restart();
  EXPECT_FALSE(Serves(proof_));
  EXPECT_TRUE(Serves(second_));
}

TEST_F(SessionTest, WhatCannotBeTakenDownAtTheStartIsTriedAgain) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  session_.reset();
  clock_.Advance(kLease);
  web_.FailTakeDown(absl::FailedPreconditionError("Read-only file system"));
  Restart();
  EXPECT_EQ(web_.size(), 1);
  Restart();
  web_.FailTakeDown(absl::OkStatus());
  timers_.Advance(absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
  Restart();
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionTest, AStopTakesDownAndTheNextStartPutsUp) {
  const auto sealed = sealer_.Seal("order-1", 1, proof_);
  ASSERT_EQ(Put(sealed), "");
  session_->Stop();
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(Put(sealed), "PRESENTER_FAILED");
  EXPECT_NE(TakeDown("order-1", 1), "");
  Restart();
  EXPECT_TRUE(Serves(proof_));
}

TEST_F(SessionTest, AFailingPresenterIsNamedAndTheNextOneServes) {
  web_.FailPutUp(absl::FailedPreconditionError("/var/www: No space left on device"));
  const auto result = PutUp({sealer_.Seal("order-1", 1, proof_)});
  EXPECT_EQ(result.results(0).reason(), "PRESENTER_FAILED");
  EXPECT_EQ(result.results(0).detail(), "/var/www: No space left on device");
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());

  MemoryPresenter spare(ChallengeType::kHttp01, "memory spare", false);
  presenters_.push_back(&spare);
  Restart();
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  EXPECT_EQ(spare.size(), 1);
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(spare.size(), 0);
  session_.reset();
}

TEST_F(SessionTest, AFullDiskServesNothingNew) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "");
  journal_->fail = absl::FailedPreconditionError("journal: No space left on device");
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, second_)), "PRESENTER_FAILED");
  EXPECT_EQ(Put(sealer_.Seal("order-2", 1, second_)), "PRESENTER_FAILED");
  EXPECT_EQ(web_.size(), 1);
  EXPECT_EQ(session_->presented(), 1);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "") << "it is up and written down";
  // Down it comes all the same; the validator hears that it could not be noted.
  EXPECT_NE(TakeDown("order-1", 1), "");
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, proof_)), "RELEASED");
}

TEST_F(SessionTest, AReleaseThatCouldNotBeWrittenDownIsKeptUntilItCan) {
  const auto sealed = sealer_.Seal("order-1", 1, proof_);
  const auto unknown = sealer_.Seal("order-2", 1, second_);
  ASSERT_EQ(Put(sealed), "");
  journal_->fail = absl::FailedPreconditionError("journal: No space left on device");
  EXPECT_NE(TakeDown("order-1", 1), "");
  EXPECT_NE(TakeDown("order-2", 1), "");
  EXPECT_NE(TakeDown("order-1", 1), "") << "said again, it is not done either";
  EXPECT_NE(TakeDown("order-2", 1), "");
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(Put(unknown), "RELEASED");
  timers_.Advance(absl::Seconds(31));
  journal_->fail = absl::OkStatus();
  timers_.Advance(absl::Seconds(31));
  Restart();
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(Put(sealed), "RELEASED");
  EXPECT_EQ(Put(unknown), "RELEASED");
}

TEST_F(SessionTest, WhatIsStuckLeavesRoomForOthers) {
  log::Configure(log::Level::kError, log::Format::kText);
  journal_->discard = true;
  Board board(presenters_, clock_);
  Presentations presentations(board, *journal_, clock_);
  const auto note = [](const Spot&) { return absl::OkStatus(); };
  // "" when served.
  const auto put = [&](int i) -> std::string {
    Admission admission = {.id = absl::StrCat("order-", i), .generation = 1, .proofs = {}};
    admission.proofs.emplace_back().body = sealer_.Body(
        admission.id, 1, MakeProof(absl::StrCat("n", i, ".example.com"), "t"), clock_.Now());
    const auto planned = presentations.PlanPutUp(admission);
    std::vector<Board::Held> held;
    for (const auto& plan : planned) {
      held.push_back(board.Hold(admission.proofs[plan.proof].body->proof, plan.known, note));
    }
    presentations.NotePutUp(admission, planned, std::move(held));
    return admission.proofs[0].result.detail();
  };
  const auto take_down = [&](int i) {
    const std::string id = absl::StrCat("order-", i);
    EXPECT_TRUE(*presentations.Release(id, 1, clock_.Now() + kLease));
    const auto planned = presentations.PlanTakeDown(id, true);
    std::vector<Board::Down> down;
    for (const auto& plan : planned) down.push_back(board.Drop(plan.proof));
    return presentations.NoteTakenDown(id, planned, down);
  };
  for (int i = 0; i < kMaxPresentations; ++i) ASSERT_EQ(put(i), "") << i;
  EXPECT_EQ(put(kMaxPresentations), "2000 presentations are up already");
  web_.FailTakeDown(absl::FailedPreconditionError("Read-only file system"));
  for (int i = 0; i < kMaxPresentations; ++i) EXPECT_FALSE(take_down(i).ok());
  for (int i = 0; i < kMaxPresentations; ++i) ASSERT_EQ(put(10000 + i), "") << i;
  const auto list = presentations.list();
  ASSERT_EQ(list.size(), static_cast<size_t>(kMaxPresentations)) << "a hello lists no more";
  EXPECT_EQ(list.front().presentation_id(), "order-10000") << "and of these what is not stuck";
  const std::string detail = put(30000);
  EXPECT_TRUE(absl::StrContains(detail,
                                "2000 presentations are up already, and 2000 could not be taken "
                                "down: n0.example.com at memory http-01; "))
      << detail;
  web_.FailTakeDown(absl::OkStatus());
  EXPECT_TRUE(take_down(1).ok());
  EXPECT_NE(put(30000), "") << "no room for what is served";
  EXPECT_TRUE(take_down(10000).ok());
  EXPECT_EQ(put(30000), "");
  log::Configure(log::Level::kInfo, log::Format::kText);
}

TEST_F(SessionTest, AReleaseThatFailsIsAnsweredAndTriedAgain) {
  const auto sealed = sealer_.Seal("order-1", 1, proof_);
  ASSERT_EQ(Put(sealed), "");
  web_.FailTakeDown(absl::FailedPreconditionError("Read-only file system"));
  EXPECT_EQ(TakeDown("order-1", 1), "Read-only file system");
  EXPECT_EQ(session_->presented(), 1) << "it is served: say so";
  EXPECT_EQ(Put(sealed), "RELEASED");
  web_.FailTakeDown(absl::OkStatus());
  timers_.Advance(absl::Seconds(31));
  EXPECT_EQ(web_.size(), 0);
  EXPECT_EQ(session_->presented(), 0);
  Restart();
  EXPECT_EQ(Put(sealed), "RELEASED");
}

}  // namespace
}  // namespace norroy::agent
