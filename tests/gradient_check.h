// The gradient in double against differences: what decides whether a derivative is right.
//
// A function of several tensors is given as what builds it in a graph. Its outputs are weighed with
// numbers r, and the gradient of sum(r y) is compared, element by element of every input, with
// differences of fourth order: (8 (y(x+h) - y(x-h)) - (y(x+2h) - y(x-2h))) / 12h, error O(h^4).
// Outputs are subtracted before they are weighed, so that what does not depend on the element
// cancels exactly.
//
// Where differences at two steps disagree, the function is not smooth in between. If a kinked op is
// in the graph that is a kink: reported, not failed. Else it is a failure: a wrong derivative
// can't hide, for differences know nothing of it.
#pragma once

#include <cmath>
#include <functional>
#include <map>

#include "core/random.h"
#include "core/text.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro::test {

using Build = std::function<std::vector<Var>(const std::vector<Var>&)>;

struct GradientReport {
  int64_t checked = 0, kinks = 0, failed = 0;
  double worst = 0;
  std::string first; // failure
  void add(const GradientReport& other) {
    checked += other.checked, kinks += other.kinks, failed += other.failed;
    worst = std::max(worst, other.worst);
    if (first.empty()) first = other.first;
  }
};

inline double relative_error(double a, double b) {
  return std::fabs(a - b) / std::max({std::fabs(a), std::fabs(b), 1e-8});
}

inline Tensor in_double(const Tensor& x) { return is_float(x.dtype()) ? x.to(DType::f64) : x; }

/// A graph's function of tensors, in double.
class Built64 {
public:
  Built64(const std::vector<Tensor>& in, const Build& build) : trace_(none_) {
    for (size_t i = 0; i < in.size(); ++i) xs.push_back(trace_.input(text("x", i), in_double(in[i]).type()));
    ys = build(xs);
  }
  void output(const Var& y) { trace_.output(text("y", outputs_++), y); }
  void finish() {
    function = trace_.finish();
    for (const Node& node : function.graph->nodes) kinked_inside |= node.op->is(kinked) && !node.in.empty();
  }
  std::vector<Tensor> operator()(const std::vector<Tensor>& in) const {
    const Interpretation values = interpret(function, {}, in);
    std::vector<Tensor> out;
    for (const Named& output : function.outputs) out.push_back(values.at(output.edge));
    return out;
  }

  std::vector<Var> xs, ys;
  Function function;
  bool kinked_inside = false;

private:
  States none_;
  Trace trace_;
  int outputs_ = 0;
};

/// sum(r y) over all outputs that are floats; r are constants drawn from `seed`, off zero.
inline Var weighed(const std::vector<Var>& ys, std::vector<Tensor>& weights, uint64_t seed) {
  Var total;
  const Stream stream(seed, "weights");
  for (size_t j = 0; j < ys.size(); ++j) {
    Tensor r({DType::f64, ys[j].shape()});
    for (int64_t i = 0; i < r.elements(); ++i) {
      const double u = stream.uniform(j, uint64_t(i), -1, 1);
      r.set(i, u + (u < 0 ? -0.5 : 0.5));
    }
    const Var term = sum(ys[j] * constant(ys[j].graph(), r));
    total = total ? total + term : term;
    weights.push_back(std::move(r));
  }
  return total;
}

inline constexpr double gradient_tolerance = 1e-5;

/// Finite differences of one function at one point, by input, element and step: the same however its gradient is made.
using Differences = std::map<std::tuple<size_t, int64_t, double>, double>;

/// Checks every element of every float input (at most `most` of each, evenly spread).
/// `corrupt` may change the graph with the gradient in it: how mutants are made. `known` keeps the differences for the
/// next check of the same function at the same point.
inline GradientReport check_gradient(const std::vector<Tensor>& given, const Build& build, const std::string& name,
                                     int64_t most = 12, const std::function<void(Graph&)>& corrupt = nullptr,
                                     Differences* known = nullptr) {
  std::vector<Tensor> in;
  for (const Tensor& x : given) in.push_back(in_double(x));
  Built64 derived(in, build), plain(in, build);
  for (const Var& y : plain.ys) plain.output(y);
  plain.finish();
  std::vector<Tensor> weights;
  std::vector<Var> wrt;
  for (const Var& x : derived.xs)
    if (is_float(x.dtype())) wrt.push_back(x);
  for (const Var& dx : gradient(weighed(derived.ys, weights, 1), wrt)) derived.output(dx);
  derived.finish();
  if (corrupt) corrupt(*derived.function.graph);
  const auto gradients = derived(in);

  GradientReport report;
  const auto difference = [&](size_t k, int64_t i, double h) {
    if (known)
      if (const auto found = known->find({k, i, h}); found != known->end()) return found->second;
    Tensor& x = in[k];
    const double at = x.at(i);
    std::vector<std::vector<Tensor>> y;
    for (const double step : {h, -h, 2 * h, -2 * h}) {
      x.set(i, at + step);
      y.push_back(plain(in));
    }
    x.set(i, at);
    double sum = 0;
    for (size_t j = 0; j < weights.size(); ++j)
      for (int64_t e = 0; e < weights[j].elements(); ++e)
        sum += weights[j].at(e) * ((8 * (y[0][j].at(e) - y[1][j].at(e)) - (y[2][j].at(e) - y[3][j].at(e))) / (12 * h));
    if (known) known->emplace(std::tuple(k, i, h), sum);
    return sum;
  };
  size_t which = 0;
  for (size_t k = 0; k < in.size(); ++k) {
    if (!is_float(in[k].dtype())) continue;
    const Tensor& dx = gradients[which++];
    if (dx.shape() != in[k].shape()) {
      ++report.failed;
      report.first = text(name, ": the gradient of input ", k, " is ", dx.type(), ", the input ", in[k].type());
      continue;
    }
    // An odd stride, so that rows and patterns of two are not seen from one side alone.
    const int64_t stride = in[k].elements() <= most ? 1 : ((in[k].elements() + most - 1) / most) | 1;
    for (int64_t i = 0; i < in[k].elements(); i += stride) {
      ++report.checked;
      double best = INFINITY, estimate = 0;
      bool smooth = false;
      for (const double h : {1e-3, 1e-4, 1e-5}) {
        const double wide = difference(k, i, h), narrow = difference(k, i, h / 2);
        smooth |= relative_error(wide, narrow) <= gradient_tolerance / 2;
        if (const double error = relative_error(dx.at(i), narrow); error < best) best = error, estimate = narrow;
        if (smooth) break;
      }
      if (best <= gradient_tolerance) {
        report.worst = std::max(report.worst, best);
      } else if (!smooth && derived.kinked_inside) {
        ++report.kinks;
      } else {
        ++report.failed;
        report.worst = std::max(report.worst, std::isnan(best) ? INFINITY : best);
        if (report.first.empty())
          report.first = text(name, ": input ", k, " element ", i, " (", in[k].at(i), "): gradient ", dx.at(i),
                              ", difference ", estimate, ", relative error ", best);
      }
    }
  }
  return report;
}

/// The function whose inputs are those of `build` and the derivatives dy of its outputs, and whose
/// outputs are the gradients of its float inputs: its gradient is the second derivative.
inline Build gradient_of(const Build& build, size_t inputs) {
  return [build, inputs](const std::vector<Var>& all) {
    const std::vector<Var> xs(all.begin(), all.begin() + long(inputs));
    std::vector<Var> wrt;
    for (const Var& x : xs)
      if (is_float(x.dtype())) wrt.push_back(x);
    Var total;
    const auto ys = build(xs);
    for (size_t j = 0; j < ys.size(); ++j) {
      const Var term = sum(ys[j] * all[inputs + j]);
      total = total ? total + term : term;
    }
    return gradient(total, wrt);
  };
}

/// The gradient, then the gradient of the gradient.
inline GradientReport check_both_gradients(const std::vector<Tensor>& in, const Build& build, const std::string& name,
                                           int64_t most = 8) {
  GradientReport report = check_gradient(in, build, name, most);
  std::vector<Tensor> all = in;
  const Built64 first(in, build);
  const Stream stream(2, "dy");
  for (size_t j = 0; j < first.ys.size(); ++j) {
    Tensor dy({DType::f64, first.ys[j].shape()});
    for (int64_t i = 0; i < dy.elements(); ++i) dy.set(i, stream.uniform(j, uint64_t(i), 0.5, 1.5) * (i % 2 ? -1 : 1));
    all.push_back(std::move(dy));
  }
  report.add(check_gradient(all, gradient_of(build, in.size()), text("second derivative of ", name), most));
  return report;
}

} // namespace vitro::test
