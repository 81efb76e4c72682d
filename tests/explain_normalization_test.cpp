// Nets with batch-norm and dropout: a trained one is explained as it is evaluated; in training the gradient is checked
// with the mask held.
#include <cmath>

#include <gtest/gtest.h>

#include "core/random.h"
#include "core/text.h"
#include "explain/explain.h"
#include "explain/gradcheck.h"
#include "model/model.h"
#include "nn/nets.h"

namespace vitro {
namespace {

struct Batch {
  Tensor x, labels;
};

Batch some_batch(int64_t n) {
  Batch out{Tensor(Type{DType::f32, {n, 7}}), Tensor(Type{DType::i32, {n}})};
  const Stream stream(0, "batch");
  for (int64_t i = 0; i < n; ++i) {
    out.labels.set(i, double(stream.below(5, 1, uint64_t(i))));
    for (int64_t f = 0; f < 7; ++f) out.x.set(i * 7 + f, out.labels.at(i) - 2 + stream.normal(0, uint64_t(i * 7 + f)));
  }
  return out;
}

ModelSpec with(const char* norm, double dropout) {
  return {.net = make_net("mlp",
                          {{"hidden", std::vector<int64_t>{11, 9}}, {"norm", std::string(norm)}, {"dropout", dropout}}),
          .sample = {7},
          .outputs = 5,
          .optimizer = {"adam"},
          .seed = 4};
}

TEST(Normalization, ADroppedUnitIsDroppedForTheWholeCheck) {
  const Batch batch = some_batch(6);
  const Model model(with("batch", 0.5));
  const Function loss = model.training_function(6);
  const GradcheckResult result =
      gradcheck(loss, model.states(), {batch.x, batch.labels}, {.elements = 60, .directions = 2, .seed = 1});
  EXPECT_EQ(result.failed, 0) << join(result.failures, "\n");
  EXPECT_GE(result.checked, 50);
}

TEST(Normalization, IsExplainedAsItIsEvaluated) {
  const Batch batch = some_batch(1);
  for (const char* norm : {"batch", "layer", "rms"}) {
    Model model(with(norm, 0.3));
    const Batch many = some_batch(37);
    for (int i = 0; i < 6; ++i) model.fit(many.x, many.labels, 0.01);
    const Explanation e =
        explain_parameter(model.loss_function(1), model.states(), {batch.x, batch.labels}, {"fc1.weight", 5});
    EXPECT_TRUE(e.adds_up) << text_of(e);
    EXPECT_TRUE(e.agrees || e.difference.on_kink) << text_of(e);
    for (const Step& step : e.path) EXPECT_NE(step.op, "dropout_mask");
  }
}

} // namespace
} // namespace vitro
