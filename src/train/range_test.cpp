#include "train/range_test.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/math.h"
#include "core/text.h"

namespace vitro {
namespace {

constexpr int64_t fewest_steps = 10, unused_at_end = 5; // as fastai, which leaves out a tenth at the beginning, too

// Holds all states, and puts them back.
class Kept {
public:
  explicit Kept(States& states) : states_(states) {
    for (const std::string& name : states.names()) held_.emplace_back(name, states.read(name));
  }
  ~Kept() {
    for (const auto& [name, value] : held_) states_.write(name, value);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

private:
  States& states_;
  std::vector<std::pair<std::string, Tensor>> held_;
};

void check(const RangeTest& test) {
  const std::string where = "range test";
  if (!(test.from > 0) || !std::isfinite(test.to) || !(test.from < test.to))
    bad_input(where, text("goes from ", test.from, " to ", test.to), "from a rate above 0 to a larger one");
  if (test.steps < fewest_steps || test.steps > 10'000)
    bad_input(where, text("has ", test.steps, " steps"), text("take ", fewest_steps, " to 10000; 100 is usual"));
  if (!(test.beta >= 0 && test.beta < 1) || !(test.stop_at > 1))
    bad_input(where, text("beta is ", test.beta, ", stop_at ", test.stop_at), "beta in [0, 1), stop_at above 1");
}

} // namespace

int64_t valley_of(std::span<const double> losses) {
  std::vector<int64_t> length(losses.size(), 1); // of the longest falling sequence that ends here
  size_t end = 0;
  for (size_t i = 1; i < losses.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      if (losses[i] < losses[j]) length[i] = std::max(length[i], length[j] + 1);
    if (length[i] > length[end]) end = i;
  }
  if (end == 0) return -1;
  const int64_t stretch = length[end], start = int64_t(end) - stretch;
  return std::max<int64_t>(0, start + stretch / 3 + stretch / 6);
}

int64_t steepest_of(std::span<const double> losses) {
  const int64_t lowest = std::ranges::min_element(losses) - losses.begin();
  int64_t best = 0;
  for (int64_t i = 1; i < lowest; ++i)
    if (losses[size_t(i + 1)] - losses[size_t(i)] < losses[size_t(best + 1)] - losses[size_t(best)]) best = i;
  return best;
}

RangeTestResult range_test(Model& model, const RangeTest& test,
                           const std::function<std::pair<ConstView, ConstView>(int64_t step)>& batch) {
  check(test);
  const Kept kept(model.states());
  RangeTestResult out;
  double mean = 0, left = 1, best = INFINITY; // left: beta to the number of steps
  for (int64_t i = 0; i < test.steps && !out.stopped; ++i) {
    const double share = double(i) / double(test.steps - 1);
    const double rate = i + 1 == test.steps ? test.to : test.from * math::exp(share * math::log(test.to / test.from));
    const auto [x, targets] = batch(i);
    const StepResult step = model.fit(x, targets, rate);
    out.stopped = !step.finite || !step.finite_update;
    if (!step.finite) break;
    mean = test.beta * mean + (1 - test.beta) * step.loss;
    left *= test.beta;
    const double smoothed = mean / (1 - left);
    out.rates.push_back(rate);
    out.losses.push_back(smoothed);
    best = std::min(best, smoothed);
    out.stopped = out.stopped || smoothed > test.stop_at * best;
  }

  const int64_t seen = int64_t(out.rates.size()), first = test.steps / 10, count = seen - unused_at_end - first;
  if (count < 2) {
    const std::string when = seen == 0
                                 ? text("at its first step, at a rate of ", test.from)
                                 : text("after ", seen, " of ", test.steps, " steps, at a rate of ", out.rates.back());
    bad_input("range test", text("the loss diverges ", when),
              seen == 0 ? "look at the data: the loss is not finite before anything was learned"
                        : "begin lower (--from)");
  }
  const auto judged = std::span(out.losses).subspan(size_t(first), size_t(count));
  const int64_t valley = valley_of(judged);
  if (valley < 0)
    bad_input("range test", text("the loss falls at no rate from ", test.from, " to ", out.rates.back()),
              "try a wider range (--from, --to) or more --steps; or nothing can be learned from this data");
  out.valley = out.rates[size_t(first + valley)];
  out.steepest = out.rates[size_t(first + steepest_of(judged))];
  return out;
}

} // namespace vitro
