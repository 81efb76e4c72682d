// Every op on its own examples and on odd sizes: what the contract tests and the mutants run on.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/text.h"
#include "ops/catalogue.h"

namespace vitro::test {

struct OpCase {
  const Op* op;
  std::vector<Tensor> in; // floats in f32
  Attrs attrs = {};
  std::string str() const {
    std::string out = op->name;
    for (const Tensor& x : in) out += " " + x.type().str();
    return out + " " + attrs.str();
  }
};

inline const int64_t odd_sizes[] = {1, 2, 3, 5, 17, 33, 100};

/// Uniform in [low, high), rounded to float so that both precisions see the same numbers.
inline Tensor random_tensor(const Shape& shape, uint64_t seed, double low = -2, double high = 2,
                            DType dtype = DType::f32) {
  const Stream stream(seed, "tests");
  Tensor out({dtype, shape});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double(float(stream.uniform(0, uint64_t(i), low, high))));
  return out;
}

inline Tensor random_indices(const Shape& shape, uint64_t seed, int64_t bound) {
  const Stream stream(seed, "test indices");
  Tensor out({DType::i32, shape});
  for (int64_t i = 0; i < out.elements(); ++i) out.set(i, double(stream.below(uint64_t(bound), 0, uint64_t(i))));
  return out;
}

namespace cases {

// Where an op's inputs may lie: log and its like want positive numbers, a divisor keeps off 0.
inline std::pair<double, double> domain(const Op& op, size_t input) {
  if (&op == &log_op || &op == &sqrt_op || (&op == &power_op && input == 0)) return {0.2, 3};
  if (&op == &divide_op && input == 1) return {0.5, 2.5};
  if (&op == &hard_sigmoid_op || &op == &relu6_op) return {-5, 9}; // both of their ends
  return {-2, 2};
}

inline void pointwise_cases(const Op& op, std::vector<OpCase>& out) {
  const size_t arity = op.args.size();
  uint64_t seed = 100;
  const auto add = [&](const std::vector<Shape>& shapes) {
    OpCase one{.op = &op, .in = {}};
    for (size_t i = 0; i < arity; ++i) {
      const auto [low, high] = domain(op, i);
      one.in.push_back(random_tensor(shapes[i % shapes.size()], ++seed, low, high));
    }
    if (&op == &where_op) // a condition is 0 here and there
      for (int64_t i = 0; i < one.in[0].elements(); i += 2) one.in[0].set(i, 0);
    out.push_back(one);
  };
  for (const int64_t n : odd_sizes) add({{n}});
  add({{}});
  add({{3, 5}});
  add({{2, 3, 1, 5}});
  if (arity < 2) return;
  add({{3, 5}, {5}});
  add({{5}, {3, 5}});
  add({{3, 1}, {1, 5}});
  add({{}, {17}});
  add({{17}, {1}});
  add({{2, 1, 3}, {4, 1}});
  add({{1}, {1, 1}});
}

// Tensors of one shape, the last of three under a root; then scalars.
inline void update_cases(const Op& op, size_t tensors, std::vector<OpCase>& out) {
  uint64_t seed = 150;
  const auto add = [&](const Shape& shape) {
    OpCase one{.op = &op, .in = {}};
    for (size_t i = 0; i < op.args.size(); ++i) {
      const bool positive = i >= 2; // a scalar, or what is rooted
      one.in.push_back(random_tensor(i < tensors ? shape : Shape{}, ++seed, positive ? 0.2 : -2, positive ? 1 : 2));
    }
    out.push_back(one);
  };
  for (const int64_t n : odd_sizes) add({n});
  add({});
  add({3, 5});
  add({2, 3, 1, 5});
}

inline void matmul_cases(std::vector<OpCase>& out) {
  uint64_t seed = 200;
  for (const int64_t m : {1, 3, 17})
    for (const int64_t n : {1, 5, 33})
      for (const int64_t k : {1, 2, 17})
        for (const int flags : {0, 1, 2, 3}) {
          const bool ta = flags & 1, tb = flags & 2;
          if (flags && m * n * k > 3000 && flags != 2) continue; // the large ones: two of the four are enough
          out.push_back({&matmul_op,
                         {random_tensor(ta ? Shape{k, m} : Shape{m, k}, ++seed),
                          random_tensor(tb ? Shape{n, k} : Shape{k, n}, ++seed)},
                         {{"transpose_a", int64_t(ta)}, {"transpose_b", int64_t(tb)}}});
        }
  for (const int64_t ta : {0, 1}) // square: a wrong transpose keeps the shape
    for (const int64_t tb : {0, 1})
      out.push_back({&matmul_op,
                     {random_tensor({3, 3}, ++seed), random_tensor({3, 3}, ++seed)},
                     {{"transpose_a", ta}, {"transpose_b", tb}}});
  const auto batch = [&](const Shape& a, const Shape& b, int64_t ta, int64_t tb) {
    out.push_back(
        {&matmul_op, {random_tensor(a, ++seed), random_tensor(b, ++seed)}, {{"transpose_a", ta}, {"transpose_b", tb}}});
  };
  batch({2, 3, 4}, {2, 4, 5}, 0, 0);
  batch({2, 3, 4}, {4, 5}, 0, 0);
  batch({3, 4}, {2, 1, 4, 2}, 0, 0);
  batch({2, 1, 4, 3}, {3, 5, 4}, 1, 1);
  batch({1, 2, 3}, {5, 3, 1}, 0, 0);
  batch({2, 3, 4}, {2, 5, 4}, 0, 1);
}

inline void movement_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 300;
  const auto add = [&](const Shape& shape, Attrs attrs) {
    out.push_back({&op, {random_tensor(shape, ++seed)}, std::move(attrs)});
  };
  using List = std::vector<int64_t>;
  if (&op == &reshape_op) {
    add({}, {{"shape", List{1, 1}}});
    add({17}, {{"shape", List{17, 1}}});
    add({3, 5, 2}, {{"shape", List{-1, 6}}});
    add({1}, {{"shape", List{}}});
  } else if (&op == &transpose_op) {
    add({}, {});
    add({5}, {});
    add({17, 3}, {});
    add({2, 3, 5}, {{"order", List{2, 0, 1}}});
    add({2, 3, 5, 2}, {{"order", List{-1, 1, 0, 2}}});
    add({3, 3, 3}, {{"order", List{1, 2, 0}}});
    add({3, 3}, {});
    add({1, 33}, {{"order", List{1, 0}}});
  } else if (&op == &broadcast_to_op) {
    add({}, {{"shape", List{3}}});
    add({1, 3}, {{"shape", List{5, 3}}});
    add({5, 1}, {{"shape", List{2, 5, 17}}});
    add({2, 1, 3}, {{"shape", List{2, 4, 3}}});
    add({3}, {{"shape", List{3}}});
  } else if (&op == &slice_op) {
    add({17}, {{"start", int64_t{3}}, {"stop", int64_t{-2}}, {"step", int64_t{3}}});
    add({5, 3}, {{"axis", int64_t{-1}}, {"start", int64_t{1}}, {"stop", int64_t{2}}});
    add({2, 33, 2}, {{"axis", int64_t{1}}, {"start", int64_t{-33}}, {"stop", int64_t{100}}, {"step", int64_t{7}}});
    add({1}, {});
  } else if (&op == &pad_op) {
    add({17}, {{"before", int64_t{2}}});
    add({3, 5}, {{"axis", int64_t{0}}, {"after", int64_t{1}}, {"spacing", int64_t{2}}});
    add({2, 3, 2}, {{"axis", int64_t{1}}, {"before", int64_t{1}}, {"after", int64_t{1}}, {"spacing", int64_t{3}}});
    add({1}, {});
  } else { // concatenate
    out.push_back({&op, {random_tensor({1}, 1), random_tensor({3}, 2)}, {}});
    out.push_back({&op, {random_tensor({17, 2}, 3)}, {}});
    out.push_back({&op,
                   {random_tensor({2, 3, 2}, 4), random_tensor({2, 1, 2}, 5), random_tensor({2, 5, 2}, 6),
                    random_tensor({2, 1, 2}, 7)},
                   {{"axis", int64_t{-2}}}});
  }
}

inline void indexing_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 400;
  const auto add = [&](const Shape& x, const Shape& index, int64_t bound, Attrs attrs) {
    OpCase one{&op, {}, std::move(attrs)};
    if (&op != &one_hot_op) one.in.push_back(random_tensor(x, ++seed));
    one.in.push_back(random_indices(index, ++seed, bound));
    out.push_back(one);
  };
  if (&op == &gather_op) {
    add({5}, {17}, 5, {});
    add({7, 3}, {}, 7, {});
    add({2, 5, 3}, {2, 2}, 5, {{"axis", int64_t{1}}});
    add({3, 2}, {5}, 2, {{"axis", int64_t{-1}}});
    add({1, 1}, {1}, 1, {});
  } else if (&op == &scatter_add_op) {
    add({17}, {17}, 5, {{"extent", int64_t{5}}});
    add({3}, {}, 7, {{"extent", int64_t{7}}});
    add({2, 2, 2, 3}, {2, 2}, 5, {{"axis", int64_t{1}}, {"extent", int64_t{5}}});
    add({3, 5}, {5}, 2, {{"axis", int64_t{1}}, {"extent", int64_t{2}}});
  } else if (&op == &to_index_op) {
    for (const Shape& shape : {Shape{}, Shape{17}, Shape{2, 3}})
      out.push_back({&op, {random_indices(shape, ++seed, 8).to(DType::f32)}, {}});
  } else {
    add({}, {}, 4, {{"classes", int64_t{4}}});
    add({}, {17}, 5, {{"classes", int64_t{5}}});
    add({}, {2, 3}, 1, {{"classes", int64_t{1}}});
  }
}

inline void reduction_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 500;
  const auto add = [&](const Shape& shape, std::vector<int64_t> axes, int64_t keep) {
    out.push_back({&op, {random_tensor(shape, ++seed)}, {{"axes", axes}, {"keep", keep}}});
  };
  add({}, {}, 0);
  for (const int64_t n : odd_sizes) {
    add({n}, {}, 0);
    add({n, 3}, {0}, 0);
    add({3, n}, {1}, 1);
  }
  add({2, 3, 5, 2}, {1, 3}, 0);
  add({2, 3, 5, 2}, {-1, 0}, 1);
  add({2, 3, 5}, {1, 2}, 0);
  add({3, 1, 5}, {1}, 0);
  add({3, 32, 5, 4}, {2, 3}, 0); // maps
  add({3, 16, 7}, {0, 2}, 1);
}

// Kernels of all kinds over maps: larger than a step and smaller, dilated, padded unevenly, over groups; sizes off 16.
inline void convolution_cases(const Op& op, std::vector<OpCase>& out) {
  using List = std::vector<int64_t>;
  uint64_t seed = 520;
  const auto add = [&](const Shape& x, const Shape& weight, Attrs attrs) {
    const std::vector<Type> types{{DType::f32, x}, {DType::f32, weight}};
    const Shape y = conv2d_op.infer({complete_attrs(conv2d_op, attrs), types})[0].shape;
    if (&op == &conv2d_input_gradient_op) {
      attrs.set("height", x[2]);
      attrs.set("width", x[3]);
    } else if (&op == &conv2d_weight_gradient_op) {
      attrs.set("kernel", List{weight[2], weight[3]});
    }
    const Shape& first = &op == &conv2d_input_gradient_op ? y : x;
    const Shape& second = &op == &conv2d_weight_gradient_op ? y : weight;
    out.push_back({&op, {random_tensor(first, ++seed), random_tensor(second, ++seed)}, std::move(attrs)});
  };
  const auto grouped = [](int64_t groups, Attrs attrs = {}) {
    attrs.set("groups", groups);
    return attrs;
  };
  add({1, 1, 1, 1}, {1, 1, 1, 1}, {});
  add({2, 5, 3, 4}, {7, 5, 1, 1}, {});
  add({2, 3, 5, 4}, {2, 3, 1, 1}, {{"stride", List{2}}});
  add({2, 2, 5, 7}, {3, 2, 5, 7}, {}); // as large as the map
  add({2, 3, 4, 5}, {2, 3, 3, 3}, {{"padding", List{1}}});
  add({1, 2, 3, 3}, {2, 2, 5, 5}, {{"padding", List{2}}}); // larger than the map
  add({1, 2, 7, 6}, {3, 2, 3, 2}, {{"stride", List{2, 3}}, {"padding", List{1, 0, 2, 1}}});
  add({1, 2, 7, 6}, {2, 2, 2, 3}, {{"stride", List{3, 1}}, {"padding", List{}}});
  add({1, 2, 7, 8}, {2, 2, 3, 3}, {{"dilation", List{2, 3}}, {"padding", List{2, 1}}});
  add({2, 1, 9, 5}, {2, 1, 2, 3}, {{"stride", List{3, 1}}, {"dilation", List{1, 2}}, {"padding", List{0, 2}}});
  add({1, 6, 5, 4}, {4, 3, 3, 3}, grouped(2, {{"padding", List{1}}}));
  add({2, 3, 4, 5}, {3, 1, 3, 3}, grouped(3, {{"padding", List{1}}, {"stride", List{2}}}));
  add({1, 3, 4, 3}, {6, 1, 2, 2}, grouped(3));
  add({1, 17, 4, 5}, {17, 1, 3, 3}, grouped(17, {{"padding", List{1}}}));
  add({2, 17, 4, 5}, {18, 17, 3, 3}, {{"padding", List{1}}});
  add({1, 16, 8, 8}, {32, 16, 3, 3}, {{"padding", List{1}}});
  add({1, 16, 7, 8}, {33, 16, 3, 3}, {{"padding", List{1}}, {"stride", List{2}}});
  add({2, 3, 9, 9}, {16, 3, 5, 5}, {{"padding", List{2}}, {"stride", List{2}}});
}

inline void window_cases(const Op& op, std::vector<OpCase>& out) {
  using List = std::vector<int64_t>;
  uint64_t seed = 540;
  const auto add = [&](const Shape& x, Attrs attrs) {
    if (&op == &unfold2d_op) return out.push_back({&op, {random_tensor(x, ++seed)}, std::move(attrs)});
    const std::vector<Type> types{{DType::f32, x}};
    const Shape windows = unfold2d_op.infer({complete_attrs(unfold2d_op, attrs), types})[0].shape;
    Attrs own{{"height", x[2]}, {"width", x[3]}};
    for (const auto& [name, value] : attrs.items())
      if (name != "kernel" && name != "fill") own.set(name, value);
    out.push_back({&op, {random_tensor(windows, ++seed)}, own});
  };
  add({1, 1, 1, 1}, {{"kernel", List{1}}});
  add({2, 3, 4, 5}, {{"kernel", List{3}}, {"padding", List{1}}, {"fill", -0.5}});
  add({1, 2, 3, 2}, {{"kernel", List{4, 1}}, {"padding", List{2, 0}}, {"stride", List{2, 1}}});
  add({2, 1, 7, 5}, {{"kernel", List{2, 3}}, {"stride", List{3, 1}}, {"padding", List{0, 1, 2, 0}}});
  add({1, 1, 6, 7}, {{"kernel", List{3}}, {"dilation", List{2, 3}}, {"padding", List{1}}});
}

inline void pooling_cases(const Op& op, std::vector<OpCase>& out) {
  using List = std::vector<int64_t>;
  uint64_t seed = 545;
  const auto add = [&](const Shape& x, Attrs attrs, bool counts = true) {
    const std::vector<Type> types{{DType::f32, x}};
    const Shape y = max_pool2d_op.infer({complete_attrs(max_pool2d_op, attrs), types})[0].shape;
    const bool average = &op == &avg_pool2d_op || &op == &avg_pool2d_scatter_op;
    if (average && !counts) attrs.set("count_padding", int64_t{0});
    std::vector<Tensor> in;
    if (&op == &avg_pool2d_scatter_op) {
      attrs.set("height", x[2]);
      attrs.set("width", x[3]);
    } else {
      in.push_back(random_tensor(x, ++seed));
    }
    if (&op == &max_pool2d_scatter_op || &op == &avg_pool2d_scatter_op) in.push_back(random_tensor(y, ++seed));
    if (&op == &max_pool2d_pick_op) in.push_back(random_tensor(x, ++seed));
    out.push_back({&op, in, attrs});
  };
  add({1, 1, 1, 1}, {{"kernel", List{1}}});
  add({2, 3, 4, 6}, {{"kernel", List{2}}});
  add({1, 2, 5, 7}, {{"kernel", List{2}}});
  add({1, 2, 5, 7}, {{"kernel", List{2}}, {"ceil", int64_t{1}}});
  add({1, 2, 6, 67}, {{"kernel", List{2}}});
  add({1, 2, 3, 35}, {{"kernel", List{2}}, {"stride", List{1, 2}}});
  add({2, 1, 5, 6}, {{"kernel", List{3}}, {"stride", List{2}}, {"padding", List{1}}});
  add({2, 1, 5, 6}, {{"kernel", List{3}}, {"stride", List{2}}, {"padding", List{1}}, {"ceil", int64_t{1}}}, false);
  add({1, 3, 4, 5}, {{"kernel", List{3, 2}}, {"stride", List{1}}, {"padding", List{2, 0, 1, 1}}}, false);
  add({1, 1, 2, 2}, {{"kernel", List{3}}, {"ceil", int64_t{1}}}); // one window, which stands out
  add({1, 17, 3, 3}, {{"kernel", List{3}}});
  add({3, 40, 20, 22}, {{"kernel", List{2}}}); // so much that threads share it
}

inline void normalize_cases(std::vector<OpCase>& out) {
  uint64_t seed = 550;
  const auto add = [&](const Shape& shape, std::vector<int64_t> axes, double eps = 1e-5) {
    out.push_back({&normalize_op, {random_tensor(shape, ++seed)}, {{"axes", axes}, {"eps", eps}}});
  };
  for (const int64_t n : odd_sizes) {
    if (n > 1) add({n, 3}, {0});
    add({3, n}, {1}, 0.1); // of one value: zero, by its eps
  }
  add({3, 2, 5}, {0, 2});
  add({2, 3, 2, 3}, {0, 2, 3});
  add({2, 3, 5}, {-2, -1});
  add({2, 3, 5}, {0, 1, 2});
}

inline void batch_norm_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 570;
  // One block of channels or several, whole or not; one position a sample or several, whole chunks of them or not.
  for (const Shape& shape :
       {Shape{2, 1}, Shape{5, 3}, Shape{33, 17}, Shape{3, 40}, Shape{1, 1, 165}, Shape{2, 16, 2, 3}, Shape{3, 17, 1, 7},
        Shape{1, 40, 7}, Shape{2, 3, 33, 5}, Shape{1, 2, 401}}) {
    const Shape by_channel{shape[1]};
    OpCase one{&op, {random_tensor(shape, ++seed), random_tensor(by_channel, ++seed)}, {{"eps", 0.1}}};
    one.in.push_back(random_tensor(by_channel, ++seed));
    if (&op == &batch_norm_gradient_op) {
      one.in.push_back(random_tensor(by_channel, ++seed, 0.2, 2));
      one.in.push_back(random_tensor(shape, ++seed));
    }
    out.push_back(one);
  }
}

inline void dropout_cases(std::vector<OpCase>& out) {
  for (const int64_t n : odd_sizes)
    for (const double p : {0.0, 0.3, 0.9})
      out.push_back({&dropout_mask_op,
                     {Tensor({}, {double(n)}, DType::i32), Tensor({}, {double(10 * n)}, DType::i32)},
                     {{"shape", std::vector<int64_t>{3, n}},
                      {"probability", p},
                      {"seed", int64_t{-3}},
                      {"stream", std::string("dropout2.mask")}}});
  out.push_back({&dropout_mask_op,
                 {Tensor({}, {0}, DType::i32), Tensor({}, {0}, DType::i32)},
                 {{"shape", std::vector<int64_t>{300, 2, 33}}}}); // so many that threads share them
}

// A row that runs to the end, one that has nothing, others in between; off the sizes of vectors.
inline void recurrence_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 580;
  const bool is_lstm = &op == &lstm_op || &op == &lstm_gradient_op, is_gru = &op == &gru_op || &op == &gru_gradient_op;
  const bool gradient = &op == &lstm_gradient_op || &op == &gru_gradient_op || &op == &rnn_gradient_op;
  const int64_t gates = is_lstm ? 4 : is_gru ? 3 : 1;
  const auto add = [&](int64_t batch, int64_t time, int64_t units, bool with_lengths, bool scalars, Attrs attrs = {}) {
    const Shape all{batch, time, gates * units}, steps{batch, time, units}, state{batch, units},
        weight{gates * units, units};
    OpCase one{&op, {}, attrs};
    const auto give = [&](const Shape& shape, double most) {
      one.in.push_back(random_tensor(shape, ++seed, -most, most));
    };
    const double small = 1 / std::sqrt(double(units)); // as a layer begins
    if (gradient) {
      give(all, 0.9);
      if (!(is_lstm || is_gru)) // plain: outputs, off the kink
        for (int64_t i = 0; i < one.in[0].elements(); ++i) one.in[0].set(i, one.in[0].at(i) + (i % 2 ? 0.1 : -0.1));
      if (is_lstm || is_gru) give(steps, 1);
      if (is_gru) give(steps, 0.9);
      give(weight, small);
      if (is_lstm) give(state, 1);
      give(scalars ? Shape{} : steps, 1);
      give(state, 1);
      if (is_lstm) give(scalars ? Shape{} : state, 1);
    } else {
      give(all, 2);
      give(weight, small);
      if (is_gru) give({gates * units}, 1);
      give(state, 1);
      if (is_lstm) give(state, 1);
    }
    if (with_lengths) {
      Tensor lengths({DType::i32, {batch}});
      for (int64_t b = 0; b < batch; ++b) lengths.set(b, double((b * 2 + time) % (time + 1)));
      one.in.push_back(lengths);
    }
    out.push_back(one);
  };
  add(1, 1, 1, false, false);
  add(2, 3, 3, false, false);
  add(2, 3, 3, true, false);
  add(3, 2, 5, true, true);
  add(5, 4, 17, true, false);
  add(2, 4, 1, true, false); // the same steps, so small that every element is looked at
  add(9, 3, 16, false, false);
  add(2, 2, 33, false, true);
  if (gates > 1) return;
  add(2, 3, 3, true, false, {{"activation", std::string("relu")}});
  add(9, 2, 16, false, false, {{"activation", std::string("relu")}});
}

inline void sequence_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 590;
  if (&op == &scaled_dot_product_attention_op) {
    const auto add = [&](const Shape& q, int64_t keys, int64_t width, bool with_lengths, int64_t causal) {
      OpCase one{&op,
                 {random_tensor(q, ++seed), random_tensor({q[0], q[1], keys, q[3]}, ++seed),
                  random_tensor({q[0], q[1], keys, width}, ++seed)},
                 {{"causal", causal}}};
      if (with_lengths) one.in.push_back(random_indices({q[0]}, ++seed, keys + 1));
      out.push_back(one);
    };
    add({1, 1, 1, 1}, 1, 1, false, 0);
    add({2, 2, 3, 2}, 5, 3, false, 0);
    add({4, 1, 2, 3}, 3, 2, true, 0);
    add({3, 2, 4, 2}, 4, 2, true, 1);
    add({1, 1, 5, 17}, 3, 1, false, 1);
    return;
  }
  for (const auto& [shape, with_lengths] : std::vector<std::pair<Shape, bool>>{{{1, 1}, true},
                                                                               {{3, 5}, false},
                                                                               {{5, 4}, true},
                                                                               {{2, 3, 2}, true},
                                                                               {{3, 2, 1, 5}, true},
                                                                               {{4, 33, 17}, true}}) {
    const int64_t batch = shape[0], steps = shape[1];
    if (&op == &step_mask_op) {
      out.push_back({&op, {random_indices({batch}, ++seed, steps + 1)}, {{"steps", steps}}});
    } else if (&op == &reverse_steps_op) {
      OpCase one{&op, {random_tensor(shape, ++seed)}, {}};
      if (with_lengths) one.in.push_back(random_indices({batch}, ++seed, steps + 1));
      out.push_back(one);
    } else {
      auto extents = shape.list();
      if (&op == &put_step_op) extents.erase(extents.begin() + 1);
      OpCase one{&op, {random_tensor(Shape(extents), ++seed), random_indices({batch}, ++seed, steps)}, {}};
      if (&op == &put_step_op) one.attrs.set("steps", steps);
      out.push_back(one);
    }
  }
}

inline void softmax_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 600;
  for (const int64_t n : odd_sizes) out.push_back({&op, {random_tensor({3, n}, ++seed, -4, 4)}, {}});
  out.push_back({&op, {random_tensor({5}, ++seed)}, {}});
  out.push_back({&op, {random_tensor({2, 5, 3}, ++seed)}, {{"axis", int64_t{1}}}});
  out.push_back({&op, {random_tensor({17, 2}, ++seed)}, {{"axis", int64_t{0}}}});
}

inline void loss_cases(const Op& op, std::vector<OpCase>& out) {
  uint64_t seed = 700;
  if (&op == &softmax_cross_entropy_op) {
    for (const int64_t n : odd_sizes) {
      out.push_back({&op, {random_tensor({3, n}, ++seed, -4, 4), random_indices({3}, ++seed, n)}, {}});
      out.push_back({&op, {random_tensor({2, n}, ++seed, -4, 4), random_tensor({2, n}, ++seed, 0, 1)}, {}});
    }
    out.push_back({&op, {random_tensor({5}, ++seed), random_indices({}, ++seed, 5)}, {}});
    out.push_back({&op, {random_tensor({2, 3, 5}, ++seed), random_indices({2, 3}, ++seed, 5)}, {}});
    return;
  }
  if (&op == &subtract_one_hot_op) {
    for (const int64_t n : odd_sizes)
      out.push_back(
          {&op, {random_tensor({3, n}, ++seed), random_indices({3}, ++seed, n), random_tensor({}, ++seed)}, {}});
    out.push_back({&op, {random_tensor({5}, ++seed), random_indices({}, ++seed, 5), random_tensor({}, ++seed)}, {}});
    out.push_back(
        {&op, {random_tensor({2, 3, 5}, ++seed), random_indices({2, 3}, ++seed, 5), random_tensor({}, ++seed)}, {}});
    return;
  }
  for (const char* reduction : {"mean", "sum", "half"}) {
    const Attrs attrs{{"reduction", std::string(reduction)}};
    out.push_back({&op, {random_tensor({}, ++seed), random_tensor({}, ++seed, 0, 1)}, attrs});
    out.push_back({&op, {random_tensor({17}, ++seed), random_tensor({17}, ++seed, 0, 1)}, attrs});
    out.push_back({&op, {random_tensor({5, 3}, ++seed), random_tensor({5, 3}, ++seed, 0, 1)}, attrs});
    out.push_back({&op, {random_tensor({2, 3, 3}, ++seed), random_tensor({2, 3, 3}, ++seed, 0, 1)}, attrs});
  }
}

} // namespace cases

/// The op's examples, then odd sizes made for its family.
inline std::vector<OpCase> op_cases(const Op& op) {
  std::vector<OpCase> out;
  for (const Example& example : op.examples) out.push_back({&op, example.in, example.attrs});
  const auto one_of = [&](std::initializer_list<const Op*> family) {
    for (const Op* member : family)
      if (member == &op) return true;
    return false;
  };
  if (one_of({&add_scaled_op, &subtract_scaled_op, &mix_op, &mix_square_op}))
    cases::update_cases(op, 2, out);
  else if (&op == &normalised_step_op)
    cases::update_cases(op, 3, out);
  else if (op.is(pointwise))
    cases::pointwise_cases(op, out);
  else if (&op == &matmul_op)
    cases::matmul_cases(out);
  else if (one_of({&reshape_op, &transpose_op, &broadcast_to_op, &slice_op, &pad_op, &concatenate_op}))
    cases::movement_cases(op, out);
  else if (one_of({&gather_op, &scatter_add_op, &one_hot_op, &to_index_op}))
    cases::indexing_cases(op, out);
  else if (one_of({&sum_op, &mean_op, &max_op}))
    cases::reduction_cases(op, out);
  else if (one_of({&conv2d_op, &conv2d_input_gradient_op, &conv2d_weight_gradient_op}))
    cases::convolution_cases(op, out);
  else if (one_of({&unfold2d_op, &fold2d_op}))
    cases::window_cases(op, out);
  else if (one_of(
               {&max_pool2d_op, &max_pool2d_scatter_op, &max_pool2d_pick_op, &avg_pool2d_op, &avg_pool2d_scatter_op}))
    cases::pooling_cases(op, out);
  else if (&op == &normalize_op)
    cases::normalize_cases(out);
  else if (one_of({&batch_norm_op, &batch_norm_gradient_op}))
    cases::batch_norm_cases(op, out);
  else if (&op == &dropout_mask_op)
    cases::dropout_cases(out);
  else if (one_of({&lstm_op, &lstm_gradient_op, &gru_op, &gru_gradient_op, &rnn_op, &rnn_gradient_op}))
    cases::recurrence_cases(op, out);
  else if (one_of({&reverse_steps_op, &step_mask_op, &take_step_op, &put_step_op, &scaled_dot_product_attention_op}))
    cases::sequence_cases(op, out);
  else if (one_of({&softmax_op, &log_softmax_op}))
    cases::softmax_cases(op, out);
  else if (one_of({&softmax_cross_entropy_op, &subtract_one_hot_op, &binary_cross_entropy_op, &squared_error_op}))
    cases::loss_cases(op, out);
  return out;
}

} // namespace vitro::test
