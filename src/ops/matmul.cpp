// The matrix product.
#include "kernels/gemm.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

// A product as the kernels see it: `batch` products of [m, k] by [k, n].
struct Product {
  int64_t m, n, k;
  Shape batch; // leading axes, broadcast
};

Shape leading(const Shape& shape) { return Shape(shape.extents().first(size_t(shape.rank() - 2))); }

Product product(const Type& a, const Type& b, bool transpose_a, bool transpose_b) {
  if (!is_float(a.dtype) || a.dtype != b.dtype)
    bad_input("", text("inputs are ", a, " and ", b, ", expected one floating element type"));
  if (a.shape.rank() < 2 || b.shape.rank() < 2)
    bad_input("", text("inputs are ", a.shape, " and ", b.shape, ", expected at least 2 axes each"));
  const int64_t rows = a.shape[a.shape.rank() - 2], a_columns = a.shape.back();
  const int64_t b_rows = b.shape[b.shape.rank() - 2], columns = b.shape.back();
  const int64_t m = transpose_a ? a_columns : rows, k = transpose_a ? rows : a_columns;
  const int64_t n = transpose_b ? b_rows : columns, k_of_b = transpose_b ? columns : b_rows;
  if (k != k_of_b)
    bad_input("",
              text(a.shape, transpose_a ? " transposed" : "", " times ", b.shape, transpose_b ? " transposed" : "",
                   ": the left has ", k, " columns, the right ", k_of_b, " rows"),
              "these two must be equal");
  return {m, n, k, broadcast(leading(a.shape), leading(b.shape))};
}

Product product(const InferCall& call) {
  return product(call.in[0], call.in[1], call.attrs.integer("transpose_a"), call.attrs.integer("transpose_b"));
}

std::vector<Type> infer(const InferCall& call) {
  const Product p = product(call);
  auto extents = p.batch.list();
  extents.insert(extents.end(), {p.m, p.n});
  return {Type{call.in[0].dtype, Shape(extents)}};
}

// Where each product of a batch starts in an operand whose leading axes broadcast to `batch`.
std::vector<int64_t> starts(const Shape& operand, const Shape& batch) {
  const auto stride = broadcast_strides(leading(operand), batch);
  const int64_t matrix = operand[operand.rank() - 2] * operand.back();
  std::vector<int64_t> out(size_t(batch.elements()));
  for (int64_t i = 0; i < batch.elements(); ++i) {
    int64_t rest = i;
    for (int axis = batch.rank() - 1; axis >= 0; --axis) {
      out[size_t(i)] += rest % batch[axis] * stride[axis] * matrix;
      rest /= batch[axis];
    }
  }
  return out;
}

void plain(const PlainCall& call) {
  const bool ta = call.attrs.integer("transpose_a"), tb = call.attrs.integer("transpose_b");
  const Product p = product(call.in[0].type, call.in[1].type, ta, tb);
  const auto a_starts = starts(call.in[0].type.shape, p.batch), b_starts = starts(call.in[1].type.shape, p.batch);
  with_float(call.out[0].type.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (size_t batch = 0; batch < a_starts.size(); ++batch) {
      const T* a = call.in[0].as<T>().data() + a_starts[batch];
      const T* b = call.in[1].as<T>().data() + b_starts[batch];
      T* y = call.out[0].as<T>().data() + int64_t(batch) * p.m * p.n;
      for (int64_t i = 0; i < p.m; ++i)
        for (int64_t j = 0; j < p.n; ++j) {
          T sum = 0;
          for (int64_t l = 0; l < p.k; ++l)
            sum += (ta ? a[l * p.m + i] : a[i * p.k + l]) * (tb ? b[j * p.k + l] : b[l * p.n + j]);
          y[i * p.n + j] = sum;
        }
    }
  });
}

// A weight [n, k] with axis 0 in blocks is in the matrix kernel's panels: those of its transpose [k, n]. Used
// transposed it is the kernel's right operand; used as it is, the left one of the transposed product; and the product
// that makes its gradient can write them.
constexpr Layout panels{.axis = 0, .block = kernels::panel_width};

LayoutWishes layouts(const LayoutCall& call) {
  if (call.in[0].shape.rank() != 2 || call.in[1].shape.rank() != 2) return {};
  // A product that writes panels reads rows.
  const bool reads_panels = call.held[1] == panels && call.out_wanted.row_major();
  return {.in = {row_major, reads_panels ? panels : row_major},
          .offers = {panels},
          .states = {row_major, call.attrs.integer("transpose_b") ? panels : row_major}};
}

kernels::Matrix matrix(const void* data, bool transposed, const Shape& shape) {
  const int64_t columns = shape.back();
  return transposed ? kernels::Matrix{static_cast<const float*>(data), 1, columns}
                    : kernels::Matrix{static_cast<const float*>(data), columns, 1};
}
kernels::Matrix in_panels(const void* data, kernels::Matrix::Form form = kernels::Matrix::panels) {
  return {static_cast<const float*>(data), 0, 0, form};
}

Prepared prepare(const PrepareCall& call) {
  const bool ta = call.attrs.integer("transpose_a"), tb = call.attrs.integer("transpose_b");
  const Shape &a = call.in[0].shape, &b = call.in[1].shape;
  const Product p = product({call.attrs, call.in});
  const int64_t flops = 2 * p.m * p.n * p.k * p.batch.elements();
  const bool b_in_panels = !call.in_layouts[1].row_major(), y_in_panels = !call.out_layout.row_major();
  if (p.batch.rank() != 0) {
    const kernels::GemmShape shape{p.m, p.n, p.k};
    return {.run =
                [=, a_starts = starts(a, p.batch), b_starts = starts(b, p.batch)](const KernelCall& k) {
                  const float *x = static_cast<const float*>(k.in[0]), *w = static_cast<const float*>(k.in[1]);
                  float* y = static_cast<float*>(k.out[0]);
                  for (size_t i = 0; i < a_starts.size(); ++i)
                    kernels::gemm(shape, matrix(x + a_starts[i], ta, a), matrix(w + b_starts[i], tb, b),
                                  {y + int64_t(i) * p.m * p.n}, k.workspace);
                },
            .workspace_bytes = kernels::gemm_workspace(shape, matrix(nullptr, ta, a), matrix(nullptr, tb, b)),
            .flops = flops};
  }
  // Of b in panels of its rows, not of its columns, a copy is made where it is smaller than what the other way turns.
  const bool copies_b = b_in_panels && !tb && p.n * p.k < p.m * (p.n + p.k) / 2;
  if (y_in_panels || (b_in_panels && !tb && !copies_b)) {
    // The transposed product y' = b' a'. y in panels of its rows is y' in panels of its columns; b in panels of its
    // rows is b' in panels of its columns.
    const kernels::GemmShape shape{p.n, p.m, p.k};
    const auto form = y_in_panels ? kernels::Product::panels : kernels::Product::transposed;
    return {.run =
                [=](const KernelCall& k) {
                  kernels::gemm(shape, b_in_panels ? in_panels(k.in[1]) : matrix(k.in[1], !tb, b),
                                matrix(k.in[0], !ta, a), {static_cast<float*>(k.out[0]), form}, k.workspace,
                                {k.epilogue.run, k.epilogue.context, k.epilogue.ahead});
                },
            .workspace_bytes = kernels::gemm_workspace(
                shape, b_in_panels ? in_panels(nullptr) : matrix(nullptr, !tb, b), matrix(nullptr, !ta, a)),
            .takes_epilogue = true,
            .output_optional = y_in_panels,
            .flops = flops};
  }
  const kernels::GemmShape shape{p.m, p.n, p.k};
  const auto right = [=](const void* data) {
    return b_in_panels ? in_panels(data, tb ? kernels::Matrix::panels : kernels::Matrix::transposed_panels)
                       : matrix(data, tb, b);
  };
  return {.run =
              [=](const KernelCall& k) {
                kernels::gemm(shape, matrix(k.in[0], ta, a), right(k.in[1]), {static_cast<float*>(k.out[0])},
                              k.workspace, {k.epilogue.run, k.epilogue.context, k.epilogue.ahead});
              },
          .workspace_bytes = kernels::gemm_workspace(shape, matrix(nullptr, ta, a), right(nullptr)),
          .takes_epilogue = true,
          .flops = flops};
}

// With y = A B, dA = dy B' and dB = A' dy; the flags say which of these transposes are already there.
std::vector<Var> grad(const GradOf& g) {
  const bool ta = g.attrs.integer("transpose_a"), tb = g.attrs.integer("transpose_b");
  const Var &a = g.xs[0], &b = g.xs[1];
  const Var da = ta ? matmul(b, g.dy, tb, true) : matmul(g.dy, b, false, !tb);
  const Var db = tb ? matmul(g.dy, a, true, ta) : matmul(a, g.dy, !ta, false);
  return {sum_to(da, a.shape()), sum_to(db, b.shape())};
}

const Tensor a{Shape{2, 3}, {1, -2, 3, 0.5, 0.25, -1}};
const Tensor b{Shape{3, 4}, {1, 2, 3, 4, -1, -2, -3, -4, 0.5, 1, 0.5, 1}};
const Tensor a_batch{Shape{2, 1, 2, 3}, {1, -2, 3, 0.5, 0.25, -1, 2, 1, 0, -0.5, 1, 1}};
const Tensor b_batch{Shape{2, 3, 1}, {1, -1, 0.5, 2, 3, -2}};

} // namespace

const Op matmul_op{
    .name = "matmul", .formula = "y = a b", .doc = "The matrix product over the last two axes; leading axes broadcast.",
    .args = {"a", "b"}, .rules = {"da = dy b'", "db = a' dy"},
    .attrs = {{"transpose_a", int64_t{0}, "1: a is read transposed"}, {"transpose_b", int64_t{0},
        "1: b is read transposed"}},
    .infer = infer, .plain = plain, .grad = grad, .layouts = layouts, .prepare = prepare, .onnx = "MatMul",
    .peers = {"torch.matmul", "ops.matmul"},
    .examples = {{.in = {a, b}},
                 {.in = {a_batch, b_batch}},
                 {.in = {b, a}, .attrs = {{"transpose_a", int64_t{1}}, {"transpose_b", int64_t{1}}}},
                 {.in = {a, a}, .attrs = {{"transpose_b", int64_t{1}}}},
                 {.in = {a, a}, .attrs = {{"transpose_a", int64_t{1}}}}}};

Shape matmul_shape(const Shape& a, const Shape& b) {
  if (a.rank() == 0 || b.rank() == 0)
    bad_input("matmul", "a scalar has no rows or columns", "multiply by a scalar with *");
  const Shape left = a.rank() == 1 ? Shape{1, a[0]} : a, right = b.rank() == 1 ? Shape{b[0], 1} : b;
  const Product p = product({DType::f32, left}, {DType::f32, right}, false, false);
  auto extents = p.batch.list();
  if (a.rank() > 1) extents.push_back(p.m);
  if (b.rank() > 1) extents.push_back(p.n);
  return Shape(extents);
}

Shape dot_shape(const Shape& a, const Shape& b) {
  if (a.rank() == 0 || b.rank() == 0) return broadcast(a, b);
  const int64_t k = b[b.rank() == 1 ? 0 : b.rank() - 2];
  if (a.back() != k)
    bad_input("dot",
              text(a, " with ", b, ": the left's last axis has ", a.back(), " elements, the right's ",
                   b.rank() == 1 ? "only axis " : "last but one ", k),
              "these two must be equal");
  auto extents = a.list();
  extents.pop_back();
  for (int axis = 0; axis < b.rank(); ++axis)
    if (axis != (b.rank() == 1 ? 0 : b.rank() - 2)) extents.push_back(b[axis]);
  return Shape(extents);
}

Var matmul(In a, In b, bool transpose_a, bool transpose_b) {
  const Attrs attrs{{"transpose_a", int64_t(transpose_a)}, {"transpose_b", int64_t(transpose_b)}};
  if (!a.var || !b.var || a.var.shape().rank() == 0 || b.var.shape().rank() == 0)
    bad_input("matmul", "a scalar has no rows or columns", "multiply by a scalar with *");
  const bool vector_a = a.var.shape().rank() == 1, vector_b = b.var.shape().rank() == 1;
  if (!vector_a && !vector_b) return apply(matmul_op, {a, b}, attrs);
  // A vector is a row on the left, a column on the right; the axis added is taken off again. It has no transpose.
  const Var row = vector_a ? reshape(a, {1, a.var.shape()[0]}) : a.var,
            column = vector_b ? reshape(b, {b.var.shape()[0], 1}) : b.var;
  const Var y =
      apply(matmul_op, {In(row, a.where), In(column, b.where)},
            {{"transpose_a", int64_t(transpose_a && !vector_a)}, {"transpose_b", int64_t(transpose_b && !vector_b)}});
  auto extents = y.shape().list();
  if (vector_b) extents.pop_back();
  if (vector_a) extents.erase(extents.end() - (vector_b ? 1 : 2));
  return reshape(y, extents);
}

Var dot(In a, In b) {
  if (!a.var || !b.var || a.var.shape().rank() == 0 || b.var.shape().rank() == 0) return a * b;
  const Shape &left = a.var.shape(), &right = b.var.shape();
  const Shape out = dot_shape(left, right);
  if (right.rank() <= 2) return matmul(a, b);
  std::vector<int64_t> order{right.rank() - 2};
  for (int64_t axis = 0; axis < right.rank(); ++axis)
    if (axis != right.rank() - 2) order.push_back(axis);
  const Var rows = reshape(a, {-1, left.back()}), columns = reshape(transpose(b, order), {left.back(), -1});
  return reshape(matmul(rows, columns), out.list());
}

} // namespace vitro
