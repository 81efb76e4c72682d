#include "model/functions.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

Built build_net(Trace& trace, const ModelSpec& spec, int64_t batch, bool training) {
  const Var x = trace.input("x", input_type(spec, batch));
  Built built = build(trace, spec.net, x, {.outputs = spec.outputs, .training = training});
  const Shape expected{batch, spec.outputs};
  if (built.output.shape() != expected)
    bad_input(text("layer ", built.layers.back().name),
              text("the net's output is ", built.output.shape(), ", expected ", expected),
              "end it with {op=\"dense\", out=\"classes\"}, after a flatten where samples have more than one axis");
  return built;
}

LossParts with_loss(Trace& trace, const ModelSpec& spec, const Built& built, const Type& targets) {
  const Var t = trace.input("targets", targets);
  const Scope scope(trace.graph(), "loss");
  return find_loss(spec.loss).build(built.output, t, spec.reduction);
}

std::vector<Var> gradients(Trace& trace, const Var& loss, const std::vector<std::string>& parameters) {
  std::vector<Var> wrt;
  for (const std::string& name : parameters) wrt.push_back(trace.state(name));
  return gradient(loss, wrt);
}

} // namespace

Type input_type(const ModelSpec& spec, int64_t batch) {
  auto extents = spec.sample.list();
  extents.insert(extents.begin(), batch);
  return {spec.dtype, Shape(extents)};
}

Function trace(const ModelSpec& spec, const States& states, Purpose purpose, int64_t batch, const Type& targets) {
  Trace trace(states);
  const std::vector<std::string> parameters = states.names(true);
  const std::vector<std::string> updated = updated_parameters(spec.optimizer, parameters);
  if (purpose == Purpose::update) {
    std::vector<Var> summed;
    for (const std::string& name : parameters) {
      const Var gradient = trace.input("gradient/" + name, states.at(name).type);
      if (std::ranges::find(updated, name) != updated.end()) summed.push_back(gradient);
    }
    append_updates(trace, spec.optimizer, updated, clip(summed, spec.clip));
    return trace.finish();
  }
  if (purpose == Purpose::average) {
    const Var weight = trace.input("weight", {spec.dtype, Shape{}});
    for (const std::string& name : parameters)
      trace.update(name + "/average", mix(trace.state(name + "/average"), trace.state(name), 1 - weight, weight));
    return trace.finish();
  }
  const Built built = build_net(trace, spec, batch, purpose == Purpose::gradient || purpose == Purpose::step);
  if (purpose == Purpose::predict) {
    const Scope scope(trace.graph(), "loss");
    trace.output("predictions", find_loss(spec.loss).predict(built.output));
    return trace.finish();
  }
  const LossParts parts = with_loss(trace, spec, built, targets);
  trace.output("loss", parts.loss);
  trace.output("predictions", parts.predictions);
  if (purpose == Purpose::explain)
    for (const BuiltLayer& layer : built.layers) trace.output(layer.name, layer.output);
  if (purpose == Purpose::gradient) {
    const auto found = gradients(trace, parts.loss, parameters);
    for (size_t i = 0; i < parameters.size(); ++i) trace.output(parameters[i], found[i]);
  }
  if (purpose == Purpose::step)
    append_updates(trace, spec.optimizer, updated, clip(gradients(trace, parts.loss, updated), spec.clip));
  return trace.finish();
}

} // namespace vitro
