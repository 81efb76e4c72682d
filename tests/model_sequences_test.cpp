// A model of sequences: lengths, answers at each step, memories that go from batch to batch; and what it refuses.
// (Its numbers are held against PyTorch's in golden_sequences_test.cpp.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "model/model.h"

namespace vitro {
namespace {

using testing::HasSubstr;

Tensor normal_numbers(const Shape& shape, uint64_t key) {
  const Stream stream(key, "x");
  Tensor x({DType::f32, shape});
  for (int64_t i = 0; i < x.elements(); ++i) x.set(i, stream.normal(0, uint64_t(i)));
  return x;
}

ModelSpec spec_of(const char* cell, const char* over = "last") {
  ModelSpec spec{
      .net = make_net("lstm", {{"cell", std::string(cell)}, {"hidden", int64_t{5}}, {"over", std::string(over)}}),
      .sample = {6, 3},
      .outputs = 2};
  spec.sequence = true;
  return spec;
}
ModelSpec each_step(const char* cell, int64_t carried) {
  ModelSpec spec = spec_of(cell);
  spec.net = {.layers = {{.op = cell, .args = {{"out", int64_t{5}}, {"layers", int64_t{2}}}},
                         {.op = "dense", .args = {{"out", std::string("classes")}}}}};
  spec.each_step = true;
  spec.carried = carried;
  return spec;
}

template <class F> std::string refusal(F f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "nothing was refused";
}

TEST(Sequences, PaddingChangesNothing) {
  for (const char* cell : {"rnn", "gru", "lstm"})
    for (const char* over : {"last", "mean", "max"}) {
      SCOPED_TRACE(cell);
      const Model model(spec_of(cell, over));
      const Tensor x = normal_numbers({1, 4, 3}, 1);
      Tensor padded({DType::f32, Shape{1, 7, 3}});
      for (int64_t i = 0; i < padded.elements(); ++i) padded.set(i, i < x.elements() ? x.at(i) : 1e3);
      const Tensor alone = model.predict(x), among = model.predict({padded, Tensor(Shape{1}, {4}, DType::i32)});
      for (int64_t i = 0; i < 2; ++i) EXPECT_NEAR(alone.at(i), among.at(i), 1e-6) << over;
    }
}

TEST(Sequences, TwoHalvesWithMemoryAreTheWhole) {
  for (const char* cell : {"rnn", "gru", "lstm"}) {
    SCOPED_TRACE(cell);
    Model model(each_step(cell, 2));
    const Tensor x = normal_numbers({2, 6, 3}, 2), whole = model.predict(x);
    Tensor first({DType::f32, Shape{2, 3, 3}}), second = first;
    for (int64_t row = 0; row < 2; ++row)
      for (int64_t i = 0; i < 9; ++i) {
        first.set(row * 9 + i, x.at(row * 18 + i));
        second.set(row * 9 + i, x.at(row * 18 + 9 + i));
      }
    const auto expect_half = [&](const Tensor& said, int64_t step) {
      for (int64_t row = 0; row < 2; ++row)
        for (int64_t i = 0; i < 6; ++i)
          EXPECT_NEAR(said.at(row * 6 + i), whole.at((row * 6 + step) * 2 + i), 1e-6) << "row " << row << ", " << i;
    };
    for (int round = 0; round < 2; ++round) { // the second time as the first, for all is forgotten
      expect_half(model.predict_next(first), 0);
      expect_half(model.predict_next(second), 3);
      model.forget();
    }
    expect_half(model.predict(first), 0); // which neither reads nor writes a memory
  }
}

TEST(Sequences, AStepGoesOnFromTheOneBefore) {
  Model carried(each_step("lstm", 2)), alone(each_step("lstm", 0));
  const Tensor x = normal_numbers({2, 6, 3}, 3), labels(Shape{2, 6}, {0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1}, DType::i32);
  EXPECT_EQ(carried.fit(x, labels, 0.0).loss, alone.fit(x, labels, 0.0).loss);
  EXPECT_NE(carried.fit(x, labels, 0.0).loss, alone.fit(x, labels, 0.0).loss);
  carried.forget();
  const StepResult again = carried.fit(x, labels, 0.0);
  EXPECT_EQ(again.loss, alone.fit(x, labels, 0.0).loss);
  EXPECT_EQ(again.samples, 12);
  EXPECT_EQ(carried.states().memories().size(), 4u);
  for (const std::string& name : carried.states().weights()) EXPECT_FALSE(carried.states().at(name).memory) << name;
}

TEST(Sequences, ShardsAddUpToTheWhole) {
  ModelSpec spec = spec_of("gru");
  Model whole(spec);
  spec.shards = 2;
  Model shards(spec);
  const Tensor x = normal_numbers({4, 6, 3}, 4), lengths(Shape{4}, {6, 2, 3, 1}, DType::i32),
               labels(Shape{4}, {0, 1, 1, 0}, DType::i32);
  for (int step = 0; step < 3; ++step)
    EXPECT_NEAR(whole.fit({x, lengths}, labels, 0.1).loss, shards.fit({x, lengths}, labels, 0.1).loss, 1e-6);
}

TEST(Sequences, WhatIsRefused) {
  Model model(spec_of("lstm"));
  const Tensor x = normal_numbers({2, 6, 3}, 5);
  const auto with = [&](const Tensor& lengths) { return refusal([&] { (void)model.predict({x, lengths}); }); };
  EXPECT_THAT(with(Tensor(Shape{2}, {6, 7}, DType::i32)), HasSubstr("sample 1 of the batch has length 7"));
  EXPECT_THAT(with(Tensor(Shape{2}, {0, 6}, DType::i32)), HasSubstr("sample 0 of the batch has length 0"));
  EXPECT_THAT(with(Tensor(Shape{3}, {1, 1, 1}, DType::i32)), HasSubstr("expected i32[2]"));
  EXPECT_THAT(refusal([&] { (void)model.predict(normal_numbers({2, 6, 4}, 5)); }), HasSubstr("expected [batch]"));
  EXPECT_THAT(refusal([&] { (void)model.predict_next(x); }), HasSubstr("ModelSpec::carried"));
  Model carried(each_step("gru", 3));
  EXPECT_THAT(refusal([&] { (void)carried.predict_next(x); }), HasSubstr("there were 3"));
  ModelSpec shards = each_step("gru", 4);
  shards.shards = 2;
  EXPECT_THAT(refusal([&] { (void)Model(shards); }), HasSubstr("cannot be made in 2 shards"));
  ModelSpec fixed = spec_of("gru");
  fixed.sequence = false;
  const Model plain(fixed);
  EXPECT_THAT(refusal([&] {
                (void)plain.predict({x, Tensor(Shape{2}, {6, 6}, DType::i32)});
              }),
              HasSubstr("no sequences"));
  ModelSpec unended = spec_of("gru");
  unended.net.layers.erase(unended.net.layers.begin() + 1);
  EXPECT_THAT(refusal([&] { (void)Model(unended); }), HasSubstr("last_step"));
  ModelSpec heads = spec_of("gru");
  heads.net.layers[0] = {.op = "attention", .args = {{"heads", int64_t{2}}}};
  EXPECT_THAT(refusal([&] { (void)Model(heads); }), HasSubstr("does not divide 3 features"));
}

} // namespace
} // namespace vitro
