// The pool: each task once, whatever the thread count, nested or called from several threads. Runs under TSan too.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/floating_mode.h"
#include "core/threads.h"

namespace vitro {
namespace {

class Threads : public ::testing::Test {
protected:
  void TearDown() override { set_thread_count(before_); }
  const int before_ = thread_count();
};

TEST_F(Threads, EachTaskRunsOnceWhateverTheThreadCount) {
  for (int threads = 1; threads <= 8; ++threads) {
    set_thread_count(threads);
    EXPECT_EQ(thread_count(), threads);
    for (const int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<int> runs(static_cast<size_t>(tasks));
      parallel(tasks, [&](int64_t task) { ++runs[size_t(task)]; });
      for (const int count : runs) ASSERT_EQ(count, 1) << threads << " threads, " << tasks << " tasks";
    }
  }
}

TEST_F(Threads, TasksRunInTheirCallersFloatingMode) {
  set_thread_count(4);
  const auto subnormals = [] {
    std::vector<float> halves(64);
    parallel(64, [&](int64_t task) {
      volatile float least = std::numeric_limits<float>::min();
      std::this_thread::sleep_for(std::chrono::microseconds(20)); // so that every thread gets some
      halves[size_t(task)] = least / 2;
    });
    return 64 - std::count(halves.begin(), halves.end(), 0.0F);
  };
  EXPECT_EQ(subnormals(), 64);
  {
    const SubnormalsFlushed flushed;
    EXPECT_EQ(subnormals(), flushing ? 0 : 64);
  }
  EXPECT_EQ(subnormals(), 64);
}

TEST_F(Threads, WhatTasksWroteIsSeenAfterwards) {
  set_thread_count(4);
  std::vector<int64_t> value(257);
  for (int round = 0; round < 200; ++round) {
    parallel(int64_t(value.size()), [&](int64_t task) { value[size_t(task)] += task; });
    if (round % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2)); // so that the workers fall asleep
  }
  for (size_t i = 0; i < value.size(); ++i) EXPECT_EQ(value[i], int64_t(200 * i));
}

TEST_F(Threads, ACallFromInsideATaskRunsOnItsThread) {
  for (const int threads : {1, 2, 3, 8}) {
    set_thread_count(threads);
    std::vector<std::vector<int>> runs(9, std::vector<int>(11));
    std::atomic<int> strangers = 0;
    parallel(9, [&](int64_t outer) {
      const auto here = std::this_thread::get_id();
      parallel(11, [&](int64_t inner) {
        ++runs[size_t(outer)][size_t(inner)];
        strangers += std::this_thread::get_id() != here;
        parallel(2, [&](int64_t) { strangers += std::this_thread::get_id() != here; });
      });
    });
    EXPECT_EQ(strangers, 0);
    for (const auto& row : runs) EXPECT_EQ(std::accumulate(row.begin(), row.end(), 0), 11);
  }
}

TEST_F(Threads, SeveralCallersAtOnce) {
  set_thread_count(3);
  std::vector<std::thread> callers;
  std::vector<int64_t> sums(4);
  for (size_t caller = 0; caller < sums.size(); ++caller)
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        std::vector<int64_t> parts(17);
        parallel(17, [&](int64_t task) { parts[size_t(task)] = task + int64_t(caller); });
        sums[caller] += std::accumulate(parts.begin(), parts.end(), int64_t{0});
      }
    });
  for (auto& caller : callers) caller.join();
  for (size_t caller = 0; caller < sums.size(); ++caller) EXPECT_EQ(sums[caller], 100 * int64_t(136 + 17 * caller));
}

TEST_F(Threads, ResizingBetweenCalls) {
  int64_t total = 0;
  for (int round = 0; round < 40; ++round) {
    set_thread_count(1 + round % 5);
    std::vector<int64_t> parts(10);
    parallel(10, [&](int64_t task) { parts[size_t(task)] = task; });
    total += std::accumulate(parts.begin(), parts.end(), int64_t{0});
  }
  EXPECT_EQ(total, 40 * 45);
}

TEST_F(Threads, ACountOutsideOfTheLimitsIsAnError) {
  EXPECT_THROW(set_thread_count(0), Error);
  EXPECT_THROW(set_thread_count(-1), Error);
  EXPECT_THROW(set_thread_count(257), Error);
  EXPECT_GE(thread_count(), 1);
}

} // namespace
} // namespace vitro
