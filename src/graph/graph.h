// The graph: typed nodes, append-only, so already in topological order.
//
// Layers are ordinary functions on Var: each call appends a node, and a type error surfaces at the
// caller's own line. A graph lives as long as a Var points into it. NodeIds mean nothing outside
// their graph; names do.
#pragma once

#include <compare>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "graph/op.h"

namespace vitro {

using NodeId = int32_t;

struct Edge {
  NodeId node = -1;
  int32_t output = 0;
  auto operator<=>(const Edge&) const = default;
};

struct Node {
  const Op* op;
  Attrs attrs;
  std::vector<Edge> in;
  std::vector<Type> out;
  NodeId grad_of = -1;        // the forward node that this derivative serves
  std::string name;           // of an input or a state: its name; else the layer it belongs to, or ""
  std::source_location where; // the line that appended it
};

struct Graph {
  std::vector<Node> nodes;
  std::string scope;   // the layer being traced
  NodeId serving = -1; // the forward node whose derivative is being appended

  const Node& operator[](NodeId id) const { return nodes[size_t(id)]; }
  const Type& type(Edge edge) const { return nodes[size_t(edge.node)].out[size_t(edge.output)]; }
  NodeId size() const { return NodeId(nodes.size()); }
};

/// A value in a graph: what a user computes with.
class Var {
public:
  Var() = default;
  Var(std::shared_ptr<Graph> graph, Edge edge) : graph_(std::move(graph)), edge_(edge) {}

  explicit operator bool() const { return graph_ != nullptr; }
  const std::shared_ptr<Graph>& graph() const { return graph_; }
  Edge edge() const { return edge_; }
  const Node& node() const { return (*graph_)[edge_.node]; }
  const Type& type() const { return graph_->type(edge_); }
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  bool operator==(const Var&) const = default;

private:
  std::shared_ptr<Graph> graph_;
  Edge edge_;
};

/// An operand: a Var, or a number that becomes a constant beside it; and the caller's line.
struct In {
  In(const Var& var, std::source_location where = std::source_location::current()) : var(var), where(where) {}
  In(double number, std::source_location where = std::source_location::current())
      : number(number), is_number(true), where(where) {}
  Var var;
  double number = 0;
  bool is_number = false;
  std::source_location where;
};

struct GradOf {
  const Attrs& attrs;
  std::vector<Var> xs, ys, dys; // dys: empty Var where nothing depends on that output
  const Var &x, &y, &dy;        // the first of each
};

/// Appends a node and returns its outputs. Throws (Fault::input) where the types don't fit, naming
/// op, layer and line.
std::vector<Var> append(const std::shared_ptr<Graph>& graph, const Op& op, std::vector<Var> in, Attrs attrs,
                        std::source_location where);

/// The same for an op with one output and operands that may be numbers (at least one is a Var).
Var apply(const Op& op, std::initializer_list<In> in, Attrs attrs = {});
Var apply(const Op& op, std::span<const In> in, Attrs attrs = {});
std::vector<Var> apply_all(const Op& op, std::span<const In> in, Attrs attrs = {});

/// The nodes appended while a Scope lives belong to this layer.
class Scope {
public:
  Scope(const std::shared_ptr<Graph>& graph, std::string name) : graph_(graph), outer_(graph->scope) {
    graph_->scope = std::move(name);
  }
  ~Scope() { graph_->scope = outer_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

private:
  std::shared_ptr<Graph> graph_;
  std::string outer_;
};

// The three sources of values.
extern const Op input_op, state_op, constant_op;
Var constant(const std::shared_ptr<Graph>& graph, Tensor value,
             std::source_location where = std::source_location::current());
/// A constant with every element `value`, of the shape and element type of `like`.
Var full_like(const Var& like, double value);

// Readers of a graph. (The chain rule, which adds nodes, is in ops/gradient.h.)

/// Type-checks every node: inputs precede it, types are what `infer` says, attributes are complete.
/// Throws std::logic_error naming the first node that is wrong.
void verify(const Graph& graph);

/// One line a node: `%3 fc1: f32[32, 128] = matmul(%0, %2){transpose_b=1}   y = a b`.
std::string print(const Graph& graph);
std::string print(const Graph& graph, NodeId node);

} // namespace vitro
