#include "common/sync/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <new>

namespace norroy {
namespace {

TEST(ThreadPool, RefusesWhenFullAndRunsWhatItTook) {
  std::atomic<int> ran = 0;
  std::latch started(2);
  std::latch release(1);
  {
    ThreadPool pool(2, 3);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(pool.Try([&] {
        started.count_down();
        release.wait();
        ++ran;
      }));
    }
    started.wait();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool.Try([&] { ++ran; }));
    EXPECT_FALSE(pool.Try([&] { ++ran; }));
    release.count_down();
  }
  EXPECT_EQ(ran, 5);
}

TEST(ThreadPool, ATaskThatThrowsEndsNothing) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(1, 8);
    ASSERT_TRUE(pool.Try([] { throw std::bad_alloc(); }));
    ASSERT_TRUE(pool.Try([] { throw 7; }));
    ASSERT_TRUE(pool.Try([&] { ++ran; }));
  }
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace norroy
