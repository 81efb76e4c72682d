#include "bench/softmax_gradient.h"

#include <algorithm>
#include <memory>

#include "bench/noise.h"
#include "bench/workload.h"
#include "core/text.h"
#include "kernels/softmax.h"

namespace vitro::bench {
namespace {

// The loss's derivative by the probabilities.
void cross_entropy_gradient(const SoftmaxRows& given, std::span<float> dp) {
  const int64_t classes = given.classes;
  std::ranges::fill(dp, 0.0F);
  for (int64_t r = 0; r < given.rows; ++r) {
    const auto at = size_t(r * classes + given.labels[size_t(r)]);
    dp[at] = -1 / given.p[at] / float(given.rows);
  }
}

// A batch, and scratch for any of the three.
struct Batch {
  Batch(int64_t rows, int64_t classes)
      : rows(rows), classes(classes), p(noise({rows, classes})), dp(p.type()), dx(p.type()),
        labels(Type{DType::i32, {rows}}), jacobian(Type{DType::f32, {classes, classes}}) {
    kernels::softmax(rows, classes, p.as<float>().data(), p.as<float>().data());
    for (int64_t r = 0; r < rows; ++r) labels.as<int32_t>()[size_t(r)] = int32_t(r * 7 % classes);
  }
  SoftmaxRows given() const { return {rows, classes, p.as<float>(), labels.as<int32_t>()}; }

  int64_t rows, classes;
  Tensor p, dp, dx, labels, jacobian;
};

struct Way {
  const char* name;
  const char* what;
  void (*run)(Batch&);
};

} // namespace

void joint_gradient(const SoftmaxRows& given, std::span<float> dx) {
  const float share = 1 / float(given.rows);
  for (int64_t r = 0; r < given.rows; ++r) {
    const float* const p = given.p.data() + r * given.classes;
    float* const row = dx.data() + r * given.classes;
    for (int64_t c = 0; c < given.classes; ++c) row[c] = p[c] * share;
    row[given.labels[size_t(r)]] -= share;
  }
}

void closed_form_gradient(const SoftmaxRows& given, std::span<float> dp, std::span<float> dx) {
  cross_entropy_gradient(given, dp);
  for (int64_t r = 0; r < given.rows; ++r) {
    const float* const p = given.p.data() + r * given.classes;
    const float* const d = dp.data() + r * given.classes;
    float* const row = dx.data() + r * given.classes;
    float sum = 0;
    for (int64_t c = 0; c < given.classes; ++c) sum += p[c] * d[c];
    for (int64_t c = 0; c < given.classes; ++c) row[c] = p[c] * (d[c] - sum);
  }
}

void jacobian_gradient(const SoftmaxRows& given, std::span<float> dp, std::span<float> jacobian, std::span<float> dx) {
  cross_entropy_gradient(given, dp);
  const int64_t classes = given.classes;
  for (int64_t r = 0; r < given.rows; ++r) {
    const float* const p = given.p.data() + r * classes;
    const float* const d = dp.data() + r * classes;
    for (int64_t i = 0; i < classes; ++i) {
      float* const row = jacobian.data() + i * classes;
      for (int64_t j = 0; j < classes; ++j) row[j] = -p[i] * p[j];
      row[i] += p[i];
    }
    for (int64_t i = 0; i < classes; ++i) {
      const float* const row = jacobian.data() + i * classes;
      float sum = 0;
      for (int64_t j = 0; j < classes; ++j) sum += row[j] * d[j];
      dx[size_t(r * classes + i)] = sum;
    }
  }
}

std::vector<Workload> losses() {
  const Way ways[] = {{"joint", "(p - y) / rows", [](Batch& b) { joint_gradient(b.given(), b.dx.as<float>()); }},
                      {"closed", "dp = -y / p / rows, then p (dp - sum(p dp))",
                       [](Batch& b) { closed_form_gradient(b.given(), b.dp.as<float>(), b.dx.as<float>()); }},
                      {"jacobian", "dp = -y / p / rows, then diag(p) - p p' times dp", [](Batch& b) {
                         jacobian_gradient(b.given(), b.dp.as<float>(), b.jacobian.as<float>(), b.dx.as<float>());
                       }}};
  constexpr int64_t rows = 100;
  std::vector<Workload> out;
  for (const int64_t classes : {10, 1000})
    for (const Way& way : ways) {
      const double bytes = 8.0 * double(rows * classes);
      out.push_back({.name = text("softmax-ce-", way.name, "-", rows, "x", classes),
                     .group = "softmax-ce",
                     .what = text("backward: ", way.what),
                     .bytes = bytes,
                     .bandwidth = bandwidth_for(bytes, true),
                     .elements = double(rows * classes),
                     .one_thread = true,
                     .make = [run = way.run, rows = rows, classes]() -> Job {
                       const auto batch = std::make_shared<Batch>(rows, classes);
                       return {.run = [=] {
                         run(*batch);
                         keep(batch->dx.as<float>().data());
                       }};
                     }});
    }
  return out;
}

} // namespace vitro::bench
