// Ops on sequences [batch, time, ...]: steps in reverse, steps that exist, one step of each row; and attention.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/recurrence.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

const Tensor some{Shape{2, 3, 2}, {1, -2, 3, 0.5, 0.25, -1, 2, 1.5, -0.75, -0.5, 4, 1.25}};
const Tensor lengths{Shape{2}, {3, 2}, DType::i32};
const Tensor places{Shape{2}, {2, 0}, DType::i32};
const Tensor queries{Shape{1, 1, 2, 2}, {1, -1, 0.5, 2}}, keys{Shape{1, 1, 3, 2}, {1, 0, 0.5, -1, 2, 1}},
    values{Shape{1, 1, 3, 1}, {1, 2, -3}}, one_length{Shape{1}, {2}, DType::i32};

// x [batch, steps, inner].
struct Steps {
  int64_t batch, steps, inner = 1;
  explicit Steps(const Shape& x) : batch(x[0]), steps(x[1]) {
    for (int axis = 2; axis < x.rank(); ++axis) inner *= x[axis];
  }
};

void expect_sequence(const Type& x) {
  if (x.shape.rank() < 2) bad_input("", text("the input is ", x, ", expected [batch, time, ...]"));
}
void expect_whole(const Type& found, int64_t batch, const char* name) {
  const Type wanted{DType::i32, {batch}};
  if (found != wanted) bad_input("", text(name, " is ", found, ", expected ", wanted));
}
int64_t checked(const char* op, const char* name, int32_t found, int64_t least, int64_t most) {
  if (found < least || found > most) bad_input(op, text(name, " ", found, " is not in ", least, " to ", most));
  return found;
}

Shape without_steps(const Shape& x) {
  auto extents = x.list();
  extents.erase(extents.begin() + 1);
  return Shape(extents);
}

// The mask of keys [batch, 1, 1, keys] and of what lies behind a query [queries, keys]; empty where all are to be seen.
Var visible(const Var& q, const Var& k, const Var& lengths, bool causal) {
  const int64_t queries = q.shape()[2], keys = k.shape()[2];
  Var mask;
  if (lengths) mask = reshape(step_mask(lengths, keys, q.dtype()), {q.shape()[0], 1, 1, keys});
  if (!causal) return mask;
  Tensor before({q.dtype(), {queries, keys}});
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t j = 0; j < keys; ++j) before.set(i * keys + j, j <= i);
  const Var seen = constant(q.graph(), before);
  return mask ? mask * seen : seen;
}

// copy(x, y, b, t): from the first of x to the first of y, for each row b and the step t that its index names, of `of`.
template <class Copy> void each_row(const PlainCall& call, const char* op, const Steps& of, Copy copy) {
  with_any(call.out[0].type.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = call.in[0].as<T>().data();
    T* y = call.out[0].as<T>().data();
    for (int64_t b = 0; b < of.batch; ++b)
      copy(x, y, b, checked(op, "index", call.in[1].as<int32_t>()[size_t(b)], 0, of.steps - 1));
  });
}

double scale_of(const Shape& q) { return 1 / std::sqrt(double(q[3])); }

} // namespace

const Op reverse_steps_op{
    .name = "reverse_steps", .formula = "y = x, its steps in reverse",
    .doc = "Each row's first steps in reverse, as many as lengths says (all without it); those behind stay.",
    .args = {"x", "..."}, .rules = {"dx = dy, its steps in reverse"},
    .infer = [](const InferCall& call) {
      expect_sequence(call.in[0]);
      if (call.in.size() > 2) bad_input("", text(call.in.size(), " inputs, expected x and lengths"));
      if (call.in.size() == 2) expect_whole(call.in[1], call.in[0].shape[0], "lengths");
      return std::vector{call.in[0]};
    },
    .plain = [](const PlainCall& call) {
      const Steps of(call.in[0].type.shape);
      with_any(call.in[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const T* x = call.in[0].as<T>().data();
        T* y = call.out[0].as<T>().data();
        for (int64_t b = 0; b < of.batch; ++b) {
          const int64_t length =
              call.in.size() == 1
                  ? of.steps
                  : checked("reverse_steps", "length", call.in[1].as<int32_t>()[size_t(b)], 0, of.steps);
          for (int64_t t = 0; t < of.steps; ++t) {
            const int64_t from = t < length ? length - 1 - t : t;
            y = std::copy_n(x + (b * of.steps + from) * of.inner, of.inner, y);
          }
        }
      });
    },
    .grad = [](const GradOf& g) {
      std::vector<Var> dxs(g.xs.size());
      dxs[0] = reverse_steps(g.dy, g.xs.size() > 1 ? g.xs[1] : Var{});
      return dxs;
    },
    .prepare = [](const PrepareCall& call) {
      return Prepared{.run = [of = Steps(call.in[0].shape), given = call.in.size() > 1](const KernelCall& k) {
        const int32_t* lengths = given ? static_cast<const int32_t*>(k.in[1]) : nullptr;
        for (int64_t b = 0; given && b < of.batch; ++b) checked("reverse_steps", "length", lengths[b], 0, of.steps);
        kernels::reverse_steps(of.batch, of.steps, of.inner, lengths, static_cast<const float*>(k.in[0]),
                               static_cast<float*>(k.out[0]));
      }};
    },
    .onnx = "ReverseSequence", .peers = {"torch.flip(x, [1])", "ops.flip(x, 1)"},
    .examples = {{.in = {some}}, {.in = {some, lengths}}}};

const Op step_mask_op{
    .name = "step_mask", .formula = "y = [t < lengths]", .doc = "1 at the steps that a row has, 0 behind them.",
    .traits = constant_slope, .args = {"lengths"}, .rules = {"dlengths = 0"},
    .attrs = {{"steps", int64_t{1}, "extent of the new axis", true}, {"dtype", int64_t{0},
        "element type: 0 f32, 1 f64"}},
    .infer = [](const InferCall& call) {
      const Type& lengths = call.in[0];
      if (lengths.dtype != DType::i32 || lengths.shape.rank() != 1)
        bad_input("", text("lengths is ", lengths, ", expected i32 [batch]"));
      const Shape shape(std::vector<int64_t>{lengths.shape[0], call.attrs.integer("steps")});
      return std::vector{Type{call.attrs.integer("dtype") ? DType::f64 : DType::f32, shape}};
    },
    .plain = [](const PlainCall& call) {
      const int64_t steps = call.attrs.integer("steps");
      with_float(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* y = call.out[0].as<T>().data();
        for (const int32_t length : call.in[0].as<int32_t>()) {
          checked("step_mask", "length", length, 0, steps);
          for (int64_t t = 0; t < steps; ++t) *y++ = T(t < length);
        }
      });
    },
    .examples = {{.in = {lengths}, .attrs = {{"steps", int64_t{4}}}}}};

const Op take_step_op{
    .name = "take_step", .formula = "y = x[b, i]", .doc = "One step of each row, by its index.",
    .args = {"x", "i"}, .rules = {"dx = dy at the index, 0 elsewhere", "di = 0"},
    .infer = [](const InferCall& call) {
      expect_sequence(call.in[0]);
      expect_whole(call.in[1], call.in[0].shape[0], "the index");
      return std::vector{Type{call.in[0].dtype, without_steps(call.in[0].shape)}};
    },
    .plain = [](const PlainCall& call) {
      const Steps of(call.in[0].type.shape);
      each_row(call, "take_step", of, [&](const auto* x, auto* y, int64_t b, int64_t t) {
        std::copy_n(x + (b * of.steps + t) * of.inner, of.inner, y + b * of.inner);
      });
    },
    .grad = [](const GradOf& g) {
      return std::vector{apply(put_step_op, {g.dy, g.xs[1]}, {{"steps", g.x.shape()[1]}}), Var{}};
    },
    .onnx = "GatherND",
    .examples = {{.in = {some, places}}}};

const Op put_step_op{
    .name = "put_step", .formula = "y = 0; y[b, i] = x",
    .doc = "One step of each row among zeros: take_step, transposed.",
    .args = {"x", "i"}, .rules = {"dx = dy[b, i]", "di = 0"},
    .attrs = {{"steps", int64_t{1}, "extent of the new axis", true}},
    .infer = [](const InferCall& call) {
      if (call.in[0].shape.rank() < 1) bad_input("", text("the input is ", call.in[0], ", expected [batch, ...]"));
      expect_whole(call.in[1], call.in[0].shape[0], "the index");
      auto extents = call.in[0].shape.list();
      extents.insert(extents.begin() + 1, call.attrs.integer("steps"));
      return std::vector{Type{call.in[0].dtype, Shape(extents)}};
    },
    .plain = [](const PlainCall& call) {
      const Steps of(call.out[0].type.shape);
      std::memset(call.out[0].data, 0, size_t(call.out[0].type.bytes()));
      each_row(call, "put_step", of, [&](const auto* x, auto* y, int64_t b, int64_t t) {
        std::copy_n(x + b * of.inner, of.inner, y + (b * of.steps + t) * of.inner);
      });
    },
    .grad = [](const GradOf& g) { return std::vector{take_step(g.dy, g.xs[1]), Var{}}; },
    .onnx = "ScatterND",
    .examples = {{.in = {Tensor{Shape{2, 2}, {1, -2, 3, 0.5}}, places}, .attrs = {{"steps", int64_t{3}}}}}};

// Where nothing is to be seen (a row of length 0) the weights and y are 0; PyTorch gives nan.
const Op scaled_dot_product_attention_op{
    .name = "scaled_dot_product_attention", .formula = "y = w v, w = softmax(q k' / sqrt(d))",
    .doc = "Each query's average of the values, weighed by how well their keys fit; of a row's keys the first ones, as "
           "many as lengths says. A further output: the weights.",
    .origin = "Vaswani et al., \"Attention is all you need\", 2017, equation 1", .args = {"q", "k", "v", "..."},
    .rules = {"dq = ds k, ds = w (dw - sum(dw w)) / sqrt(d), dw = dy v'", "dk = ds' q", "dv = w' dy"},
    .attrs = {{"causal", int64_t{0}, "1: query t sees the keys 0 to t alone"}},
    .infer = [](const InferCall& call) {
      const Type &q = call.in[0], &k = call.in[1], &v = call.in[2];
      for (const Type& type : call.in.first(3))
        if (!is_float(type.dtype) || type.dtype != q.dtype || type.shape.rank() != 4 || type.shape[0] != q.shape[0] ||
            type.shape[1] != q.shape[1] || type.shape[2] == 0)
          bad_input("", text("an input is ", type, ", expected floating point [batch, heads, time, width], batch and "
                             "heads of all alike, time at least 1"));
      if (k.shape[3] != q.shape[3] || q.shape[3] == 0)
        bad_input("", text("queries ", q.shape, " and keys ", k.shape, ": their last axes must be equal, at least 1"));
      if (v.shape[2] != k.shape[2]) bad_input("", text("keys ", k.shape, " and values ", v.shape, ": as many of each"));
      if (call.in.size() > 4) bad_input("", text(call.in.size(), " inputs, expected q, k, v and lengths"));
      if (call.in.size() == 4) expect_whole(call.in[3], q.shape[0], "lengths");
      const Shape &a = q.shape, &b = v.shape;
      return std::vector{Type{q.dtype, {a[0], a[1], a[2], b[3]}}, Type{q.dtype, {a[0], a[1], a[2], b[2]}}};
    },
    .expand = [](std::span<const Var> in, const Attrs& attrs) {
      const Var scores = matmul(in[0], in[1], false, true) * scale_of(in[0].shape());
      const Var lengths = in.size() > 3 ? in[3] : Var{};
      const Var seen = visible(in[0], in[1], lengths, attrs.integer("causal"));
      Var weights = softmax(seen ? where(seen, scores, -1e30) : scores);
      if (lengths) weights = weights * seen;
      return std::vector{matmul(weights, in[2]), weights};
    },
    .grad = [](const GradOf& g) {
      const Var &q = g.x, &k = g.xs[1], &v = g.xs[2], &weights = g.ys[1];
      std::vector<Var> dxs(g.xs.size());
      Var dw = g.dys[1];
      if (g.dys[0]) {
        dxs[2] = matmul(weights, g.dy, true);
        const Var through = matmul(g.dy, v, false, true);
        dw = dw ? dw + through : through;
      }
      const Var ds = weights * (dw - sum(dw * weights, {-1}, true)) * scale_of(q.shape());
      dxs[0] = matmul(ds, k);
      dxs[1] = matmul(ds, q, true);
      return dxs;
    },
    .peers = {"nn.functional.scaled_dot_product_attention", "MultiHeadAttention, between its dense layers"},
    .examples = {{.in = {queries, keys, values}},
                 {.in = {queries, keys, values, one_length}, .attrs = {{"causal", int64_t{1}}}}}};

Var reverse_steps(In x, const Var& lengths) {
  return lengths ? apply(reverse_steps_op, {x, In(lengths, x.where)}) : apply(reverse_steps_op, {x});
}
Var step_mask(In lengths, int64_t steps, DType dtype) {
  return apply(step_mask_op, {lengths}, {{"steps", steps}, {"dtype", int64_t(dtype == DType::f64)}});
}
Var take_step(In x, In index) { return apply(take_step_op, {x, index}); }
Var scaled_dot_product_attention(In q, In k, In v, const Var& lengths, bool causal) {
  std::vector<In> in{q, k, v};
  if (lengths) in.emplace_back(lengths, q.where);
  return apply(scaled_dot_product_attention_op, in, {{"causal", int64_t(causal)}});
}

} // namespace vitro
