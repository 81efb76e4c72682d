#include "data/idx.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

struct Element {
  uint8_t code; // the magic number's third byte
  int64_t bytes;
  DType held;
};
constexpr Element elements[] = {{0x08, 1, DType::u8},  {0x09, 1, DType::i32}, {0x0B, 2, DType::i32},
                                {0x0C, 4, DType::i32}, {0x0D, 4, DType::f32}, {0x0E, 8, DType::f64}};

const Element* element_of(uint8_t code) {
  for (const Element& element : elements)
    if (element.code == code) return &element;
  return nullptr;
}

// Unsigned of `bytes` bytes, big-endian.
uint64_t big_endian(const uint8_t* at, int64_t bytes) {
  uint64_t value = 0;
  for (int64_t i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}

std::string magic(ByteSpan bytes) {
  static const char* digits = "0123456789abcdef";
  std::string out = "0x";
  for (size_t i = 0; i < std::min<size_t>(4, bytes.size()); ++i) {
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 15];
  }
  return out;
}

} // namespace

bool is_idx(ByteSpan bytes) {
  return bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 && element_of(bytes[2]) != nullptr && bytes[3] >= 1 &&
         bytes[3] <= Shape::max_rank;
}

Tensor read_idx(ByteSpan bytes, const std::string& where) {
  if (bytes.empty()) bad_input(where, "is empty");
  if (bytes.size() < 4) bad_input(where, text("has ", bytes.size(), " bytes, too few for an IDX file"));
  if (!is_idx(bytes))
    bad_input(where, text("begins with ", magic(bytes), ", which is no IDX magic number"),
              "images begin with 0x00000803, labels with 0x00000801");
  const Element& element = *element_of(bytes[2]);
  const int rank = bytes[3];
  const size_t header = 4 + 4 * size_t(rank);
  if (bytes.size() < header)
    bad_input(where, text("ends inside its header: ", bytes.size(), " of ", header, " bytes"), "the file is truncated");

  // Extents are checked as they multiply: a lying header must not allocate, nor wrap around.
  std::vector<int64_t> extents;
  int64_t wanted = element.bytes;
  bool overflow = false, none = false;
  for (int axis = 0; axis < rank; ++axis) {
    extents.push_back(int64_t(big_endian(&bytes[4 + 4 * size_t(axis)], 4)));
    none |= extents.back() == 0;
    overflow |= __builtin_mul_overflow(wanted, extents.back(), &wanted) || wanted > int64_t(1) << 48;
    if (overflow) wanted = 1; // only named from here on
  }
  std::string stated;
  for (const int64_t extent : extents) stated += text(stated.empty() ? "" : " x ", extent);
  if (none) bad_input(where, text("states ", stated, " elements: it holds nothing"));
  if (overflow)
    bad_input(where, text("states ", stated, " elements, more than any file holds"), "its header is damaged");
  const auto found = int64_t(bytes.size() - header);
  if (found != wanted)
    bad_input(where,
              text("states ", stated, " elements of ", element.bytes, " bytes, so ", wanted,
                   " bytes behind its header, but has ", found),
              found < wanted ? "the file is truncated" : "the file is longer than it says");

  Tensor out(Type{element.held, Shape(extents)});
  const uint8_t* at = bytes.data() + header;
  if (element.code == 0x08) {
    std::memcpy(out.view().data, at, size_t(wanted));
    return out;
  }
  for (int64_t i = 0; i < out.elements(); ++i, at += element.bytes) {
    const uint64_t raw = big_endian(at, element.bytes);
    switch (element.code) {
      case 0x09: out.as<int32_t>()[size_t(i)] = int8_t(raw); break;
      case 0x0B: out.as<int32_t>()[size_t(i)] = int16_t(raw); break;
      case 0x0C: out.as<int32_t>()[size_t(i)] = int32_t(raw); break;
      case 0x0D: out.as<float>()[size_t(i)] = std::bit_cast<float>(uint32_t(raw)); break;
      default: out.as<double>()[size_t(i)] = std::bit_cast<double>(raw); break;
    }
  }
  return out;
}

namespace {

// An array of images as a set's samples: bytes with their channel axis, everything else as finite floats.
void place_samples(Tensor images, Dataset& data, const std::string& where) {
  const auto found = images.shape().extents();
  const bool bytes = images.dtype() == DType::u8;
  if (found.size() == 1)
    bad_input(where, text("holds a list of ", found[0], " numbers, images were expected"),
              "name the file of images; its labels are found beside it");
  std::vector<int64_t> extents = {found[0]};
  if (bytes && found.size() == 3) extents.push_back(1);
  extents.insert(extents.end(), found.begin() + 1, found.end());
  data.schema.sample = Shape(std::span<const int64_t>(extents).subspan(1));
  data.schema.raw = bytes ? DType::u8 : DType::f32;
  if (bytes) data.schema.input.scale = 1.0 / 255;
  if (!bytes) {
    const Tensor floats = images.to(DType::f32);
    for (int64_t i = 0; i < floats.elements(); ++i)
      if (!std::isfinite(floats.at(i)))
        bad_input(where, text("element ", i, " is ", images.at(i), ", a finite number was expected"));
    images = floats;
  }
  data.samples = std::move(images).reshaped(Shape(extents));
}

} // namespace

Dataset idx_dataset(Tensor images, const Tensor& labels, std::vector<std::string> classes,
                    const std::string& images_where, const std::string& labels_where) {
  if (labels.shape().rank() != 1 || is_float(labels.dtype()))
    bad_input(labels_where, text("holds ", labels.type(), ", labels (one whole number per sample) were expected"));
  Dataset data;
  place_samples(std::move(images), data, images_where);
  if (data.size() != labels.shape()[0])
    bad_input(labels_where,
              text("holds ", labels.shape()[0], " labels, but ", images_where, " holds ", data.size(), " images"),
              "take both files from the same set");
  data.labels = labels.to(DType::i32);
  data.targets = Tensor(Type{DType::f32, {0}});
  if (classes.empty()) {
    const auto of = data.label_of();
    const int32_t largest = *std::max_element(of.begin(), of.end());
    if (largest > 99999) bad_input(labels_where, text("holds the label ", largest, ", at most 99999 is taken"));
    for (int32_t c = 0; c <= largest; ++c) classes.push_back(text(c));
  }
  data.schema.classes = std::move(classes);
  data.origin = {images_where, "sample", {}};
  check(data, labels_where);
  return data;
}

Tensor idx_samples(Tensor images, const Schema& schema, const std::string& where) {
  Dataset data;
  place_samples(std::move(images), data, where);
  if (data.schema.sample != schema.sample || data.schema.raw != schema.raw)
    bad_input(where, text("holds samples ", Type{data.schema.raw, data.schema.sample}, ", the net was trained on ",
                          Type{schema.raw, schema.sample}));
  return std::move(data.samples);
}

Bytes write_idx(ConstView array) {
  const DType dtype = array.type.dtype;
  const uint8_t code = dtype == DType::u8 ? 0x08 : dtype == DType::i32 ? 0x0C : dtype == DType::f32 ? 0x0D : 0x0E;
  Bytes out = {0, 0, code, uint8_t(array.type.shape.rank())};
  const auto put = [&](uint64_t value, int64_t bytes) {
    for (int64_t i = bytes; i-- > 0;) out.push_back(uint8_t(value >> (8 * i)));
  };
  for (const int64_t extent : array.type.shape.extents()) put(uint64_t(extent), 4);
  const int64_t size = bytes_of(dtype);
  const auto* at = static_cast<const uint8_t*>(array.data);
  for (int64_t i = 0; i < array.type.shape.elements(); ++i, at += size) {
    uint64_t value = 0;
    if (size == 1) {
      value = *at;
    } else if (size == 4) {
      uint32_t four = 0;
      std::memcpy(&four, at, 4);
      value = four;
    } else {
      std::memcpy(&value, at, 8);
    }
    put(value, size);
  }
  return out;
}

} // namespace vitro
