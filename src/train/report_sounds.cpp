// Sounds in the report: spectrograms, as bands of the net's own form whatever it makes of them.
#include <algorithm>

#include "core/text.h"
#include "data/sound.h"
#include "train/report_sections.h"

namespace vitro {
namespace {

constexpr int64_t most_classes = 20, of_each = 6, most_frames = 240;
constexpr double scale = 2;

std::string seconds(const Dataset& data, int64_t sample) {
  return text(number(double(data.lengths.at(sample)) / double(data.schema.sound->rate), 3), "\u00a0s");
}

} // namespace

Raster spectrogram_of(const Dataset& data, int64_t sample) {
  SoundForm form = *data.schema.sound;
  form.features = SoundFeatures::log_mel;
  // Long ones are seen at a coarser step, not in part.
  const auto samples = int64_t(data.lengths.at(sample));
  form.hop = std::max(form.hop, samples / most_frames + 1);
  const std::vector<double> bands = FeatureMaker(form).plain(wave_of(data, sample));
  const int64_t frames = form.frames_of(samples);
  std::vector<double> rows; // the highest band above
  for (int64_t band = form.bands - 1; band >= 0; --band)
    for (int64_t frame = 0; frame < frames; ++frame) rows.push_back(bands[size_t(frame * form.bands + band)]);
  const auto [low, high] = std::ranges::minmax(rows);
  return grey(rows, form.bands, frames, low, high > low ? high : low + 1);
}

Markup sounds(const Dataset& train) {
  const SoundForm& form = *train.schema.sound;
  const std::vector<std::string>& classes = train.schema.classes;
  Markup rows;
  for (size_t c = 0; c < std::min(classes.size(), size_t(most_classes)); ++c) {
    Markup cards;
    int64_t shown = 0;
    for (int64_t i = 0; i < train.size() && shown < of_each; ++i) {
      if (train.label_of()[size_t(i)] != int32_t(c)) continue;
      ++shown;
      cards
          .add(picture_element(spectrogram_of(train, i),
                               text("Spectrogram of \"", short_name(classes[c]), "\", ", place_of(train, i)), 1))
          .add(" ");
    }
    rows.add(element("span", {}, short_name(classes[c]))).add(element("span", {}, cards));
  }
  rows = element("div", {{"class", "strip"}}, rows);
  if (int64_t(classes.size()) > most_classes)
    rows.add(element("p", {{"class", "note"}}, text("The first ", most_classes, " of ", classes.size(), " classes.")));
  return together(rows,
                  element("p", {{"class", "note"}},
                          text("The first training samples of each class, from left to right in time, ", form.bands,
                               " mel bands from ", number(form.low, 5), " to ", number(form.high, 5),
                               " Hz from below; each sound's loudest is white, its quietest black.")),
                  element("p", {{"class", "note"}}, text("What the net sees: ", form.str(), ".")));
}

Markup mistake_sounds(const JudgedPart& part, const std::vector<int64_t>& samples) {
  Markup cards;
  for (const int64_t sample : samples) {
    const Answer answer = answer_of(part, sample);
    cards.add(element(
        "li", {},
        picture_element(spectrogram_of(part.data, sample),
                        text("Spectrogram of \"", answer.truth, "\", taken for \"", answer.predicted, "\""), scale),
        element("br", {}), "it is ", element("b", {}, answer.truth), element("br", {}), "the net says ",
        element("b", {}, answer.predicted), text(" (", probability_text(answer.probability), ")"), element("br", {}),
        element("span", {{"class", "muted"}},
                text(probability_text(answer.of_truth), " for ", answer.truth, "; ", seconds(part.data, sample))),
        element("br", {}), element("span", {{"class", "muted"}}, place_of(part.data, sample))));
  }
  return element("ul", {{"class", "cards"}}, cards);
}

} // namespace vitro
