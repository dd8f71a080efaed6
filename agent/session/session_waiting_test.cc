// Presenters that wait for others: nobody else is held up, nothing is lost.

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/session/presentations.h"
#include "agent/session/session_fixture.h"
#include "common/log/log.h"
#include "common/sync/mutex.h"

namespace norroy::agent {
namespace {

// Answers that come later.
class Answers {
 public:
  Session::PutUpDone PutUp() {
    return [this](const v1::PutUpResult& result) {
      std::string reasons;
      for (const auto& one : result.results()) reasons += one.served() ? "+" : one.reason();
      Add(absl::StrCat(result.generation(), reasons));
    };
  }
  Session::TakeDownDone TakeDown() {
    return [this](const v1::TakeDownResult& result) {
      Add(absl::StrCat(result.generation(), "-", result.error()));
    };
  }
  // All so far, once there are so many; in the order in which they came.
  std::vector<std::string> Await(size_t count) {
    MutexLock lock(&mutex_);
    while (all_.size() < count) {
      if (!changed_.WaitFor(&mutex_, absl::Seconds(20))) break;
    }
    return all_;
  }
  size_t count() {
    MutexLock lock(&mutex_);
    return all_.size();
  }

 private:
  void Add(const std::string& answer) {
    MutexLock lock(&mutex_);
    all_.push_back(answer);
    changed_.SignalAll();
  }
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> all_ ABSL_GUARDED_BY(mutex_);
};

class SessionWaitingTest : public SessionTest {
 protected:
  SessionWaitingTest() {
    dns_.SetLocation(std::string("_acme-challenge.www.example.com"));
    presenters_ = {&web_, &dns_};
    Restart();
  }
  ~SessionWaitingTest() override {
    dns_.Unblock();
    session_.reset();
  }

  static challenge::Proof Dns(const std::string& name, const std::string& token) {
    return MakeProof(name, token, ChallengeType::kDns01);
  }
  void Send(const std::string& id, int64_t generation,
            const std::vector<challenge::Proof>& proofs) {
    v1::PutUp message;
    for (const auto& proof : proofs) {
      *message.add_proofs() = sealer_.Seal(id, generation, proof, clock_.Now());
    }
    session_->PutUp(message, answers_.PutUp());
  }
  void SendTakeDown(const std::string& id, int64_t generation) {
    v1::TakeDown message;
    message.set_presentation_id(id);
    message.set_generation(generation);
    message.mutable_tombstone_until()->set_seconds(absl::ToUnixSeconds(clock_.Now() + kLease));
    session_->TakeDown(message, answers_.TakeDown());
  }
  // Calls of presenters that nobody answers for end after a while.
  template <typename Condition>
  bool Soon(const Condition& condition) {
    SystemClock clock;
    const absl::Duration until = clock.Monotonic() + absl::Seconds(20);
    while (!condition()) {
      if (clock.Monotonic() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  // As kill -9 while `calls` calls of the presenter are under way; they still reach the server.
  void Crash(int calls) {
    ASSERT_TRUE(dns_.AwaitWaiting(calls));
    std::thread crash([this] { session_.reset(); });
    dns_.Unblock();
    crash.join();
  }

  MemoryPresenter dns_{ChallengeType::kDns01, "memory dns", true};
  const challenge::Proof name_ = Dns("www.example.com", "dns-1");
  const challenge::Proof other_ = Dns("a.example.com", "dns-2");
  Answers answers_;
};

TEST_F(SessionWaitingTest, OthersAreServedMeanwhile) {
  dns_.Block();
  Send("slow", 1, {name_});
  ASSERT_TRUE(dns_.AwaitWaiting(1));
  EXPECT_EQ(Put(sealer_.Seal("fast", 1, proof_)), "");
  EXPECT_TRUE(Serves(proof_));
  EXPECT_EQ(answers_.count(), 0u);
  EXPECT_EQ(session_->Hello().presented_size(), 1) << "what is not up yet is not told";
  timers_.Advance(kLease + absl::Seconds(1));
  EXPECT_EQ(web_.size(), 0) << "leases of others end";
  EXPECT_EQ(TakeDown("fast", 1), "");
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(1), std::vector<std::string>{"1+"});
}

TEST_F(SessionWaitingTest, ProofsOfOneMessageGoUpSideBySide) {
  dns_.Block();
  std::vector<challenge::Proof> proofs = {proof_};
  for (int i = 0; i < 20; ++i) {
    proofs.push_back(Dns(absl::StrCat("n", i, ".example.com"), absl::StrCat("t", i)));
  }
  Send("order-1", 1, proofs);
  EXPECT_TRUE(dns_.AwaitWaiting(8));
  EXPECT_TRUE(Serves(proof_)) << "what need not wait does not";
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(1), std::vector<std::string>{"1" + std::string(21, '+')});
  EXPECT_EQ(dns_.size(), 20);
  EXPECT_EQ(dns_.most_waiting(), 8);
}

TEST_F(SessionWaitingTest, ATakeDownWaitsForItsPutUp) {
  dns_.Block();
  Send("order-1", 1, {name_});
  ASSERT_TRUE(dns_.AwaitWaiting(1));
  SendTakeDown("order-1", 1);
  EXPECT_EQ(answers_.count(), 0u);
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(2), (std::vector<std::string>{"1+", "1-"}));
  EXPECT_EQ(dns_.size(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionWaitingTest, ANewerGenerationWaits) {
  dns_.Block();
  Send("order-1", 1, {name_, other_});
  ASSERT_TRUE(dns_.AwaitWaiting(2));
  Send("order-1", 2, {name_});
  Send("order-1", 1, {other_});
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(3), (std::vector<std::string>{"1++", "2+", "1STALE_GENERATION"}));
  EXPECT_TRUE(Soon([this] { return dns_.size() == 1; })) << "what only the older one had is gone";
  EXPECT_EQ(session_->Hello().presented(0).generation(), 2);
}

TEST_F(SessionWaitingTest, WhatIsReleasedWhileItIsTakenDownStaysReleased) {
  Send("order-1", 1, {name_});
  ASSERT_EQ(answers_.Await(1).size(), 1u);
  dns_.Block();
  SendTakeDown("order-1", 1);
  dns_.AwaitWaiting(1);
  dns_.FailTakeDown(absl::DeadlineExceededError("no answer"));
  Crash(1);
  EXPECT_EQ(dns_.size(), 1);
  dns_.FailTakeDown(absl::OkStatus());
  Restart();
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "RELEASED");
}

TEST_F(SessionWaitingTest, ACrashDuringPutUpLeavesNothing) {
  dns_.Block();
  Send("order-1", 1, {name_});
  Crash(1);
  EXPECT_EQ(dns_.size(), 1) << "it reached the server";
  // DNS says something else by now; the journal counts.
  dns_.SetLocation(std::string("elsewhere.example.net"));
  clock_.Advance(kLease);
  Restart();
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
  EXPECT_TRUE(Soon([this] {
    timers_.Advance(kSweepEvery);
    return session_->presented() == 0;
  }));
  Restart();
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionWaitingTest, ARestartPutsUpAgainWithoutHoldingUpTheStart) {
  Send("order-1", 1, {name_, proof_});
  ASSERT_EQ(answers_.Await(1).size(), 1u);
  session_.reset();
  dns_.Block();
  Restart();
  EXPECT_EQ(session_->Hello().presented_size(), 0) << "not all of it is up";
  EXPECT_EQ(Put(sealer_.Seal("order-2", 1, second_)), "");
  // The validator asks for it again: it waits for the recovery.
  Send("order-1", 1, {name_});
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(2).back(), "1+");
  EXPECT_EQ(session_->Hello().presented_size(), 2);
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(dns_.size(), 0);
}

TEST_F(SessionWaitingTest, ADeadServerAtTheStartIsTriedAgain) {
  Send("order-1", 1, {name_});
  ASSERT_EQ(answers_.Await(1).size(), 1u);
  session_.reset();
  clock_.Advance(kLease);
  dns_.FailTakeDown(absl::DeadlineExceededError("no answer"));
  Restart();
  EXPECT_TRUE(Soon([this] { return session_->Counters().presenters(1).failed() > 0; }));
  dns_.FailTakeDown(absl::OkStatus());
  EXPECT_TRUE(Soon([this] {
    timers_.Advance(kSweepEvery);
    return dns_.size() == 0;
  }));
}

TEST_F(SessionWaitingTest, APutUpThatMayHaveReachedTheServerIsTakenBack) {
  dns_.FailPutUp(absl::DeadlineExceededError("no answer"));
  EXPECT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "PRESENTER_FAILED");
  ASSERT_TRUE(dns_.Look(name_).empty());
  dns_.FailPutUp(absl::OkStatus());
  ASSERT_TRUE(dns_.PutUp(name_, "_acme-challenge.www.example.com").ok());  // it did
  EXPECT_EQ(session_->presented(), 0);
  EXPECT_EQ(journal_->state().presented.size(), 1u);
  timers_.Advance(absl::Seconds(31));
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
}

TEST_F(SessionWaitingTest, AForeignZoneIsSaidWithItsPath) {
  const std::string path = "_acme-challenge.www.example.com -> x.elsewhere.net";
  dns_.SetLocation(absl::NotFoundError(path));
  const auto result = PutUp({sealer_.Seal("order-1", 1, name_)});
  EXPECT_EQ(result.results(0).reason(), "FOREIGN_ZONE");
  EXPECT_TRUE(absl::StrContains(result.results(0).detail(), path)) << result.results(0).detail();
  EXPECT_TRUE(journal_->state().presented.empty());
}

TEST_F(SessionWaitingTest, StopWaitsForAPutUpAndLeavesIt) {
  dns_.Block();
  Send("order-1", 1, {name_});
  ASSERT_TRUE(dns_.AwaitWaiting(1));
  Send("order-1", 2, {name_});
  std::thread stop([this] { EXPECT_TRUE(session_->Stop()); });
  // Refused from the moment on; only then the presenter goes on.
  EXPECT_TRUE(Soon([this] {
    return Put(sealer_.Seal("x", 1, proof_)) == "PRESENTER_FAILED" || TakeDown("x", 1) != "";
  }));
  dns_.Unblock();
  stop.join();
  EXPECT_EQ(dns_.size(), 1);
  EXPECT_EQ(answers_.Await(2), (std::vector<std::string>{"1+", "2PRESENTER_FAILED"}));
  Restart();
  // Its own and, where the stop came between putting up and taking down, the probe's.
  EXPECT_TRUE(Soon([this] { return session_->presented() >= 1; })) << "within its lease";
}

TEST_F(SessionWaitingTest, StopDoesNotWaitForEver) {
  stop_timeout_ = absl::Milliseconds(20);
  Restart();
  Send("order-1", 1, {other_});
  ASSERT_EQ(answers_.Await(1).size(), 1u);
  dns_.Block();
  Send("order-3", 1, {name_});
  ASSERT_TRUE(dns_.AwaitWaiting(1));
  EXPECT_FALSE(session_->Stop());
  EXPECT_EQ(Put(sealer_.Seal("order-2", 1, proof_)), "PRESENTER_FAILED");
  dns_.Unblock();
  Restart();
  EXPECT_TRUE(Soon([this] { return session_->presented() == 2; })) << "the journal has kept both";
}

// Validators count on it, and it may be another agent's, too.
TEST_F(SessionWaitingTest, AStopLeavesWhatOtherServersAnswer) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "");
  ASSERT_EQ(Put(sealer_.Seal("order-2", 1, other_)), "");
  ASSERT_EQ(Put(sealer_.Seal("order-3", 1, proof_)), "");
  EXPECT_TRUE(session_->Stop());
  EXPECT_EQ(dns_.size(), 2);
  EXPECT_EQ(web_.size(), 0) << "what this host serves ends";
  Restart();
  EXPECT_TRUE(Soon([this] { return session_->presented() == 3; }));
  EXPECT_EQ(TakeDown("order-1", 1), "");
  EXPECT_EQ(dns_.size(), 1);
  // The lease ends while nobody is there: the next start takes it down.
  EXPECT_TRUE(session_->Stop());
  clock_.Advance(kLease);
  Restart();
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
  EXPECT_TRUE(Soon([this] {
    session_.reset();
    const bool forgotten = journal_->state().presented.empty();
    Restart();
    return forgotten;
  }));
}

TEST_F(SessionWaitingTest, AStoppedAgentMayComeBackWithAnotherPresenter) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "");
  EXPECT_TRUE(session_->Stop());
  MemoryPresenter successor(ChallengeType::kDns01, "memory successor", true);
  presenters_ = {&web_, &successor};
  Restart();
  EXPECT_TRUE(Soon([this] { return session_->presented() == 1; }));
  EXPECT_TRUE(absl::StrContains(TakeDown("order-1", 1), "memory dns"));
  EXPECT_EQ(successor.size(), 0);
  session_.reset();
}

TEST_F(SessionWaitingTest, WhatLiesWithAPresenterThatIsGoneIsSaidEachHourAndForgottenAfterADay) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "");
  session_.reset();
  presenters_ = {&web_};
  std::atomic<int> warnings = 0;
  log::SetSink([&](absl::string_view line) {
    if (absl::StrContains(line, "memory dns: _acme-challenge.www.example.com")) ++warnings;
  });
  clock_.Advance(kLease);
  Restart();
  EXPECT_EQ(warnings, 1);
  for (int i = 0; i < 23 * 60 * 2; ++i) timers_.Advance(kSweepEvery);
  EXPECT_GE(warnings, 23);
  EXPECT_LE(warnings, 25);
  EXPECT_EQ(journal_->state().presented.size(), 1u);
  for (int i = 0; i < 2 * 60 * 2 + 1; ++i) timers_.Advance(kSweepEvery);
  EXPECT_TRUE(journal_->state().presented.empty());
  // In between, with the presenter back, it would have been taken down.
  log::SetSink({});
}

TEST_F(SessionWaitingTest, APresenterThatIsBackTakesDownWhatItLeft) {
  ASSERT_EQ(Put(sealer_.Seal("order-1", 1, name_)), "");
  session_.reset();
  presenters_ = {&web_};
  clock_.Advance(kLease);
  Restart();
  EXPECT_EQ(dns_.size(), 1);
  session_.reset();
  presenters_ = {&web_, &dns_};
  Restart();
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
}

TEST_F(SessionWaitingTest, AnOlderJournalIsUnderstood) {
  session_.reset();
  for (const bool expired : {false, true}) {
    ASSERT_TRUE(dns_.PutUp(name_, "_acme-challenge.www.example.com").ok());
    JournalPresentation old = {.id = "order-1", .generation = 1, .proofs = {}};
    old.proofs.push_back({.sealed = sealer_.Seal("order-1", 1, name_, clock_.Now()), .spots = {}});
    ASSERT_TRUE(journal_->NotePresented(old).ok());
    if (expired) clock_.Advance(kLease);
    Restart();
    if (!expired) {
      EXPECT_TRUE(Soon([this] { return session_->presented() == 1; }));
      session_.reset();
      EXPECT_TRUE(journal_->state().presented[0].proofs[0].spots.has_value());
    }
  }
  EXPECT_TRUE(Soon([this] { return dns_.size() == 0; }));
}

TEST_F(SessionWaitingTest, AThousandMessages) {
  log::Configure(log::Level::kError, log::Format::kText);
  dns_.Block();
  for (int i = 0; i < 500; ++i) {
    const std::string id = absl::StrCat("order-", i % 100);
    Send(id, 1 + i / 100, {Dns(absl::StrCat("n", i % 100, ".example.com"), "t")});
    Send(absl::StrCat("web-", i), 1, {MakeProof(absl::StrCat("w", i, ".example.com"), "t")});
  }
  EXPECT_EQ(answers_.count(), 500u) << "the web is up already";
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(1000).size(), 1000u);
  EXPECT_EQ(session_->presented(), 600);
  for (int i = 0; i < 100; ++i) SendTakeDown(absl::StrCat("order-", i), 5);
  for (int i = 0; i < 500; ++i) SendTakeDown(absl::StrCat("web-", i), 1);
  EXPECT_EQ(answers_.Await(1600).size(), 1600u);
  EXPECT_EQ(dns_.size() + web_.size(), 0);
  EXPECT_TRUE(journal_->state().presented.empty());
  log::Configure(log::Level::kInfo, log::Format::kText);
}

TEST_F(SessionWaitingTest, TheQueueIsCapped) {
  log::Configure(log::Level::kError, log::Format::kText);
  dns_.Block();
  for (int i = 0; i < kMaxQueuedMessages; ++i) Send("order-1", 1, {name_});
  EXPECT_EQ(answers_.count(), 0u);
  Send("order-2", 1, {name_});
  EXPECT_EQ(answers_.Await(1), std::vector<std::string>{"1PRESENTER_FAILED"});
  Send("order-3", 1, {proof_});
  EXPECT_EQ(answers_.Await(2).back(), "1+") << "what need not wait is served";
  SendTakeDown("order-1", 1);
  EXPECT_EQ(answers_.count(), 2u) << "a release is taken";
  dns_.Unblock();
  EXPECT_EQ(answers_.Await(kMaxQueuedMessages + 3).back(), "1-");
  EXPECT_EQ(dns_.size(), 0);
  EXPECT_EQ(session_->Counters().refused().at("PRESENTER_FAILED"), 1);
  log::Configure(log::Level::kInfo, log::Format::kText);
}

}  // namespace
}  // namespace norroy::agent
