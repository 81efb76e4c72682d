// The mask of dropout: 0 for what is dropped, 1 / (1 - p) for what is kept, so that the mean stays.
//
// Which is which hangs on (seed, stream, step, sample, element) alone: a batch may be cut into shards, a run
// resumed, the threads be many, and every value meets the same fate. The mask itself has no derivative.
#include <cmath>

#include "core/random.h"
#include "kernels/dropout.h"
#include "ops/catalogue.h"
#include "ops/pointwise.h"

namespace vitro {
namespace {

// A random word below this is dropped.
uint32_t threshold(const Attrs& attrs) {
  return uint32_t(std::fmin(std::round(attrs.real("probability") * 0x1p32), double(UINT32_MAX)));
}

Stream stream_of(const Attrs& attrs, const int32_t step) {
  return {uint64_t(attrs.integer("seed")), attrs.word("stream"), uint64_t(int64_t(step))};
}

double kept(const Attrs& attrs) { return 1 / (1 - attrs.real("probability")); }

std::vector<Type> infer(const InferCall& call) {
  for (const Type& type : call.in)
    if (type != Type{DType::i32, Shape{}})
      bad_input("", text("an input is ", type, ", expected one whole number, i32"));
  if (const double p = call.attrs.real("probability"); !(p >= 0 && p < 1))
    bad_input("", text("probability is ", p, ", expected from 0 to below 1"));
  const Shape shape(call.attrs.list("shape"));
  if (shape.rank() == 0) bad_input("", "the shape [] has no axis of samples");
  return {Type{call.attrs.integer("dtype") ? DType::f64 : DType::f32, shape}};
}

} // namespace

const Op dropout_mask_op{
    .name = "dropout_mask", .formula = "y = [u >= p] / (1 - p), u random",
    .doc = "Zeros with probability p, else 1 / (1 - p): drawn anew for each step, each sample, each of its elements.",
    .origin = "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, \"Dropout\", JMLR 2014, section 10 (inverted)",
    .traits = constant_slope, .args = {"step", "sample"}, .rules = {"dstep = 0", "dsample = 0"},
    .attrs = {{"shape", std::vector<int64_t>{}, "[batch, ...]", true},
              {"probability", 0.5, "how likely a value is dropped"},
              {"seed", int64_t{0}, "of the run"},
              {"stream", std::string("dropout"), "whose numbers: the layer's name"},
              {"dtype", int64_t{0}, "element type: 0 f32, 1 f64"}},
    .infer = infer,
    .plain = [](const PlainCall& call) {
      const Stream stream = stream_of(call.attrs, call.in[0].as<int32_t>()[0]);
      const auto first = call.in[1].as<int32_t>()[0];
      const uint32_t limit = threshold(call.attrs);
      with_float(call.out[0].type.dtype, [&](auto zero) {
        using T = decltype(zero);
        const auto y = call.out[0].as<T>();
        const size_t samples = size_t(call.out[0].type.shape[0]), elements = samples ? y.size() / samples : 0;
        for (size_t i = 0; i < y.size(); ++i) {
          const size_t e = i % elements;
          y[i] = stream.words(uint32_t(first) + i / elements, e / 4)[e % 4] < limit ? T(0) : T(kept(call.attrs));
        }
      });
    },
    .prepare = [](const PrepareCall& call) {
      const Shape& shape = call.out[0].shape;
      return Prepared{.run = [attrs = call.attrs, limit = threshold(call.attrs), samples = shape[0],
                              elements = shape.elements() / std::max<int64_t>(shape[0], 1)](const KernelCall& k) {
        kernels::dropout_mask(stream_of(attrs, *static_cast<const int32_t*>(k.in[0])),
                              uint32_t(*static_cast<const int32_t*>(k.in[1])), samples, elements, limit,
                              float(kept(attrs)), static_cast<float*>(k.out[0]));
      }};
    },
    .examples = {{.in = {Tensor{Shape{}, {7}, DType::i32}, Tensor{Shape{}, {32}, DType::i32}},
                  .attrs = {{"shape", std::vector<int64_t>{2, 3}}}}}};

Var dropout_mask(In step, In sample, const Shape& shape, double p, uint64_t seed, const std::string& stream,
                 DType dtype) {
  return apply(dropout_mask_op, {step, sample},
               {{"shape", shape.list()},
                {"probability", p},
                {"seed", int64_t(seed)},
                {"stream", stream},
                {"dtype", int64_t(dtype == DType::f64)}});
}

} // namespace vitro
