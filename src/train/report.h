// report.html: what a run is and how good it became, on one page that needs nothing else.
//
// A report reads model, data, history and explain; it changes nothing of a training and decides nothing. While the
// training runs the page holds what is cheap: the verdict so far, the data, the curves, the net. At its end it is
// written once more with all the rest: the confusion, the worst mistakes, the weights, one mistake by the chain rule.
// Whoever opens it finds a whole page at any moment (io/files.h).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "report/page.h"
#include "train/training.h"

namespace vitro {

/// How a run is begun, for its notes: the command, the program's version, threads, processor, date.
std::map<std::string, std::string> provenance(const std::string& command, const std::string& version);

struct ReportSources; // train/report_sections.h

/// Of which files of data the page states the SHA-256: summing MNIST takes as long as all the rest of the page.
enum class Sums : uint8_t { small_files, all_files };

class RunReport {
public:
  /// Keeps references to all but `notes`; nothing is computed yet. `recipe` is complete, `run` exists. `program`: how
  /// the user calls it, for commands to type.
  RunReport(const Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run,
            std::map<std::string, std::string> notes, std::string program);

  /// After a look inside: for the next page.
  void look(const Inside& inside);
  /// After an epoch, its row the last of `history`: the page so far. It takes at most a thirtieth of the training's
  /// time: short epochs share a rewriting. Throws as write_atomically does.
  void running(const History& history);
  /// The training ended: the page as it stays. The model holds the weights that `result` was measured with.
  void ended(const TrainingResult& result, Sums sums = Sums::small_files);
  /// It ended by an error, which the page tells; the epochs so far are those that `running` was last given.
  void failed(const std::string& why);

  double seconds() const { return seconds_; } // that were spent on pages so far

private:
  ReportSources sources() const;
  const Baseline& on_validation();
  std::string resume_command() const;
  Page blank() const;
  Page unfinished(int64_t best_epoch);
  void add_data(Page& page);
  void add_net(Page& page);
  void add_layers(Page& page);
  void write(const Page& page, std::chrono::steady_clock::time_point begin);

  const Model& model_;
  const Recipe& recipe_;
  const Splits& data_;
  const RunDirectory& run_;
  std::map<std::string, std::string> notes_;
  std::string program_;
  History history_, layers_;
  std::vector<Finding> diagnoses_;
  std::optional<Markup> data_markup_, net_markup_; // made once
  std::optional<Baseline> baseline_;
  std::chrono::steady_clock::time_point written_;
  double last_s_ = 0, seconds_ = 0;
  bool any_ = false;
};

} // namespace vitro
