// Gradient checks: the whole catalogue passes, and a wrong derivative is caught.
#include <gtest/gtest.h>

#include "core/error.h"
#include "explain/gradcheck.h"
#include "ops/catalogue.h"
#include "ops/ops.h"

namespace vitro {
namespace {

TEST(Gradcheck, WholeCatalogue) {
  const OpsCheck result = gradcheck_ops();
  EXPECT_EQ(result.ops, int64_t(catalogue().size()));
  EXPECT_EQ(result.failed, 0) << text_of(result);
  EXPECT_GT(result.checked, 500);
  EXPECT_LE(result.worst_relative_error, 1e-5);
  for (const OpCheck& op : result.by_op) {
    const Op& found = *find_op(op.op);
    if (found.is(constant_slope))
      EXPECT_EQ(op.first.checked, 0) << op.op;
    else
      EXPECT_GT(op.first.checked, 0) << op.op;
  }
  const std::string json = json_of(result);
  for (const char* key :
       {"{\"ops\":", "\"checked\":", "\"non_differentiable\":", "\"failed\":0", "\"worst_relative_error\":"})
    EXPECT_NE(json.find(key), std::string::npos) << json;
  EXPECT_THROW(gradcheck_op("tanhh"), Error);
}

// y = x^2, with a derivative that is off by a hundredth of a percent.
const Op wrong_op{.name = "wrong",
                  .formula = "y = x^2",
                  .doc = "",
                  .traits = pointwise,
                  .args = {"x"},
                  .rules = {"dx = dy 2 x"},
                  .infer = [](const InferCall& call) { return std::vector<Type>{call.in[0]}; },
                  .plain =
                      [](const PlainCall& call) {
                        const auto x = call.in[0].as<double>();
                        const auto y = call.out[0].as<double>();
                        for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * x[i];
                      },
                  .grad = [](const GradOf& g) { return std::vector{g.dy * (2.0002 * g.x)}; }};

TEST(Gradcheck, CatchesAWrongDerivative) {
  States states;
  states.add("x", Tensor(Shape{3}, {1, 2, -3}, DType::f64), true);
  Trace trace(states);
  trace.output("loss", sum(apply(wrong_op, {trace.state("x")})));
  const Function function = trace.finish();
  const GradcheckResult result = gradcheck(function, states, {});
  EXPECT_EQ(result.checked, 3);
  EXPECT_EQ(result.failed, 3);
  EXPECT_NEAR(result.worst_relative_error, 1e-4, 1e-6);
  ASSERT_EQ(result.failures.size(), 3u);
  EXPECT_NE(result.failures[1].find("x[1]: back-propagated 4.0004, finite difference 4"), std::string::npos)
      << result.failures[1];
  EXPECT_NE(text_of(result).find("3 failed"), std::string::npos);
  GradcheckOptions directions;
  directions.elements = -1;
  directions.directions = 4;
  const GradcheckResult along = gradcheck(function, states, {}, directions);
  EXPECT_EQ(along.checked, 4);
  EXPECT_EQ(along.failed, 4);
}

TEST(Gradcheck, ChoosesElements) {
  States states;
  states.add("x", Tensor(Type{DType::f32, Shape{5, 5}}), true);
  states.add("frozen", Tensor(Type{DType::f32, Shape{5, 5}}));
  Trace trace(states);
  trace.output("loss", sum(exp(trace.state("x")) + trace.state("frozen")));
  const Function function = trace.finish();
  for (const int64_t elements : {1, 7, 24}) {
    GradcheckOptions options;
    options.elements = elements;
    EXPECT_EQ(gradcheck(function, states, {}, options).checked, elements);
  }
  EXPECT_EQ(gradcheck(function, states, {}).checked, 25); // what is not trainable is not checked
  GradcheckOptions bad;
  bad.elements = -2;
  EXPECT_THROW(gradcheck(function, states, {}, bad), Error);
}

TEST(Gradcheck, FunctionsThatBlowUpBesideThePoint) {
  States states;
  states.add("x", Tensor(Shape{3}, {0.01, 1e-4, 5}, DType::f64), true); // log has no value left of 0
  Trace trace(states);
  trace.output("loss", sum(log(trace.state("x")) + sqrt(trace.state("x"))));
  const GradcheckResult result = gradcheck(trace.finish(), states, {});
  EXPECT_EQ(result.checked, 3);
  EXPECT_EQ(result.failed, 0) << text_of(result);
}

} // namespace
} // namespace vitro
