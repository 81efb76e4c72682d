#include "train/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/math.h"
#include "core/random.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/batches.h"
#include "report/terminal.h"

namespace vitro {
namespace {

using Doubles = std::vector<double>;

// How much work is allowed, in multiply-adds, of which a core does about a thousand million a second.
constexpr double most_work = 3e9, exponential = 25; // what one of them costs
constexpr int64_t fewest_evaluations = 40, most_evaluations = 300, most_values = int64_t{1} << 24, most_solved = 1536;

// Four sums side by side, added at the end: fixed, and quicker than one.
double dot(const double* a, const double* b, int64_t n) {
  double sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int64_t k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
double dot(const Doubles& a, const Doubles& b) { return dot(a.data(), b.data(), int64_t(a.size())); }

void add_scaled(double* __restrict y, double factor, const double* __restrict x, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int64_t k = 0; k < 4; ++k) y[i + k] += factor * x[i + k];
  for (; i < n; ++i) y[i] += factor * x[i];
}

// y += the four rows of x (`apart` from each other), each times its factor: y is read and written once.
void add_four(double* __restrict y, const double factor[4], const double* __restrict x, int64_t apart, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    y[i] +=
        (factor[0] * x[i] + factor[1] * x[i + apart]) + (factor[2] * x[i + 2 * apart] + factor[3] * x[i + 3 * apart]);
}

// Samples as a linear model reads them: numbers, and for each code the column that is 1.
struct Rows {
  int64_t count = 0, numbers = 0, coded = 0, columns = 0;
  Doubles number;            // [count, numbers]
  std::vector<int32_t> ones; // [count, coded]: positions among all columns

  Rows(const Dataset& data, std::span<const int64_t> chosen, const std::vector<int64_t>& codes)
      : count(int64_t(chosen.size())), coded(int64_t(codes.size())) {
    const int64_t width = data.schema.net_input().elements();
    numbers = columns = width - coded;
    Tensor all({DType::f64, {count, width}});
    fill_samples(data, chosen, all.view());
    const double* from = all.as<double>().data();
    number.resize(size_t(count * numbers));
    ones.resize(size_t(count * coded));
    for (int64_t i = 0; i < count; ++i) std::copy_n(from + i * width, numbers, &number[size_t(i * numbers)]);
    for (int64_t k = 0; k < coded; ++k) {
      for (int64_t i = 0; i < count; ++i) {
        const double code = from[i * width + numbers + k];
        if (!(code >= 0 && code < double(codes[size_t(k)])))
          bad_input("linear model", text("the code of column ", numbers + k, " of a sample is ", code,
                                         ", expected 0 to ", codes[size_t(k)] - 1));
        ones[size_t(i * coded + k)] = int32_t(columns + int64_t(code));
      }
      columns += codes[size_t(k)];
    }
  }

  const double* of(int64_t row) const { return number.data() + row * numbers; }
  std::span<const int32_t> ones_of(int64_t row) const {
    return std::span(ones).subspan(size_t(row * coded), size_t(coded));
  }

  // weight . row
  double product(const double* weight, int64_t row) const {
    double sum = dot(weight, of(row), numbers);
    for (const int32_t one : ones_of(row)) sum += weight[one];
    return sum;
  }
  // to += factor row
  void add(double* to, double factor, int64_t row) const {
    add_scaled(to, factor, of(row), numbers);
    for (const int32_t one : ones_of(row)) to[one] += factor;
  }

  // Takes each number column's mean away: biases are free, so the model stays the same and is found sooner.
  Doubles centre() {
    Doubles mean(static_cast<size_t>(numbers));
    for (int64_t i = 0; i < count; ++i) add_scaled(mean.data(), 1 / double(count), of(i), numbers);
    for (int64_t i = 0; i < count; ++i) add_scaled(&number[size_t(i * numbers)], -1, mean.data(), numbers);
    return mean;
  }
};

int64_t columns_of(const Dataset& data, const std::vector<int64_t>& codes) {
  return std::accumulate(codes.begin(), codes.end(), data.schema.net_input().elements() - int64_t(codes.size()));
}

// At most so many samples, at random.
std::vector<int64_t> choose(int64_t all, double most) {
  std::vector<int64_t> out(static_cast<size_t>(all));
  std::iota(out.begin(), out.end(), 0);
  if (double(all) <= most) return out;
  out = permutation(Stream(0, "linear model"), all);
  out.resize(size_t(std::max(1.0, most)));
  std::sort(out.begin(), out.end());
  return out;
}

// ---- The function that is made small -------------------------------------------------------------------

// The mean loss of the samples plus the penalty, over parameters [outputs, columns + 1], a row's bias last.
class Objective {
public:
  // `labels` or `targets` [count, outputs], the other empty.
  Objective(const Rows& rows, int64_t outputs, double l2, std::vector<int32_t> labels, Doubles targets)
      : rows_(rows), outputs_(outputs), width_(rows.columns + 1), l2_(l2 / double(rows.count)),
        piece_(std::max<int64_t>(256, rows.count * size() / most_values)), labels_(std::move(labels)),
        targets_(std::move(targets)) {}

  int64_t size() const { return outputs_ * width_; }

  double operator()(const Doubles& at, Doubles& slope) const {
    const int64_t tasks = (rows_.count + piece_ - 1) / piece_;
    Doubles losses(static_cast<size_t>(tasks)), slopes(static_cast<size_t>(tasks * size()));
    parallel(tasks, [&](int64_t task) {
      double* const into = &slopes[size_t(task * size())];
      Doubles score(static_cast<size_t>(outputs_));
      for (int64_t i = task * piece_; i < std::min(rows_.count, (task + 1) * piece_); ++i) {
        for (int64_t k = 0; k < outputs_; ++k)
          score[size_t(k)] = rows_.product(&at[size_t(k * width_)], i) + at[size_t(k * width_ + rows_.columns)];
        losses[size_t(task)] += lose(i, score); // which leaves the loss's slope behind
        for (int64_t k = 0; k < outputs_; ++k) {
          rows_.add(into + k * width_, score[size_t(k)], i);
          into[k * width_ + rows_.columns] += score[size_t(k)];
        }
      }
    });
    const double share = 1 / double(rows_.count);
    double value = 0;
    for (const double loss : losses) value += loss * share;
    slope.assign(size_t(size()), 0);
    for (int64_t task = 0; task < tasks; ++task)
      add_scaled(slope.data(), share, &slopes[size_t(task * size())], size());
    for (int64_t k = 0; k < outputs_; ++k) {
      const double* weight = &at[size_t(k * width_)];
      value += 0.5 * l2_ * dot(weight, weight, rows_.columns);
      add_scaled(&slope[size_t(k * width_)], l2_, weight, rows_.columns);
    }
    return value;
  }

  // About the second derivative by each parameter, where all scores are zero.
  Doubles curvature() const {
    const double of_score = !targets_.empty() ? 1
                            : outputs_ == 1   ? 0.25
                                              : (1 - 1 / double(outputs_)) / double(outputs_);
    Doubles squares(static_cast<size_t>(width_));
    for (int64_t i = 0; i < rows_.count; ++i) {
      const double* x = rows_.of(i);
      for (int64_t j = 0; j < rows_.numbers; ++j) squares[size_t(j)] += x[j] * x[j];
      for (const int32_t one : rows_.ones_of(i)) squares[size_t(one)] += 1;
    }
    Doubles out;
    for (int64_t k = 0; k < outputs_; ++k) {
      for (int64_t j = 0; j < rows_.columns; ++j)
        out.push_back(of_score * squares[size_t(j)] / double(rows_.count) + l2_);
      out.push_back(of_score);
    }
    return out;
  }

private:
  // The loss of a sample whose scores are given; they become its slope by each score.
  double lose(int64_t row, Doubles& score) const {
    if (!targets_.empty()) {
      double loss = 0;
      for (int64_t k = 0; k < outputs_; ++k) {
        double& away = score[size_t(k)];
        away -= targets_[size_t(row * outputs_ + k)];
        loss += 0.5 * away * away;
      }
      return loss;
    }
    const int32_t label = labels_[size_t(row)];
    if (outputs_ == 1) {
      const double z = score[0], e = math::exp(-std::abs(z)); // never above 1
      score[0] = (z >= 0 ? 1 / (1 + e) : e / (1 + e)) - double(label);
      return math::log(1 + e) + std::max(z, 0.0) - (label ? z : 0);
    }
    const double largest = *std::max_element(score.begin(), score.end()), truth = score[size_t(label)];
    double sum = 0;
    for (double& s : score) sum += s = math::exp(s - largest);
    for (double& s : score) s /= sum;
    score[size_t(label)] -= 1;
    return math::log(sum) + largest - truth;
  }

  const Rows& rows_;
  int64_t outputs_, width_;
  double l2_;
  int64_t piece_; // samples to a task: their sums are added in the order of the tasks
  std::vector<int32_t> labels_;
  Doubles targets_;
};

struct Minimum {
  Doubles at;
  int64_t evaluations = 0;
};

// L-BFGS with backtracking: the objective is convex, so any step that lowers it enough will do.
Minimum minimise(const Objective& objective, double tolerance, int64_t evaluations) {
  constexpr size_t pairs = 10;
  struct Pair {
    Doubles step, change;
    double product;
  };
  std::vector<Pair> held; // the oldest first
  const auto n = static_cast<size_t>(objective.size());
  const Doubles curvature = objective.curvature();
  Minimum out{Doubles(n), 1};
  Doubles slope, next_slope, next(n);
  double value = objective(out.at, slope);
  const auto largest = [](const Doubles& v) {
    double most = 0;
    for (const double x : v) most = std::max(most, std::abs(x));
    return most;
  };
  while (largest(slope) > tolerance && out.evaluations < evaluations) {
    // The two loops of Nocedal: direction = -H slope.
    Doubles direction = slope, factors(held.size());
    for (size_t i = held.size(); i-- > 0;) {
      factors[i] = dot(held[i].step, direction) / held[i].product;
      add_scaled(direction.data(), -factors[i], held[i].change.data(), int64_t(n));
    }
    double scale = 1;
    if (!held.empty()) {
      double weighted = 0;
      const Doubles& change = held.back().change;
      for (size_t i = 0; i < n; ++i) weighted += change[i] * change[i] / curvature[i];
      scale = held.back().product / weighted;
    }
    for (size_t i = 0; i < n; ++i) direction[i] *= scale / curvature[i];
    for (size_t i = 0; i < held.size(); ++i)
      add_scaled(direction.data(), factors[i] - dot(held[i].change, direction) / held[i].product, held[i].step.data(),
                 int64_t(n));
    const double fall = dot(direction, slope);
    if (!(fall > 0)) break; // rounding is all that is left

    double length = 1, next_value = value;
    bool lower = false;
    for (; !lower && out.evaluations < evaluations && length > 1e-10; length *= lower ? 1 : 0.4) {
      for (size_t i = 0; i < n; ++i) next[i] = out.at[i] - length * direction[i];
      next_value = objective(next, next_slope);
      ++out.evaluations;
      lower = next_value <= value - 1e-4 * length * fall;
    }
    if (!lower) break;
    Pair pair{Doubles(n), Doubles(n), 0};
    for (size_t i = 0; i < n; ++i) {
      pair.step[i] = next[i] - out.at[i];
      pair.change[i] = next_slope[i] - slope[i];
    }
    pair.product = dot(pair.step, pair.change);
    if (pair.product > 1e-12 * dot(pair.change, pair.change)) {
      if (held.size() == pairs) held.erase(held.begin());
      held.push_back(std::move(pair));
    }
    out.at.swap(next);
    slope.swap(next_slope);
    value = next_value;
  }
  return out;
}

// ---- Solved directly --------------------------------------------------------------------------------------

// a [n, n] symmetric positive definite (its lower half is read) becomes its Cholesky factor; b [n, m] the solution.
void solve(Doubles& a, Doubles& b, int64_t n, int64_t m) {
  const auto row = [&](int64_t i) { return &a[size_t(i * n)]; };
  for (int64_t j = 0; j < n; ++j) {
    row(j)[j] = math::sqrt(row(j)[j] - dot(row(j), row(j), j));
    constexpr int64_t at_once = 64;
    parallel((n - j - 1 + at_once - 1) / at_once, [&](int64_t task) {
      for (int64_t i = j + 1 + task * at_once; i < std::min(n, j + 1 + (task + 1) * at_once); ++i)
        row(i)[j] = (row(i)[j] - dot(row(i), row(j), j)) / row(j)[j];
    });
  }
  const auto of = [&](int64_t i) { return &b[size_t(i * m)]; };
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j) add_scaled(of(i), -row(i)[j], of(j), m);
    for (int64_t k = 0; k < m; ++k) of(i)[k] /= row(i)[i];
  }
  for (int64_t i = n; i-- > 0;) {
    for (int64_t j = i + 1; j < n; ++j) add_scaled(of(i), -row(j)[i], of(j), m);
    for (int64_t k = 0; k < m; ++k) of(i)[k] /= row(i)[i];
  }
}

// The weights [outputs, columns + 1] of ridge regression: (x'x + l2) w = x'y with the means taken away.
Doubles ridge(const Rows& rows, int64_t outputs, double l2, const Doubles& targets) {
  const int64_t d = rows.columns, n = rows.count;
  Doubles mean(static_cast<size_t>(d)), middle(static_cast<size_t>(outputs));
  for (int64_t i = 0; i < n; ++i) {
    rows.add(mean.data(), 1 / double(n), i);
    add_scaled(middle.data(), 1 / double(n), &targets[size_t(i * outputs)], outputs);
  }
  // A task has a few columns' products with those before them (all numbers, for a code's column), over all samples.
  Doubles gram(static_cast<size_t>(d * d)), right(static_cast<size_t>(d * outputs));
  constexpr int64_t band = 16;
  const int64_t bands = (rows.numbers + band - 1) / band;
  parallel(bands + rows.coded, [&](int64_t task) {
    const auto add = [&](int64_t column, double factor, int64_t i, int64_t before) {
      double* const into = &gram[size_t(column * d)];
      add_scaled(into, factor, rows.of(i), std::min(before, rows.numbers));
      add_scaled(&right[size_t(column * outputs)], factor, &targets[size_t(i * outputs)], outputs);
    };
    const int64_t begin = task * band, end = std::min(rows.numbers, begin + band);
    for (int64_t i = 0; i < n; ++i) {
      if (task < bands) {
        const bool four = i % 4 == 0 && i + 4 <= n;
        for (int64_t j = begin; j < end; ++j) {
          const double* const x = rows.of(i);
          if (four) {
            const double factors[] = {x[j], x[j + rows.numbers], x[j + 2 * rows.numbers], x[j + 3 * rows.numbers]};
            add_four(&gram[size_t(j * d)], factors, x, rows.numbers, j + 1);
            for (int64_t k = 0; k < 4; ++k)
              add_scaled(&right[size_t(j * outputs)], factors[k], &targets[size_t((i + k) * outputs)], outputs);
          } else {
            add(j, x[j], i, j + 1);
          }
        }
        if (four) i += 3;
      } else {
        const auto ones = rows.ones_of(i);
        const int64_t column = ones[size_t(task - bands)];
        add(column, 1, i, rows.numbers);
        for (int64_t k = 0; k <= task - bands; ++k) gram[size_t(column * d + ones[size_t(k)])] += 1;
      }
    }
  });
  for (int64_t a = 0; a < d; ++a) {
    add_scaled(&gram[size_t(a * d)], -double(n) * mean[size_t(a)], mean.data(), a + 1);
    gram[size_t(a * d + a)] += l2;
    add_scaled(&right[size_t(a * outputs)], -double(n) * mean[size_t(a)], middle.data(), outputs);
  }
  solve(gram, right, d, outputs);
  Doubles out;
  for (int64_t k = 0; k < outputs; ++k) {
    double bias = middle[size_t(k)];
    for (int64_t j = 0; j < d; ++j) {
      out.push_back(right[size_t(j * outputs + k)]);
      bias -= out.back() * mean[size_t(j)];
    }
    out.push_back(bias);
  }
  return out;
}

} // namespace

LinearModel fit_linear(const Dataset& train, const LinearOptions& options) {
  if (!(options.l2 > 0)) bad_input("linear model", text("l2 is ", options.l2, ", expected above 0"));
  if (int64_t(options.codes.size()) > train.schema.net_input().elements() ||
      std::ranges::any_of(options.codes, [](int64_t size) { return size < 1; }))
    bad_input("linear model", text(options.codes.size(), " codes do not fit samples ", train.schema.net_input()));
  const bool classes = train.schema.goal == Goal::classes;
  LinearModel out{.goal = train.schema.goal, .codes = options.codes, .outputs = train.schema.outputs()};
  const int64_t rows_of_weights = classes && out.outputs == 2 ? 1 : out.outputs;
  const int64_t columns = columns_of(train, options.codes);
  const double touched = double(train.schema.net_input().elements()); // by one sample, of each output's weights
  const bool direct = !classes && columns <= most_solved;
  // What one sample costs: half a Gram matrix; or in each evaluation a product and a sum.
  const double cost = direct ? touched * touched / 2 : (2 * touched + exponential) * double(rows_of_weights);
  const double most = most_work / cost / (direct ? 1 : double(fewest_evaluations));

  const std::vector<int64_t> chosen = choose(train.size(), std::min(most, double(most_values) / touched));
  Rows rows(train, chosen, options.codes);
  out.rows = rows.count;
  out.numbers = rows.numbers;
  const Doubles mean = rows.centre();
  std::vector<int32_t> labels;
  Doubles targets;
  if (classes) {
    for (const int64_t row : chosen) labels.push_back(train.label_of()[size_t(row)]);
  } else {
    Tensor learned({DType::f64, {rows.count, out.outputs}});
    fill_targets(train, chosen, learned.view());
    targets = learned.values();
  }

  Doubles found;
  if (direct) {
    found = ridge(rows, rows_of_weights, options.l2, targets);
  } else {
    const double allowed = most_work / (cost * double(rows.count));
    const auto evaluations = int64_t(std::clamp(allowed, double(fewest_evaluations), double(most_evaluations)));
    Minimum minimum = minimise({rows, rows_of_weights, options.l2, std::move(labels), std::move(targets)},
                               options.tolerance, evaluations);
    found = std::move(minimum.at);
    out.evaluations = minimum.evaluations;
  }
  for (int64_t k = 0; k < rows_of_weights; ++k) {
    const double* weight = &found[size_t(k * (columns + 1))];
    out.weight.insert(out.weight.end(), weight, weight + columns);
    out.bias.push_back(weight[columns] - dot(weight, mean.data(), rows.numbers));
  }
  return out;
}

Tensor predict(const LinearModel& model, const Dataset& data) {
  Tensor out({DType::f32, {data.size(), model.outputs}});
  const auto units = int64_t(model.bias.size());
  const auto columns = int64_t(model.weight.size()) / units;
  float* const to = out.as<float>().data();
  constexpr int64_t piece = 1024;
  for (int64_t begin = 0; begin < data.size(); begin += piece) {
    std::vector<int64_t> chosen(size_t(std::min(piece, data.size() - begin)));
    std::iota(chosen.begin(), chosen.end(), begin);
    const Rows rows(data, chosen, model.codes);
    Doubles score(static_cast<size_t>(units));
    for (int64_t i = 0; i < rows.count; ++i) {
      for (int64_t k = 0; k < units; ++k)
        score[size_t(k)] = rows.product(&model.weight[size_t(k * columns)], i) + model.bias[size_t(k)];
      float* const row = to + (begin + i) * model.outputs;
      if (model.goal == Goal::classes) {
        if (units == 1) score.insert(score.begin(), 0); // class 0 scores 0
        const double largest = *std::max_element(score.begin(), score.end());
        double sum = 0;
        for (double& s : score) sum += s = math::exp(s - largest);
        for (double& s : score) s /= sum;
      }
      for (int64_t k = 0; k < model.outputs; ++k) row[k] = float(score[size_t(k)]);
      score.resize(size_t(units));
    }
  }
  return out;
}

std::optional<Baseline> linear_baseline(const Dataset& train, const Dataset& on, std::span<const int64_t> codes) {
  const Schema& schema = train.schema;
  // Of a series' window a weighted sum is fair as well (codes would have to be the last of all, not of each row).
  const bool rows_or_windows = schema.sample.rank() == 1 || (schema.forecast && codes.empty());
  if (!rows_or_windows || schema.features.empty() || on.size() == 0) return std::nullopt;
  const LinearModel model = fit_linear(train, {.codes = {codes.begin(), codes.end()}});
  const Tensor predictions = predict(model, on);
  std::vector<int64_t> rows(size_t(on.size()));
  std::iota(rows.begin(), rows.end(), 0);
  Tally tally(schema);
  tally.add(on, rows, std::numeric_limits<double>::quiet_NaN(), predictions);
  Baseline out{.metrics = tally.metrics(), .value = 0, .text = "linear model"};
  out.value = schema.goal == Goal::classes ? out.metrics.accuracy() : out.metrics.rmse;
  if (model.rows < train.size()) out.text += text(" of ", thousands(model.rows), " samples");
  return out;
}

} // namespace vitro
