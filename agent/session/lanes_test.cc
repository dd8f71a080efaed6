#include "agent/session/lanes.h"

#include <atomic>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

// Steps wait here until it is opened.
class Gate {
 public:
  void Pass() {
    MutexLock lock(&mutex_);
    ++inside_;
    most_ = std::max(most_, inside_);
    changed_.SignalAll();
    while (!open_) changed_.Wait(&mutex_);
    --inside_;
  }
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    changed_.SignalAll();
  }
  bool Await(int inside) {
    MutexLock lock(&mutex_);
    while (inside_ < inside) {
      if (!changed_.WaitFor(&mutex_, absl::Seconds(10))) return false;
    }
    return true;
  }
  int most() {
    MutexLock lock(&mutex_);
    return most_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What happened, in order.
class Story {
 public:
  void Add(const std::string& event) {
    MutexLock lock(&mutex_);
    text_ += event;
  }
  std::string text() {
    MutexLock lock(&mutex_);
    return text_;
  }

 private:
  Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// `steps` steps at once, then the end.
class SimpleJob final : public Job {
 public:
  SimpleJob(int steps, bool may_wait, std::function<void()> step, std::function<void()> end,
            bool background = false)
      : steps_(steps),
        may_wait_(may_wait),
        background_(background),
        step_(std::move(step)),
        end_(std::move(end)) {}
  bool background() const override { return background_; }
  std::vector<Step> Next() override {
    if (std::exchange(begun_, true)) {
      end_();
      return {};
    }
    return std::vector<Step>(static_cast<size_t>(steps_), Step{may_wait_, step_});
  }

 private:
  const int steps_;
  const bool may_wait_, background_;
  bool begun_ = false;
  const std::function<void()> step_, end_;
};

TEST(Lanes, WhatNeedNotWaitIsDoneHereAndNow) {
  Lanes lanes;
  const auto here = std::this_thread::get_id();
  Story story;
  lanes.Add("a", std::make_unique<SimpleJob>(
                     3, false,
                     [&] {
                       EXPECT_EQ(std::this_thread::get_id(), here);
                       story.Add("s");
                     },
                     [&] { story.Add("e"); }));
  EXPECT_EQ(story.text(), "ssse");
  EXPECT_EQ(lanes.size(), 0);
}

TEST(Lanes, ALaneIsInOrderAndOthersGoOn) {
  Lanes lanes;
  Gate gate;
  Story story;
  const auto add = [&](const std::string& lane, const std::string& name, bool waits) {
    lanes.Add(lane, std::make_unique<SimpleJob>(
                        2, waits,
                        [&gate, waits] {
                          if (waits) gate.Pass();
                        },
                        [&story, name] { story.Add(name); }));
  };
  add("a", "1", true);
  add("a", "2", false);
  add("a", "3", true);
  add("b", "b", false);
  EXPECT_EQ(story.text(), "b");
  EXPECT_TRUE(gate.Await(2)) << "the steps of one job run side by side";
  EXPECT_EQ(lanes.size(), 3);
  EXPECT_FALSE(lanes.WaitUntilIdle(absl::Milliseconds(1)));
  gate.Open();
  EXPECT_TRUE(lanes.WaitUntilIdle(absl::Seconds(10)));
  EXPECT_EQ(story.text(), "b123");
}

TEST(Lanes, ThreadsAreFewAndTheBackgroundDoesNotTakeAll) {
  Lanes lanes;
  Gate dead, slow;
  for (int i = 0; i < 20; ++i) {
    lanes.Add("dead" + std::to_string(i), std::make_unique<SimpleJob>(
                                              5, true, [&] { dead.Pass(); }, [] {}, true));
  }
  ASSERT_TRUE(dead.Await(kMaxBackgroundThreads));
  lanes.Add("slow", std::make_unique<SimpleJob>(
                        50, true, [&] { slow.Pass(); }, [] {}));
  ASSERT_TRUE(slow.Await(kMaxLaneThreads - kMaxBackgroundThreads));
  slow.Open();
  dead.Open();
  EXPECT_TRUE(lanes.WaitUntilIdle(absl::Seconds(10)));
  EXPECT_LE(slow.most(), kMaxLaneThreads);
  EXPECT_EQ(dead.most(), kMaxBackgroundThreads);
}

TEST(Lanes, AJobOfManyStepsLetsOthersIn) {
  Lanes lanes;
  Gate gate;
  std::atomic<int> done = 0;
  std::atomic<int> done_at_end = -1;
  lanes.Add("many", std::make_unique<SimpleJob>(
                        1000, true,
                        [&] {
                          gate.Pass();
                          ++done;
                        },
                        [] {}));
  ASSERT_TRUE(gate.Await(kMaxLaneThreads));
  lanes.Add("one", std::make_unique<SimpleJob>(
                       1, true, [] {}, [&] { done_at_end = done.load(); }));
  gate.Open();
  EXPECT_TRUE(lanes.WaitUntilIdle(absl::Seconds(30)));
  EXPECT_LT(done_at_end, 500);
}

TEST(Lanes, ClosingWaitsForWhatRunsAndDropsTheRest) {
  Gate gate;
  Story story;
  {
    Lanes lanes;
    for (int i = 0; i < 3; ++i) {
      lanes.Add("a", std::make_unique<SimpleJob>(
                         1, true, [&] { gate.Pass(); }, [&] { story.Add("e"); }));
    }
    ASSERT_TRUE(gate.Await(1));
    // Waits until the lanes are closed: they are not idle before.
    std::thread opener([&] {
      EXPECT_FALSE(lanes.WaitUntilIdle(absl::Seconds(10)));
      gate.Open();
    });
    lanes.Close();
    lanes.Add("b", std::make_unique<SimpleJob>(
                       1, false, [&] { story.Add("late"); }, [] {}));
    opener.join();
  }
  EXPECT_EQ(story.text(), "");
}

TEST(Lanes, Storm) {
  Lanes lanes;
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        lanes.Add(std::to_string(i % 20), std::make_unique<SimpleJob>(
                                              i % 3, i % 2 == 0, [] {}, [&] { ++ended; }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(lanes.WaitUntilIdle(absl::Seconds(30)));
  EXPECT_EQ(lanes.size(), 0);
  EXPECT_GT(ended, 1000);
}

}  // namespace
}  // namespace norroy::agent
