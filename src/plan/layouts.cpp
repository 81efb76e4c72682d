// Layouts: a state is packed as its first reader wishes; what is computed only to update it
// (gradient, moments, the update itself) follows, so that nothing is repacked in a step.
#include <algorithm>

#include "plan/program.h"

namespace vitro::program {
namespace {

class Chooser {
public:
  Chooser(const Function& function, States& states) : function_(function), graph_(*function.graph), states_(states) {
    result_.first_output.assign(size_t(graph_.size()), row_major);
    for (const Node& node : graph_.nodes) result_.wanted.emplace_back(node.in.size(), row_major);
  }

  Layouts choose() {
    for (NodeId id = 0; id < graph_.size(); ++id) grant_wishes(id);
    // Twice: an update may meet a packed moment before the parameter that makes it so.
    for (int round = 0; round < 2; ++round)
      for (const Named& update : function_.updates)
        if (const State& state = states_.at(update.name); !state.layout.row_major()) follow(update.edge, state.layout);
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (graph_[id].op == &state_op) {
        State& state = states_.at(graph_[id].name);
        states_.choose_layout(state, state.layout); // now fixed
        result_.first_output[size_t(id)] = state.layout;
      }
    for (NodeId id = 0; id < graph_.size(); ++id) settle_inputs(id);
    return result_;
  }

private:
  LayoutWishes wishes(const Node& node) const {
    if (!node.op->layouts || node.out[0].dtype != DType::f32) return {};
    std::vector<Type> types;
    for (const Edge edge : node.in) types.push_back(graph_.type(edge));
    return node.op->layouts({node.attrs, types});
  }

  void grant_wishes(NodeId id) {
    const Node& node = graph_[id];
    const LayoutWishes wished = wishes(node);
    for (size_t i = 0; wished.chooses && i < wished.in.size(); ++i) {
      const Node& producer = graph_[node.in[i].node];
      if (producer.op != &state_op || wished.in[i].row_major()) continue;
      State& state = states_.at(producer.name);
      if (!state.layout_fixed) states_.choose_layout(state, wished.in[i]);
    }
  }

  // Every operand is a scalar or of the node's own shape, so any layout will do.
  bool layout_agnostic(const Node& node) const {
    return runs_vectorised(node) && std::ranges::all_of(node.in, [&](Edge edge) {
             const Shape& shape = graph_.type(edge).shape;
             return shape.elements() == 1 || shape == node.out[0].shape;
           });
  }

  // `edge` is wanted in `layout`: carried back through pointwise nodes as far as it goes.
  void follow(Edge edge, Layout layout) {
    const Node& node = graph_[edge.node];
    if (edge.output != 0 || node.out[0].shape.elements() == 1) return;
    if (node.op == &state_op) {
      State& state = states_.at(node.name);
      if (!state.layout_fixed) states_.choose_layout(state, layout);
    } else if (layout_agnostic(node)) {
      if (result_.first_output[size_t(edge.node)] == layout) return;
      result_.first_output[size_t(edge.node)] = layout;
      for (const Edge in : node.in)
        if (graph_.type(in).shape == node.out[0].shape) follow(in, layout);
    } else if (const auto offered = wishes(node).out; std::ranges::find(offered, layout) != offered.end()) {
      result_.first_output[size_t(edge.node)] = layout;
    }
  }

  void settle_inputs(NodeId id) {
    const Node& node = graph_[id];
    const Layout own = result_.first_output[size_t(id)];
    const LayoutWishes wished = wishes(node);
    for (size_t i = 0; i < node.in.size(); ++i) {
      const Layout held = result_.of(node.in[i]);
      if (runs_vectorised(node) && graph_.type(node.in[i]).shape == node.out[0].shape &&
          node.out[0].shape.elements() > 1)
        result_.wanted[size_t(id)][i] = own;
      // An op that writes a packed output reads its inputs row-major.
      else if (own.row_major() && i < wished.in.size() && held == wished.in[i])
        result_.wanted[size_t(id)][i] = held;
    }
  }

  const Function& function_;
  const Graph& graph_;
  States& states_;
  Layouts result_;
};

} // namespace

Layouts choose_layouts(const Function& function, States& states) { return Chooser(function, states).choose(); }

} // namespace vitro::program
