// What a training shows on standard error while it runs: a line at the bottom, a line an epoch, what goes wrong; or,
// with --watch, a screen that is drawn again in its place.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/console.h"
#include "report/watch.h"
#include "train/training.h"

namespace vitro::cli {

enum class Shown : uint8_t { nothing, lines, layers }; // --quiet, as usual, --watch

class TrainingView {
public:
  TrainingView(Shown shown, int64_t epochs);
  ~TrainingView() { end(); }
  TrainingView(const TrainingView&) = delete;
  TrainingView& operator=(const TrainingView&) = delete;

  void batch(const Pace& pace);
  void look(const Inside& inside);
  void epoch(const History& history);
  void message(const std::string& line); // above whatever is drawn
  void end();                            // the screen stays as it was last

  const std::vector<Finding>& diagnoses() const { return diagnoses_; } // as last seen

private:
  bool on_screen() const { return shown_ == Shown::layers && live_.live(); }
  void draw();

  Shown shown_;
  int64_t epochs_;
  LiveLine live_;
  Watch watch_;
  std::vector<Finding> diagnoses_;
  std::set<std::pair<std::string, std::string>> told_; // names and layers of diagnoses
};

/// The screen's content but for the pace.
Watch watch_of(const Inside& inside);

} // namespace vitro::cli
