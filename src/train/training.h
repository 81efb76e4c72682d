// Training: epochs over batches, validation, the best weights, checkpoints, and going on after an interruption.
//
// Invariant: what the weights become is a function of recipe, data and program alone. Checkpoints, interruptions,
// threads and the clock change nothing: everything that the loop carries from batch to batch is in the checkpoint, and
// the order of the samples is a function of (seed, epoch). The test part is read once, at the end.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "io/history.h"
#include "io/run_directory.h"
#include "model/model.h"
#include "optim/schedule.h"
#include "recipe/recipe.h"
#include "report/terminal.h"
#include "train/diagnoses.h"
#include "train/importance.h"
#include "train/measure.h"
#include "train/metrics.h"
#include "train/perceptron.h"

namespace vitro {

/// What a look inside shows, for as long as the hook runs.
struct Inside {
  const History& history;       // with the row of the epoch that is over, if one is
  const History& layers;        // the rows of the probe (train/probe.h), the last of them new
  const Statistics& statistics; // which it is made from
  const std::vector<Finding>& diagnoses;
};

/// What the caller may see and ask for while training runs; each may be empty.
struct TrainingHooks {
  std::function<void(const Pace& pace)> batch;       // after every batch
  std::function<void(const Inside& inside)> look;    // after every look inside, and before a failure; before `epoch`
  std::function<void(const History& history)> epoch; // after every epoch: its row is the last
  std::function<bool()> stop;                        // asked before every batch: save, and return interrupted
  bool probe = true;                                 // whether to look inside at all; changes no weight
  double checkpoint_s = 10;                          // at most so long without a checkpoint
  // What the run shall remember of how it was begun (train/report.h: provenance); a run that goes on keeps its own.
  std::map<std::string, std::string> notes = {};
};

/// The recipe's schedule over a run with these data. Throws bad_input where it doesn't fit the run's length, or listens
/// to a validation part that isn't there.
Scheduler scheduler_of(const Recipe& recipe, const Splits& data);

/// One step as the recipe wants it: at the schedule's rate and momentum, and counted in the averages.
StepResult take_step(Model& model, const Recipe& recipe, const Scheduler& scheduler, const SampleBatch& batch);

/// While it lives the model's parameters are their averages, where the recipe asks for these and there are any yet.
class Averaged {
public:
  Averaged(Model& model, const Recipe& recipe, const Scheduler& scheduler);
  ~Averaged();
  Averaged(const Averaged&) = delete;
  Averaged& operator=(const Averaged&) = delete;

private:
  Model* model_;
};

enum class Ending : uint8_t { finished, stopped_early, interrupted };

struct TrainingResult {
  Ending ending = Ending::finished;
  int64_t epochs = 0;                         // run, over all sittings
  int64_t best_epoch = 0;                     // from 1; the epoch whose weights were kept; 0: the last
  double seconds = 0, samples_per_second = 0; // over all sittings
  History history, layers;
  std::vector<Finding> diagnoses;
  std::map<std::string, std::string> notes; // as the hooks of the run's first sitting had them
  // All below with the chosen weights; not measured where the training was interrupted.
  Metrics train, validation, test;
  Baseline baseline;              // on the test part, or where there is none on the validation part
  std::vector<Baseline> naive;    // on the same part, of a series: the forecasts that need no learning; of a text
                                  // what counts of its symbols say (`text_models`)
  std::optional<Baseline> linear; // on the same part, where there is a linear model of the data (train/linear.h)
  std::vector<Suspect> suspects;  // of a table: columns that alone give the answer away (train/importance.h)
  // Of the part that counts (as `shown_part` has it), [n, outputs]: the test part, else validation, else training.
  Tensor predictions;
  std::string weights_sha256;
  std::optional<PerceptronCourse> perceptron; // where it was a training by Rosenblatt's rule
};

/// Throws bad_input where `model` cannot take a step on a batch of such an epoch, the last one included, which may be
/// smaller: batch-norm knows no variance of one sample. Ask before anything is written.
void check_batches(const Model& model, const TrainRecipe& plan, int64_t samples);

/// Trains `model` (freshly made from the recipe) on `data` until the recipe's epochs are over or its patience is,
/// saving to `run`, mistakes.csv (train/mistakes.h) at the end; what was measured then is among the finished
/// checkpoint's numbers ("test_accuracy"); goes on from the run's checkpoint if there is one. `recipe` is complete.
/// Leaves the chosen weights in the model. Throws failure where a value becomes NaN or infinite, naming the first node
/// and layer, in the very step in which it appears; or where the disk refuses. The last good checkpoint is kept then.
TrainingResult train(Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run,
                     const TrainingHooks& hooks = {});

/// The same training without a run: nothing is read or written, and what is interrupted is lost.
TrainingResult train(Model& model, const Recipe& recipe, const Splits& data, const TrainingHooks& hooks = {});

/// How the run stands, without training further or writing anything: a finished one as `train` returned it; else as
/// interrupted, measured with the best weights so far, the test part unread. Leaves those weights in the model.
TrainingResult standing(Model& model, const Recipe& recipe, const Splits& data, const RunDirectory& run);

} // namespace vitro
