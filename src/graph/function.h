// Functions and the states they share.
//
// What is traced is a Function: named inputs, named outputs, and assignments `state := value` over a
// pure graph, all taking effect together at its end. Parameters, moments, running statistics and the
// like are States, shared by name between functions (predict, gradient, step).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/layout.h"
#include "graph/graph.h"

namespace vitro {

struct State {
  std::string name;
  Type type;
  bool trainable = false;    // a parameter: the optimiser may change it
  bool running = false;      // no parameter, but the net's own: a running mean, which the step function keeps
  bool memory = false;       // what a layer remembers of the batch before, which the next one continues
  bool layout_fixed = false; // the first plan that uses a state chooses its layout for good
  Layout layout = row_major;
  Buffer storage; // in `layout`
};

/// The states of one model, in the order in which they were added. Reading from several threads at
/// once is safe while nobody writes.
class States {
public:
  /// Throws where the name is taken.
  State& add(const std::string& name, const Tensor& value, bool trainable = false);
  bool has(const std::string& name) const { return index_.contains(name); }
  State& at(const std::string& name); // throws on an unknown name, with the nearest
  const State& at(const std::string& name) const;
  Tensor read(const std::string& name) const;               // row-major, whatever the layout
  void write(const std::string& name, const Tensor& value); // throws where the type differs
  void choose_layout(State& state, Layout layout);          // repacks what is stored

  std::vector<std::string> names(bool trainable_only = false) const;
  std::vector<std::string> running() const;
  std::vector<std::string> memories() const;
  std::vector<std::string> weights() const; // what evaluation needs, and weight files hold: trainable and running
  int64_t parameters() const;               // elements of all trainable states

private:
  std::vector<std::unique_ptr<State>> states_;
  template <class Keep> std::vector<std::string> names_of(Keep keep) const;

  std::map<std::string, size_t> index_;
};

struct Named {
  std::string name;
  Edge edge;
};

struct Function {
  std::shared_ptr<Graph> graph;
  std::vector<Named> inputs; // their nodes, in the order in which they were declared
  std::vector<Named> outputs;
  std::vector<Named> updates; // state name := value

  size_t input(const std::string& name) const; // position; throws on an unknown name
  size_t output(const std::string& name) const;
};

/// Builds a function: declare inputs, compute with Vars, name outputs and updates, finish.
///
///   Trace trace(states);
///   Var x = trace.input("x", {DType::f32, {32, 784}});
///   Var y = matmul(x, trace.state("w"));
///   trace.output("y", y);
///   Function f = trace.finish();
class Trace {
public:
  explicit Trace(const States& states) : states_(states), graph_(std::make_shared<Graph>()) {}

  Var input(const std::string& name, Type type); // throws where the name is taken
  Var state(const std::string& name);            // one node per state, however often it is asked for
  void output(const std::string& name, const Var& value);
  void update(const std::string& state, const Var& value); // throws on another type or a second update
  const std::shared_ptr<Graph>& graph() const { return graph_; }
  const States& states() const { return states_; }
  /// Verifies the graph (in builds with assertions) and hands the function over.
  Function finish();

private:
  const States& states_;
  std::shared_ptr<Graph> graph_;
  std::map<std::string, Var> read_;
  Function function_;
};

} // namespace vitro
