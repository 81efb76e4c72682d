// The harness on a clock of its own: order, medians, limits, peers. No test here looks at real time.
#include "bench/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/softmax_gradient.h"
#include "bench/trainings.h"
#include "core/error.h"

namespace vitro::bench {
namespace {

using testing::ElementsAre;

// A clock that moves only when a case runs, by what the case costs, and a log of who had a turn.
struct Bench {
  double time = 0;
  std::vector<std::string> log; // one entry for each turn of a case, not for each run
  Rounds rounds;

  explicit Bench(int n) {
    rounds.rounds = n;
    rounds.sample_seconds = 1;
    rounds.now = [this] { return time; };
    rounds.use_threads = [this](int threads) { log.push_back("threads " + std::to_string(threads)); };
    rounds.begins = [this](int round) { log.push_back("round " + std::to_string(round)); };
  }

  Job job(const std::string& name, double seconds) {
    return {.run = [this, name, seconds] {
      time += seconds;
      if (log.back() != name) log.push_back(name);
    }};
  }
};

TEST(Measure, EveryCaseHasATurnInEveryRound) {
  Bench bench(2);
  const auto medians = measure({{bench.job("a", 0.25)}, {bench.job("b", 4)}}, bench.rounds);
  EXPECT_THAT(bench.log, ElementsAre("round 0", "threads 1", "a", "threads 1", "b", //
                                     "round 1", "threads 1", "a", "threads 1", "b", //
                                     "round 2", "threads 1", "a", "threads 1", "b"));
  EXPECT_DOUBLE_EQ(medians[0], 0.25);
  EXPECT_DOUBLE_EQ(medians[1], 4);
}

TEST(Measure, ASampleIsLongEnoughAndNotTheFirstRun) {
  Bench bench(1);
  int runs = 0;
  double slowness = 100; // the first run plans and faults in memory
  const Job job{.run = [&] {
    ++runs;
    bench.time += 1e-3 * slowness;
    slowness = 1;
  }};
  EXPECT_NEAR(measure({{job}}, bench.rounds)[0], 1e-3, 1e-12);
  EXPECT_GE(runs, 2000); // once to find out how many make a second, once to measure
}

TEST(Measure, AnOutlierDoesNotCount) {
  Bench bench(5);
  int turn = 0;
  const Job job{.measure = [&] { return ++turn == 4 ? 1000.0 : double(turn); }};
  // The warm-up's 1 is dropped: 2, 3, 1000, 5, 6.
  EXPECT_DOUBLE_EQ(measure({{job}}, bench.rounds)[0], 5);
}

TEST(Measure, SomeCasesHaveFewerRounds) {
  Bench bench(5);
  int turns = 0;
  const Job job{.measure = [&] { return double(++turns); }};
  EXPECT_DOUBLE_EQ(measure({{job, 1, 3}}, bench.rounds)[0], 3);
  EXPECT_EQ(turns, 4);
}

TEST(Measure, MedianAndLimit) {
  EXPECT_DOUBLE_EQ(median({5, 1, 3}), 3);
  EXPECT_DOUBLE_EQ(median({4, 1, 3, 100}), 3.5);
  EXPECT_TRUE(std::isnan(median({})));
  EXPECT_DOUBLE_EQ(limit_seconds(100, 40, 50, 10), 4); // memory binds
  EXPECT_DOUBLE_EQ(limit_seconds(100, 40, 10, 10), 10);
  EXPECT_DOUBLE_EQ(limit_seconds(100, 40, 50, 0), 2); // a bandwidth that nobody measured
  EXPECT_DOUBLE_EQ(limit_seconds(100, 40, 0, 0), 0);
}

TEST(Measure, ResultsKnowTheirLimitAndThePeer) {
  Bench bench(3);
  // 100 FLOP/s and 10 byte/s; the workload has 100 FLOPs and 20 bytes: two seconds at least, it takes eight.
  const std::vector<Workload> picked{
      {.name = peak_name, .group = limits_group, .flops = 100, .make = [&] { return bench.job("peak", 1); }},
      {.name = "stream", .group = limits_group, .bytes = 20, .make = [&] { return bench.job("stream", 2); }},
      {.name = "work",
       .group = "g",
       .flops = 100,
       .bytes = 20,
       .bandwidth = "stream",
       .make = [&] { return bench.job("work", 8); }},
      {.name = "single", .group = "g", .flops = 100, .one_thread = true, .make = [&] {
         return bench.job("single", 4);
       }}};
  Peer peer{[&](const Workload& workload, int threads) -> std::pair<double, std::string> {
    bench.log.push_back("peer " + workload.name);
    if (workload.name == "single") return {0, ""};
    return {16.0 * threads, "somebody"};
  }};
  const auto results = run(picked, {2}, bench.rounds, &peer);
  ASSERT_EQ(results.size(), 6U); // the limits on one thread too, for the one that uses no more
  EXPECT_EQ(results[0].threads, 1);
  EXPECT_EQ(results[1].threads, 2);
  const Result& work = results[4];
  EXPECT_EQ(work.workload.name, "work");
  EXPECT_DOUBLE_EQ(work.value, 8);
  EXPECT_DOUBLE_EQ(work.peak, 100);
  EXPECT_DOUBLE_EQ(work.bandwidth, 10);
  EXPECT_DOUBLE_EQ(work.share, 0.25);
  EXPECT_EQ(work.peer, "somebody");
  EXPECT_DOUBLE_EQ(work.peer_value, 32);
  const Result& single = results[5];
  EXPECT_EQ(single.threads, 1);
  EXPECT_DOUBLE_EQ(single.share, 0.25);
  EXPECT_EQ(single.peer, "");
  EXPECT_DOUBLE_EQ(single.peer_value, 0);
  // The peer comes right after ours, and has the machine for itself: one thread of ours.
  const auto at = std::ranges::find(bench.log, "peer work");
  ASSERT_GE(at - bench.log.begin(), 2);
  EXPECT_EQ(at[-1], "threads 1");
  EXPECT_EQ(at[-2], "work");
}

TEST(Workloads, NamesAreUniqueAndLimitsComeFirst) {
  std::vector<std::string> seen;
  for (const Workload& workload : workloads()) {
    SCOPED_TRACE(workload.name);
    EXPECT_THAT(seen, testing::Not(testing::Contains(workload.name)));
    EXPECT_NE(workload.name, workload.group);
    EXPECT_EQ(workload.name.find_first_of(" \t"), std::string::npos); // one word of a command line
    if (!workload.bandwidth.empty()) { EXPECT_THAT(seen, testing::Contains(workload.bandwidth)); }
    seen.push_back(workload.name);
  }
}

TEST(Workloads, AreChosenWithWhatBoundsThem) {
  const auto names = [](const std::vector<std::string>& asked) {
    std::vector<std::string> out;
    for (const Workload& workload : chosen(workloads(), asked)) out.push_back(workload.name);
    return out;
  };
  EXPECT_THAT(names({"adam-64Ki"}), ElementsAre("peak", "stream-adam-64Ki", "adam-64Ki"));
  EXPECT_THAT(names({"relu", "W1-first"}), ElementsAre("peak", "copy-L1", "W1-first", "relu"));
  EXPECT_THAT(names({"step"}),
              ElementsAre("peak", "copy-L1", "copy-L2", "copy-L3", "W1", "W1b", "W2", "W3", "W4", "W5", "W6", "W7"));
  EXPECT_EQ(names({}).size(), workloads().size());
  try {
    names({"W1", "mutmal"});
    FAIL() << "an unknown name was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_THAT(error.what(), testing::HasSubstr("\"matmul\""));
  }
}

// The products of a step, multiplied out by hand: [32, 784] by [784, 128] and [32, 128] by [128, 10] forward; the
// derivatives by both weights as many again, and by the second layer's input.
TEST(Workloads, FlopsOfAStep) {
  const double first = 2.0 * 32 * 784 * 128, second = 2.0 * 32 * 128 * 10;
  EXPECT_DOUBLE_EQ(step_flops(32, dense_cost(std::array<int64_t, 3>{784, 128, 10})), 2 * first + 3 * second);
  EXPECT_DOUBLE_EQ(step_flops(300, dense_cost(std::array<int64_t, 4>{2, 16, 16, 3})),
                   600.0 * (2 * 32 + 3 * 256 + 3 * 48));
  // The batch and its labels; 785 x 128 + 129 x 10 parameters, read and written.
  EXPECT_DOUBLE_EQ(step_bytes(32, {784}, dense_cost(std::array<int64_t, 3>{784, 128, 10}), 0),
                   4.0 * (32 * 785 + 2 * 101770));
  EXPECT_DOUBLE_EQ(step_bytes(32, {784}, dense_cost(std::array<int64_t, 3>{784, 128, 10}), 2),
                   4.0 * (32 * 785 + 6 * 101770));
}

TEST(Workloads, AMemoryLevelIsChosenByWhatIsGoneOver) {
  EXPECT_EQ(bandwidth_for(8 << 10, false), "read-L1");
  EXPECT_EQ(bandwidth_for(400e3, true), "copy-L2");
  EXPECT_EQ(bandwidth_for(6e6, true), "copy-L3");
  EXPECT_EQ(bandwidth_for(1e9, false), "read-memory");
}

// Each is made and run; the large ones are left to the benchmark.
TEST(Workloads, Run) {
  for (const Workload& workload : workloads()) {
    if (workload.bytes > 40e6 || workload.flops > 1e9) continue;
    SCOPED_TRACE(workload.name);
    const Job job = workload.make();
    ASSERT_NE(bool(job.run), bool(job.measure));
    if (job.run) {
      job.run();
      job.run();
    } else {
      EXPECT_GT(job.measure(), 0);
    }
  }
}

TEST(SoftmaxGradient, ThreeWaysOneResult) {
  const std::vector<float> p{0.7F, 0.1F, 0.2F, 0.1F, 0.5F, 0.4F, 0.02F, 0.9F, 0.08F};
  const std::vector<int32_t> labels{0, 1, 1};
  const SoftmaxRows given{3, 3, p, labels};
  std::vector<float> joint(9), closed(9), jacobian(9), dp(9), scratch(9);
  joint_gradient(given, joint);
  closed_form_gradient(given, dp, closed);
  jacobian_gradient(given, dp, scratch, jacobian);
  const double expected[] = {-0.1, 0.1 / 3, 0.2 / 3, 0.1 / 3, -0.5 / 3, 0.4 / 3, 0.02 / 3, -0.1 / 3, 0.08 / 3};
  for (size_t i = 0; i < 9; ++i) {
    SCOPED_TRACE(i);
    EXPECT_NEAR(joint[i], expected[i], 1e-7);
    EXPECT_NEAR(closed[i], expected[i], 1e-7);
    EXPECT_NEAR(jacobian[i], expected[i], 1e-7);
  }
}

} // namespace
} // namespace vitro::bench
