// Define a net and train it: two spirals of points that no straight line separates.
#include <cmath>
#include <cstdio>

#include <vitro/core/random.h>
#include <vitro/model/model.h>

int main() {
  vitro::Tensor x({vitro::DType::f32, {400, 2}}), labels({vitro::DType::i32, {400}});
  const vitro::Stream noise(0, "spirals");
  for (int i = 0; i < 400; ++i) {
    const double radius = (1 + i / 2) / 200.0, angle = 6 * radius + 3.1416 * (i % 2);
    x.set(2 * i, radius * std::sin(angle) + 0.02 * noise.normal(i, 0));
    x.set(2 * i + 1, radius * std::cos(angle) + 0.02 * noise.normal(i, 1));
    labels.set(i, i % 2);
  }
  vitro::Model model({.net = vitro::mlp({32, 32}), .sample = {2}, .outputs = 2, .optimizer = {"adam"}});
  for (int step = 1; step <= 500; ++step) {
    const vitro::StepResult result = model.fit(x, labels, 0.01);
    if (step % 100 == 0) std::printf("step %d: loss %.4f, %d of 400 right\n", step, result.loss, int(result.correct));
  }
  const vitro::Tensor p = model.predict(vitro::Tensor({1, 2}, {0.3, 0.4}));
  std::printf("at (0.3, 0.4) the first spiral has probability %.3f\n", p.at(0));
}
