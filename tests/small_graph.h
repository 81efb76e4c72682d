// A graph of a few nodes with its derivative, for tests of what prints graphs.
#pragma once

#include "graph/function.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {

struct Small {
  States states;
  Trace trace{states};
  Var loss;
  explicit Small(const std::string& layer = "fc1") {
    states.add("fc1.weight", Tensor(Shape{4, 3}, std::vector<double>(12, 0.5)), true);
    const Var x = trace.input("x", {DType::f32, {2, 3}});
    const Var t = trace.input("t", {DType::i32, {2}});
    {
      const Scope scope(trace.graph(), layer);
      loss = softmax_cross_entropy(leaky_relu(matmul(x, trace.state("fc1.weight"), false, true), 0.2), t).loss;
    }
    gradient(loss, {trace.state("fc1.weight")});
  }
  const Graph& graph() const { return *trace.graph(); }
};

} // namespace vitro
