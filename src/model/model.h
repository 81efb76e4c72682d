// A net with its states and its functions: fit a batch, predict, evaluate, say what went wrong.
//
// What WebAssembly, Python and an embedding program use: no files, no third-party code, and it runs
// without threads. Functions are traced and planned once per batch shape and kept in a bounded cache;
// a last, smaller batch is just another plan. Const members may be called from several threads at
// once, as long as nobody calls one that is not const.
//
//   Model model({.net = mlp({128}), .sample = {784}, .outputs = 10});
//   for (...) model.fit(x, labels, 0.1);      // x f32 [batch, 784], labels i32 [batch]
//   Tensor p = model.predict(x);              // [batch, 10], rows add up to 1
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/statistics.h"
#include "nn/losses.h"
#include "nn/nets.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "plan/interpret.h"

namespace vitro {

struct ModelSpec {
  NetSpec net;
  Shape sample;                       // of one sample, without the batch axis
  std::vector<int64_t> codes = {};    // the last columns of a sample are codes of so many categories each: an embed
                                      // layer comes first unless the net has one
  int64_t outputs = 1;                // classes, or numbers to predict
  bool sequence = false;              // samples are [time, ...]: a batch may have another time than `sample` says, and
                                      // its samples different lengths
  bool each_step = false;             // sequences that are answered at each step: the net's output is [batch, time,
                                      // outputs], and every step counts as a sample of the loss
  int64_t carried = 0;                // batches of so many samples continue those of the batch before: recurrent layers
                                      // begin with what they remember (truncated back-propagation through time)
  std::string loss = "cross_entropy"; // a name of losses()
  Attrs loss_args = {};               // the loss's arguments: label_smoothing, delta, ...
  std::string reduction = {};         // "": the loss's first, the mean
  OptimizerSpec optimizer = {};
  Clip clip = {};
  bool average = false;     // states "fc1.weight/average", see Model::average
  int64_t shards = 1;       // gradients are made on so many parts of a batch and added in a fixed tree
  DType dtype = DType::f32; // f64: interpreted, exact and slow
  uint64_t seed = 0;
  std::optional<NumpyRandom> numpy = {}; // the parameters are drawn from it, as it stands, instead of by `seed`
  bool interpret = false;                // f32, run node by node by the plain kernels: the oracle
};

/// What a net is fed with: x [batch, ...sample], float. Of sequences, x [batch, time, ...], `lengths` i32 [batch] says
/// how many steps of each sample count, from 1 on; what lies behind them is padding. None (no data): all of them.
struct Inputs {
  Inputs(ConstView x, ConstView lengths = {}) : x(x), lengths(lengths) {}
  Inputs(const Tensor& x) : x(x.view()) {}
  Inputs(const Tensor& x, const Tensor& lengths) // Tensor(): none
      : x(x.view()), lengths(lengths.shape().rank() ? lengths.view() : ConstView{}) {}
  ConstView x, lengths;
};

/// How large a batch is: so many samples, of sequences of so many steps (0: as ModelSpec::sample says), of which not
/// all count where there are `lengths`.
struct BatchSize {
  BatchSize(int64_t samples = 0, int64_t steps = 0, bool lengths = false)
      : samples(samples), steps(steps), lengths(lengths) {}
  int64_t samples, steps;
  bool lengths;
  bool operator==(const BatchSize&) const = default;
};

struct StepResult {
  double loss = 0;           // of the batch, before the step
  bool finite = true;        // false: the loss was not, and no state has changed
  bool finite_update = true; // false: the loss was, but a parameter is no longer
  int64_t correct = -1;      // samples predicted right; -1 where there are no classes
  int64_t samples = 0;       // of a net that answers at each step: steps
};

struct Evaluation {
  double loss = 0; // added up over samples: divide by `samples` for the mean
  int64_t correct = -1;
  int64_t samples = 0;
  Tensor predictions; // [batch, outputs]; of a net that answers at each step [batch * steps, outputs]
};

/// The first value that is not finite.
struct Diagnosis {
  bool found = false;
  std::string layer;        // "" where the node belongs to none
  std::string op;           // "log"
  std::string text = {};    // "log in layer softmax_loss gave -inf ..."
  bool in_gradient = false; // the loss is finite, its derivative is not
  NodeId node = -1;
};

/// The score of each sample's answer (the net's own outputs, before the loss makes probabilities of them, each times
/// its weight, added up), and how it moves with the sample and with maps on the way.
struct Attribution {
  Tensor scores;   // [batch, outputs]: what the net gives
  Tensor gradient; // d score / d x, [batch, ...sample]
  // The last layer whose output of a sample is maps of more than one place: its name, "" where there is none; its
  // output and d score / d output, [batch, channels, height, width].
  std::string layer;
  Tensor maps, slopes;
};

class Model {
public:
  /// Creates all states. Throws bad_input where net, loss, optimiser or shapes don't fit.
  explicit Model(ModelSpec spec);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelSpec& spec() const; // names canonical, arguments of loss and optimiser complete
  /// Parameters ("fc1.weight"), running states ("bn1.running_mean"), moments ("fc1.weight/momentum"), the counter
  /// "step", what recurrent layers remember ("lstm1.h_l0", where batches continue one another), and where there are
  /// shards "sample", the position of the shard being run: all that a checkpoint keeps.
  States& states();
  const States& states() const;
  int64_t steps() const; // steps taken

  /// Targets i32 [batch] (class indices) or float [batch, outputs]; where the net answers at each step [batch, steps]
  /// and [batch, steps, outputs], what is padding being the loss's ignore_index.
  /// Any other shape, a class that does not exist, or what should be probabilities and isn't, throws and changes
  /// nothing.
  StepResult fit(const Inputs& in, ConstView targets, double lr);
  StepResult fit(const Inputs& in, ConstView targets); // at the optimiser's own rate
  /// Changes a number of the optimiser from now on (momentum, beta1, weight_decay, lr), without planning again.
  /// Throws for an unknown one, a value out of range, or between zero and not zero where that adds or removes a moment.
  void set_optimizer(const std::string& arg, double value);
  /// The momentum, or of Adam's kin beta1, from now on; nothing where the optimiser has neither, or it is zero.
  void set_momentum(double value);

  /// average := (1 - weight) average + weight parameter, of all parameters and running states. Averages begin as these
  /// do.
  void average(double weight);
  /// Parameters (and running states) and their averages change places; a second call undoes the first. Both throw where
  /// the spec has no averages.
  void exchange_averages();

  /// Probabilities (cross-entropies) or numbers, [batch, outputs]; one row for each step where the net answers at each.
  Tensor predict(const Inputs& in) const;
  void predict(const Inputs& in, View predictions) const;
  Evaluation evaluate(const Inputs& in, ConstView targets) const;

  /// Where samples continue one another (ModelSpec::carried, which is the batch): as `predict` and `evaluate`,
  /// beginning with what recurrent layers remember of the call before; `fit` does so by itself, on a batch of that
  /// size.
  Tensor predict_next(const Inputs& in);
  void predict_next(const Inputs& in, View predictions);
  Evaluation evaluate_next(const Inputs& in, ConstView targets);
  /// From now on they remember nothing: zeros, as in the beginning.
  void forget();

  /// The gradient of the batch's loss by parameter name: of the batch as a whole, not clipped.
  std::map<std::string, Tensor> gradient(const Inputs& in, ConstView targets) const;
  /// How the layers answer to a batch and how far its gradient comes, in evaluation; changes nothing.
  Statistics statistics(const Inputs& in, ConstView targets) const;
  /// What an answer to each sample of x hangs on (explain/attribution.h); `direction`: float [batch, outputs].
  Attribution attribution(ConstView x, ConstView direction) const;
  /// What every layer gives, in evaluation, by layer name; interpreted.
  std::map<std::string, Tensor> activations(const Inputs& in) const;

  /// The loss as a function, in evaluation: inputs "x" and "targets"; outputs "loss", "predictions", then each layer's
  /// by the layer's name. What explain and gradient checks read. `targets`: by default what the loss takes by nature.
  /// Behind "x" stands the input "lengths" where the extent has them.
  Function loss_function(const BatchSize& extent, std::optional<Type> targets = {}) const;
  /// The loss in training (by the batch's own statistics, some values dropped as the next step would drop them):
  /// outputs "loss", "predictions". Throws where the net cannot be trained on a batch of that size, or on a shard of
  /// it.
  Function training_function(const BatchSize& extent, std::optional<Type> targets = {}) const;
  /// The same with its gradients, one per parameter, by its name; then the running states' next values by theirs.
  Function gradient_function(const BatchSize& extent, std::optional<Type> targets = {}) const;
  /// One step as it is run where shards = 1: inputs "x", "targets", then the optimiser's scalars; updates.
  Function step_function(const BatchSize& extent, std::optional<Type> targets = {}) const;

  /// Interprets loss and gradient on the present states and names the first node whose value is not finite.
  Diagnosis diagnose(const Inputs& in, ConstView targets) const;

  /// The layers, with their parameters' names and their outputs' shapes for one sample: a batch of 1.
  struct LayerSummary {
    std::string name, kind;
    Attrs args;
    Shape output;
    std::vector<std::string> parameters;
  };
  std::vector<LayerSummary> layers() const;

private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

} // namespace vitro
