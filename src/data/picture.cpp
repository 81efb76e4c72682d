#include "data/picture.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

std::string PictureSize::str() const { return text(height, " x ", width); }

PictureSize picture_size_of(const std::string& word, const std::string& where) {
  constexpr int64_t most = 4096;
  const auto number = [&](const std::string& digits) {
    int64_t out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc() || end != digits.data() + digits.size() || out < 1 || out > most)
      bad_input(where, text("size is \"", word, "\", expected a number of pixels from 1 to ", most,
                            ", or HEIGHTxWIDTH, as 48x64"));
    return out;
  };
  const size_t cross = word.find('x');
  if (cross == std::string::npos) return {number(word), number(word)};
  return {number(word.substr(0, cross)), number(word.substr(cross + 1))};
}

Picture::Picture(PictureSize of, int64_t of_channels)
    : size(of), channels(of_channels), pixels(size_t(of.height * of.width * of_channels)) {}

Picture upright(Picture picture, int orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const auto [height, width] = picture.size;
  const bool turned = orientation >= 5;
  Picture out(turned ? PictureSize{width, height} : picture.size, picture.channels);
  // Where the pixel at (y, x) of the upright picture stands in the stored one.
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  for (int64_t y = 0; y < out.size.height; ++y)
    for (int64_t x = 0; x < out.size.width; ++x) {
      const int64_t row = turned ? x : y, column = turned ? y : x;
      const uint8_t* from = picture.at(from_bottom ? height - 1 - row : row, from_right ? width - 1 - column : column);
      std::copy_n(from, picture.channels, out.at(y, x));
    }
  return out;
}

bool is_grey(const Picture& picture) {
  if (picture.channels == 1) return true;
  for (size_t i = 0; i < picture.pixels.size(); i += 3)
    if (picture.pixels[i] != picture.pixels[i + 1] || picture.pixels[i] != picture.pixels[i + 2]) return false;
  return true;
}

Picture grey_of(const Picture& picture) {
  if (picture.channels == 1) return picture;
  Picture out(picture.size, 1);
  for (size_t i = 0; i < out.pixels.size(); ++i) {
    const uint8_t* rgb = &picture.pixels[3 * i];
    out.pixels[i] = uint8_t((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
  }
  return out;
}

Picture colour_of(const Picture& picture) {
  if (picture.channels == 3) return picture;
  Picture out(picture.size, 3);
  for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = picture.pixels[i / 3];
  return out;
}

const char* name(Fit fit) { return fit == Fit::crop ? "crop" : fit == Fit::pad ? "pad" : "stretch"; }

std::optional<Fit> fit_of(const std::string& word) {
  for (const Fit fit : {Fit::crop, Fit::pad, Fit::stretch})
    if (word == name(fit)) return fit;
  return std::nullopt;
}

namespace {

// What a pixel of the result is made of, along one axis: neighbours from `first` on, by weights that add up to 1.
struct Mixture {
  int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Mixture> mixtures(int64_t pixels, double from, double length, int64_t out) {
  std::vector<Mixture> all;
  const double step = length / double(out);
  for (int64_t i = 0; i < out; ++i) {
    Mixture one;
    if (step <= 1) { // between the two nearest centres
      const double at = std::clamp(from + (double(i) + 0.5) * step - 0.5, 0.0, double(pixels - 1));
      one.first = std::min(int64_t(at), std::max<int64_t>(0, pixels - 2));
      const double share = at - double(one.first);
      one.weights = {float(1 - share)};
      if (pixels > 1) one.weights.push_back(float(share));
    } else { // by the area that it covers
      const double begin = std::clamp(from + double(i) * step, 0.0, double(pixels)),
                   end = std::clamp(from + double(i + 1) * step, 0.0, double(pixels));
      one.first = std::min(int64_t(begin), pixels - 1);
      double sum = 0;
      for (int64_t p = one.first; p < pixels && (p == one.first || double(p) < end); ++p)
        sum += std::max(0.0, std::min(end, double(p + 1)) - std::max(begin, double(p)));
      for (int64_t p = one.first; p < pixels && (p == one.first || double(p) < end); ++p)
        one.weights.push_back(
            sum > 0 ? float(std::max(0.0, std::min(end, double(p + 1)) - std::max(begin, double(p))) / sum) : 1.0F);
    }
    all.push_back(std::move(one));
  }
  return all;
}

} // namespace

Picture resampled(const Picture& picture, double top, double left, double height, double width, PictureSize size) {
  if (size == picture.size && top == 0 && left == 0 && height == double(size.height) && width == double(size.width))
    return picture;
  const int64_t channels = picture.channels, across = size.width * channels;
  const std::vector<Mixture> rows = mixtures(picture.size.height, top, height, size.height),
                             columns = mixtures(picture.size.width, left, width, size.width);
  const int64_t first = rows.front().first, last = rows.back().first + int64_t(rows.back().weights.size());
  std::vector<float> narrow(size_t((last - first) * across)); // as wide as the result, as high as the window
  for (int64_t y = first; y < last; ++y) {
    float* to = &narrow[size_t((y - first) * across)];
    for (const Mixture& column : columns)
      for (int64_t c = 0; c < channels; ++c) {
        const uint8_t* from = picture.at(y, column.first) + c;
        float sum = 0;
        for (const float weight : column.weights) {
          sum += weight * float(*from);
          from += channels;
        }
        *to++ = sum;
      }
  }
  Picture out(size, channels);
  std::vector<float> sums(static_cast<size_t>(across));
  for (int64_t y = 0; y < size.height; ++y) {
    std::ranges::fill(sums, 0.0F);
    const float* from = &narrow[size_t((rows[size_t(y)].first - first) * across)];
    for (const float weight : rows[size_t(y)].weights)
      for (float& sum : sums) sum += weight * *from++;
    std::ranges::transform(sums, out.at(y, 0), [](float sum) { return uint8_t(std::clamp(sum + 0.5F, 0.0F, 255.0F)); });
  }
  return out;
}

Picture fitted(const Picture& picture, PictureSize size, Fit fit) {
  const double height = double(picture.size.height), width = double(picture.size.width);
  if (fit == Fit::stretch) return resampled(picture, 0, 0, height, width, size);
  const double wide = double(size.width) / width, high = double(size.height) / height;
  if (fit == Fit::crop) { // the largest window of the result's shape
    const double scale = std::max(wide, high), window_height = std::min(height, double(size.height) / scale),
                 window_width = std::min(width, double(size.width) / scale);
    return resampled(picture, (height - window_height) / 2, (width - window_width) / 2, window_height, window_width,
                     size);
  }
  const double scale = std::min(wide, high);
  const PictureSize inner{std::clamp<int64_t>(std::llround(height * scale), 1, size.height),
                          std::clamp<int64_t>(std::llround(width * scale), 1, size.width)};
  const Picture small = resampled(picture, 0, 0, height, width, inner);
  Picture out(size, picture.channels);
  const int64_t top = (size.height - inner.height) / 2, left = (size.width - inner.width) / 2;
  for (int64_t y = 0; y < inner.height; ++y)
    std::copy_n(small.at(y, 0), inner.width * picture.channels, out.at(top + y, left));
  return out;
}

void to_planes(const Picture& picture, uint8_t* out) {
  const size_t step = size_t(picture.channels);
  for (size_t c = 0; c < step; ++c)
    for (size_t i = c; i < picture.pixels.size(); i += step) *out++ = picture.pixels[i];
}

Picture picture_of(const Tensor& samples, int64_t sample) {
  const Shape& shape = samples.shape();
  Picture out({shape[2], shape[3]}, shape[1]);
  const int64_t plane = shape[2] * shape[3];
  const uint8_t* from = samples.as<uint8_t>().data() + sample * shape[1] * plane;
  for (int64_t c = 0; c < shape[1]; ++c)
    for (int64_t i = 0; i < plane; ++i) out.pixels[size_t(i * shape[1] + c)] = *from++;
  return out;
}

} // namespace vitro
