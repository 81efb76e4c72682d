// Recurrent layers and their way back against the ops' expansions in double: every cell, sizes off those of vectors and
// panels, with lengths (none of a row among them) and without, the weight in rows and in panels; the same bits on AVX2
// and AVX-512, at every number of threads, and whatever nobody reads; nothing written outside.
#include "kernels/recurrence.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "core/layout.h"
#include "core/text.h"
#include "core/threads.h"
#include "kernels_targets.h"
#include "kernels_values.h"
#include "rounding_bounds.h"

namespace vitro::kernels {
namespace {

struct Case {
  int64_t batch, time, units;
};

// Few rows, which share a step's units out; rows that are shared out; one panel and several, whole and cut off. The
// last ones are so much that threads take part.
const Case cases[] = {{1, 1, 1},  {2, 7, 5},  {7, 3, 17},  {8, 2, 16},  {9, 5, 33},   {17, 3, 48}, {33, 2, 1},
                      {40, 2, 5}, {3, 4, 80}, {1, 3, 300}, {2, 2, 304}, {32, 3, 128}, {40, 7, 96}};

const Op& op_of(Cell cell) { return cell == Cell::lstm ? lstm_op : cell == Cell::gru ? gru_op : rnn_op; }
const Op& gradient_of(Cell cell) {
  return cell == Cell::lstm ? lstm_gradient_op : cell == Cell::gru ? gru_gradient_op : rnn_gradient_op;
}
Attrs attrs_of(Cell cell) {
  if (gates_of(cell) > 1) return {};
  return {{"activation", std::string(cell == Cell::rnn_relu ? "relu" : "tanh")}};
}

Tensor random(const Shape& shape, uint32_t seed, float scale) {
  Tensor out({DType::f32, shape});
  const auto values = random_values(shape.elements(), seed, scale);
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double(values[size_t(i) + 1]));
  return out;
}

// What a layer is given and what stands where, by the ops' order of inputs.
struct Setting {
  Recurrence of;
  std::vector<Tensor> forward, backward;
  std::vector<Tensor> forward_truth, backward_truth;
  std::vector<float> panels; // the weight
  Tensor lengths;
  bool has_lengths;
  const int32_t* lengths_data() const { return has_lengths ? lengths.as<int32_t>().data() : nullptr; }

  Setting(Cell cell, const Case& one, bool with_lengths, bool scalars)
      : of{cell, one.batch, one.time, one.units}, has_lengths(with_lengths) {
    const auto [batch, time, units] = one;
    const int64_t gates = gates_of(cell);
    const Shape all{batch, time, gates * units}, steps{batch, time, units}, state{batch, units};
    const bool is_lstm = cell == Cell::lstm, is_gru = cell == Cell::gru;
    const float small = 1 / std::sqrt(float(units));
    forward = {random(all, 1, 1), random({gates * units, units}, 2, small)};
    if (is_gru) forward.push_back(random({gates * units}, 3, 1));
    forward.push_back(random(state, 4, 0.5));
    if (is_lstm) forward.push_back(random(state, 5, 1));
    if (with_lengths) {
      lengths = Tensor({DType::i32, {batch}});
      for (int64_t b = 0; b < batch; ++b) lengths.set(b, double((b * 3 + 2 * time) % (time + 1)));
      forward.push_back(lengths);
    }
    forward_truth = test::plainly(op_of(cell), attrs_of(cell), test::in_doubles(forward));

    // The way back reads what the way forth has left, rounded.
    const auto left = [&](size_t i) { return forward_truth[i].to(DType::f32); };
    const Tensor &weight = forward[1], dy = random(scalars ? Shape{} : steps, 6, 1), dh = random(state, 7, 1),
                 dc = random(scalars ? Shape{} : state, 8, 1);
    if (is_lstm)
      backward = {left(4), left(5), weight, forward[3], dy, dh, dc};
    else if (is_gru)
      backward = {left(3), left(4), left(2), weight, dy, dh};
    else
      backward = {left(0), weight, dy, dh};
    if (with_lengths) backward.push_back(lengths);
    backward_truth = test::plainly(gradient_of(cell), attrs_of(cell), test::in_doubles(backward));
    if (units % 16 == 0) {
      panels.resize(size_t(gates * units * units));
      pack(weight.type(), {.axis = 0, .block = 16}, weight.view().data, panels.data());
    }
  }
};

const float* data(const Tensor& x) { return x.as<float>().data(); }

using Results = std::vector<std::vector<float>>;

// Places for an op's outputs with canaries around them, one of which may be nowhere.
struct Outputs {
  Results stored;
  size_t nowhere;
  Outputs(const std::vector<Tensor>& like, size_t nowhere) : nowhere(nowhere) {
    for (const Tensor& y : like) stored.emplace_back(size_t(y.elements() + 2 * guard), canary);
  }
  float* operator[](size_t i) { return i == nowhere ? nullptr : stored[i].data() + guard; }
  Results finished() {
    for (size_t i = 0; i < stored.size(); ++i) {
      std::vector<float>& out = stored[i];
      const size_t n = out.size() - 2 * size_t(guard);
      for (size_t j = 0; j < size_t(guard); ++j)
        EXPECT_TRUE(out[j] == canary && out[n + size_t(guard) + j] == canary) << "writes outside of output " << i;
      out = {out.begin() + guard, out.end() - guard};
      if (i == nowhere) out.clear();
    }
    return std::move(stored);
  }
};

constexpr size_t none = 99;

template <class Run> Results with_workspace(int64_t bytes, Outputs& out, Run run) {
  Buffer scratch{size_t(bytes)};
  std::fill_n(reinterpret_cast<uint8_t*>(scratch.data()), size_t(bytes), uint8_t(0xff)); // all nan
  run(scratch.data());
  return out.finished();
}

Results run_forward(const Setting& s, bool panels, size_t nowhere = none) {
  Recurrence of = s.of;
  of.panels = panels;
  const auto& in = s.forward;
  const bool is_lstm = of.cell == Cell::lstm, is_gru = of.cell == Cell::gru;
  Outputs out(s.forward_truth, nowhere);
  RecurrenceForward to{.gates = data(in[0]),
                       .weight = panels ? s.panels.data() : data(in[1]),
                       .bias = is_gru ? data(in[2]) : nullptr,
                       .h0 = data(in[is_gru ? 3 : 2]),
                       .c0 = is_lstm ? data(in[3]) : nullptr,
                       .lengths = s.lengths_data(),
                       .y = out[0],
                       .h = out[1],
                       .c = is_lstm ? out[2] : nullptr,
                       .before = out[is_lstm ? 3 : 2]};
  if (is_lstm) to.activated = out[4], to.kept = out[5];
  if (is_gru) to.activated = out[3], to.kept = out[4];
  return with_workspace(recurrence_workspace(of), out, [&](void* scratch) { recurrence(of, to, scratch); });
}

Results run_backward(const Setting& s, bool panels, size_t nowhere = none) {
  Recurrence of = s.of;
  of.panels = panels;
  const auto& in = s.backward;
  const bool is_lstm = of.cell == Cell::lstm, is_gru = of.cell == Cell::gru;
  const size_t weight = is_lstm ? 2 : is_gru ? 3 : 1, dy = is_lstm ? 4 : weight + 1;
  Outputs out(s.backward_truth, nowhere);
  const auto arriving = [&](size_t i) { return Arriving{data(in[i]), in[i].shape().rank() == 0}; };
  RecurrenceBackward to{.activated = data(in[0]),
                        .weight = panels ? s.panels.data() : data(in[weight]),
                        .dy = arriving(dy),
                        .dh = arriving(dy + 1),
                        .lengths = s.lengths_data(),
                        .dgates = out[0],
                        .dh0 = out[1],
                        .at_h = out[is_lstm || is_gru ? 3 : 2]};
  if (is_lstm) to.kept = data(in[1]), to.c0 = data(in[3]), to.dc = arriving(6), to.dc0 = out[2], to.at_c = out[4];
  if (is_gru) to.kept = data(in[1]), to.before = data(in[2]), to.dz = out[2];
  return with_workspace(recurrence_gradient_workspace(of), out,
                        [&](void* scratch) { recurrence_gradient(of, to, scratch); });
}

void expect_near(const Results& got, const std::vector<Tensor>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t j = 0; j < want.size(); ++j) {
    const double bound = 3e-6 * std::max(1.0, test::largest(want[j]));
    for (int64_t i = 0; i < want[j].elements(); ++i)
      ASSERT_NEAR(double(got[j][size_t(i)]), want[j].at(i), bound) << what << ", output " << j << ", element " << i;
  }
}

void expect_same(const Results& got, const Results& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t j = 0; j < want.size(); ++j)
    if (!got[j].empty())
      expect_same_bits(got[j].data(), want[j].data(), int64_t(want[j].size()), text(what, ", output ", j));
}

TEST(Recurrence, IsItsExpansionOnEveryInstructionSetAtEveryNumberOfThreads) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn_tanh, Cell::rnn_relu})
    for (const Case& one : cases)
      for (const bool with_lengths : {false, true}) {
        const Setting s(cell, one, with_lengths, one.batch % 2 == 1);
        const std::string what = text(op_of(cell).name, " ", one.batch, " x ", one.time, " x ", one.units,
                                      with_lengths ? " with lengths" : "");
        SCOPED_TRACE(what);
        const auto both = [&](bool panels) { return std::pair{run_forward(s, panels), run_backward(s, panels)}; };
        std::pair<Results, Results> first;
        for (const Target& target : targets()) {
          const OnTarget on(target.bit);
          const auto got = both(false);
          expect_near(got.first, s.forward_truth, target.name + ", forward");
          expect_near(got.second, s.backward_truth, target.name + ", backward");
          if (testing::Test::HasFailure()) return;
          if (first.first.empty()) first = got;
          const auto& same = target.fused ? first : got;
          expect_same(got.first, same.first, target.name + ", forward");
          expect_same(got.second, same.second, target.name + ", backward");
          if (!s.panels.empty()) {
            const auto again = both(true);
            expect_same(again.first, got.first, target.name + ", forward from panels");
            expect_same(again.second, got.second, target.name + ", backward from panels");
          }
          if (testing::Test::HasFailure()) return;
        }
        const int before = thread_count();
        for (const int threads : {1, 2, 3, 5}) {
          set_thread_count(threads);
          const auto again = both(false);
          expect_same(again.first, first.first, text(threads, " threads, forward"));
          expect_same(again.second, first.second, text(threads, " threads, backward"));
        }
        set_thread_count(before);
        for (size_t i = 0; i < first.first.size(); ++i)
          expect_same(run_forward(s, false, i), first.first, text("without output ", i));
        for (size_t i = 0; i < first.second.size(); ++i)
          expect_same(run_backward(s, false, i), first.second, text("back, without output ", i));
        if (testing::Test::HasFailure()) return;
      }
}

// Batch rows know nothing of each other: a row has the bits that it has alone.
TEST(Recurrence, ARowHasTheSameBitsInAnyBatch) {
  const Setting s(Cell::lstm, {40, 3, 48}, false, false);
  const Results all = run_forward(s, false);
  for (const int64_t row : {0, 17, 39}) {
    Setting alone(Cell::lstm, {1, 3, 48}, false, false);
    for (const size_t i : {0, 2, 3}) {
      const int64_t n = alone.forward[i].elements();
      for (int64_t e = 0; e < n; ++e) alone.forward[i].set(e, s.forward[i].at(row * n + e));
    }
    const Results one = run_forward(alone, false);
    for (size_t j = 0; j < one.size(); ++j)
      expect_same_bits(one[j].data(), all[j].data() + size_t(row) * one[j].size(), int64_t(one[j].size()),
                       text("row ", row, ", output ", j));
  }
}

// What stands behind a row's end is read by nobody.
TEST(Recurrence, PaddingMayHoldAnything) {
  const Setting s(Cell::lstm, {9, 5, 17}, true, false);
  Setting other = s;
  const int64_t width = 4 * 17;
  for (int64_t b = 0; b < 9; ++b)
    for (int64_t t = int64_t(s.lengths.at(b)); t < 5; ++t)
      for (int64_t i = 0; i < width; ++i) {
        other.forward[0].set((b * 5 + t) * width + i, NAN);
        other.backward[0].set((b * 5 + t) * width + i, NAN);
        if (i < 17) other.backward[4].set((b * 5 + t) * 17 + i, NAN);
      }
  expect_same(run_forward(other, false), run_forward(s, false), "forward");
  expect_same(run_backward(other, false), run_backward(s, false), "backward");
}

TEST(ReverseSteps, ReversesWhatEachRowHas) {
  const int64_t batch = 3, time = 4, inner = 5;
  const int32_t lengths[] = {4, 0, 3};
  const auto x = random_values(batch * time * inner, 1);
  std::vector<float> y(x.size(), canary), back(x.size(), canary);
  for (const int32_t* given : {static_cast<const int32_t*>(lengths), static_cast<const int32_t*>(nullptr)}) {
    reverse_steps(batch, time, inner, given, x.data() + 1, y.data() + 1);
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t t = 0; t < time; ++t) {
        const int64_t length = given ? given[b] : time, from = t < length ? length - 1 - t : t;
        expect_same_bits(y.data() + 1 + (b * time + t) * inner, x.data() + 1 + (b * time + from) * inner, inner, "y");
      }
    reverse_steps(batch, time, inner, given, y.data() + 1, back.data() + 1);
    expect_same_bits(back.data() + 1, x.data() + 1, batch * time * inner, "twice");
    EXPECT_EQ(y[0], canary);
  }
}

} // namespace
} // namespace vitro::kernels
