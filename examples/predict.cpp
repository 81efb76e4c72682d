// Load a run and predict with it, from four threads at once: a model that nobody trains is const.
//
//   vitro train moons --out run && predict run
#include <array>
#include <cstdio>
#include <thread>

#include <vitro/train/run.h>

int main(int count, char** words) {
  const vitro::StoredRun run = vitro::open_run(vitro::find_run(count > 1 ? words[1] : "run"));
  const std::array<std::array<double, 2>, 4> points{{{0, 1}, {1, -0.5}, {-1, 0}, {2, 0.5}}};
  std::array<vitro::Tensor, 4> answers;
  std::array<std::thread, 4> threads;
  for (size_t i = 0; i < 4; ++i)
    threads[i] = std::thread([&, i] { answers[i] = run.model.predict(vitro::Tensor({1, 2}, points[i])); });
  for (size_t i = 0; i < 4; ++i) {
    threads[i].join();
    std::printf("at (%g, %g) %s has probability %.3f\n", points[i][0], points[i][1], run.schema.classes[0].c_str(),
                answers[i].at(0));
  }
}
