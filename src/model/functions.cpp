#include "model/functions.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

Built build_net(Trace& trace, const ModelSpec& spec, const Var& x, bool training) {
  Built built = build(trace, spec.net, x, {.outputs = spec.outputs, .training = training, .seed = spec.seed});
  const Shape expected{x.shape()[0], spec.outputs};
  if (built.output.shape() != expected)
    bad_input(text("layer ", built.layers.back().name),
              text("the net's output is ", built.output.shape(), ", expected ", expected),
              "end it with {op=\"dense\", out=\"classes\"}, after a flatten where samples have more than one axis");
  return built;
}

LossParts with_loss(Trace& trace, const ModelSpec& spec, const Built& built, const Type& targets) {
  const Var t = trace.input("targets", targets);
  const Scope scope(trace.graph(), "loss");
  return find_loss(spec.loss).build({built.output, t, spec.reduction, spec.loss_args});
}

// With respect to `wrt`, then to the parameters.
std::vector<Var> gradients(Trace& trace, const Var& loss, const std::vector<std::string>& parameters,
                           std::vector<Var> wrt = {}) {
  for (const std::string& name : parameters) wrt.push_back(trace.state(name));
  return gradient(loss, wrt);
}

// The last layer whose output is maps [batch, channels, height, width] of more than one place; null: none.
const BuiltLayer* last_maps(const Built& built) {
  const auto is_maps = [](const BuiltLayer& layer) {
    const Shape& shape = layer.output.shape();
    return shape.rank() == 4 && shape[2] * shape[3] > 1;
  };
  const auto found = std::find_if(built.layers.rbegin(), built.layers.rend(), is_maps);
  return found == built.layers.rend() ? nullptr : &*found;
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
    for (const std::string& name : states.running())
      trace.update(name, trace.input("next/" + name, states.at(name).type));
    append_updates(trace, spec.optimizer, updated, clip(summed, spec.clip));
    return trace.finish();
  }
  if (purpose == Purpose::average) {
    const Var weight = trace.input("weight", {spec.dtype, Shape{}});
    for (const std::string& name : states.weights())
      trace.update(name + "/average", mix(trace.state(name + "/average"), trace.state(name), 1 - weight, weight));
    return trace.finish();
  }
  const Var x = trace.input("x", input_type(spec, batch));
  const Built built = build_net(trace, spec, x, purpose >= Purpose::training);
  if (purpose == Purpose::predict) {
    const Scope scope(trace.graph(), "loss");
    trace.output("predictions", find_loss(spec.loss).predict(built.output, spec.loss_args));
    return trace.finish();
  }
  if (purpose == Purpose::attribute) {
    const Var direction = trace.input("direction", built.output.type());
    const BuiltLayer* const maps = last_maps(built);
    std::vector<Var> wrt{x};
    if (maps) wrt.push_back(maps->output);
    const std::vector<Var> found = gradient(sum(built.output * direction), wrt);
    trace.output("scores", built.output);
    trace.output("gradient", found[0]);
    if (!maps) return trace.finish();
    trace.output(maps->name, maps->output);
    trace.output("slopes", found[1]);
    return trace.finish();
  }
  const LossParts parts = with_loss(trace, spec, built, targets);
  trace.output("loss", parts.loss);
  trace.output("predictions", parts.predictions);
  if (purpose == Purpose::explain)
    for (const BuiltLayer& layer : built.layers) trace.output(layer.name, layer.output);
  if (purpose == Purpose::observe) {
    std::vector<Var> outputs;
    for (const BuiltLayer& layer : built.layers) trace.output(layer.name, outputs.emplace_back(layer.output));
    for (const Var& found : gradients(trace, parts.loss, parameters, outputs)) trace.output("gradient", found);
  }
  if (purpose == Purpose::gradient) {
    const auto found = gradients(trace, parts.loss, parameters);
    for (size_t i = 0; i < parameters.size(); ++i) trace.output(parameters[i], found[i]);
    for (const std::string& name : states.running()) trace.output(name, built.updates.at(name));
  }
  if (purpose == Purpose::step) {
    append_updates(trace, spec.optimizer, updated, clip(gradients(trace, parts.loss, updated), spec.clip));
    for (const auto& [name, value] : built.updates) trace.update(name, value);
  }
  return trace.finish();
}

} // namespace vitro
