// Nets of sequences against PyTorch: ten steps of each recurrent layer, direction and pattern of lengths, with states
// carried from batch to batch, with attention. scripts/golden_sequences.py wrote tests/golden/sequences.json.
#include <set>

#include <gtest/gtest.h>

#include "golden_files.h"
#include "model/model.h"

namespace vitro {
namespace {

constexpr int64_t batch = 4, steps = 6, classes = 3;

// Both as scripts/golden_sequences.py makes them.
Tensor lengths_at(int64_t step) {
  return Tensor(Shape{batch}, {double(steps), double(1 + step % steps), 1, double(1 + (3 * step + 2) % steps)},
                DType::i32);
}
Tensor targets_at(int64_t step, bool each) {
  Tensor out({DType::i32, each ? Shape{batch, steps} : Shape{batch}});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double((5 * i + step) % classes));
  return out;
}

TEST(Golden, NetsOfSequences) {
  std::set<std::string> seen;
  for (const json& stated : golden("sequences.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(text(stated["name"].get<std::string>(), " ", vitro::name(dtype)));
      const double tolerance = dtype == DType::f64 ? in_double : 10 * in_float; // after ten steps
      const bool with_lengths = stated["lengths"], each = stated["each"], carried = stated["carried"];
      const Shape sample(stated["sample"].get<std::vector<int64_t>>());
      ModelSpec spec{.net = {.layers = layers_of(stated["layers"])}, .sample = sample, .outputs = classes};
      spec.sequence = true;
      spec.each_step = each;
      spec.carried = carried ? batch : 0;
      spec.dtype = dtype;
      for (const ResolvedLayer& layer : resolve(spec.net, classes)) seen.insert(layer.layer->name);
      Model model(spec);
      std::set<std::string> theirs;
      for (const auto& [name, start] : stated["start"].items()) {
        theirs.insert(name);
        ASSERT_TRUE(model.states().has(name)) << name;
        model.states().write(name, noise(model.states().at(name).type, start[0], start[1], start[2]));
      }
      const auto ours = model.states().names(true);
      EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), theirs);

      const Type type{dtype, Shape{batch, sample[0], sample[1]}};
      const Tensor none;
      const auto gradients =
          model.gradient({noise(type, 1000), with_lengths ? lengths_at(0) : none}, targets_at(0, each));
      for (const auto& [name, value] : stated["gradients"].items())
        expect_digest(gradients.at(name), value, tolerance, name);
      for (int64_t step = 0; step < 10; ++step) {
        const double loss = stated["losses"][size_t(step)];
        const Tensor x = noise(type, uint32_t(1000 + step)), lengths = with_lengths ? lengths_at(step) : none;
        const StepResult result = model.fit({x, lengths}, targets_at(step, each), 0.25);
        EXPECT_NEAR(result.loss, loss, tolerance * loss) << "step " << step;
        EXPECT_EQ(result.samples, each ? batch * steps : batch);
      }
      for (const auto& [name, value] : stated["end"].items())
        expect_digest(model.states().read(name), value, tolerance, name);
      const Tensor x = noise(type, 2000), lengths = with_lengths ? lengths_at(5) : none;
      expect_close(carried ? model.predict_next({x, lengths}) : model.predict({x, lengths}),
                   tensor_of(stated["predictions"], DType::f64), tolerance, "predictions");
    }
  for (const char* layer : {"rnn", "lstm", "gru", "last_step", "mean_over_time", "max_over_time", "attention", "dense"})
    EXPECT_TRUE(seen.contains(layer)) << layer;
}

} // namespace
} // namespace vitro
