// Layouts: a state is packed as its first reader wishes; what is computed only to update it (gradient, moments, the
// update itself) follows, so that nothing is repacked in a step. What flows from node to node keeps the layout in which
// a kernel has written it for as long as its readers can do with it: from one convolution to the next.
#include <algorithm>

#include "plan/program.h"

namespace vitro::program {
namespace {

class Chooser {
public:
  Chooser(const Function& function, States& states) : function_(function), graph_(*function.graph), states_(states) {
    result_.first_output.assign(size_t(graph_.size()), row_major);
    for (const Node& node : graph_.nodes) result_.wanted.emplace_back(node.in.size(), row_major);
    followed_.assign(size_t(graph_.size()), false);
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
    for (NodeId id = 0; id < graph_.size(); ++id) settle(id);
    return result_;
  }

private:
  LayoutWishes wishes(const Node& node, const std::vector<Layout>& held, Layout out_wanted = row_major) const {
    if (!node.op->layouts || node.out[0].dtype != DType::f32) return {};
    std::vector<Type> types;
    for (const Edge edge : node.in) types.push_back(graph_.type(edge));
    return node.op->layouts({node.attrs, types, held, out_wanted});
  }
  LayoutWishes wishes(const Node& node) const { return wishes(node, std::vector<Layout>(node.in.size())); }

  void grant_wishes(NodeId id) {
    const Node& node = graph_[id];
    const LayoutWishes wished = wishes(node);
    for (size_t i = 0; i < wished.states.size(); ++i) {
      const Node& producer = graph_[node.in[i].node];
      if (producer.op != &state_op || wished.states[i].row_major()) continue;
      State& state = states_.at(producer.name);
      if (!state.layout_fixed) states_.choose_layout(state, wished.states[i]);
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
      take(edge.node, layout);
      for (const Edge in : node.in)
        if (graph_.type(in).shape == node.out[0].shape) follow(in, layout);
    } else if (const auto offers = wishes(node).offers; std::ranges::find(offers, layout) != offers.end()) {
      take(edge.node, layout);
    }
  }
  void take(NodeId id, Layout layout) {
    result_.first_output[size_t(id)] = layout;
    followed_[size_t(id)] = true;
  }

  // Of the operands that range over the node's own space, the first that is packed leads: the others come to it.
  void settle_pointwise(NodeId id) {
    const Node& node = graph_[id];
    if (node.out[0].shape.elements() == 1) return;
    Layout& own = result_.first_output[size_t(id)];
    const auto leads = [&](Edge edge) { return graph_.type(edge).shape == node.out[0].shape; };
    for (const Edge edge : node.in)
      if (!followed_[size_t(id)] && own.row_major() && leads(edge)) own = result_.of(edge);
    for (size_t i = 0; i < node.in.size(); ++i)
      if (leads(node.in[i])) result_.wanted[size_t(id)][i] = own;
  }

  void settle(NodeId id) {
    const Node& node = graph_[id];
    if (node.op->is(source) || node.op->is(alias)) return;
    if (runs_vectorised(node)) return settle_pointwise(id);
    std::vector<Layout> held;
    for (const Edge edge : node.in) held.push_back(result_.of(edge));
    Layout& own = result_.first_output[size_t(id)];
    const LayoutWishes wished = wishes(node, held, own);
    std::ranges::copy(wished.in, result_.wanted[size_t(id)].begin());
    if (!followed_[size_t(id)]) own = wished.out;
  }

  const Function& function_;
  const Graph& graph_;
  States& states_;
  Layouts result_;
  std::vector<bool> followed_; // an update has decided on the node's layout
};

} // namespace

Layouts choose_layouts(const Function& function, States& states) { return Chooser(function, states).choose(); }

} // namespace vitro::program
