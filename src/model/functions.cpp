#include "model/functions.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"

namespace vitro {
namespace {

Built build_net(Trace& trace, const ModelSpec& spec, const BatchSize& extent, const Var& x, bool training, bool carry) {
  BuildOptions options{.outputs = spec.outputs, .training = training, .seed = spec.seed, .carry = carry};
  if (extent.lengths) options.lengths = trace.input("lengths", {DType::i32, Shape{extent.samples}});
  Built built = build(trace, spec.net, x, options);
  const Shape expected =
      spec.each_step ? Shape{extent.samples, x.shape()[1], spec.outputs} : Shape{extent.samples, spec.outputs};
  if (built.output.shape() != expected)
    bad_input(text("layer ", built.layers.back().name),
              text("the net's output is ", built.output.shape(), ", expected ", expected),
              spec.each_step  ? "it answers at each step: no layer may put the steps together"
              : spec.sequence ? "put the steps together: {op=\"last_step\"} or {op=\"mean_over_time\"}, then "
                                "{op=\"dense\", out=\"classes\"}"
                              : "end it with {op=\"dense\", out=\"classes\"}, after a flatten where samples have more "
                                "than one axis");
  if (spec.each_step) built.output = reshape(built.output, {-1, spec.outputs}); // every step is a sample
  return built;
}

LossParts with_loss(Trace& trace, const ModelSpec& spec, const Built& built, const Type& targets) {
  Var t = trace.input("targets", targets);
  const Scope scope(trace.graph(), "loss");
  if (spec.each_step) { // [batch, steps] as [batch * steps]
    const bool numbers = is_float(targets.dtype);
    if (t.shape().rank() > (numbers ? 2 : 1)) t = numbers ? reshape(t, {-1, spec.outputs}) : reshape(t, {-1});
  }
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

Type input_type(const ModelSpec& spec, const BatchSize& extent) {
  auto extents = spec.sample.list();
  if (extent.steps > 0) extents[0] = extent.steps;
  extents.insert(extents.begin(), extent.samples);
  return {spec.dtype, Shape(extents)};
}

int64_t answers(const ModelSpec& spec, const BatchSize& extent) {
  return spec.each_step ? extent.samples * (extent.steps > 0 ? extent.steps : spec.sample[0]) : extent.samples;
}

Type target_type(const ModelSpec& spec, const BatchSize& extent) {
  return natural_targets(find_loss(spec.loss), answers(spec, extent), spec.outputs, spec.dtype);
}

Function trace(const ModelSpec& spec, const States& states, Purpose purpose, const BatchSize& extent,
               const Type& targets) {
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
  const bool continues = purpose == Purpose::predict_next || purpose == Purpose::evaluate_next ||
                         (purpose == Purpose::step && extent.samples == spec.carried);
  const Var x = trace.input("x", input_type(spec, extent));
  const Built built = build_net(trace, spec, extent, x, purpose >= Purpose::training, continues);
  if (continues)
    for (const auto& [name, value] : built.memories) trace.update(name, value);
  if (purpose == Purpose::predict || purpose == Purpose::predict_next) {
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
