// Batch-norm: two passes over memory each way, the first for sums by channel, the second to write.
//
// Two ways to read, to the same bits: along the positions of a channel, whose lanes are those of the vectors; or with a
// channel in each lane, where 16 vectors of partial sums stand for the lanes. The second serves blocked maps and dense
// rows, which are one sample whose positions are the batch.
#include "kernels/normalize.h"

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalize.cpp"
#include "hwy/foreach_target.h"

#include "kernels/reduce-inl.h"

#ifndef VITRO_KERNELS_NORMALIZE_MAP
#define VITRO_KERNELS_NORMALIZE_MAP
namespace vitro::kernels {

inline constexpr int64_t block = 16;        // channels of a task
inline constexpr int64_t most_values = 384; // of a channel in a chunk: a block's are 24 KiB
inline constexpr int64_t tile = 4096;       // elements written at a time, and shown to the epilogue

/// A chunk: positions begin .. begin + count of samples first .. last.
struct Chunk {
  int64_t first, last, begin, count;
  int64_t values() const { return (last - first) * count; }
};

/// Where everything lies, and how it is cut.
struct Map {
  int64_t channels, blocks, samples, positions;
  bool dense;                    // one position a sample: a block's rows are the samples'
  bool in_lanes;                 // channels are: those of a block lie side by side
  int64_t sample, row;           // elements from a sample to the next one; in lanes: from a position to the next one
  int64_t plane;                 // elements of a sample's channel (in lanes: block of them)
  int64_t group, pieces, length; // samples of a chunk; or chunks of a sample, and their positions

  explicit Map(const Channels& of)
      : channels(of.channels), blocks((of.channels + block - 1) / block), samples(of.samples), positions(of.positions),
        dense(of.positions == 1), in_lanes(of.blocked || dense), row(block) {
    if (dense) {
      row = of.blocked ? padded() : channels;
      positions = samples, samples = 1;
    }
    sample = (of.blocked ? blocks * block : channels) * positions;
    plane = (in_lanes ? block : 1) * positions;
    pieces = (positions + most_values - 1) / most_values;
    length = ((positions + pieces - 1) / pieces + 15) / 16 * 16;
    group = pieces > 1 ? 1 : most_values / positions;
  }
  int64_t padded() const { return blocks * block; }
  int64_t chunks() const { return (samples + group - 1) / group * pieces; }
  int64_t stored() const { return samples * sample; }
  double values() const { return double(samples) * double(positions); } // of a channel
  Chunk chunk(int64_t i) const {
    const int64_t first = i / pieces * group, begin = i % pieces * length;
    return {first, samples - first < group ? samples : first + group, begin,
            positions - begin < length ? positions - begin : length};
  }
  /// Element 0 of a sample's block, in lanes.
  int64_t start(int64_t s, int64_t b) const { return s * sample + b * (dense ? block : plane); }
};

/// Of a chunk's block of channels: the mean, and the sum of squared distances to float(mean); or two sums.
struct Partial {
  double mean[block];
  float sum[block];
};

/// (x - mean) scale + shift, + dy slope: of each channel, and a vector more.
struct Lines {
  float *mean, *scale, *shift, *slope;
};

} // namespace vitro::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace vitro::kernels::HWY_NAMESPACE {

HWY_INLINE V load(const float* p, int64_t count) { return count == lanes ? hn::LoadU(Tag(), p) : load_first(p, count); }

/// Over the chunk for `abreast` channels from `channel` on, add(sum, channel - first one, element, count): sums[a].
template <int abreast, class Add>
HWY_INLINE void sum_rows(const Map& map, const Chunk& chunk, int64_t channel, float* sums, Add add) {
  V part[abreast][parts];
#pragma GCC unroll 64
  for (int i = 0; i < abreast * parts; ++i) part[i / parts][i % parts] = hn::Zero(Tag());
  for (int64_t s = chunk.first; s < chunk.last; ++s) {
    const int64_t at = s * map.sample + channel * map.positions + chunk.begin;
    int64_t p = 0;
    for (; p + width <= chunk.count; p += width) {
#pragma GCC unroll 4
      for (int a = 0; a < abreast; ++a)
#pragma GCC unroll 16
        for (int v = 0; v < parts; ++v) part[a][v] = add(part[a][v], a, at + a * map.positions + p + v * lanes, lanes);
    }
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v) {
      const int64_t left = chunk.count - p - v * lanes, count = left < lanes ? left : lanes;
      if (count <= 0) break;
#pragma GCC unroll 4
      for (int a = 0; a < abreast; ++a) {
        const V added = add(part[a][v], a, at + a * map.positions + p + v * lanes, count);
        part[a][v] = hn::IfThenElse(hn::FirstN(Tag(), size_t(count)), added, part[a][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int a = 0; a < abreast; ++a) sums[a] = hn::GetLane(join_lanes<Adding>(part[a]));
}

/// The same in lanes, for the channels that begin at element `at` of sample 0: add(sum, element).
template <class Add> HWY_INLINE V sum_columns(const Map& map, const Chunk& chunk, int64_t at, Add add) {
  V lane[width];
#pragma GCC unroll 16
  for (int64_t l = 0; l < width; ++l) lane[l] = hn::Zero(Tag());
  for (int64_t s = chunk.first; s < chunk.last; ++s) {
    const int64_t from = at + s * map.sample + chunk.begin * map.row;
    int64_t p = 0;
    for (; p + width <= chunk.count; p += width) {
#pragma GCC unroll 16
      for (int64_t l = 0; l < width; ++l) lane[l] = add(lane[l], from + (p + l) * map.row);
    }
#pragma GCC unroll 16
    for (int64_t l = 0; l < width; ++l)
      if (p + l < chunk.count) lane[l] = add(lane[l], from + (p + l) * map.row);
  }
#pragma GCC unroll 4
  for (int64_t step = width / 2; step > 0; step /= 2)
#pragma GCC unroll 8
    for (int64_t l = 0; l < step; ++l) lane[l] = hn::Add(lane[l], lane[l + step]);
  return lane[0];
}

/// Distances to the first value keep the digits of a mean that is far from 0.
HWY_INLINE double mean_of(float first, float sum, int64_t values) {
  return double(first) + double(sum) * (1 / double(values));
}

template <int abreast> HWY_INLINE void row_statistics(const Map& map, const Chunk& chunk, const float* x,
                                                      int64_t channel, double* mean, float* squares) {
  V pivot[abreast];
  const float* first = x + chunk.first * map.sample + channel * map.positions + chunk.begin;
  for (int a = 0; a < abreast; ++a) pivot[a] = constant(first[a * map.positions]);
  float sum[abreast];
  sum_rows<abreast>(
      map, chunk, channel, sum, [&](V part, int a, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
        return hn::Add(part, hn::Sub(load(x + at, count), pivot[a]));
      });
  for (int a = 0; a < abreast; ++a) {
    mean[a] = mean_of(first[a * map.positions], sum[a], chunk.values());
    pivot[a] = constant(float(mean[a]));
  }
  sum_rows<abreast>(
      map, chunk, channel,
      squares, [&](V part, int a, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
        const V away = hn::Sub(load(x + at, count), pivot[a]);
        return hn::MulAdd(away, away, part);
      });
}

template <bool whole> HWY_INLINE void column_statistics(const Map& map, const Chunk& chunk, const float* x, int64_t at,
                                                        int64_t count, double* mean, float* squares) {
  const auto value = [=](int64_t i) HWY_ATTR __attribute__((always_inline)) {
    return load(x + i, whole ? lanes : count);
  };
  V pivot = value(at + chunk.first * map.sample + chunk.begin * map.row);
  HWY_ALIGN float first[lanes], sum[lanes];
  hn::Store(pivot, Tag(), first);
  hn::Store(sum_columns(
                map, chunk, at,
                [=](V part, int64_t i) HWY_ATTR
                __attribute__((always_inline)) { return hn::Add(part, hn::Sub(value(i), pivot)); }),
            Tag(), sum);
  for (int64_t c = 0; c < lanes; ++c) {
    mean[c] = mean_of(first[c], sum[c], chunk.values());
    first[c] = float(mean[c]);
  }
  pivot = hn::Load(Tag(), first);
  hn::StoreU(sum_columns(
                 map, chunk, at,
                 [=](V part, int64_t i) HWY_ATTR __attribute__((always_inline)) {
                   const V away = hn::Sub(value(i), pivot);
                   return hn::MulAdd(away, away, part);
                 }),
             Tag(), squares);
}

/// Calls use(first channel in the block, element of sample 0, count) for each vector of the channels in block b.
template <class Use> HWY_INLINE void by_vector(const Map& map, int64_t b, Use use) {
  const int64_t inside = map.dense && map.row < map.padded() ? map.channels - b * block : block;
  for (int64_t c = 0; c < block && c < inside; c += lanes)
    use(c, map.start(0, b) + c, inside - c < lanes ? inside - c : lanes);
}

/// Partials begin .. end, counted over [chunks][blocks].
void statistics(const Map& map, const float* x, Partial* partials, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const Chunk chunk = map.chunk(i / map.blocks);
    const int64_t b = i % map.blocks, channel = b * block;
    Partial& out = partials[i];
    out = {};
    if (map.in_lanes) {
      by_vector(map, b, [&](int64_t c, int64_t at, int64_t count) HWY_ATTR {
        if (count == lanes)
          column_statistics<true>(map, chunk, x, at, count, out.mean + c, out.sum + c);
        else
          column_statistics<false>(map, chunk, x, at, count, out.mean + c, out.sum + c);
      });
      continue;
    }
    const int64_t inside = map.channels - channel < block ? map.channels - channel : block;
    int64_t c = 0;
    for (; c + 4 <= inside; c += 4) row_statistics<4>(map, chunk, x, channel + c, out.mean + c, out.sum + c);
    for (; c < inside; ++c) row_statistics<1>(map, chunk, x, channel + c, out.mean + c, out.sum + c);
  }
}

template <int abreast> HWY_INLINE void row_sums(const Map& map, const Chunk& chunk, const float* x, const float* dy,
                                                const float* mean, int64_t channel, float* of_dy, float* of_products) {
  V centre[abreast];
  for (int a = 0; a < abreast; ++a) centre[a] = constant(mean[a]);
  sum_rows<abreast>(
      map, chunk, channel, of_dy, [=](V part, int, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
        return hn::Add(part, load(dy + at, count));
      });
  sum_rows<abreast>(
      map, chunk, channel,
      of_products, [&](V part, int a, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
        return hn::MulAdd(load(dy + at, count), hn::Sub(load(x + at, count), centre[a]), part);
      });
}

template <bool whole> HWY_INLINE void column_sums(const Map& map, const Chunk& chunk, const float* x, const float* dy,
                                                  const float* mean, int64_t at, int64_t count, float* of_dy,
                                                  float* of_products) {
  const auto value = [=](const float* p) HWY_ATTR __attribute__((always_inline)) {
    return load(p, whole ? lanes : count);
  };
  const V centre = hn::LoadU(Tag(), mean);
  hn::StoreU(
      sum_columns(
          map, chunk,
          at, [=](V part, int64_t i) HWY_ATTR __attribute__((always_inline)) { return hn::Add(part, value(dy + i)); }),
      Tag(), of_dy);
  hn::StoreU(sum_columns(
                 map, chunk, at,
                 [=](V part, int64_t i) HWY_ATTR __attribute__((always_inline)) {
                   return hn::MulAdd(value(dy + i), hn::Sub(value(x + i), centre), part);
                 }),
             Tag(), of_products);
}

/// Of dy and dy (x - mean): into `sum` and `mean` of the partials.
void gradient_sums(const Map& map, const float* x, const float* dy, const float* means, Partial* partials,
                   int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const Chunk chunk = map.chunk(i / map.blocks);
    const int64_t b = i % map.blocks, channel = b * block;
    const int64_t inside = map.channels - channel < block ? map.channels - channel : block;
    float mean[block] = {}, products[block] = {};
    for (int64_t c = 0; c < inside; ++c) mean[c] = means[channel + c];
    Partial& out = partials[i];
    out = {};
    if (map.in_lanes) {
      by_vector(map, b, [&](int64_t c, int64_t at, int64_t count) HWY_ATTR {
        if (count == lanes)
          column_sums<true>(map, chunk, x, dy, mean + c, at, count, out.sum + c, products + c);
        else
          column_sums<false>(map, chunk, x, dy, mean + c, at, count, out.sum + c, products + c);
      });
    } else {
      int64_t c = 0;
      for (; c + 4 <= inside; c += 4) row_sums<4>(map, chunk, x, dy, mean + c, channel + c, out.sum + c, products + c);
      for (; c < inside; ++c) row_sums<1>(map, chunk, x, dy, mean + c, channel + c, out.sum + c, products + c);
    }
    for (int64_t c = 0; c < block; ++c) out.mean[c] = double(products[c]);
  }
}

struct Line {
  V mean, scale, shift, slope;
};
template <bool gradient> HWY_INLINE V on_line(const Line& line, const float* x, const float* dy, int64_t count) {
  const V y = hn::MulAdd(hn::Sub(load(x, count), line.mean), line.scale, line.shift);
  return gradient ? hn::MulAdd(load(dy, count), line.slope, y) : y;
}

/// Elements begin .. end of the storage: y points at the first of them. (Map and lines by value: no store can change
/// them.)
template <bool gradient> HWY_INLINE void write(const Map map, const Lines lines, const float* x, const float* dy,
                                               float* y, int64_t begin, int64_t end) {
  const Tag d;
  const auto vector_of = [&](int64_t c) HWY_ATTR __attribute__((always_inline)) {
    return Line{hn::LoadU(d, lines.mean + c), hn::LoadU(d, lines.scale + c), hn::LoadU(d, lines.shift + c),
                gradient ? hn::LoadU(d, lines.slope + c) : hn::Zero(d)};
  };
  const auto constant_of = [&](int64_t c) HWY_ATTR __attribute__((always_inline)) {
    return Line{constant(lines.mean[c]), constant(lines.scale[c]), constant(lines.shift[c]), constant(lines.slope[c])};
  };
  const auto step = [&](const Line& line, int64_t at, int64_t count) HWY_ATTR __attribute__((always_inline)) {
    const V value = on_line<gradient>(line, x + at, dy + at, count);
    if (count == lanes)
      hn::StoreU(value, d, y + at - begin);
    else
      store_first(value, y + at - begin, count);
  };
  for (int64_t at = begin; at < end;) {
    if (map.dense) { // a row, or what is left of it
      const int64_t channel = at % map.row, rest = map.row - channel < end - at ? map.row - channel : end - at;
      int64_t c = 0;
      for (; c + lanes <= rest; c += lanes) step(vector_of(channel + c), at + c, lanes);
      if (c < rest) step(vector_of(channel + c), at + c, rest - c);
      at += rest;
      continue;
    }
    const int64_t plane = at / map.plane, last = (plane + 1) * map.plane < end ? (plane + 1) * map.plane : end;
    Line line[parts];
    const int64_t channel = map.in_lanes ? plane % map.blocks * block : plane % map.channels;
#pragma GCC unroll 16
    for (int v = 0; v < parts; ++v) line[v] = map.in_lanes ? vector_of(channel + v * lanes) : constant_of(channel);
    for (; at + width <= last; at += width) {
#pragma GCC unroll 16
      for (int v = 0; v < parts; ++v) step(line[v], at + v * lanes, lanes);
    }
    for (; at < last; at += lanes) step(line[0], at, last - at < lanes ? last - at : lanes);
    at = last;
  }
}

void write_tile(const Map& map, const Lines& lines, const float* x, const float* dy, float* y, int64_t begin,
                int64_t end) {
  if (dy)
    write<true>(map, lines, x, dy, y, begin, end);
  else
    write<false>(map, lines, x, x, y, begin, end);
}

} // namespace vitro::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "core/math.h"
#include "kernels/pieces.h"

namespace vitro::kernels {
namespace {

VITRO_TARGETS(statistics);
VITRO_TARGETS(gradient_sums);
VITRO_TARGETS(write_tile);

constexpr int64_t enough = 1 << 16; // elements from which on threads pay

struct Workspace {
  Partial* partials; // [chunks][blocks]
  Lines lines;
  Workspace(const Map& map, void* at) : partials(static_cast<Partial*>(at)) {
    auto* floats = reinterpret_cast<float*>(partials + map.chunks() * map.blocks);
    for (float** line : {&lines.mean, &lines.scale, &lines.shift, &lines.slope}) {
      *line = floats;
      floats += map.padded() + block;
    }
  }
};

/// In tiles, each shown to the epilogue.
void write_all(const Map& map, const Lines& lines, const float* x, const float* dy, float* y, Epilogue epilogue) {
  const int64_t stored = map.stored(), tiles = (stored + tile - 1) / tile;
  in_pieces(tiles, stored, enough, [&](int64_t first, int64_t last) {
    alignas(64) float unkept[tile];
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = i * tile, end = std::min(stored, begin + tile);
      if (epilogue.ahead) epilogue.ahead(epilogue.context, {begin, end});
      float* const to = y ? y + begin : unkept;
      VITRO_DISPATCH(write_tile)(map, lines, x, dy, to, begin, end);
      if (epilogue.run) epilogue.run(epilogue.context, {begin, end}, to, 0);
    }
  });
}

/// Calls use(block, its channels) for blocks, whose lines are 0 so far.
template <class Use> void by_block(const Map& map, const Workspace& work, Use use) {
  in_pieces(map.blocks, map.chunks() * map.padded(), enough, [&](int64_t begin, int64_t end) {
    for (float* line : {work.lines.mean, work.lines.scale, work.lines.shift, work.lines.slope})
      std::fill(line + begin * block, line + end * block, 0.0F);
    for (int64_t b = begin; b < end; ++b) use(b, std::min(block, map.channels - b * block));
  });
}

} // namespace

int64_t batch_norm_workspace(const Channels& of) {
  const Map map(of);
  return map.chunks() * map.blocks * int64_t(sizeof(Partial)) + 4 * (map.padded() + block) * int64_t(sizeof(float));
}

void batch_norm(const Channels& of, const float* x, const float* weight, const float* bias, double eps, float* y,
                float* mean, float* variance, void* workspace, Epilogue epilogue) {
  const Map map(of);
  const Workspace work(map, workspace);
  in_pieces(map.chunks() * map.blocks, map.stored(), enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(statistics)(map, x, work.partials, begin, end);
  });
  by_block(map, work, [&](int64_t b, int64_t inside) {
    const double n = map.values();
    double centre[block] = {}, squares[block] = {};
    for (int64_t k = 0; k < map.chunks(); ++k) {
      const Partial& part = work.partials[k * map.blocks + b];
      const double values = double(map.chunk(k).values());
      for (int64_t c = 0; c < block; ++c) centre[c] += values * part.mean[c];
    }
    for (int64_t c = 0; c < block; ++c) centre[c] /= n;
    for (int64_t k = 0; k < map.chunks(); ++k) {
      const Partial& part = work.partials[k * map.blocks + b];
      const double values = double(map.chunk(k).values());
      for (int64_t c = 0; c < block; ++c) { // `sum` was taken about the rounded mean
        const double away = part.mean[c] - centre[c], off = double(float(part.mean[c])) - part.mean[c];
        squares[c] += double(part.sum[c]) + values * (away * away - off * off);
      }
    }
    for (int64_t c = 0; c < inside; ++c) {
      const int64_t channel = b * block + c;
      const double spread = (squares[c] < 0 ? 0 : squares[c]) / n;
      const double scale = (weight ? double(weight[channel]) : 1) / math::sqrt(spread + eps);
      mean[channel] = work.lines.mean[channel] = float(centre[c]);
      variance[channel] = float(spread);
      work.lines.scale[channel] = float(scale);
      work.lines.shift[channel] =
          float((bias ? double(bias[channel]) : 0) - (centre[c] - double(mean[channel])) * scale);
    }
  });
  write_all(map, work.lines, x, nullptr, y, epilogue);
}

void batch_norm_gradient(const Channels& of, const float* x, const float* weight, const float* mean,
                         const float* variance, const float* dy, double eps, float* dx, float* dweight, float* dbias,
                         void* workspace, Epilogue epilogue) {
  const Map map(of);
  const Workspace work(map, workspace);
  in_pieces(map.chunks() * map.blocks, map.stored(), enough, [&](int64_t begin, int64_t end) {
    VITRO_DISPATCH(gradient_sums)(map, x, dy, mean, work.partials, begin, end);
  });
  by_block(map, work, [&](int64_t b, int64_t inside) {
    double products[block] = {}, sum[block] = {};
    for (int64_t k = 0; k < map.chunks(); ++k) {
      const Partial& part = work.partials[k * map.blocks + b];
      for (int64_t c = 0; c < block; ++c) {
        products[c] += part.mean[c];
        sum[c] += double(part.sum[c]);
      }
    }
    for (int64_t c = 0; c < inside; ++c) {
      const int64_t channel = b * block + c;
      const double inverse = 1 / math::sqrt(double(variance[channel]) + eps), slope = double(weight[channel]) * inverse;
      dbias[channel] = float(sum[c]);
      dweight[channel] = float(products[c] * inverse);
      work.lines.mean[channel] = mean[channel];
      work.lines.slope[channel] = float(slope);
      work.lines.scale[channel] = float(-slope * inverse * inverse * products[c] / map.values());
      work.lines.shift[channel] = float(-slope * sum[c] / map.values());
    }
  });
  write_all(map, work.lines, x, dy, dx, epilogue);
}

} // namespace vitro::kernels
#endif
