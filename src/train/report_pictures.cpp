// What there is to see of a net of pictures: what training makes of them, which are taken for which, what an answer
// hangs on, what each layer makes of one, and the filters.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/core.h>

#include "core/text.h"
#include "data/augment.h"
#include "explain/attribution.h"
#include "report/terminal.h"
#include "train/measure.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

constexpr int64_t card = 84; // the longer side of a picture with words below it, pixels
constexpr int64_t most_units = 64;

// Of numbers that a colour stands for: a few large ones would leave all others pale, so one in two hundred is beyond
// the scale.
double size_of_most(std::span<const double> values) {
  std::vector<double> sizes;
  for (const double value : values) sizes.push_back(std::abs(value));
  const auto nearly_all = sizes.begin() + std::ptrdiff_t(double(sizes.size() - 1) * 0.995);
  std::nth_element(sizes.begin(), nearly_all, sizes.end());
  return *nearly_all;
}

std::string size_text(int64_t height, int64_t width) { return text(height, " x ", width); }

Markup muted(const Markup& what) { return element("span", {{"class", "muted"}}, what); }

// ---- Augmented pictures -----------------------------------------------------------------------------

// "flip (p 0.5), crop (padding 4)"
std::string steps_text(const std::vector<Augmentation>& list) {
  std::vector<std::string> steps;
  for (const Augmentation& one : list) {
    const AugmentationKind& kind = find_augmentation(one.op, "data.augment");
    std::vector<std::string> args;
    for (size_t i = 0; i < one.args.size(); ++i) args.push_back(text(kind.args[i].name, " ", number(one.args[i], 4)));
    steps.push_back(args.empty() ? one.op : text(one.op, " (", join(args, ", "), ")"));
  }
  return join(steps, ", ");
}

// Training samples of as many classes as there are, the first of each; of numbers the first.
std::vector<int64_t> some_of_each_class(const Dataset& data, int64_t most) {
  std::vector<int64_t> out;
  std::vector<bool> seen(data.schema.classes.size());
  for (int64_t i = 0; i < data.size() && int64_t(out.size()) < most; ++i) {
    if (data.schema.goal == Goal::classes) {
      const auto label = size_t(data.label_of()[size_t(i)]);
      if (seen[label]) continue;
      seen[label] = true;
    }
    out.push_back(i);
  }
  return out;
}

// ---- What an answer hangs on ------------------------------------------------------------------------

// The weights of the net's outputs that ask for a class (explain/attribution.h).
std::vector<float> direction_of(int64_t chosen, int64_t outputs) {
  if (outputs == 1) return {chosen == 1 ? 1.0F : -1.0F};
  std::vector<float> out(static_cast<size_t>(outputs));
  out[size_t(chosen)] = 1;
  return out;
}

// Multiplications for one sample: of a convolution each weight once for each place.
double work_of(const Model& model) {
  double out = 0;
  for (const Model::LayerSummary& layer : model.layers())
    for (const std::string& name : layer.parameters) {
      const Shape& shape = model.states().at(name).type.shape;
      const Shape& y = layer.output;
      out += double(shape.elements()) * (shape.rank() == 4 && y.rank() == 4 ? double(y[2] * y[3]) : 1.0);
    }
  return out;
}

// How many pictures are looked at, and in how many places of each axis they are covered (0: nowhere), so that it takes
// some tenths of a second on one core.
struct Plan {
  int64_t of_each = 4, places = 14; // so many mistakes, and so many right ones
};
Plan plan_for(double work) {
  constexpr double most_work = 1e10;
  for (const Plan plan : {Plan{4, 14}, Plan{4, 10}, Plan{3, 8}, Plan{2, 7}, Plan{1, 7}})
    if (work * double(2 * plan.of_each * plan.places * plan.places) <= most_work) return plan;
  return {.of_each = 4, .places = 0}; // gradients alone: two runs of the net for each
}

// The worst mistakes; none where there is no mistake.
std::vector<int64_t> wrong_ones(const JudgedPart& part, int64_t count) {
  if (part.metrics.correct == part.metrics.samples) return {};
  std::vector<int64_t> worst = worst_first(part, 50);
  if (int64_t(worst.size()) > count) worst.resize(size_t(count));
  return worst;
}

// The first samples that are named right, of as many classes as there are.
std::vector<int64_t> right_ones(const JudgedPart& part, int64_t count) {
  std::vector<int64_t> out;
  std::vector<bool> seen(part.data.schema.classes.size());
  for (int64_t i = 0; i < part.data.size() && int64_t(out.size()) < count; ++i) {
    const auto truth = size_t(part.data.label_of()[size_t(i)]);
    if (seen[truth] || named_class(part, i) != int64_t(truth)) continue;
    seen[truth] = true;
    out.push_back(i);
  }
  return out;
}

// A sample's numbers over its picture.
Markup ink_over(const Raster& picture, std::span<const double> numbers, int64_t height, int64_t width,
                const std::string& alt, double most) {
  const std::vector<double> wide = resized(numbers, height, width, picture.height, picture.width);
  return picture_of(overlaid(picture, diverging(wide, picture.height, picture.width, most)), alt, card);
}

// What the net sees where a picture shows the mean of a channel, over some training pictures.
float mean_input(const Dataset& train, int64_t channel) {
  const Schema& schema = train.schema;
  const int64_t n = std::min<int64_t>(train.size(), 500), elements = schema.sample.elements(),
                plane = elements / schema.sample[0];
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t p = 0; p < plane; ++p) sum += train.samples.at(i * elements + channel * plane + p);
  return float(schema.input.apply(sum / double(n * plane), schema.input.mean.size() > 1 ? channel : 0));
}

std::span<const double> of_sample(const Tensor& tensor, int64_t sample) {
  const int64_t each = tensor.elements() / tensor.shape()[0];
  return tensor.as<double>().subspan(size_t(sample * each), size_t(each));
}

} // namespace

Markup augmented_pictures(const ReportSources& from) {
  const Dataset& data = from.data.train;
  const Schema& schema = data.schema;
  const std::vector<Augmentation>& list = from.recipe.data.augment;
  if (list.empty()) return {};
  constexpr int64_t most_rows = 6, small = 42;
  const int64_t times = std::min<int64_t>(10, from.recipe.train.epochs);
  const Augmenter augmenter(list, data, uint64_t(from.recipe.train.seed));
  const std::vector<int64_t> chosen = some_of_each_class(data, most_rows);
  const int64_t elements = schema.sample.elements(), channels = schema.sample[0],
                groups = int64_t(schema.input.mean.size());
  std::vector<std::vector<Raster>> tiles(chosen.size());
  Tensor made({DType::f64, {int64_t(chosen.size()), elements}});
  for (int64_t epoch = 0; epoch < times; ++epoch) {
    augmenter.fill_samples(chosen, epoch, made.view());
    for (size_t i = 0; i < chosen.size(); ++i) {
      std::vector<double> raw;
      for (int64_t e = 0; e < elements; ++e)
        raw.push_back(
            schema.input.undo(made.at(int64_t(i) * elements + e), groups > 1 ? e / (elements / channels) : 0));
      tiles[i].push_back(raster_of(schema, raw, small));
    }
  }
  Markup rows;
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Raster original = raster_of(data, chosen[i], small);
    const std::string name = schema.goal == Goal::classes
                                 ? short_name(schema.classes[size_t(data.label_of()[size_t(chosen[i])])])
                                 : place_of(data, chosen[i]);
    const double scale = std::max(1.0, double(small) / double(std::max(original.width, original.height)));
    rows.add(element("span", {}, name))
        .add(element(
            "div", {{"class", "row"}}, picture_element(original, text("\"", name, "\" as it was read"), scale),
            picture_element(sheet(tiles[i], times, 2), text("The same, as training saw it ", times, " times"), scale)));
  }
  return together(
      element("h3", {}, "What training makes of them"),
      element("p", {},
              text("On the left a training sample as it was read; beside it what the net learned from ",
                   times == 1 ? std::string("in the first epoch") : text("in epochs 1 to ", times), ": ",
                   steps_text(list), ".", mixes(list) ? " What is blended counts for the classes of both." : "",
                   " Whatever measures sees the samples as they are.")),
      element("div", {{"class", "strip"}}, rows));
}

Markup confused_pictures(const JudgedPart& part) {
  constexpr size_t most_pairs = 6, most_of_pair = 8;
  const std::vector<std::string>& names = part.data.schema.classes;
  const auto n = int64_t(names.size());
  std::vector<int64_t> cells = confused_classes(part);
  if (cells.empty()) return {};
  cells.resize(std::min(cells.size(), most_pairs));
  std::map<int64_t, std::vector<int64_t>> samples;
  for (const int64_t cell : cells) samples[cell];
  for (int64_t i = 0; i < part.data.size(); ++i)
    if (const auto found = samples.find(part.data.label_of()[size_t(i)] * n + named_class(part, i));
        found != samples.end())
      found->second.push_back(i);
  Markup out = element("h3", {}, "The most confused pairs");
  for (const int64_t cell : cells) {
    std::vector<int64_t>& of_pair = samples[cell];
    const size_t all = of_pair.size();
    std::ranges::stable_sort(of_pair,
                             [&](int64_t a, int64_t b) { return part.errors[size_t(a)] > part.errors[size_t(b)]; });
    of_pair.resize(std::min(all, most_of_pair));
    const std::string truth = short_name(names[size_t(cell / n)]), said = short_name(names[size_t(cell % n)]);
    Markup cards;
    for (const int64_t sample : of_pair)
      cards.add(element("li", {},
                        picture_of(raster_of(part.data, sample, card),
                                   text("Picture of \"", truth, "\", taken for \"", said, "\""), card),
                        muted(place_of(part.data, sample)), element("br", {}),
                        muted(probability_text(answer_of(part, sample).probability))));
    out.add(element("p", {}, element("b", {}, truth), " taken for ", element("b", {}, said),
                    all == 1 ? std::string(", once") : text(", ", thousands(int64_t(all)), " times"),
                    all > most_of_pair ? text("; the ", most_of_pair, " worst") : std::string()))
        .add(element("ul", {{"class", "cards"}}, cards));
  }
  return out;
}

std::optional<Markup> attention_section(const ReportSources& from, const JudgedPart& part) {
  const Schema& schema = part.data.schema;
  const Model& model = from.model;
  if (!is_picture(schema) || schema.goal != Goal::classes) return std::nullopt;
  const Plan plan = plan_for(work_of(model));
  const std::vector<int64_t> wrong = wrong_ones(part, plan.of_each), right = right_ones(part, plan.of_each);
  std::vector<int64_t> all = wrong;
  all.insert(all.end(), right.begin(), right.end());
  if (all.empty()) return std::nullopt;

  const int64_t outputs = model.spec().outputs, channels = schema.sample[0], height = schema.sample[1],
                width = schema.sample[2];
  const SampleBatch batch = batch_of(part.data, all, model.spec().dtype);
  Tensor directions({DType::f32, {int64_t(all.size()), outputs}});
  for (size_t i = 0; i < all.size(); ++i)
    std::ranges::copy(direction_of(named_class(part, all[i]), outputs),
                      directions.as<float>().subspan(i * size_t(outputs)).begin());
  const Attribution found = model.attribution(batch.x, directions);
  const Tensor slopes = saliency(found);
  const std::optional<Tensor> cams = found.layer.empty() ? std::nullopt : std::optional(grad_cam(found));

  // The mean of the training part, which is 0 to the net where its input is standardised.
  std::vector<float> fill;
  for (int64_t c = 0; c < channels; ++c) fill.push_back(mean_input(from.data.train, c));
  const int64_t longer = std::max(height, width), places = std::min(plan.places, longer);
  const int64_t stride = places > 0 ? (longer + places - 1) / places : 0, side = std::max<int64_t>(1, longer / 4);

  std::vector<std::string> headings = {"", "the picture", "gradient"};
  if (places > 0) headings.emplace_back("occlusion");
  if (cams) headings.emplace_back("Grad-CAM");
  const auto table = [&](size_t begin, size_t end, const std::string& caption) {
    std::vector<std::vector<Markup>> rows;
    for (size_t i = begin; i < end; ++i) {
      const int64_t sample = all[i];
      const Answer answer = answer_of(part, sample);
      const Raster picture = raster_of(part.data, sample, card);
      const std::string of = text(" of \"", answer.predicted, "\"");
      Markup words = together("it is ", element("b", {}, answer.truth), element("br", {}), "the net says ",
                              element("b", {}, answer.predicted), text(" (", probability_text(answer.probability), ")"),
                              element("br", {}), muted(place_of(part.data, sample)));
      const auto slope = of_sample(slopes, int64_t(i));
      std::vector<Markup> row = {
          words, picture_of(picture, text("Picture of \"", answer.truth, "\""), card),
          ink_over(picture, slope, height, width, text("How its pixels move the score", of), size_of_most(slope))};
      if (places > 0) {
        const int64_t elements = schema.sample.elements();
        const ConstView one{{batch.x.dtype(), {1, channels, height, width}},
                            static_cast<const std::byte*>(batch.x.view().data) +
                                int64_t(i) * elements * bytes_of(batch.x.dtype())};
        const Tensor drop = occlusion(model, one, directions.as<float>().subspan(i * size_t(outputs), size_t(outputs)),
                                      {.side = side, .stride = stride, .fill = fill});
        const double most = std::ranges::max(drop.as<double>()), least = std::ranges::min(drop.as<double>());
        row.push_back(
            together(ink_over(picture, drop.as<double>(), drop.shape()[0], drop.shape()[1],
                              text("Where a covered square changes the probability", of), std::max(most, -least)),
                     muted(text("−", fixed(100 * std::max(0.0, most), most < 0.1 ? 1 : 0), "\u00a0points"))));
      }
      if (cams) {
        const auto cam = of_sample(*cams, int64_t(i));
        row.push_back(
            together(ink_over(picture, cam, cams->shape()[1], cams->shape()[2],
                              text("Where the last maps speak for \"", answer.predicted, "\""), std::ranges::max(cam)),
                     std::ranges::max(cam) > 0 ? Markup() : muted("nowhere")));
      }
      rows.push_back(std::move(row));
    }
    return rows.empty() ? Markup() : table_element(headings, rows, caption);
  };
  Markup out = element("p", {}, "What its answer hangs on, by up to three measures: the stronger the ink, the more.");
  std::vector<std::pair<std::string, Markup>> facts = {
      {"Gradient", "how much the score of the class that the net names moves with each pixel (Simonyan, Vedaldi, "
                   "Zisserman, 2013)"}};
  if (places > 0)
    facts.emplace_back("Occlusion", text("blue where a square of ", size_text(side, side),
                                         " pixels of the mean grey makes that class less likely, orange where it makes "
                                         "it likelier; below, by how much at most (Zeiler, Fergus, 2013)"));
  if (cams)
    facts.emplace_back("Grad-CAM",
                       text("where the maps of ", found.layer, ", ", size_text(cams->shape()[1], cams->shape()[2]),
                            " places, speak for that class (Selvaraju et al., 2017)"));
  out.add(facts_element(facts));
  out.add(table(0, wrong.size(), "Mistakes")).add(table(wrong.size(), all.size(), "Right answers"));
  return out.add(element("p", {{"class", "note"}},
                         "Each picture has a scale of its own. These measures say where an answer hangs, not whether "
                         "the reason is a good one."));
}

std::optional<Markup> maps_section(const ReportSources& from, const JudgedPart& part) {
  const Schema& schema = part.data.schema;
  if (!is_picture(schema)) return std::nullopt;
  // Layers that make maps or numbers of what comes in; not those that only bring it to a scale or another shape.
  std::vector<Model::LayerSummary> layers = from.model.layers();
  std::erase_if(layers, [](const Model::LayerSummary& layer) {
    return layer.kind.ends_with("norm") || layer.kind.starts_with("dropout") || layer.kind == "flatten" ||
           layer.kind == "zero_pad2d";
  });
  const auto is_maps = [](const Model::LayerSummary& layer) {
    return layer.output.rank() == 4 && layer.output[2] * layer.output[3] > 1;
  };
  if (std::ranges::none_of(layers, is_maps)) return std::nullopt;
  constexpr size_t most_layers = 12; // of more the first, the last and some between
  if (layers.size() > most_layers) {
    std::vector<Model::LayerSummary> some;
    for (size_t i = 0; i < most_layers; ++i) some.push_back(layers[i * (layers.size() - 1) / (most_layers - 1)]);
    layers = std::move(some);
  }

  const int64_t sample = std::max_element(part.errors.begin(), part.errors.end()) - part.errors.begin();
  const int64_t row[] = {sample};
  const Answer answer = answer_of(part, sample);
  const std::map<std::string, Tensor> outputs =
      from.model.activations(batch_of(part.data, row, from.model.spec().dtype).x);
  Markup rows =
      together(element("span", {}, element("b", {}, "input"), element("br", {}), muted(place_of(part.data, sample))),
               picture_of(raster_of(part.data, sample, card), text("Picture of \"", answer.truth, "\""), card));
  for (const Model::LayerSummary& layer : layers) {
    constexpr int64_t most_maps = 16, columns = 8, tile = 54, most_numbers = 160, line = 40;
    const Tensor& y = outputs.at(layer.name);
    const bool maps = is_maps(layer);
    const int64_t count = y.shape()[1], height = maps ? y.shape()[2] : 1, width = maps ? y.shape()[3] : 1;
    const std::vector<double> values = y.values();
    const double most = size_of_most(values);
    std::string about = layer.kind == layer.name ? "" : layer.kind + " · ";
    Markup picture;
    if (maps) {
      const int64_t shown = std::min(count, most_maps), longer = std::max(height, width), side = std::min(tile, longer);
      const int64_t tall = std::max<int64_t>(1, height * side / longer),
                    wide = std::max<int64_t>(1, width * side / longer);
      std::vector<Raster> tiles;
      for (int64_t k = 0; k < shown; ++k) {
        const auto one = std::span(values).subspan(size_t(k * height * width), size_t(height * width));
        tiles.push_back(diverging(resized(one, height, width, tall, wide), tall, wide, most));
      }
      about += text(shown < count ? text(shown, " of ") : std::string(), plural(count, "map"), " of ",
                    size_text(height, width));
      picture = picture_element(sheet(tiles, columns, tile < 2 * side ? 3 : 1), text("The maps of ", layer.name),
                                std::max(1.0, double(tile) / double(side)));
    } else {
      const int64_t numbers = int64_t(values.size()), shown = std::min(numbers, most_numbers);
      std::vector<Raster> tiles;
      for (int64_t k = 0; k < shown; ++k)
        tiles.push_back(diverging(std::span(values).subspan(size_t(k), 1), 1, 1, most));
      about += text(shown < numbers ? text(shown, " of ") : std::string(), plural(numbers, "number"));
      picture = picture_element(sheet(tiles, line, 0), text("The numbers of ", layer.name), 12);
    }
    rows.add(element("span", {}, element("b", {}, layer.name), element("br", {}), muted(about), element("br", {}),
                     muted(text("±", number(most, 2)))))
        .add(element("div", {}, element("span", {{"class", "signed"}}, picture)));
  }
  return together(
      element(
          "p", {}, "The picture it is furthest off with, ", place_of(part.data, sample), ": it is ",
          element("b", {}, answer.truth), ", the net says ", element("b", {}, answer.predicted),
          ". Below, what each layer makes of it, from the input to the scores: blue above zero, orange below, blank "
          "at zero. A map is blue where its filter finds its pattern. Each layer has a scale of its own, which "
          "stands beside it."),
      element("div", {{"class", "strip maps"}}, rows));
}

std::optional<Markup> weights_section(const ReportSources& from) {
  const Schema& schema = from.data.train.schema;
  if (!is_picture(schema)) return std::nullopt;
  for (const Model::LayerSummary& layer : from.model.layers()) {
    if (layer.parameters.empty()) continue;
    const std::string& name = layer.parameters[0];
    const Tensor weight = from.model.states().read(name);
    // A dense unit has a weight for every pixel, a convolution's filter one for every pixel of its window.
    const int64_t channels = schema.sample[0];
    const bool filters = weight.shape().rank() == 4 && weight.shape()[1] == channels;
    const int64_t height = filters ? weight.shape()[2] : schema.sample[1];
    const int64_t width = filters ? weight.shape()[3] : schema.sample[2], elements = channels * height * width;
    if (!filters && (weight.shape().rank() != 2 || weight.shape()[1] != elements)) return std::nullopt;
    const int64_t pixels = height * width, units = std::min(weight.shape()[0], most_units / channels);
    std::vector<double> values;
    for (int64_t i = 0; i < units * elements; ++i) values.push_back(weight.at(i));
    const double most = size_of_most(values);
    std::vector<Raster> tiles;
    for (int64_t t = 0; t < units * channels; ++t)
      tiles.push_back(diverging(std::span(values).subspan(size_t(t * pixels), size_t(pixels)), height, width, most));
    std::vector<double> ramps;
    for (int line = 0; line < 10; ++line)
      for (int i = -60; i <= 60; ++i) ramps.push_back(double(i));
    const Markup scale =
        element("div", {{"class", "scale"}}, element("span", {}, text("−", number(most, 3))),
                element("span", {{"class", "signed"}},
                        picture_element(diverging(ramps, 10, 121, 60), "Scale from orange over blank to blue", 1)),
                element("span", {}, text("+", number(most, 3))));
    const bool all = units == weight.shape()[0];
    const char* const unit_word = filters ? "filter" : "unit";
    const Markup intro =
        element("p", {},
                text("Each picture is one ", unit_word, " of ", layer.name, ": its weight for every pixel",
                     filters ? text(" of a window of ", height, " x ", width) : "",
                     channels == 3 ? ", for red, green and blue" : "", ". Blue ink raises the ",
                     filters ? "map where the window is" : "unit's sum", ", orange ink lowers it, blank does nothing. ",
                     all ? text("All ", units, " ", unit_word, "s.")
                         : text("The first ", units, " of ", thousands(weight.shape()[0]), " ", unit_word, "s.")));
    const double size = std::max(1.0, (filters ? 60.0 : 84.0) / double(std::max(height, width)));
    // A unit that stands for a class is called by its name.
    const bool classes = schema.goal == Goal::classes && all && channels == 1 &&
                         units == int64_t(schema.classes.size()) && layer.name == from.model.layers().back().name;
    Markup pictures;
    if (classes) {
      for (int64_t unit = 0; unit < units; ++unit) {
        const std::string of = short_name(schema.classes[size_t(unit)]);
        pictures.add(element("li", {},
                             element("span", {{"class", "signed"}},
                                     picture_element(tiles[size_t(unit)], text("Weights of \"", of, "\""), size)),
                             element("br", {}), name_element(of)));
      }
      pictures = element("ul", {{"class", "cards"}}, pictures);
    } else {
      pictures = element(
          "div", {{"class", "signed"}},
          picture_element(sheet(tiles, channels == 3 ? 9 : 8, 3),
                          text("The weights of ", units, " ", unit_word, "s of ", layer.name, " as pictures"), size));
    }
    return together(intro, scale, pictures);
  }
  return std::nullopt;
}

} // namespace vitro
