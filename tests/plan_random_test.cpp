// Plans of random functions: every node against double, the same bits however they are run, nothing allocated.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/threads.h"
#include "plan/interpret.h"
#include "plan/plan.h"
#include "tests/count_allocations.h"
#include "tests/random_graphs.h"
#include "tests/rounding_bounds.h"

namespace vitro {
namespace {

using namespace test;

// A function with a plan of its own and one execution.
struct Ready {
  std::unique_ptr<RandomFunction> made;
  std::shared_ptr<Plan> plan;
  std::unique_ptr<Execution> execution;
  Ready(uint64_t seed, PlanOptions options, int steps = 12, int64_t scale = 1)
      : made(random_function(seed, steps, scale)) {
    plan = std::make_shared<Plan>(made->function, made->states, options);
    execution = std::make_unique<Execution>(plan, std::make_shared<Arena>());
    for (size_t i = 0; i < made->inputs.size(); ++i) execution->bind(i, made->inputs[i]);
  }
  std::vector<Tensor> outputs() const {
    std::vector<Tensor> out;
    for (size_t i = 0; i < made->function.outputs.size(); ++i) out.push_back(Tensor::copy_of(execution->output(i)));
    return out;
  }
};

std::vector<Edge> all_edges(const Graph& graph) {
  std::vector<Edge> out;
  for (NodeId id = 0; id < graph.size(); ++id)
    for (size_t i = 0; i < graph[id].out.size(); ++i) out.push_back({id, int32_t(i)});
  return out;
}

constexpr uint64_t functions = 60;

TEST(RandomPlans, CoverTheCatalogue) {
  std::set<std::string> seen, all;
  for (uint64_t seed = 0; seed < functions; ++seed) {
    const auto made = random_function(seed);
    EXPECT_NO_THROW(verify(*made->function.graph));
    seen.insert(made->ops.begin(), made->ops.end());
  }
  for (const Op* op : catalogue()) all.insert(op->name);
  EXPECT_EQ(seen, all);
}

TEST(RandomPlans, EveryNodeIsItsOpInDoubleWithinRounding) {
  for (uint64_t seed = 0; seed < functions; ++seed) {
    SCOPED_TRACE(text("seed ", seed));
    const auto plain = random_function(seed);
    const Graph& graph = *plain->function.graph;
    const auto edges = all_edges(graph);
    Ready ready(seed, {.observe = edges});
    ASSERT_TRUE(ready.execution->run());
    std::map<std::pair<NodeId, int>, Tensor> values;
    for (size_t i = 0; i < edges.size(); ++i)
      values[{edges[i].node, edges[i].output}] =
          Tensor::copy_of(ready.execution->output(plain->function.outputs.size() + i));
    for (NodeId id = 0; id < graph.size(); ++id) {
      const Node& node = graph[id];
      if (node.op == &input_op) continue;
      if (node.op == &state_op) {
        EXPECT_EQ((values[{id, 0}]), plain->states.read(node.name)) << "a state is observed as it was";
        continue;
      }
      if (node.op == &constant_op) {
        EXPECT_EQ((values[{id, 0}]), node.attrs.tensor("value"));
        continue;
      }
      std::vector<Tensor> in;
      for (const Edge edge : node.in) in.push_back(values[{edge.node, edge.output}]);
      Attrs wide = node.attrs;
      if (node.op == &one_hot_op) wide.set("dtype", int64_t{1});
      const auto truth = plainly(*node.op, wide, in_doubles(in));
      const auto bounds = rounding_bounds(*node.op, node.attrs, in, truth);
      for (size_t j = 0; j < truth.size(); ++j) {
        const Tensor& found = values[{id, int(j)}];
        ASSERT_EQ(found.type(), node.out[j]);
        for (int64_t i = 0; i < found.elements(); ++i) {
          ASSERT_TRUE(std::isfinite(found.at(i))) << print(graph, id);
          ASSERT_LE(std::fabs(found.at(i) - truth[j].at(i)), bounds[j].at(i))
              << print(graph, id) << ", output " << j << ", element " << i;
        }
      }
    }
  }
}

TEST(RandomPlans, FusedUnfusedObservedTheSameBits) {
  for (uint64_t seed = 0; seed < functions; ++seed) {
    SCOPED_TRACE(text("seed ", seed));
    Ready fused(seed, {}), unfused(seed, {.fuse = false}),
        observed(seed, {.observe = all_edges(*random_function(seed)->function.graph)});
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(fused.execution->run());
      ASSERT_TRUE(unfused.execution->run());
      ASSERT_TRUE(observed.execution->run());
      EXPECT_EQ(fused.outputs(), unfused.outputs()) << "round " << round;
      EXPECT_EQ(fused.outputs(), observed.outputs()) << "round " << round;
      EXPECT_FALSE(fused.execution->nonfinite_update());
    }
    const StateValues states = read_states(fused.made->states);
    EXPECT_TRUE(states == read_states(unfused.made->states));
    EXPECT_TRUE(states == read_states(observed.made->states));
  }
}

TEST(RandomPlans, UpdatesAreThoseOfInterpret) {
  for (uint64_t seed = 0; seed < functions; ++seed) {
    SCOPED_TRACE(text("seed ", seed));
    Ready ready(seed, {});
    const auto plain = random_function(seed);
    ASSERT_TRUE(ready.execution->run());
    const auto values = interpret(plain->function, read_states(plain->states), plain->inputs, {.floats = DType::f64});
    commit(plain->function, values, plain->states);
    for (const auto& name : plain->states.names()) {
      const Tensor truth = plain->states.read(name), found = ready.made->states.read(name);
      // Errors add up along the graph; a wrong update would be off by whole steps of 0.05 times the gradient.
      const double bound = 1e-4 * (1 + largest(truth));
      for (int64_t i = 0; i < truth.elements(); ++i) EXPECT_NEAR(found.at(i), truth.at(i), bound) << name;
    }
  }
}

TEST(RandomPlans, AnyNumberOfThreadsTheSameBits) {
  const int before = thread_count();
  for (uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(text("seed ", seed));
    std::vector<Tensor> outputs;
    StateValues states;
    for (const int threads : {1, 2, 3, 4, 8}) {
      set_thread_count(threads);
      Ready ready(seed, {}, 10, 12); // extents up to 240: products and chains of many tasks
      for (int round = 0; round < 2; ++round) ASSERT_TRUE(ready.execution->run());
      if (threads == 1) {
        outputs = ready.outputs();
        states = read_states(ready.made->states);
      }
      EXPECT_EQ(ready.outputs(), outputs) << threads << " threads";
      EXPECT_TRUE(read_states(ready.made->states) == states) << threads << " threads";
    }
  }
  set_thread_count(before);
}

TEST(RandomPlans, ARunAllocatesNothing) {
  for (uint64_t seed = 0; seed < functions; ++seed)
    for (const bool fuse : {true, false}) {
      Ready ready(seed, {.fuse = fuse});
      ready.execution->run(); // the arena grows, the pool starts
      const int64_t before = allocations;
      for (int round = 0; round < 3; ++round) ready.execution->run();
      EXPECT_EQ(allocations - before, 0) << "seed " << seed << "\n" << ready.plan->str();
    }
}

// Plans that update nothing may be run by many at once; each has its own execution.
TEST(RandomPlansThreads, ManyExecutionsAtOnce) {
  const int before = thread_count();
  set_thread_count(2);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const auto made = random_function(seed, 10, 3);
    made->function.updates.clear();
    const auto plan = std::make_shared<const Plan>(made->function, made->states);
    const auto expected = [&] {
      Execution execution(plan, std::make_shared<Arena>());
      for (size_t i = 0; i < made->inputs.size(); ++i) execution.bind(i, made->inputs[i]);
      execution.run();
      std::vector<Tensor> out;
      for (size_t i = 0; i < plan->outputs().size(); ++i) out.push_back(Tensor::copy_of(execution.output(i)));
      return out;
    }();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        Execution execution(plan, std::make_shared<Arena>());
        for (size_t i = 0; i < made->inputs.size(); ++i) execution.bind(i, made->inputs[i]);
        for (int round = 0; round < 5; ++round) {
          execution.run();
          for (size_t i = 0; i < expected.size(); ++i) wrong += !(Tensor::copy_of(execution.output(i)) == expected[i]);
        }
      });
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(wrong, 0);
  }
  set_thread_count(before);
}

} // namespace
} // namespace vitro
