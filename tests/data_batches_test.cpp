// Splits, scalings and batches.
#include "data/batches.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/random.h"
#include "core/threads.h"
#include "data/generate.h"
#include "data_scratch.h"

namespace vitro {
namespace {

TEST(Batches, an_epoch_visits_every_row_once) {
  for (const int64_t n : {1, 7, 64, 101})
    for (const int64_t b : {1, 2, 10, 64, 200}) {
      Batches batches(n, b, 3);
      std::multiset<int64_t> seen;
      for (int64_t i = 0; i < batches.per_epoch(); ++i) {
        const auto rows = batches.rows({2, i});
        EXPECT_EQ(int64_t(rows.size()), std::min(b, n - i * b));
        seen.insert(rows.begin(), rows.end());
      }
      EXPECT_EQ(int64_t(seen.size()), n);
      EXPECT_EQ(int64_t(std::set(seen.begin(), seen.end()).size()), n);
    }
}

TEST(Batches, are_addressed_by_seed_and_epoch_alone) {
  const auto rows = [](uint64_t seed, Position at) {
    Batches batches(100, 10, seed);
    const auto span = batches.rows(at);
    return std::vector<int64_t>(span.begin(), span.end());
  };
  Batches walked(100, 10, 5);
  Position at;
  for (int i = 0; i < 37; ++i) {
    walked.rows(at);
    at = walked.after(at);
  }
  EXPECT_EQ(at, (Position{3, 7}));
  const auto resumed = walked.rows(at);
  EXPECT_EQ(rows(5, {3, 7}), std::vector<int64_t>(resumed.begin(), resumed.end()));
  EXPECT_NE(rows(5, {3, 7}), rows(6, {3, 7}));
  EXPECT_NE(rows(5, {3, 7}), rows(5, {2, 7}));
  const std::vector<int64_t> order = permutation(Stream(5, "shuffle", 3), 100);
  EXPECT_EQ(rows(5, {3, 7}), std::vector<int64_t>(order.begin() + 70, order.begin() + 80));
}

TEST(Batches, as_stored_keeps_the_order) {
  Batches batches(5, 2, 0, Order::as_stored);
  const auto last = batches.rows({9, 2});
  EXPECT_EQ(std::vector<int64_t>(last.begin(), last.end()), (std::vector<int64_t>{4}));
  EXPECT_EQ(batches.rows({0, 0})[1], 1);
}

TEST(Batches, of_like_lengths_come_together) {
  const int64_t n = 1003, batch = 16;
  std::vector<int64_t> steps(static_cast<size_t>(n));
  Draws draws(Stream(1, "lengths"), 0);
  for (int64_t& one : steps) one = 10 + int64_t(draws.below(90));
  Batches sorted(n, batch, 5, Order::shuffled, steps), same(n, batch, 5, Order::shuffled, steps), plain(n, batch, 5);
  const auto padded = [&](Batches& batches, int64_t epoch) {
    int64_t out = 0;
    std::set<int64_t> seen;
    for (int64_t b = 0; b < batches.per_epoch(); ++b) {
      const auto rows = batches.rows({epoch, b});
      EXPECT_EQ(int64_t(rows.size()), b + 1 < batches.per_epoch() ? batch : n % batch);
      int64_t longest = 0;
      for (const int64_t row : rows) longest = std::max(longest, steps[size_t(row)]);
      for (const int64_t row : rows) {
        EXPECT_TRUE(seen.insert(row).second);
        out += longest - steps[size_t(row)];
      }
    }
    EXPECT_EQ(int64_t(seen.size()), n);
    return out;
  };
  EXPECT_LT(padded(sorted, 0) * 4, padded(plain, 0)) << "padding shrinks to less than a quarter";
  // Any batch of any epoch, in any order of asking; each epoch another.
  const auto rows = [](Batches& batches, Position at) {
    const auto held = batches.rows(at);
    return std::vector<int64_t>(held.begin(), held.end());
  };
  const std::vector<int64_t> early = rows(sorted, {3, 7});
  rows(same, {9, 0});
  EXPECT_EQ(rows(same, {3, 7}), early);
  EXPECT_NE(rows(same, {4, 7}), early);
  // Long and short batches are mixed: the first quarter of an epoch is not the short ones.
  int64_t first = 0, all = 0;
  for (int64_t b = 0; b < sorted.per_epoch() - 1; ++b)
    for (const int64_t row : sorted.rows({0, b})) (b < 16 ? first : all) += steps[size_t(row)];
  EXPECT_NEAR(double(first) / (16 * batch), 55, 12);
  EXPECT_NEAR(double(all) / double((sorted.per_epoch() - 17) * batch), 55, 12);
  Batches stored(n, batch, 5, Order::as_stored, steps);
  EXPECT_EQ(stored.rows({2, 1})[0], batch);
}

TEST(Batches, refuse_what_can_not_be) {
  expect_bad_input({"batch is 0"}, [] { Batches(10, 0); });
  expect_bad_input({"no sample"}, [] { Batches(0, 10); });
  expect_bad_input({"batch 10 of epoch 0", "10 batches"}, [] { Batches(100, 10).rows({0, 10}); });
}

Dataset picture_set(int64_t channels, std::vector<double> mean, std::vector<double> deviation) {
  Dataset data;
  data.schema.raw = DType::u8;
  data.schema.sample = {channels, 2, 3};
  data.schema.classes = {"a", "b"};
  data.schema.input = {1.0 / 255, std::move(mean), std::move(deviation)};
  data.samples = Tensor(Type{DType::u8, {7, channels, 2, 3}});
  for (int64_t i = 0; i < data.samples.elements(); ++i) data.samples.set(i, double(i * 53 % 256));
  data.labels = Tensor({7}, {0, 1, 0, 1, 1, 0, 1}, DType::i32);
  data.targets = Tensor(Type{DType::f32, {0}});
  check(data, "test");
  return data;
}

TEST(Fill, applies_the_formula_to_bytes_for_any_number_of_channels) {
  for (const int64_t channels : {1, 3, 6}) { // six are above the number that goes by table
    std::vector<double> mean, deviation;
    for (int64_t c = 0; c < channels; ++c) mean.push_back(0.1 * double(c)), deviation.push_back(0.3 + 0.05 * double(c));
    const Dataset data = picture_set(channels, mean, deviation);
    const std::vector<int64_t> rows = {6, 0, 3, 3};
    for (const DType dtype : {DType::f32, DType::f64}) {
      Tensor out(Type{dtype, {4, channels * 6}});
      fill_samples(data, rows, out.view());
      for (size_t r = 0; r < rows.size(); ++r)
        for (int64_t e = 0; e < channels * 6; ++e) {
          const double raw = data.samples.at(rows[r] * channels * 6 + e);
          const double x = (raw * (1.0 / 255) - mean[size_t(e / 6)]) / deviation[size_t(e / 6)];
          EXPECT_EQ(out.at(int64_t(r) * channels * 6 + e), dtype == DType::f32 ? double(float(x)) : x);
        }
    }
  }
}

TEST(Fill, gives_the_same_bits_for_any_number_of_threads) {
  const Dataset data = generate_part("digits", Part::test, 300);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 257; ++i) rows.push_back(i * 101 % 300);
  const int before = thread_count();
  std::vector<Tensor> outs;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    outs.emplace_back(Type{DType::f32, {257, 1, 28, 28}});
    fill_samples(data, rows, outs.back().view());
  }
  set_thread_count(before);
  EXPECT_EQ(outs[0], outs[1]);
  EXPECT_EQ(outs[0], outs[2]);
}

TEST(Fill, labels_and_targets) {
  const Dataset data = picture_set(1, {0}, {1});
  Tensor labels(Type{DType::i32, {3}});
  fill_labels(data, std::vector<int64_t>{1, 0, 6}, labels.view());
  EXPECT_EQ(labels, Tensor({3}, {1, 0, 1}, DType::i32));

  Dataset curve = generate_part("sine", Part::train, 5, {.noise = 0.0});
  curve.schema.target = {1, {0.5}, {2}};
  Tensor targets(Type{DType::f32, {2, 1}});
  fill_targets(curve, std::vector<int64_t>{4, 2}, targets.view());
  EXPECT_EQ(targets.at(0), double(float((curve.targets.at(4) - 0.5) / 2)));
}

TEST(Fill, refuses_buffers_and_rows_that_do_not_fit) {
  const Dataset data = picture_set(1, {0}, {1});
  Tensor out(Type{DType::f32, {2, 6}});
  expect_bad_input({"a batch of 3 rows of 6", "f32[2, 6]"}, [&] {
    fill_samples(data, std::vector<int64_t>{0, 1, 2}, out.view());
  });
  expect_bad_input({"row 7 of 7"}, [&] { fill_samples(data, std::vector<int64_t>{0, 7}, out.view()); });
}

TEST(Scaling, standardise_and_undo) {
  const Tensor rows({4, 3}, {1, 5, 1e6, 2, 5, 1e6 + 1, 3, 5, 1e6 + 2, 4, 5, 1e6 + 3});
  const Scaling scaling = standardise(rows);
  EXPECT_EQ(scaling.mean, (std::vector<double>{2.5, 5, 1e6 + 1.5}));
  EXPECT_DOUBLE_EQ(scaling.deviation[0], std::sqrt(1.25));
  EXPECT_EQ(scaling.deviation[1], 1) << "a constant column";
  EXPECT_DOUBLE_EQ(scaling.deviation[2], std::sqrt(1.25));
  EXPECT_DOUBLE_EQ(scaling.undo(scaling.apply(3.25, 2), 2), 3.25);
  EXPECT_EQ((Scaling{1.0 / 255, {0.1307}, {0.3081}}).str(), "(x / 255 - 0.1307) / 0.3081");
}

TEST(Split, deals_every_row_once_and_every_class_alike) {
  std::vector<int32_t> labels;
  for (int i = 0; i < 150; ++i) labels.push_back(i < 100 ? 0 : i < 149 ? 1 : 2); // sorted, the last class once
  const SplitRows rows = split_rows(150, labels, 0.1, 0.2, 4);
  std::vector<int64_t> all;
  for (const auto* part : {&rows.train, &rows.validation, &rows.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::sort(all.begin(), all.end());
  for (int64_t i = 0; i < 150; ++i) EXPECT_EQ(all[size_t(i)], i);
  const auto count = [&](const std::vector<int64_t>& part, int32_t c) {
    return std::count_if(part.begin(), part.end(), [&](int64_t row) { return labels[size_t(row)] == c; });
  };
  EXPECT_EQ(count(rows.validation, 0), 10);
  EXPECT_EQ(count(rows.test, 0), 20);
  EXPECT_EQ(count(rows.validation, 1), 5);
  EXPECT_EQ(count(rows.test, 1), 10);
  EXPECT_EQ(count(rows.train, 2), 1) << "a class of one row is trained on";
  EXPECT_EQ(split_rows(150, labels, 0.1, 0.2, 4).test, rows.test);
  EXPECT_NE(split_rows(150, labels, 0.1, 0.2, 5).test, rows.test);
}

TEST(Split, refuses_shares_that_leave_nothing) {
  expect_bad_input({"leave nothing"}, [] { split_rows(10, {}, 0.5, 0.5, 0); });
  expect_bad_input({"leave nothing"}, [] { split_rows(10, {}, -0.1, 0.5, 0); });
  expect_bad_input({"leave nothing"}, [] { split_rows(10, {}, std::nan(""), 0, 0); });
  const SplitRows rows = split_rows(3, {}, 0.1, 0.1, 0);
  EXPECT_EQ(rows.train.size(), 3u) << "a tenth of three rounds to none";
}

} // namespace
} // namespace vitro
