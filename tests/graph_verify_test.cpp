// verify: every kind of corruption is caught, and the message shows the node.
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "core/error.h"
#include "graph/function.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// %0 x [2, 3], %1 w [4, 3], %2 matmul, %3 tanh, %4 sum, then the derivatives.
std::shared_ptr<Graph> sound() {
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f32, {2, 3}}), w = trace.input("w", {DType::f32, {4, 3}});
  const Var loss = sum(tanh(matmul(x, w, false, true)));
  gradient(loss, {x, w});
  return trace.graph();
}

NodeId first(const Graph& graph, const Op& op) {
  for (NodeId id = 0; id < graph.size(); ++id)
    if (graph[id].op == &op) return id;
  throw std::logic_error("no such node");
}

TEST(Verify, ASoundGraphPasses) { EXPECT_NO_THROW(verify(*sound())); }

TEST(Verify, CatchesEveryKindOfCorruption) {
  struct Kind {
    const char* name;
    const Op* at;
    std::function<void(Node&, Graph&)> corrupt;
  };
  const std::vector<Kind> kinds{
      {"an input that comes later", &tanh_op,
       [](Node& node, Graph& graph) {
         node.in[0] = {graph.size() - 1, 0};
       }},
      {"its own input", &tanh_op, [](Node& node, Graph&) { node.in[0].node += 1; }},
      {"an input beyond the end", &tanh_op,
       [](Node& node, Graph&) {
         node.in[0] = {1000, 0};
       }},
      {"a negative input", &tanh_op,
       [](Node& node, Graph&) {
         node.in[0] = {-1, 0};
       }},
      {"an output that is not there", &tanh_op, [](Node& node, Graph&) { node.in[0].output = 1; }},
      {"a negative output", &tanh_op, [](Node& node, Graph&) { node.in[0].output = -1; }},
      {"another shape", &tanh_op,
       [](Node& node, Graph&) {
         node.out[0].shape = Shape{2, 5};
       }},
      {"another element type", &tanh_op, [](Node& node, Graph&) { node.out[0].dtype = DType::f64; }},
      {"an output too many", &tanh_op, [](Node& node, Graph&) { node.out.push_back(node.out[0]); }},
      {"no output", &tanh_op, [](Node& node, Graph&) { node.out.clear(); }},
      {"an input too few", &matmul_op, [](Node& node, Graph&) { node.in.pop_back(); }},
      {"an input too many", &tanh_op, [](Node& node, Graph&) { node.in.push_back(node.in[0]); }},
      {"inputs swapped", &matmul_op, [](Node& node, Graph&) { std::swap(node.in[0], node.in[1]); }},
      {"another op", &matmul_op, [](Node& node, Graph&) { node.op = &add_op; }},
      {"no op", &tanh_op, [](Node& node, Graph&) { node.op = nullptr; }},
      {"an attribute too many", &tanh_op, [](Node& node, Graph&) { node.attrs.set("slope", 0.1); }},
      {"an attribute missing", &sum_op, [](Node& node, Graph&) { node.attrs = {}; }},
      {"an attribute of another kind", &sum_op, [](Node& node, Graph&) { node.attrs.set("keep", std::string("yes")); }},
      {"an attribute that gives another type", &matmul_op,
       [](Node& node, Graph&) { node.attrs.set("transpose_b", int64_t{0}); }},
      {"a source with an input", &input_op,
       [](Node& node, Graph&) {
         node.in.push_back({0, 0});
       }},
      {"a derivative before what it serves", &tanh_op, [](Node& node, Graph& graph) { node.grad_of = graph.size(); }},
  };
  for (const Kind& kind : kinds) {
    const auto graph = sound();
    const NodeId id = first(*graph, *kind.at);
    kind.corrupt(graph->nodes[size_t(id)], *graph);
    try {
      verify(*graph);
      ADD_FAILURE() << kind.name << " is not noticed";
    } catch (const std::logic_error& error) {
      EXPECT_EQ(std::string(error.what()).rfind("verify: ", 0), 0u) << error.what();
      EXPECT_NE(std::string(error.what()).find("%" + std::to_string(id)), std::string::npos)
          << kind.name << ": " << error.what();
    }
  }
}

} // namespace
} // namespace vitro
