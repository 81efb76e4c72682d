#include "data/npy.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are copied as they lie in little-endian files");

constexpr std::string_view magic = "\x93NUMPY";

template <class T> T load(ByteSpan bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// IEEE 754 binary16.
float half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float size = exponent == 31  ? (fraction ? std::numeric_limits<float>::quiet_NaN() : INFINITY)
                     : exponent == 0 ? std::ldexp(float(fraction), -24)
                                     : std::ldexp(float(1024 + fraction), exponent - 25);
  return bits >> 15 ? -size : size;
}

// What an .npy file says of its array: the Python dict of its header.
struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

// Reads the few forms of Python that numpy writes there.
class HeaderReader {
public:
  HeaderReader(std::string_view text, const std::string& where) : rest_(text), where_(where) {}

  Header read() {
    Header header;
    int found = 0;
    need('{');
    while (!take('}')) {
      const std::string key = word();
      need(':');
      if (key == "descr") {
        if (peek() == '[')
          bad_input(where_, "holds records of several fields, numbers of one kind were expected",
                    "save each field as an array of its own");
        header.descr = word();
        found |= 1;
      } else if (key == "fortran_order") {
        header.fortran = truth();
        found |= 2;
      } else if (key == "shape") {
        need('(');
        while (!take(')')) {
          header.shape.push_back(extent());
          if (peek() != ')') need(',');
        }
        found |= 4;
      } else {
        broken();
      }
      if (peek() != '}') need(',');
    }
    if (found != 7 || peek() != 0) broken();
    return header;
  }

private:
  [[noreturn]] void broken() const { bad_input(where_, "is a damaged npy file: its header makes no sense"); }
  char peek() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
    return rest_.empty() ? char(0) : rest_[0];
  }
  bool take(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char c) {
    if (!take(c)) broken();
  }
  std::string word() {
    const char quote = peek();
    const size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : rest_.npos;
    if (end == rest_.npos) broken();
    const std::string out(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return out;
  }
  bool truth() {
    peek();
    for (const std::string_view answer : {"True", "False"})
      if (rest_.starts_with(answer)) {
        rest_.remove_prefix(answer.size());
        return answer == "True";
      }
    broken();
  }
  int64_t extent() {
    peek();
    int64_t value = -1;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) broken();
    rest_.remove_prefix(size_t(end - rest_.data()));
    return value;
  }

  std::string_view rest_;
  const std::string& where_;
};

// Where element `i` of a row-major array stands in one whose first axis runs fastest.
size_t fortran_place(const Shape& shape, size_t i) {
  size_t place = 0, rest = i;
  std::array<size_t, Shape::max_rank> at{};
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[size_t(axis)] = rest % size_t(shape[axis]);
    rest /= size_t(shape[axis]);
  }
  for (int axis = shape.rank() - 1; axis >= 0; --axis) place = place * size_t(shape[axis]) + at[size_t(axis)];
  return place;
}

// The elements of `data` as numbers of type To.
template <class To, class From, class Convert> Tensor convert(ByteSpan data, const Header& header, const Convert& one) {
  Tensor out(Type{dtype_of<To>(), Shape(header.shape)});
  const auto values = out.as<To>();
  if constexpr (std::is_same_v<To, From>)
    if (!header.fortran) {
      if (!data.empty()) std::memcpy(values.data(), data.data(), data.size());
      return out;
    }
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = To(one(load<From>(data, (header.fortran ? fortran_place(out.shape(), i) : i) * sizeof(From))));
  return out;
}

template <class To, class From> Tensor convert(ByteSpan data, const Header& header) {
  return convert<To, From>(data, header, [](From value) { return value; });
}

// Whole numbers of more bits than i32 has.
template <class From> Tensor convert_wide(ByteSpan data, const Header& header, const std::string& where) {
  bool fits = true;
  for (size_t at = 0; at < data.size(); at += sizeof(From)) {
    const auto value = int64_t(load<From>(data, at));
    fits = fits && value == int64_t(int32_t(value));
    if (value > (int64_t(1) << 53) || value < -(int64_t(1) << 53))
      bad_input(where, text("holds ", value, ", which no double holds exactly"));
  }
  return fits ? convert<int32_t, From>(data, header) : convert<double, From>(data, header);
}

} // namespace

bool is_npy(ByteSpan bytes) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Tensor read_npy(ByteSpan bytes, const std::string& where) {
  if (!is_npy(bytes)) bad_input(where, "is no npy file", "numpy.save writes one");
  if (bytes.size() < 12) bad_input(where, "is a truncated npy file");
  const int version = bytes[6];
  if (version < 1 || version > 3) bad_input(where, text("is an npy file of version ", version, ", 1 to 3 are known"));
  const size_t begin = version == 1 ? 10 : 12;
  const size_t length = version == 1 ? load<uint16_t>(bytes, 8) : load<uint32_t>(bytes, 8);
  if (length > bytes.size() - begin) bad_input(where, "is a truncated npy file");
  const Header header = HeaderReader({reinterpret_cast<const char*>(bytes.data()) + begin, length}, where).read();
  const ByteSpan data = bytes.subspan(begin + length);

  const std::string& descr = header.descr;
  const char order = descr.empty() ? char(0) : descr[0];
  const std::string kind = descr.substr(std::min<size_t>(descr.size(), 1));
  if (kind.starts_with('O'))
    bad_input(where, "holds Python objects, numbers were expected", "save numbers: a.astype(float)");
  if (kind.starts_with('U') || kind.starts_with('S'))
    bad_input(where, text("holds texts (", descr, "), numbers were expected"),
              "number them: numpy.unique(a, return_inverse=True)");
  if (order == '>')
    bad_input(where, text("holds big-endian numbers (", descr, "), little-endian ones were expected"),
              text("save a.astype('<", kind, "')"));
  constexpr std::array<std::string_view, 11> known = {"u1", "b1", "i1", "u2", "i2", "u4", "i4", "i8", "f2", "f4", "f8"};
  if ((order != '<' && order != '|') || std::find(known.begin(), known.end(), kind) == known.end())
    bad_input(where,
              text("holds elements of type ", descr, ", which is none of ", join({known.begin(), known.end()}, " ")));

  if (header.shape.size() > size_t(Shape::max_rank))
    bad_input(where, text("has ", header.shape.size(), " axes, at most ", Shape::max_rank, " were expected"));
  int64_t expected = kind[1] - '0';
  bool fits = true;
  for (const int64_t extent : header.shape) fits = fits && !__builtin_mul_overflow(expected, extent, &expected);
  if (!fits || expected != int64_t(data.size()))
    bad_input(where,
              text("is a damaged npy file: has ", data.size(), " bytes of numbers, ",
                   fits ? number(static_cast<long long>(expected)) : "more than can be", " were expected"),
              "download or copy the file again");
  // Extents beside a 0 multiply to 0 bytes, but may be too large for a shape.
  int64_t others = 1;
  for (const int64_t extent : header.shape)
    if (extent != 0 && (__builtin_mul_overflow(others, extent, &others) || others > int64_t(1) << 59))
      bad_input(where, "is a damaged npy file: its shape is too large");

  if (kind == "u1" || kind == "b1") return convert<uint8_t, uint8_t>(data, header);
  if (kind == "i1") return convert<int32_t, int8_t>(data, header);
  if (kind == "u2") return convert<int32_t, uint16_t>(data, header);
  if (kind == "i2") return convert<int32_t, int16_t>(data, header);
  if (kind == "i4") return convert<int32_t, int32_t>(data, header);
  if (kind == "u4") return convert_wide<uint32_t>(data, header, where);
  if (kind == "i8") return convert_wide<int64_t>(data, header, where);
  if (kind == "f2") return convert<float, uint16_t>(data, header, half);
  if (kind == "f4") return convert<float, float>(data, header);
  return convert<double, double>(data, header);
}

Bytes write_npy(const ConstView& tensor) {
  const auto descr = [&] {
    switch (tensor.type.dtype) {
      case DType::f32: return "<f4";
      case DType::f64: return "<f8";
      case DType::i32: return "<i4";
      default: return "|u1";
    }
  };
  std::string header = text("{'descr': '", descr(), "', 'fortran_order': False, 'shape': (");
  const std::vector<int64_t> extents = tensor.type.shape.list();
  for (size_t i = 0; i < extents.size(); ++i)
    header += text(i > 0 ? " " : "", extents[i], i + 1 < extents.size() || i == 0 ? "," : "");
  header += "), }";
  // Spaces and a newline, so that the numbers begin at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  Bytes out(magic.begin(), magic.end());
  out.insert(out.end(), {1, 0, uint8_t(header.size() & 255), uint8_t(header.size() >> 8)});
  out.insert(out.end(), header.begin(), header.end());
  const auto* data = static_cast<const uint8_t*>(tensor.data);
  out.insert(out.end(), data, data + tensor.type.bytes());
  return out;
}

} // namespace vitro
