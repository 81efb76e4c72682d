// The data as the net saw it: pictures, points with what the net says around them, or columns; and how many of each.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

#include <fmt/core.h>

#include "core/text.h"
#include "report/figures.h"
#include "report/terminal.h"
#include "train/measure.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

constexpr int64_t most_classes = 20, most_points = 600, grid = 96;
constexpr int64_t small = 42; // the longer side of a picture among many, pixels

// The first `count` training samples of each class.
std::vector<std::vector<int64_t>> first_of_classes(const Dataset& data, int64_t count) {
  std::vector<std::vector<int64_t>> found(data.schema.classes.size());
  auto missing = int64_t(found.size());
  const auto labels = data.label_of();
  for (int64_t i = 0; i < data.size() && missing > 0; ++i) {
    auto& of_class = found[size_t(labels[size_t(i)])];
    if (int64_t(of_class.size()) == count) continue;
    of_class.push_back(i);
    missing -= int64_t(of_class.size()) == count;
  }
  return found;
}

Markup pictures(const Dataset& data) {
  const Schema& schema = data.schema;
  const double scale = std::max(1.0, double(small) / double(std::max(schema.sample[1], schema.sample[2])));
  Markup rows;
  if (schema.goal == Goal::numbers) {
    std::vector<Raster> tiles;
    for (int64_t i = 0; i < std::min<int64_t>(10, data.size()); ++i) tiles.push_back(raster_of(data, i, small));
    rows = picture_element(sheet(tiles, 10, 2), text("The first ", tiles.size(), " training samples"), scale);
  } else {
    const bool many = int64_t(schema.classes.size()) > most_classes;
    const auto found = first_of_classes(data, 10);
    for (size_t c = 0; c < std::min(found.size(), size_t(most_classes)); ++c) {
      if (found[c].empty()) continue;
      std::vector<Raster> tiles;
      for (const int64_t sample : found[c]) tiles.push_back(raster_of(data, sample, small));
      rows.add(element("span", {}, short_name(schema.classes[c])));
      rows.add(picture_element(
          sheet(tiles, 10, 2),
          text("The first ", tiles.size(), " training samples of \"", short_name(schema.classes[c]), "\""), scale));
    }
    rows = element("div", {{"class", "strip"}}, rows);
    if (many)
      rows.add(element("p", {{"class", "note"}},
                       text("The first ", most_classes, " of ", schema.classes.size(), " classes.")));
  }
  const std::string which =
      schema.goal == Goal::classes ? "The first training samples of each class" : "The first training samples";
  const char* shades = schema.raw == DType::u8 ? ", as they were read: 0 is black, 255 is white"
                                               : ": its lowest value is black, its highest white";
  return together(rows, element("p", {{"class", "note"}}, which, shades, " (on paper the other way round)."),
                  element("p", {{"class", "note"}},
                          "What the net sees of a number: ", element("code", {}, schema.input.str()), "."));
}

// Every `step`-th sample, so that at most `most_points` are drawn.
int64_t step_for(int64_t n) { return std::max<int64_t>(1, (n + most_points - 1) / most_points); }

std::vector<double> column(const Dataset& data, int64_t feature, int64_t rows) {
  const int64_t width = data.schema.sample.elements();
  std::vector<double> out;
  for (int64_t i = 0; i < rows; ++i) out.push_back(data.samples.at(i * width + feature));
  return out;
}

// Samples of these values, one after the other, as if they had been read.
Dataset as_read(const Schema& schema, const std::vector<double>& values) {
  Dataset out = empty_like(schema);
  const int64_t width = schema.sample.elements();
  out.samples = Tensor(Type{schema.raw, {int64_t(values.size()) / width, width}});
  for (size_t i = 0; i < values.size(); ++i) out.samples.set(int64_t(i), values[i]);
  return out;
}

// What the net says at every point of a grid over the plane, as a picture of classes.
Raster regions(const Model& model, const Schema& schema, const Extent& x, const Extent& y) {
  Raster out{.width = grid, .height = grid, .channels = 1, .pixels = {}};
  for (size_t c = 0; c < std::min<size_t>(schema.classes.size(), 256); ++c) out.palette.push_back(group_colour(c, 74));
  std::vector<double> places;
  const auto along = [](const Extent& axis, int64_t i) {
    return axis.low + (double(i) + 0.5) / double(grid) * (axis.high - axis.low);
  };
  for (int64_t i = grid - 1; i >= 0; --i) // from the top
    for (int64_t j = 0; j < grid; ++j) places.insert(places.end(), {along(x, j), along(y, i)});
  const Tensor predictions = predict_all(model, as_read(schema, places));
  std::vector<float> row(static_cast<size_t>(model.spec().outputs));
  for (int64_t i = 0; i < grid * grid; ++i) {
    for (size_t k = 0; k < row.size(); ++k) row[k] = float(predictions.at(i * int64_t(row.size()) + int64_t(k)));
    out.pixels.push_back(uint8_t(std::min<int64_t>(class_of(row), 255)));
  }
  return out;
}

Markup points(const ReportSources& from, bool with_regions) {
  const Dataset& data = from.data.train;
  const Schema& schema = data.schema;
  Scatter chart;
  chart.title = "Training points";
  const Extent x = extent_of(column(data, 0, data.size())), y = extent_of(column(data, 1, data.size()));
  chart.x = {.label = feature_name(schema, 0), .low = x.low, .high = x.high};
  chart.y = {.label = feature_name(schema, 1), .low = y.low, .high = y.high};
  const double shape = (y.high - y.low) / (x.high - x.low);
  chart.square = schema.generated && shape > 0.4 && shape < 1.2;
  for (const std::string& name : schema.classes) chart.groups.push_back({name, {}});
  for (int64_t i = 0; i < data.size(); i += step_for(data.size()))
    chart.groups[size_t(data.label_of()[size_t(i)])].points.push_back(
        {data.samples.at(2 * i), data.samples.at(2 * i + 1)});
  if (with_regions) {
    chart.backdrop = regions(from.model, schema, x, y);
    chart.backdrop_means = "shaded: what the net says there";
  }
  return scatter(chart);
}

// One number in, one out: the points, and the curve that the net makes of them.
Markup curve_through_points(const ReportSources& from, bool with_regions) {
  const Dataset& data = from.data.train;
  const Schema& schema = data.schema;
  Scatter chart;
  chart.title = "Training points";
  chart.x = {.label = feature_name(schema, 0)};
  chart.y = {.label = schema.targets[0]};
  chart.groups = {{"truth", {}}};

  for (int64_t i = 0; i < data.size(); i += step_for(data.size()))
    chart.groups[0].points.push_back({data.samples.at(i), data.targets.at(i)});
  if (!with_regions) return scatter(chart);
  chart.lines = {{"the net", {}}};

  const Extent x = extent_of(column(data, 0, data.size()));
  std::vector<double> places;
  for (int64_t j = 0; j < grid; ++j) places.push_back(x.low + double(j) / double(grid - 1) * (x.high - x.low));
  const Tensor predictions = predict_all(from.model, as_read(schema, places));
  for (int64_t j = 0; j < grid; ++j)
    chart.lines[0].points.push_back({places[size_t(j)], schema.target.undo(predictions.at(j))});
  return scatter(chart);
}

Markup counts_table(const Splits& data) {
  const Schema& schema = data.train.schema;
  const std::vector<const Dataset*> parts = {&data.train, &data.validation, &data.test};
  std::vector<std::vector<Markup>> rows;
  const auto row = [&](const Markup& name, const std::array<int64_t, 3>& counts, const Markup& share) {
    rows.push_back({name, thousands(counts[0]), thousands(counts[1]), thousands(counts[2]), share});
  };
  if (schema.goal == Goal::classes) {
    const std::array<std::vector<int64_t>, 3> counts = {class_counts(data.train), class_counts(data.validation),
                                                        class_counts(data.test)};
    const size_t shown = std::min<size_t>(schema.classes.size(), 50);
    const auto most = double(*std::max_element(counts[0].begin(), counts[0].end()));
    for (size_t c = 0; c < shown; ++c) {
      const double share = double(counts[0][c]) / double(data.train.labels.elements());
      row(name_element(schema.classes[c]), {counts[0][c], counts[1][c], counts[2][c]},
          together(element("span", {{"class", "bar"},
                                    {"aria-hidden", "true"},
                                    {"style", text("width:", coordinate(5 * double(counts[0][c]) / most), "em")}}),
                   share_text(share, 1)));
    }
    if (shown < schema.classes.size()) rows.push_back({text(schema.classes.size() - shown, " more classes")});
  }
  const auto all = [&](const Dataset& part) { return part.size() * part.schema.answers(); };
  row(element("b", {}, "all"), {all(data.train), all(data.validation), all(data.test)}, Markup());
  return table_element({schema.goal == Goal::classes ? "class" : "", "> training", "> validation", "> test",
                        schema.goal == Goal::classes ? "share of training" : ""},
                       rows, "Samples of each part");
}

// Whether every element of a sample is a place on an axis: no category, and none missing.
bool all_places(const Schema& schema) {
  return is_float(schema.raw) && std::ranges::all_of(schema.columns, [](const Column& column) {
           return (column.role == Role::number || column.role == Role::quantile) && !column.indicator;
         });
}
bool is_plane(const Schema& schema) {
  return schema.sample == Shape{2} && schema.goal == Goal::classes && all_places(schema);
}
bool is_curve(const Schema& schema) {
  return schema.sample == Shape{1} && schema.goal == Goal::numbers && schema.outputs() == 1 && all_places(schema);
}

} // namespace

std::string feature_name(const Schema& schema, int64_t element) {
  if (schema.features.empty()) return text("x", element + 1);
  const auto columns = int64_t(schema.features.size());
  const std::string& name = schema.features[size_t(element % columns)];
  const int64_t before = (schema.sample.elements() - 1) / columns - element / columns;
  return before == 0 ? name : text(name, ", ", plural(before, "row"), " before");
}

bool is_picture(const Schema& schema) {
  const Shape& sample = schema.sample;
  return sample.rank() == 3 && (sample[0] == 1 || sample[0] == 3) && sample[1] > 1 && sample[2] > 1 &&
         sample[1] <= 512 && sample[2] <= 512;
}

Raster raster_of(const Schema& schema, std::span<const double> numbers, int64_t most) {
  const int64_t channels = schema.sample[0], height = schema.sample[1], width = schema.sample[2];
  const auto [low, high] =
      schema.raw == DType::u8 ? std::pair{0.0, 255.0} : std::pair{std::ranges::min(numbers), std::ranges::max(numbers)};
  const int64_t longer = std::max(height, width), side = std::min(most, longer);
  const int64_t rows = std::max<int64_t>(1, height * side / longer),
                columns = std::max<int64_t>(1, width * side / longer);
  Raster out{.width = columns, .height = rows, .channels = int(channels), .pixels = {}};
  out.pixels.resize(size_t(rows * columns * channels));
  for (int64_t c = 0; c < channels; ++c) {
    const auto plane = numbers.subspan(size_t(c * height * width), size_t(height * width));
    const Raster one = side < longer ? grey(resized(plane, height, width, rows, columns), rows, columns, low, high)
                                     : grey(plane, height, width, low, high);
    for (size_t p = 0; p < one.pixels.size(); ++p) out.pixels[p * size_t(channels) + size_t(c)] = one.pixels[p];
  }
  return out;
}

Raster raster_of(const Dataset& data, int64_t sample, int64_t most) {
  const int64_t elements = data.schema.sample.elements();
  std::vector<double> numbers;
  for (int64_t i = 0; i < elements; ++i) numbers.push_back(data.samples.at(sample * elements + i));
  return raster_of(data.schema, numbers, most);
}

Markup picture_of(const Raster& raster, const std::string& alt, int64_t side) {
  return picture_element(raster, alt, std::max(1.0, double(side) / double(std::max(raster.width, raster.height))));
}

std::string counted_samples(int64_t n, const Schema& schema, const std::string& adjective) {
  if (schema.text) return plural(n, adjective + singular_name(schema.text->unit));
  if (schema.sound) return plural(n, adjective + "sound");
  const char* what = is_picture(schema)                              ? "picture"
                     : schema.sample == Shape{2} && schema.generated ? "point"
                     : schema.generated                              ? "sample"
                                                                     : "row";
  return plural(n, adjective + what);
}

std::string share_text(double share, int decimals) {
  std::string out = percent(share, decimals);
  if (const size_t blank = out.find(' '); blank != std::string::npos) out.replace(blank, 1, "\u00a0");
  return out;
}

std::string probability_text(double probability) {
  if (probability > 0.9995) return ">\u00a099.9\u00a0%";
  if (probability < 1e-5) return "<\u00a00.001\u00a0%";
  if (probability < 0.001) return number(100 * probability, 2) + "\u00a0%";
  return share_text(probability, 1);
}

std::string share_of_samples(double share, int64_t n) { return share_text(share, n >= 5000 ? 2 : n >= 200 ? 1 : 0); }

std::string interval_of_samples(const Interval& interval, int64_t n) {
  const std::string low = share_of_samples(interval.low, n);
  return text(low.substr(0, low.find("\u00a0")), " to ", share_of_samples(interval.high, n));
}

std::string plain_number(double value, int significant_digits) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) >= 1 && std::abs(value) < 1e15) {
    const double beyond = std::floor(std::log10(std::abs(value))) + 1 - significant_digits; // digits before the point
    const double unit = std::pow(10, std::max(0.0, beyond));
    if (beyond >= 0 || value == std::floor(value)) return thousands(std::llround(std::round(value / unit) * unit));
  }
  return number(value + 0.0, significant_digits); // 0, not -0
}

std::string short_name(const std::string& name) { return cut(name, 48); }

Markup name_element(const std::string& name) {
  if (columns(name) <= 24) return element("span", {{"class", "tie"}}, name);
  const std::string shown = short_name(name);
  return shown == name ? Markup(name) : element("span", {{"title", name}}, shown);
}

std::string source_of(const Dataset& data) {
  if (data.origin.file.empty()) return "generated from the seed, counted from 0";
  const std::string file = std::filesystem::path(data.origin.file).filename().string();
  return text(file == "-" ? "standard input" : file, ", ",
              data.origin.counts == "line" ? "lines counted from 1" : "counted from 0");
}

std::string place_of(const Dataset& data, int64_t sample) {
  if (data.origin.names) return short_name((*data.origin.names)[size_t(data.origin.place(sample))]);
  return text(data.origin.counts.empty() ? "sample" : data.origin.counts, "\u00a0", data.origin.place(sample));
}

bool data_shows_net(const ReportSources& from) {
  return is_plane(from.data.train.schema) || is_curve(from.data.train.schema);
}

Markup data_section(const ReportSources& from, bool with_regions) {
  const Schema& schema = from.data.train.schema;
  Markup out = element("p", {}, element("b", {}, schema.name), ": ", schema.description,
                       schema.description.ends_with('.') ? "" : ".");
  for (const std::string& remark : from.data.remarks) out.add(element("p", {{"class", "note"}}, cut(remark, 400)));
  const Markup counts = counts_table(from.data);
  if (schema.text) {
    std::string beginning;
    for (int64_t i = 0; i < std::min<int64_t>(400, from.data.train.samples.elements()); ++i)
      beginning += schema.text->written(int32_t(from.data.train.samples.at(i)));
    return out.add(element("p", {}, "It begins:")).add(code_element(beginning)).add(counts);
  }
  if (schema.sound) return out.add(sounds(from.data.train)).add(counts).add(duplicates_text(from.data));
  if (is_picture(schema))
    return out
        .add(element("div", {{"class", "pair"}}, element("div", {}, pictures(from.data.train)),
                     element("div", {}, counts, duplicates_text(from.data))))
        .add(augmented_pictures(from));
  if (is_plane(schema))
    out.add(element("div", {{"class", "pair"}}, points(from, with_regions), element("div", {}, counts)));
  else if (is_curve(schema))
    out.add(element("div", {{"class", "pair"}}, curve_through_points(from, with_regions), element("div", {}, counts)));
  else
    out.add(counts);
  return out.add(duplicates_text(from.data)).add(columns_table(from.data.train));
}

} // namespace vitro
