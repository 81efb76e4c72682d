#include "train/duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

namespace vitro {
namespace {

// Values as bits that are equal where the values are.
uint64_t bits_of(uint8_t value) { return value; }
uint64_t bits_of(float value) {
  return std::isnan(value) ? uint64_t{1} << 32 : value == 0 ? 0 : std::bit_cast<uint32_t>(value);
}
uint64_t bits_of(double value) {
  return std::isnan(value) ? ~uint64_t{0} : value == 0 ? 0 : std::bit_cast<uint64_t>(value);
}

// One more number in a hash. Source: the finaliser of S. Vigna's SplitMix64.
void mix(uint64_t& hash, uint64_t bits) {
  hash = (hash ^ bits) + 0x9e3779b97f4a7c15U;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
  hash ^= hash >> 31;
}

struct Place {
  uint64_t inputs = 0, target = 0; // hashes
  int64_t row = 0;
  auto operator<=>(const Place&) const = default;
};

// The samples of a part as rows of equal width.
template <class Value> struct Rows {
  explicit Rows(const Dataset& data)
      : values(data.samples.as<Value>()), width(size_t(data.schema.sample.elements())), part(data) {}

  std::span<const Value> at(int64_t row) const {
    if constexpr (std::is_same_v<Value, float>)
      if (part.schema.sound) return wave_of(part, row);
    return values.subspan(size_t(row) * width, width);
  }
  double target(int64_t row, int64_t output) const {
    return classes() ? part.label_of()[size_t(row)] : part.targets.at(row * outputs() + output);
  }
  bool classes() const { return part.schema.goal == Goal::classes; }
  int64_t outputs() const { return classes() ? 1 : part.schema.outputs(); }

  Place place(int64_t row) const {
    Place out{.row = row};
    if constexpr (sizeof(Value) == 1) { // pictures: eight pixels at once
      const std::span<const Value> all = at(row);
      for (size_t i = 0; i < width; i += sizeof(uint64_t)) {
        uint64_t bits = 0;
        std::memcpy(&bits, &all[i], std::min(sizeof(bits), width - i));
        mix(out.inputs, bits);
      }
    } else {
      for (const Value value : at(row)) mix(out.inputs, bits_of(value));
    }
    for (int64_t j = 0; j < outputs(); ++j) mix(out.target, bits_of(target(row, j)));
    return out;
  }

  std::span<const Value> values;
  size_t width;
  const Dataset& part;
};

template <class Value> bool same_inputs(const Rows<Value>& a, int64_t row, const Rows<Value>& b, int64_t other) {
  return std::ranges::equal(a.at(row), b.at(other), [](Value x, Value y) { return bits_of(x) == bits_of(y); });
}
template <class Value> bool same_target(const Rows<Value>& a, int64_t row, const Rows<Value>& b, int64_t other) {
  for (int64_t j = 0; j < a.outputs(); ++j)
    if (a.target(row, j) != b.target(other, j)) return false;
  return true;
}

// The training rows by their hashes: those that may be equal side by side, those of one target, too.
template <class Value> struct Index {
  explicit Index(const Dataset& train) : rows(train) {
    places.reserve(size_t(train.size()));
    for (int64_t row = 0; row < train.size(); ++row) places.push_back(rows.place(row));
    std::sort(places.begin(), places.end());
  }

  Rows<Value> rows;
  std::vector<Place> places;
};

// Of many training rows with the same hash the first is nearly always the one: so many equal rows cost no time.
template <class Value> Overlap overlap(const Index<Value>& train, const Dataset& part) {
  Overlap out;
  const Rows<Value> rows(part);
  for (int64_t row = 0; row < part.size(); ++row) {
    const Place place = rows.place(row);
    const auto any = [&](Place from, auto within, auto matches) {
      auto at = std::lower_bound(train.places.begin(), train.places.end(), from);
      for (; at != train.places.end() && within(*at); ++at)
        if (matches(at->row)) return true;
      return false;
    };
    const auto equals = [&](int64_t other) { return same_inputs(rows, row, train.rows, other); };
    if (!any(
            {place.inputs, 0, 0}, [&](const Place& one) { return one.inputs == place.inputs; }, equals))
      continue;
    ++out.samples;
    out.other_target += !any(
        {place.inputs, place.target, 0},
        [&](const Place& one) { return one.inputs == place.inputs && one.target == place.target; },
        [&](int64_t other) { return equals(other) && same_target(rows, row, train.rows, other); });
  }
  return out;
}

// Within the training part: each set of equal rows is looked at once, however many there are.
template <class Value> void count_within(const Index<Value>& train, Duplicates& out) {
  std::vector<int64_t> left, apart, same;
  const Rows<Value>& rows = train.rows;
  for (size_t begin = 0, end = 0; begin < train.places.size(); begin = end) {
    left.clear();
    for (end = begin; end < train.places.size() && train.places[end].inputs == train.places[begin].inputs; ++end)
      left.push_back(train.places[end].row);
    for (; left.size() > 1; std::swap(left, apart)) {
      same.clear();
      apart.clear();
      for (const int64_t row : left) (same_inputs(rows, row, rows, left[0]) ? same : apart).push_back(row);
      out.repeated += int64_t(same.size()) - 1;
      if (std::ranges::any_of(same, [&](int64_t row) { return !same_target(rows, row, rows, same[0]); }))
        out.ambiguous += int64_t(same.size());
    }
  }
}

template <class Value> Duplicates found_in(const Splits& data) {
  const Index<Value> train(data.train);
  Duplicates out;
  count_within(train, out);
  out.validation = overlap(train, data.validation);
  out.test = overlap(train, data.test);
  return out;
}

} // namespace

Duplicates find_duplicates(const Splits& data) {
  switch (data.train.schema.raw) {
    case DType::u8: return found_in<uint8_t>(data);
    case DType::f64: return found_in<double>(data);
    default: return found_in<float>(data);
  }
}

} // namespace vitro
