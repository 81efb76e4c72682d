// A checkpoint: everything that a run needs to go on with the bits of one that was never interrupted.
//
// It is one file, `checkpoint/state.safetensors`: the states (weights, moments, counters) under their names, the best
// weights under "best:NAME", and where the run stands as JSON in the metadata. One file, written atomically: no
// moment exists at which weights and position could be of different batches. What a reader finds is the last
// checkpoint that was finished.
#pragma once

#include <optional>

#include "io/history.h"
#include "io/safetensors.h"

namespace vitro {

/// Where a run stands, all that is no tensor.
struct RunProgress {
  int64_t epoch = 0, batch = 0; // the batch to be used next
  uint64_t seed = 0;
  bool finished = false;
  double best = 0; // the monitored number at the best epoch; meaningless while best_epoch is -1
  int64_t best_epoch = -1;
  int64_t waited = 0;                            // epochs since then: the early stop's counter
  double seconds = 0;                            // trained so far, over all sittings
  std::map<std::string, double> numbers = {};    // running sums inside an epoch, a decayed rate: kept to the bit
  std::map<std::string, std::string> texts = {}; // what else the trainer wants to find again
  History history = {}, layers = {};             // of every epoch; of those that were looked into
};

struct Checkpoint {
  std::vector<NamedTensor> states;
  std::vector<NamedTensor> best; // empty where none was kept
  RunProgress progress;
};

/// Writes all of `states`, `best` and `progress` into `directory`, which is made where it is missing (not its
/// parents). Throws as write_atomically does; then the checkpoint that was there before is untouched.
void save_checkpoint(const std::string& directory, const States& states, const std::vector<NamedTensor>& best,
                     const RunProgress& progress);

/// Nothing where no checkpoint was saved yet. Throws bad_input for one that is damaged.
std::optional<Checkpoint> load_checkpoint(const std::string& directory);

} // namespace vitro
