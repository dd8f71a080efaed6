#include "agent/session/board.h"

#include <thread>

#include "absl/strings/match.h"
#include "agent/session/session_fixture.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

class BoardTest : public testing::Test {
 protected:
  Board::Held Hold(const challenge::Proof& proof, const Board::Known& known = {}) {
    return board_.Hold(proof, known, [this](const Spot& spot) {
      noted_.push_back(spot);
      return note_status_;
    });
  }
  static Spot At(const MemoryPresenter& presenter, const std::string& location) {
    return {.presenter = presenter.name(), .location = location};
  }

  MemoryPresenter first_{ChallengeType::kDns01, "rfc2136 a.example", true};
  MemoryPresenter second_{ChallengeType::kDns01, "powerdns b.example", true};
  MemoryPresenter web_{ChallengeType::kHttp01};
  SimulatedClock clock_{kNow};
  Board board_{{&first_, &second_, &web_}, clock_};
  std::vector<Spot> noted_;
  absl::Status note_status_;
  const challenge::Proof dns_ = MakeProof("www.example.com", "t", ChallengeType::kDns01);
  const challenge::Proof http_ = MakeProof("www.example.com", "t");
};

TEST_F(BoardTest, KnowsWhereWithoutWaitingOnlyIfNobodyWaits) {
  EXPECT_TRUE(board_.MayWait(ChallengeType::kDns01));
  EXPECT_FALSE(board_.MayWait(ChallengeType::kHttp01));
  EXPECT_TRUE(board_.FirstSpot(dns_).empty());
  EXPECT_EQ(board_.FirstSpot(http_), std::vector<Spot>{At(web_, "")});
}

TEST_F(BoardTest, NotFoundMeansTheNextOneAndTheSpotIsNotedFirst) {
  first_.SetLocation(absl::NotFoundError("a -> b is in none of its zones"));
  second_.SetLocation(std::string("_x.b.example"));
  ASSERT_TRUE(Hold(dns_).place.ok());
  EXPECT_EQ(first_.size(), 0);
  EXPECT_EQ(second_.size(), 1);
  EXPECT_EQ(noted_, std::vector<Spot>{At(second_, "_x.b.example")});
  EXPECT_EQ(board_.SpotsOf(dns_), noted_);
  // Whatever DNS says now: it is taken down where it is.
  second_.SetLocation(std::string("_y.b.example"));
  EXPECT_TRUE(board_.Drop(dns_).status.ok());
  EXPECT_EQ(second_.size(), 0);
}

TEST_F(BoardTest, NothingIsPutUpThatCouldNotBeNoted) {
  note_status_ = absl::FailedPreconditionError("disk full");
  const auto held = Hold(dns_);
  EXPECT_EQ(held.place.status().message(), "disk full");
  EXPECT_TRUE(held.left.empty());
  EXPECT_EQ(first_.size() + second_.size(), 0);
}

TEST_F(BoardTest, ForeignToAllIsAReasonOfItsOwn) {
  first_.SetLocation(absl::NotFoundError("_acme-challenge.www.example.com -> x.elsewhere.net"));
  second_.SetLocation(absl::NotFoundError("_acme-challenge.www.example.com -> x.elsewhere.net"));
  const auto foreign = Hold(dns_);
  EXPECT_EQ(ErrorReason(foreign.place.status()), kForeignZone);
  for (const char* text : {"rfc2136 a.example: ", "powerdns b.example: ", "x.elsewhere.net"}) {
    EXPECT_TRUE(absl::StrContains(foreign.place.status().message(), text));
  }
  second_.SetLocation(absl::UnavailableError("SERVFAIL"));
  const auto failed = Hold(dns_);
  EXPECT_EQ(ErrorReason(failed.place.status()), "");
  EXPECT_TRUE(absl::StrContains(failed.place.status().message(), "SERVFAIL"));
}

TEST_F(BoardTest, WhatAFailedCallMayHaveLeftIsTold) {
  first_.FailPutUp(absl::DeadlineExceededError("no answer"));
  second_.FailPutUp(absl::DeadlineExceededError("no answer either"));
  first_.SetLocation(std::string("_x.a.example"));
  second_.SetLocation(std::string("_x.b.example"));
  const auto held = Hold(dns_);
  EXPECT_EQ(held.place.status().message(), "no answer; no answer either");
  EXPECT_EQ(held.left,
            (std::vector<Spot>{At(first_, "_x.a.example"), At(second_, "_x.b.example")}));
  // The next one manages: the other spot is cleared with it.
  second_.FailPutUp(absl::OkStatus());
  ASSERT_TRUE(Hold(dns_, {.spots = held.left, .may_be_up = true}).place.ok());
  EXPECT_EQ(board_.SpotsOf(dns_), held.left);
  web_.FailPutUp(absl::FailedPreconditionError("full"));
  EXPECT_TRUE(Hold(http_, {.spots = board_.FirstSpot(http_)}).left.empty());
}

TEST_F(BoardTest, ASecondHolderWritesDownWhere) {
  first_.SetLocation(std::string("_x.a.example"));
  ASSERT_TRUE(Hold(dns_).place.ok());
  noted_.clear();
  ASSERT_TRUE(Hold(dns_).place.ok());
  EXPECT_EQ(noted_, std::vector<Spot>{At(first_, "_x.a.example")});
  note_status_ = absl::FailedPreconditionError("disk full");
  EXPECT_FALSE(Hold(dns_).place.ok());
  EXPECT_TRUE(board_.Drop(dns_).status.ok());
  EXPECT_EQ(first_.size(), 1);
  EXPECT_TRUE(board_.Drop(dns_).status.ok());
  EXPECT_EQ(first_.size(), 0);
}

TEST_F(BoardTest, ClearsExactlyWhatIsWrittenDown) {
  ASSERT_TRUE(first_.PutUp(dns_, "_x.a.example").ok());
  EXPECT_TRUE(board_.Clear(dns_, std::vector<Spot>{At(first_, "_y.a.example")}).status.ok());
  EXPECT_EQ(first_.size(), 1);
  EXPECT_TRUE(board_.Clear(dns_, std::vector<Spot>{At(first_, "_x.a.example")}).status.ok());
  EXPECT_EQ(first_.size(), 0);
}

TEST_F(BoardTest, APresenterThatIsGoneIsNamedAndTheOthersAsked) {
  const Spot gone = {.presenter = "rfc2136 old.example", .location = "_x.old.example"};
  first_.SetLocation(std::string("_x.a.example"));
  second_.SetLocation(absl::NotFoundError("foreign"));
  ASSERT_TRUE(first_.PutUp(dns_, "_x.a.example").ok());
  const Board::Down down = board_.Clear(dns_, std::vector<Spot>{gone});
  EXPECT_EQ(ErrorReason(down.status), kPresenterGone);
  EXPECT_TRUE(absl::StrContains(down.status.message(), "rfc2136 old.example")) << down.status;
  EXPECT_TRUE(absl::StrContains(down.status.message(), "_x.old.example")) << down.status;
  EXPECT_EQ(down.left, std::vector<Spot>{gone});
  EXPECT_EQ(first_.size(), 0) << "it may be the same by another name";
}

TEST_F(BoardTest, WhereNobodyWroteItDownThePresentersAreAsked) {
  first_.SetLocation(absl::NotFoundError("foreign"));
  ASSERT_TRUE(second_.PutUp(dns_, "").ok());
  EXPECT_TRUE(board_.Clear(dns_, std::nullopt).status.ok());
  EXPECT_EQ(second_.size(), 0);
  second_.SetLocation(absl::NotFoundError("foreign"));
  EXPECT_EQ(ErrorReason(board_.Clear(dns_, std::nullopt).status), kPresenterGone);
  second_.SetLocation(absl::UnavailableError("SERVFAIL"));
  const Board::Down down = board_.Clear(dns_, std::nullopt);
  EXPECT_FALSE(down.status.ok());
  EXPECT_EQ(ErrorReason(down.status), "");
}

TEST_F(BoardTest, OneProofIsWorkedOnByOneThreadAtATime) {
  first_.Block();
  std::thread holder([this] { EXPECT_TRUE(Hold(dns_).place.ok()); });
  ASSERT_TRUE(first_.AwaitWaiting(1));
  std::thread clearer([this] { EXPECT_TRUE(board_.Clear(dns_, std::vector<Spot>()).status.ok()); });
  first_.Unblock();
  holder.join();
  clearer.join();
  EXPECT_EQ(first_.size(), 1) << "what is held is not cleared";
}

TEST_F(BoardTest, Counts) {
  ASSERT_TRUE(Hold(dns_).place.ok());
  ASSERT_TRUE(board_.Drop(dns_).status.ok());
  web_.FailPutUp(absl::FailedPreconditionError("full\n"));
  EXPECT_FALSE(Hold(http_).place.ok());
  const auto counters = board_.counters();
  ASSERT_EQ(counters.size(), 3u);
  EXPECT_EQ(counters[0].name(), "rfc2136 a.example");
  EXPECT_EQ(counters[0].put_up(), 1);
  EXPECT_EQ(counters[0].taken_down(), 1);
  EXPECT_EQ(counters[0].failed(), 0);
  EXPECT_FALSE(counters[0].has_last_error_time());
  EXPECT_EQ(counters[2].failed(), 1);
  EXPECT_EQ(counters[2].last_error(), "full\\x0a");
  EXPECT_EQ(counters[2].last_error_time().seconds(), absl::ToUnixSeconds(kNow));
}

}  // namespace
}  // namespace norroy::agent
