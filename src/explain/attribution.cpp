#include "explain/attribution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/text.h"
#include "model/runs.h"

namespace vitro {
namespace {

const Shape& expect_maps(const Tensor& tensor, const char* what) {
  if (tensor.shape().rank() != 4) throw std::logic_error(text(what, " are ", tensor.shape()));
  return tensor.shape();
}

} // namespace

Tensor saliency(const Attribution& of) {
  const Shape& shape = expect_maps(of.gradient, "saliency: gradients of samples");
  const int64_t channels = shape[1], pixels = shape[2] * shape[3];
  Tensor out({DType::f64, {shape[0], shape[2], shape[3]}});
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t p = 0; p < pixels; ++p) {
      double most = 0;
      for (int64_t c = 0; c < channels; ++c)
        most = std::max(most, std::abs(of.gradient.at((n * channels + c) * pixels + p)));
      out.set(n * pixels + p, most);
    }
  return out;
}

Tensor grad_cam(const Attribution& of) {
  const Shape& shape = expect_maps(of.maps, "grad_cam: maps");
  const int64_t channels = shape[1], places = shape[2] * shape[3];
  Tensor out({DType::f64, {shape[0], shape[2], shape[3]}});
  for (int64_t n = 0; n < shape[0]; ++n) {
    const auto sum = out.as<double>().subspan(size_t(n * places), size_t(places));
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t first = (n * channels + c) * places;
      double weight = 0;
      for (int64_t p = 0; p < places; ++p) weight += of.slopes.at(first + p) / double(places);
      for (int64_t p = 0; p < places; ++p) sum[size_t(p)] += weight * of.maps.at(first + p);
    }
    for (double& one : sum) one = std::max(one, 0.0);
  }
  return out;
}

Tensor occlusion(const Model& model, ConstView x, std::span<const float> direction, const Occlusion& square) {
  const Shape& shape = x.type.shape;
  const auto [side, stride, fill] = square;
  if (shape.rank() != 4 || shape[0] != 1 || side < 1 || stride < 1 || int64_t(fill.size()) != shape[1] ||
      int64_t(direction.size()) != model.spec().outputs)
    throw std::logic_error(text("occlusion: of ", shape, ", a square of ", side, " every ", stride, " pixels of ",
                                fill.size(), " channels, ", direction.size(), " weights of outputs"));
  const int64_t channels = shape[1], height = shape[2], width = shape[3];
  const int64_t rows = (height + stride - 1) / stride, columns = (width + stride - 1) / stride;
  const auto answer = [&](const Tensor& predictions, int64_t row) {
    double sum = 0;
    for (size_t j = 0; j < direction.size(); ++j)
      sum += double(direction[j]) * predictions.at(row * int64_t(direction.size()) + int64_t(j));
    return sum;
  };
  const double whole = answer(model.predict(x), 0);

  // Batches of the size that is planned already; the last one's rest repeats what stands there.
  Tensor batch({x.type.dtype, {Runs::usual_batch, channels, height, width}});
  const int64_t elements = shape.elements();
  Tensor out({DType::f64, {rows, columns}});
  for (int64_t begin = 0; begin < rows * columns; begin += Runs::usual_batch) {
    const int64_t end = std::min(begin + Runs::usual_batch, rows * columns);
    for (int64_t place = begin; place < end; ++place) {
      const int64_t first = (place - begin) * elements;
      for (int64_t i = 0; i < elements; ++i) batch.set(first + i, x.at(i));
      const auto covered = [&](int64_t at, int64_t extent) {
        const int64_t from = at * stride + stride / 2 - side / 2;
        return std::pair(std::max<int64_t>(from, 0), std::min(from + side, extent));
      };
      const auto [top, bottom] = covered(place / columns, height);
      const auto [left, right] = covered(place % columns, width);
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t row = top; row < bottom; ++row)
          for (int64_t column = left; column < right; ++column)
            batch.set(first + (c * height + row) * width + column, double(fill[size_t(c)]));
    }
    const Tensor predictions = model.predict(batch);
    for (int64_t place = begin; place < end; ++place) out.set(place, whole - answer(predictions, place - begin));
  }
  return out;
}

} // namespace vitro
