// An optimiser's update of one parameter, planned as in training, beside a stream with the same reads and writes.
#include <algorithm>
#include <array>
#include <memory>

#include "bench/loops.h"
#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "core/threads.h"
#include "optim/optimizer.h"
#include "plan/plan.h"

namespace vitro::bench {
namespace {

// A parameter of n elements, and all that its update needs to be run again and again by one gradient.
struct Update {
  Update(OptimizerSpec given, int64_t n) : gradient(noise({n}, 1)) {
    const OptimizerSpec spec = complete(given);
    states.add("p", noise({n}, 2), true);
    create_moments(states, spec);
    Trace trace(states);
    append_updates(trace, spec, {"p"}, {trace.input("gradient", gradient.type())});
    const auto plan = std::make_shared<const Plan>(trace.finish(), states);
    execution = std::make_unique<Execution>(plan, std::make_shared<Arena>());
    execution->bind(0, gradient);
    std::vector<double> values(scalar_inputs(spec).size());
    scalar_values(spec, spec.args.real("lr"), 100, values); // the hundredth step: corrections are neither 0 nor 1
    for (const double value : values) scalars.push_back(Tensor::scalar(value));
    for (size_t i = 0; i < scalars.size(); ++i) execution->bind(1 + i, scalars[i]);
  }

  Tensor gradient;
  States states;
  std::vector<Tensor> scalars;
  std::unique_ptr<Execution> execution;
};

struct Rule {
  const char* name;
  OptimizerSpec spec;
  int moments;
  int reads() const { return 2 + moments; } // the parameter, its gradient, the moments
  int writes() const { return 1 + moments; }
};

struct Size {
  const char* name;
  int64_t n;
};

double bytes_of(const Rule& rule, int64_t n) { return 4.0 * double(n) * (rule.reads() + rule.writes()); }

std::string stream_name(const Rule& rule, const Size& size) { return text("stream-", rule.name, "-", size.name); }

// Writes in place, like the update.
Job stream_job(int reads, int writes, int64_t n) {
  const auto arrays = std::make_shared<std::vector<Tensor>>();
  for (int i = 0; i < reads; ++i) arrays->push_back(noise({n}, uint32_t(i)));
  return {.run = [=] {
    const int64_t piece = std::clamp<int64_t>(n / 64, 4096, 1 << 16);
    parallel(n / piece, [&](int64_t task) {
      std::array<const float*, most_streamed> in{};
      std::array<float*, most_streamed> out{};
      for (size_t i = 0; i < arrays->size(); ++i) in[i] = out[i] = (*arrays)[i].as<float>().data() + task * piece;
      keep(stream(in.data(), reads, out.data(), writes, piece));
    });
  }};
}

} // namespace

std::vector<Workload> optimizers() {
  const Rule rules[] = {{"sgd", {"sgd"}, 0}, {"momentum", {"momentum"}, 1}, {"adam", {"adam"}, 2}};
  constexpr Size sizes[] = {{"64Ki", 64 << 10}, {"16Mi", 16 << 20}};
  std::vector<Workload> out;
  for (const Size& size : sizes)
    for (const Rule& rule : rules) {
      const int64_t n = size.n;
      const double bytes = bytes_of(rule, n);
      out.push_back(
          {.name = stream_name(rule, size),
           .group = "stream",
           .what = text(rule.reads(), " arrays read, ", rule.writes(), " of them written in place"),
           .bytes = bytes,
           .elements = double(n),
           .make = [reads = rule.reads(), writes = rule.writes(), n] { return stream_job(reads, writes, n); }});
      out.push_back({.name = text(rule.name, "-", size.name),
                     .group = "optimizer",
                     .what = text("one update of ", size.name, " parameters; its limit is the stream above"),
                     .bytes = bytes,
                     .bandwidth = stream_name(rule, size),
                     .elements = double(n),
                     .make = [spec = rule.spec, n]() -> Job {
                       const auto update = std::make_shared<Update>(spec, n);
                       return {.run = [=] { update->execution->run(); }};
                     }});
    }
  return out;
}

} // namespace vitro::bench
