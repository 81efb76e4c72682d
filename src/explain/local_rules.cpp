#include "explain/local_rules.h"

#include <algorithm>

#include "core/text.h"
#include "explain/double.h"
#include "ops/gradient.h"

namespace vitro {
namespace {

const States no_states;

} // namespace

LocalRules::LocalRules(std::shared_ptr<Graph> graph, std::vector<std::vector<bool>> carries,
                       const Interpretation& values)
    : graph_(std::move(graph)), carries_(std::move(carries)), values_(values) {}

// The inputs of every traced rule: the node's inputs, its outputs, the adjoints of those that carry.
LocalRules::Traced LocalRules::trace_rule(Trace& trace, const Node& node, const std::vector<bool>& carries) const {
  std::vector<Var> xs, ys, us;
  for (size_t i = 0; i < node.in.size(); ++i) xs.push_back(trace.input(text("x", i), graph_->type(node.in[i])));
  for (size_t o = 0; o < node.out.size(); ++o) ys.push_back(trace.input(text("y", o), node.out[o]));
  for (size_t o = 0; o < node.out.size(); ++o)
    us.push_back(carries[o] ? trace.input(text("u", o), node.out[o]) : Var{});
  const Scope scope(trace.graph(), node.name);
  auto dxs = node.op->grad({node.attrs, xs, ys, us, xs[0], ys[0], us[0]});
  return {us, std::move(dxs)};
}

LocalRules::Rule& LocalRules::rule(NodeId id) {
  const auto [found, made] = rules_.try_emplace(id);
  Rule& rule = found->second;
  if (!made) return rule;
  const Node& node = (*graph_)[id];
  const auto& carries = carries_[size_t(id)];
  rule.position.assign(node.in.size(), -1);
  rule.flat = !node.op->grad || node.op->is(constant_slope) || std::ranges::count(carries, true) == 0;
  if (rule.flat) return rule;
  Trace trace(no_states);
  const Traced traced = trace_rule(trace, node, carries);
  int count = 0;
  for (size_t i = 0; i < traced.dxs.size(); ++i)
    if (traced.dxs[i] && is_float(graph_->type(node.in[i]).dtype)) {
      trace.output(text("dx", i), traced.dxs[i]);
      rule.position[i] = count++;
    }
  rule.pull = trace.finish();
  return rule;
}

bool LocalRules::passes(NodeId node, size_t input) { return rule(node).position[input] >= 0; }

std::vector<Tensor> LocalRules::arguments(NodeId id) const {
  std::vector<Tensor> out;
  for (const Edge edge : (*graph_)[id].in) out.push_back(values_.at(edge));
  for (const Tensor& value : values_.values[size_t(id)]) out.push_back(value);
  return out;
}

std::vector<Tensor> LocalRules::pull(NodeId id, const std::vector<Tensor>& adjoints) {
  const Rule& rule = this->rule(id);
  std::vector<Tensor> out(rule.position.size());
  if (rule.flat) return out;
  auto arguments = this->arguments(id);
  for (size_t o = 0; o < adjoints.size(); ++o)
    if (carries_[size_t(id)][o]) arguments.push_back(adjoints[o]);
  const Interpretation result = interpret(rule.pull, {}, arguments);
  for (size_t i = 0; i < out.size(); ++i)
    if (rule.position[i] >= 0) out[i] = result.at(rule.pull.outputs[size_t(rule.position[i])].edge);
  return out;
}

std::vector<Tensor> LocalRules::push(NodeId id, size_t input, const Tensor& tangent) {
  Rule& rule = this->rule(id);
  const Node& node = (*graph_)[id];
  const auto& carries = carries_[size_t(id)];
  std::vector<Tensor> out(node.out.size());
  if (rule.position[input] < 0) {
    for (size_t o = 0; o < out.size(); ++o)
      if (carries[o]) out[o] = Tensor(node.out[o]);
    return out;
  }
  Function& push = rule.push[input];
  if (!push.graph) {
    Trace trace(no_states);
    const Traced traced = trace_rule(trace, node, carries);
    std::vector<Var> us;
    for (const Var& u : traced.us)
      if (u) us.push_back(u);
    const Var v = trace.input("v", graph_->type(node.in[input]));
    const auto moved = gradient(traced.dxs[input], us, v);
    for (size_t o = 0; o < moved.size(); ++o) trace.output(text("t", o), moved[o]);
    push = trace.finish();
  }
  auto arguments = this->arguments(id);
  for (size_t o = 0; o < node.out.size(); ++o)
    if (carries[o]) arguments.emplace_back(node.out[o]); // the rule is linear in u: its value does not matter
  arguments.push_back(tangent);
  const Interpretation result = interpret(push, {}, arguments);
  size_t at = 0;
  for (size_t o = 0; o < out.size(); ++o)
    if (carries[o]) out[o] = result.at(push.outputs[at++].edge);
  return out;
}

std::vector<Tensor> LocalRules::sides(NodeId id, const std::vector<const Tensor*>& in,
                                      const std::vector<const Tensor*>& out) {
  Rule& rule = this->rule(id);
  std::vector<Tensor> result;
  if (rule.flat) {
    for (const Tensor* value : out) result.push_back(*value);
    return result;
  }
  std::vector<Tensor> arguments;
  for (const Tensor* value : in) arguments.push_back(*value);
  for (const Tensor* value : out) arguments.push_back(*value);
  for (size_t o = 0; o < out.size(); ++o)
    if (carries_[size_t(id)][o]) arguments.push_back(Tensor::full((*graph_)[id].out[o], 1));
  // What the rule compares says on which side it is. Of a composed op that may stand inside another one (a recurrence's
  // steps): opened, and where nothing is compared there is no kink. Any other rule is then constant on each side.
  const Op& op = *(*graph_)[id].op;
  const bool composed = !op.plain && op.expand;
  if (composed && !rule.opened.graph) rule.opened = in_double(rule.pull, true);
  const Function& asked = composed ? rule.opened : rule.pull;
  const Interpretation run = interpret(asked, {}, arguments);
  const Graph& graph = *asked.graph;
  for (NodeId at = 0; at < graph.size(); ++at)
    if (graph[at].op->is(constant_slope) && !run.values[size_t(at)].empty()) result.push_back(run.at({at, 0}));
  if (result.empty() && !composed)
    for (const Named& output : rule.pull.outputs) result.push_back(run.at(output.edge));
  return result;
}

} // namespace vitro
