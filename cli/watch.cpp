#include "cli/watch.h"

#include <cmath>

#include "core/text.h"
#include "train/probe.h"

namespace vitro::cli {
namespace {

// "epoch 3/10  train loss 0.1234  validation accuracy 97.12 % ..."
std::string epoch_line(const History& history, int64_t epochs) {
  const std::vector<double>& row = history.rows.back();
  std::string out = text("epoch ", int64_t(row[0]), "/", epochs);
  for (size_t i = 1; i < row.size(); ++i) {
    std::string name = history.columns[i];
    for (char& c : name)
      if (c == '_') c = ' ';
    const std::string value = name.ends_with("accuracy") ? percent(row[i])
                              : name == "seconds"        ? duration(row[i])
                              : name == "lr"             ? number(row[i], 3)
                                                         : fixed(row[i], 4);
    out += text("  ", name == "seconds" ? "" : name + " ", value);
  }
  return out;
}

std::vector<double> column(const History& table, const std::string& name) {
  std::vector<double> out;
  if (const int64_t at = column_of(table, name); at >= 0)
    for (const std::vector<double>& row : table.rows) out.push_back(row[size_t(at)]);
  return out;
}

} // namespace

Watch watch_of(const Inside& inside) {
  Watch out;
  for (const auto& [name, said, share] : {std::tuple("train_loss", "training loss", false),
                                          {"validation_loss", "validation loss", false},
                                          {"train_accuracy", "training accuracy", true},
                                          {"validation_accuracy", "validation accuracy", true},
                                          {"validation_rmse", "validation RMSE", false}})
    out.curves.push_back({said, column(inside.history, name), share});
  out.looked_epoch = int64_t(inside.history.rows.size());
  for (const LayerStatistics& layer : inside.statistics.layers) {
    const std::vector<double> updates = column(inside.layers, text(layer.name, ":update"));
    out.layers.push_back({layer.name, layer.kind, layer.gradient, updates.empty() ? NAN : updates.back(), layer.dead,
                          layer.saturated, layer.low, layer.high, layer.histogram});
  }
  for (const Finding& one : inside.diagnoses) out.diagnoses.push_back(one.str());
  return out;
}

TrainingView::TrainingView(Shown shown, int64_t epochs)
    : shown_(shown), epochs_(epochs), live_(shown != Shown::nothing) {
  watch_.pace = {.epoch = 1, .epochs = epochs};
}

void TrainingView::draw() {
  const Window window = error_window();
  live_.draw(watch_screen(watch_, window.width - 1, window.height - 1, error_stream().palette));
}

void TrainingView::batch(const Pace& pace) {
  watch_.pace = pace;
  if (!live_.due()) return;
  if (on_screen())
    draw();
  else
    live_.draw(progress_line(pace, error_window().width - 1, error_stream().palette));
}

void TrainingView::look(const Inside& inside) {
  diagnoses_ = inside.diagnoses;
  if (shown_ == Shown::nothing) return;
  const Pace pace = watch_.pace;
  watch_ = watch_of(inside);
  watch_.pace = pace;
  if (on_screen()) return draw();
  for (const Finding& one : inside.diagnoses)
    if (one.name != "not_finite" && told_.emplace(one.name, one.layer).second) message("! " + one.str());
}

void TrainingView::epoch(const History& history) {
  if (shown_ == Shown::nothing || on_screen()) return;
  // Every epoch its line, up to about fifty of them; a long training shows every tenth, hundredth, ...
  int64_t every = 1;
  while (epochs_ / every > 50) every *= 10;
  const auto epoch = int64_t(history.rows.size());
  if (epoch % every != 0 && epoch != epochs_ && epoch != 1) return;
  message(epoch_line(history, epochs_));
  if (shown_ != Shown::layers || watch_.looked_epoch != epoch) return;
  for (const std::string& line : watch_lines(watch_, 96)) message("  " + line);
}

void TrainingView::message(const std::string& line) {
  live_.clear();
  say(line);
}

void TrainingView::end() {
  if (on_screen())
    live_.keep();
  else
    live_.clear();
}

} // namespace vitro::cli
