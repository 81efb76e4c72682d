// Recurrent layers: forward, and forward and backward with the weights moved, planned as in training.
#include <cmath>
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/plan.h"

namespace vitro::bench {
namespace {

struct Recurrent {
  const char* cell;
  int64_t gates, batch, time, in, units;
};

// A layer on random data. Backward: a random derivative of y comes in, that of x goes out; the weights move by 0 times
// theirs, so that these are made as an optimiser wants them and every run computes the same.
struct Layer {
  Layer(const Recurrent& of, bool backward)
      : x(noise({of.batch, of.time, of.in}, 1)), dy(noise({of.batch, of.time, of.units}, 2)) {
    const int64_t all = of.gates * of.units;
    const auto small = [&](const Shape& shape, uint32_t seed) {
      Tensor out = noise(shape, seed);
      for (float& value : out.as<float>()) value /= std::sqrt(float(of.units));
      return out;
    };
    states.add("weight_ih", small({all, of.in}, 3), true);
    states.add("weight_hh", small({all, of.units}, 4), true);
    states.add("bias_ih", small({all}, 5), true);
    states.add("bias_hh", small({all}, 6), true);
    Trace trace(states);
    const Var in = trace.input("x", x.type()), weight = trace.state("weight_hh");
    const Var rows = reshape(in, {of.batch * of.time, of.in});
    const Var product = matmul(rows, trace.state("weight_ih"), false, true) + trace.state("bias_ih");
    const Var gates = reshape(product, {of.batch, of.time, all});
    const Var start = constant(trace.graph(), Tensor({DType::f32, {of.batch, of.units}}));
    const std::string cell = of.cell;
    const Var y = cell == "lstm"  ? lstm(gates, weight, start, start).y
                  : cell == "gru" ? gru(gates, weight, trace.state("bias_hh"), start).y
                                  : rnn(gates, weight, start).y;
    if (backward) {
      std::vector<std::string> names{"weight_ih", "weight_hh", "bias_ih"};
      if (cell == "gru") names.emplace_back("bias_hh");
      std::vector<Var> wrt{in};
      for (const std::string& name : names) wrt.push_back(trace.state(name));
      const auto dxs = gradient(y, wrt, trace.input("dy", dy.type()));
      trace.output("dx", dxs[0]);
      for (size_t i = 0; i < names.size(); ++i) trace.update(names[i], subtract_scaled(wrt[i + 1], dxs[i + 1], 0));
    } else {
      trace.output("y", y);
    }
    const auto plan = std::make_shared<const Plan>(trace.finish(), states);
    execution = std::make_unique<Execution>(plan, std::make_shared<Arena>());
    execution->bind(0, x);
    if (backward) execution->bind(1, dy);
  }

  Tensor x, dy;
  States states;
  std::unique_ptr<Execution> execution;
};

} // namespace

std::vector<Workload> recurrences() {
  std::vector<Workload> out;
  for (const Recurrent& of : {Recurrent{"lstm", 4, 32, 64, 40, 128}, Recurrent{"gru", 3, 32, 64, 40, 128},
                              Recurrent{"rnn", 1, 32, 64, 40, 128}}) {
    const double forward = 2.0 * double(of.batch * of.time * of.gates * of.units) * double(of.in + of.units);
    for (const bool backward : {true, false})
      out.push_back(
          {.name = text(of.cell, "-", of.time, "x", of.batch, "x", of.in, "-", of.units, backward ? "" : "-y"),
           .group = "recurrent",
           .what = text(of.time, " steps of a batch of ", of.batch, ", ", of.in, " into ", of.units,
                        backward ? ", forward and backward" : ", forward"),
           .flops = forward * (backward ? 3 : 1),
           .make = [of, backward]() -> Job {
             const auto layer = std::make_shared<Layer>(of, backward);
             return {.run = [=] { layer->execution->run(); }};
           }});
  }
  return out;
}

} // namespace vitro::bench
