#include "common/lease/tenure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sql/database_kinds.h"
#include "common/sql/transact.h"

namespace norroy::lease {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A database that can be taken away from one process.
class Cut final : public sql::Database {
 public:
  explicit Cut(sql::Database& database) : database_(database) {}
  absl::Status Write(const sql::Work& work) override {
    return cut ? absl::UnavailableError("cut off") : database_.Write(work);
  }
  absl::Status Read(const sql::Work& work) override {
    return cut ? absl::UnavailableError("cut off") : database_.Read(work);
  }
  std::unique_ptr<sql::Subscription> Subscribe(absl::string_view channel,
                                               sql::Heard heard) override {
    return database_.Subscribe(channel, std::move(heard));
  }
  bool cut = false;

 private:
  sql::Database& database_;
};

class TenureTest : public testing::Test {
 protected:
  struct Process {
    explicit Process(sql::Database& database) : line(database) {}
    Cut line;
    std::vector<std::string> given;  // whose things it gave away
    std::unique_ptr<Tenure> tenure;
  };

  TenureTest() {
    database_ = *sql::OpenSqlite(":memory:");
    EXPECT_TRUE(sql::Migrate(*database_, {{1, kTable}}).ok());
  }

  std::unique_ptr<Process> Begin(const std::string& name) {
    auto process = std::make_unique<Process>(*database_);
    TenureOptions options = {
        .database = process->line,
        .clock = clock_,
        .name = name,
        .incarnation = absl::StrCat("i", ++incarnations_),
        .give_away = [p = process.get()](sql::Connection&, const std::string& name) {
          p->given.push_back(name);
          return absl::OkStatus();
        }};
    process->tenure = *Tenure::Begin(std::move(options));
    process->given.clear();  // of its former life
    return process;
  }

  // Both beat for so long, as far as they can.
  void Run(absl::Duration time, const std::vector<Process*>& processes) {
    for (absl::Duration passed; passed < time; passed += Tenure::kBeat) {
      clock_.Advance(Tenure::kBeat);
      for (Process* const process : processes) (void)process->tenure->Beat();
    }
  }

  SimulatedClock clock_{absl::UnixEpoch()};
  std::unique_ptr<sql::Database> database_;
  int incarnations_ = 0;
};

TEST_F(TenureTest, LastsWhileItBeats) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  Run(absl::Minutes(10), {a.get(), b.get()});
  EXPECT_TRUE(a->tenure->Lasts());
  EXPECT_TRUE(b->tenure->Lasts());
  EXPECT_EQ(a->tenure->number(), 1);
  EXPECT_EQ(a->tenure->others(), 1);
  EXPECT_THAT(a->given, IsEmpty());
  EXPECT_THAT(b->given, IsEmpty());
}

TEST_F(TenureTest, WhatAProcessThatIsGoneHeldIsGivenAwayOnce) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  const auto c = Begin("c");
  Run(absl::Seconds(4), {a.get(), b.get(), c.get()});
  Run(Tenure::kGone - Tenure::kBeat, {b.get(), c.get()});
  EXPECT_FALSE(a->tenure->Lasts());
  EXPECT_THAT(b->given, IsEmpty());
  Run(2 * Tenure::kBeat, {b.get(), c.get()});
  EXPECT_THAT(b->given, ElementsAre("a"));
  EXPECT_THAT(c->given, IsEmpty());
  EXPECT_EQ(b->tenure->others(), 1);
}

TEST_F(TenureTest, ADatabaseThatWasAwayMakesNobodyGone) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  Run(absl::Seconds(4), {a.get(), b.get()});
  a->line.cut = b->line.cut = true;
  Run(absl::Minutes(5), {a.get(), b.get()});
  EXPECT_FALSE(b->tenure->Lasts());
  a->line.cut = b->line.cut = false;
  Run(absl::Minutes(1), {b.get(), a.get()});
  EXPECT_THAT(a->given, IsEmpty());
  EXPECT_THAT(b->given, IsEmpty());
  EXPECT_TRUE(a->tenure->Lasts());
  EXPECT_EQ(a->tenure->number(), 2);
}

// Whoever watches counts from what it saw: hosts' clocks may differ by hours.
TEST_F(TenureTest, NobodyIsGoneBeforeHisOwnTenureHasEnded) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  a->line.cut = true;
  while (b->given.empty()) Run(Tenure::kBeat, {a.get(), b.get()});
  EXPECT_FALSE(a->tenure->Lasts());
  EXPECT_THAT(b->given, ElementsAre("a"));
}

TEST_F(TenureTest, BeginsAnewWithAnotherNumberAndAPause) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  // Short of being given away, and longer than that.
  for (const absl::Duration away : {Tenure::kLasts + Tenure::kBeat, 2 * Tenure::kGone}) {
    const int64_t before = a->tenure->number();
    Run(away, {b.get()});
    EXPECT_FALSE(a->tenure->Lasts());
    ASSERT_TRUE(a->tenure->Beat().ok());
    EXPECT_GT(a->tenure->number(), before);
    EXPECT_FALSE(a->tenure->Lasts());
    clock_.Advance(Tenure::kPause);
    EXPECT_TRUE(a->tenure->Lasts());
  }
  EXPECT_THAT(b->given, ElementsAre("a"));
}

TEST_F(TenureTest, ASuccessorHasTheNameAtOnceAndTheOneBeforeFindsOut) {
  const auto first = Begin("a");
  const auto b = Begin("b");
  const auto second = Begin("a");
  EXPECT_TRUE(second->tenure->Lasts());
  ASSERT_TRUE(first->tenure->Beat().ok());
  EXPECT_FALSE(first->tenure->Lasts());
  first->tenure->End();
  Run(absl::Minutes(1), {second.get(), b.get()});
  EXPECT_TRUE(second->tenure->Lasts());
  EXPECT_THAT(b->given, IsEmpty());
}

TEST_F(TenureTest, WhoEndsInOrderIsMissedByNobody) {
  const auto a = Begin("a");
  const auto b = Begin("b");
  a->tenure->End();
  Run(absl::Minutes(1), {b.get()});
  EXPECT_THAT(b->given, IsEmpty());
  EXPECT_EQ(b->tenure->others(), 0);
}

}  // namespace
}  // namespace norroy::lease
