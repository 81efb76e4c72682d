// 200 random recipes, each taken through everything that reads a net: TOML and back, verify, the plan node
// by node against double, the gradient, explain, resume, threads.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/threads.h"
#include "explain/explain.h"
#include "explain/gradcheck.h"
#include "io/checkpoint.h"
#include "plan/plan.h"
#include "recipe/recipe.h"
#include "tests/random_nets.h"
#include "tests/rounding_bounds.h"

namespace vitro {
namespace {

using namespace test;

constexpr int recipes = 200, chunk = 10;
constexpr int64_t batch_size = 3;

class RandomRecipes : public ::testing::TestWithParam<int> {
protected:
  // use(seed) for each recipe of this chunk.
  template <class Use> void each(Use use) {
    for (int i = 0; i < chunk; ++i) {
      const uint64_t seed = uint64_t(GetParam() * chunk + i);
      SCOPED_TRACE(text("recipe ", seed));
      try {
        use(seed);
      } catch (const std::exception& error) { ADD_FAILURE() << error.what(); }
      if (HasFatalFailure()) return;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Of200, RandomRecipes, ::testing::Range(0, recipes / chunk));

StateValues weights(const Model& model) { return read_states(model.states()); }

// Inputs of the step function: the batch, then the optimiser's numbers at step 1.
std::vector<Tensor> step_inputs(const Model& model, const Batch& batch) {
  std::vector<Tensor> in{batch.x, batch.targets};
  std::vector<double> numbers(scalar_inputs(model.spec().optimizer).size());
  scalar_values(model.spec().optimizer, 0.01, 1, numbers);
  for (const double number : numbers) in.push_back(Tensor::scalar(number));
  return in;
}

TEST(RandomNets, TogetherUseEveryOpThatANetCanState) {
  std::set<std::string> seen, all;
  for (uint64_t seed = 0; seed < recipes; ++seed)
    for (const LayerSpec& layer : random_net(seed).net.layers)
      if (const Layer* kind = find_layer(layer.op)) seen.insert(kind->name);
  for (const Layer* layer : layers()) all.insert(layer->name);
  for (const char* wants_indices : {"gather", "scatter_add", "one_hot", "subtract_one_hot", "to_index", "dropout_mask",
                                    "step_mask", "take_step", "put_step"})
    all.erase(wants_indices);
  for (const char* wants_scalars : {"add_scaled", "subtract_scaled", "mix", "mix_square", "normalised_step"})
    all.erase(wants_scalars);
  EXPECT_EQ(seen, all);
}

TEST_P(RandomRecipes, AreStatedInTomlAndReadBack) {
  each([](uint64_t seed) {
    const ModelSpec spec = random_net(seed);
    Recipe recipe;
    recipe.data.source = "digits";
    recipe.net.spec = spec.net;
    recipe.train.loss = spec.loss;
    recipe.train.reduction = spec.reduction;
    recipe.train.optimizer = spec.optimizer;
    recipe.train.clip_norm = spec.clip.norm;
    recipe.train.clip_value = spec.clip.value;
    recipe.train.shards = spec.shards;
    recipe.train.seed = int64_t(spec.seed);
    check(recipe, "here");
    const std::string toml = to_toml(recipe);
    const Recipe again = parse_recipe(toml, "there");
    EXPECT_EQ(to_toml(again), toml);
    ModelSpec other = spec;
    other.net = again.net.spec;
    const Model one(spec), two(other);
    EXPECT_TRUE(weights(one) == weights(two)) << toml;
    const Batch batch = random_batch(spec, batch_size, seed);
    EXPECT_EQ(one.predict(batch.x), two.predict(batch.x));
  });
}

TEST_P(RandomRecipes, EveryNodeOfThePlanIsItsOpInDouble) {
  each([](uint64_t seed) {
    Model model(random_net(seed));
    const Batch batch = random_batch(model.spec(), batch_size, seed);
    const Function step = model.step_function(batch_size, batch.targets.type());
    ASSERT_NO_THROW(verify(*step.graph));
    std::vector<Edge> edges;
    for (NodeId id = 0; id < step.graph->size(); ++id)
      for (size_t i = 0; i < (*step.graph)[id].out.size(); ++i) edges.push_back({id, int32_t(i)});
    const StateValues before = weights(model);
    const auto plan = std::make_shared<Plan>(step, model.states(), PlanOptions{.observe = edges});
    Execution execution(plan, std::make_shared<Arena>());
    const auto in = step_inputs(model, batch);
    ASSERT_EQ(in.size(), step.inputs.size());
    for (size_t i = 0; i < in.size(); ++i) execution.bind(i, in[i]);
    ASSERT_TRUE(execution.run());
    std::map<std::pair<NodeId, int>, Tensor> values;
    for (size_t i = 0; i < edges.size(); ++i)
      values[{edges[i].node, edges[i].output}] = Tensor::copy_of(execution.output(step.outputs.size() + i));
    for (NodeId id = 0; id < step.graph->size(); ++id) {
      const Node& node = (*step.graph)[id];
      if (node.op == &state_op) { ASSERT_EQ((values[{id, 0}]), before.at(node.name)); }
      if (node.op->is(source)) continue;
      std::vector<Tensor> args;
      for (const Edge edge : node.in) args.push_back(values[{edge.node, edge.output}]);
      Attrs wide = node.attrs;
      if (node.op == &one_hot_op) wide.set("dtype", int64_t{1});
      const auto truth = plainly(*node.op, wide, in_doubles(args));
      const auto bounds = rounding_bounds(*node.op, node.attrs, args, truth);
      for (size_t j = 0; j < truth.size(); ++j) {
        const Tensor& found = values[{id, int(j)}];
        for (int64_t i = 0; i < found.elements(); ++i)
          ASSERT_LE(std::fabs(found.at(i) - truth[j].at(i)), bounds[j].at(i))
              << print(*step.graph, id) << ", output " << j << ", element " << i << ": " << found.at(i) << " for "
              << truth[j].at(i);
      }
    }
  });
}

TEST_P(RandomRecipes, GradientsAreRight) {
  each([](uint64_t seed) {
    const Model model(random_net(seed));
    const Batch batch = random_batch(model.spec(), batch_size, seed);
    const Function loss = model.training_function(batch_size, batch.targets.type());
    const GradcheckResult result =
        gradcheck(loss, model.states(), {batch.x, batch.targets}, {.elements = 12, .directions = 1, .seed = seed});
    EXPECT_GT(result.checked, 0);
    EXPECT_EQ(result.failed, 0) << join(result.failures, "\n");
    EXPECT_LE(result.worst_relative_error, 1e-5) << result.worst;
  });
}

TEST_P(RandomRecipes, AreExplained) {
  each([](uint64_t seed) {
    const Model model(random_net(seed));
    const Batch batch = random_batch(model.spec(), 1, seed);
    Explainer explainer(model.loss_function(1, batch.targets.type()), model.states(), {batch.x, batch.targets});
    const Explanation e = explainer.parameter(explainer.steepest());
    EXPECT_TRUE(e.adds_up) << text_of(e);
    EXPECT_TRUE(e.agrees || e.difference.on_kink) << text_of(e);
    EXPECT_FALSE(e.path.empty());
    EXPECT_LE(relative_error(e.gradient, e.back_propagated), 1e-9);
  });
}

// Interrupted after two steps and taken up by another model: the bits of a run that went through.
TEST_P(RandomRecipes, ResumeWithTheSameBits) {
  each([](uint64_t seed) {
    const ModelSpec spec = random_net(seed);
    const auto train = [&](Model& model, int from, int to) {
      for (int step = from; step < to; ++step) {
        const Batch batch =
            random_batch(model.spec(), step == 3 ? 2 : batch_size, seed * 10 + uint64_t(step)); // the last is smaller
        const StepResult result = model.fit(batch.x, batch.targets);
        ASSERT_TRUE(result.finite);
      }
    };
    Model through(spec), first(spec), second(spec);
    train(through, 0, 4);
    train(first, 0, 2);
    if (seed % 20 == 0) { // by way of the disk
      const auto directory = std::filesystem::temp_directory_path() / text("vitro-random-recipe-", getpid(), "-", seed);
      std::filesystem::create_directory(directory);
      save_checkpoint(directory.string(), first.states(), {}, {.epoch = 0, .batch = 2});
      const auto loaded = load_checkpoint(directory.string());
      std::filesystem::remove_all(directory);
      ASSERT_TRUE(loaded);
      for (const NamedTensor& state : loaded->states) second.states().write(state.name, state.value);
    } else {
      for (const auto& [name, value] : weights(first)) second.states().write(name, value);
    }
    train(second, 2, 4);
    EXPECT_EQ(second.steps(), 4);
    EXPECT_TRUE(weights(second) == weights(through));
  });
}

TEST_P(RandomRecipes, ThreadsChangeNoBit) {
  const int before = thread_count();
  each([](uint64_t seed) {
    // Every tenth is so wide that its work is handed to several threads.
    const ModelSpec spec = random_net(seed, 6, seed % 10 ? 1 : 40);
    StateValues expected;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      Model model(spec);
      for (uint64_t step = 0; step < 2; ++step) {
        const Batch batch = random_batch(spec, seed % 10 ? batch_size : 64, seed * 10 + step);
        model.fit(batch.x, batch.targets);
      }
      if (threads == 1)
        expected = weights(model);
      else
        EXPECT_TRUE(weights(model) == expected) << threads << " threads";
    }
  });
  set_thread_count(before);
}

} // namespace
} // namespace vitro
