#include "train/diagnoses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/text.h"
#include "report/terminal.h"
#include "train/constant_loss.h"
#include "train/metrics.h"

namespace vitro {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
using Findings = std::vector<Finding>;

// ---- Words --------------------------------------------------------------------------------------------

std::string share(double value) {
  if (value >= 9.995 && value < 1e9) return thousands(std::llround(100 * value)) + " %";
  return value < 0.001 ? "less than 0.1 %" : text(number(100 * value, value < 0.1 ? 1 : value < 0.995 ? 2 : 3), " %");
}
std::string brief(double value) {
  return std::abs(value) >= 1000 && std::abs(value) < 1e9 ? thousands(std::llround(value)) : number(value, 3);
}

Finding seen(const std::string& layer, const std::string& what, const std::string& advice) {
  return {.name = {}, .layer = layer, .since_epoch = -1, .text = what, .advice = advice};
}

// ---- The net --------------------------------------------------------------------------------------------

bool has_weights(const Look& look, const std::string& layer) { return std::isfinite(look.of(layer, "weight")); }

// Layers with parameters, in the order in which they run.
std::vector<std::string> weighted(const Look& look) {
  std::vector<std::string> out;
  for (const ResolvedLayer& layer : look.facts().layers)
    if (has_weights(look, layer.name)) out.push_back(layer.name);
  return out;
}

// The layer whose units an activation shows: the one with weights that feeds it, else itself.
std::string units_of(const Look& look, const ResolvedLayer& activation) {
  const int from = activation.from[0];
  const std::string& feeder = from < 0 ? activation.name : look.facts().layers[size_t(from)].name;
  return has_weights(look, feeder) ? feeder : activation.name;
}

bool is(const ResolvedLayer& layer, std::initializer_list<const char*> kinds) {
  return std::ranges::any_of(kinds, [&](const char* kind) { return std::string_view(layer.layer->name) == kind; });
}

// The gradient that reaches the first layer with weights, in shares of that at the last; NaN below three of them.
double way_back(const Look& look) {
  const std::vector<std::string> layers = weighted(look);
  return layers.size() < 3 ? nothing : look.of(layers.front(), "signal") / look.of(layers.back(), "signal");
}

double largest_update(const Look& look) {
  double most = nothing;
  for (const std::string& layer : weighted(look)) most = std::fmax(most, look.of(layer, "update"));
  return most;
}

// ---- What rules see -----------------------------------------------------------------------------------

Findings no_gradient(const Look& look, double) {
  Findings out;
  for (const ResolvedLayer& layer : look.facts().layers) {
    if (layer.from[0] < 0 || has_weights(look, layer.name) || look.of(layer.name, "dead") == 1 ||
        !(look.of(layer.name, "signal") > 0))
      continue; // a weight of zero passes nothing either, but that can change
    const std::string& before = look.facts().layers[size_t(layer.from[0])].name;
    if (look.of(before, "signal") != 0) continue;
    out.push_back(seen(layer.name,
                       text(layer.name, ": no gradient passes it $since, as the derivative of ", layer.layer->name,
                            " is zero: what comes before it can't learn"),
                       "sigmoid, tanh or relu in its place"));
  }
  return out;
}

Findings dead_relu(const Look& look, double limit) {
  Findings out;
  for (const ResolvedLayer& layer : look.facts().layers) {
    if (!(look.of(layer.name, "dead") >= limit)) continue;
    const std::string name = units_of(look, layer);
    out.push_back(seen(name,
                       text(name, ": ", share(look.of(layer.name, "dead")), " of units never fire $since (dead ReLU)"),
                       text("a lower lr (it is ", look.facts().lr, "), leaky_relu, or init=he_normal")));
  }
  return out;
}

Findings saturated(const Look& look, double limit) {
  Findings out;
  const std::vector<ResolvedLayer>& layers = look.facts().layers;
  for (const ResolvedLayer& layer : layers) {
    if (&layer == &layers.back() || !(look.of(layer.name, "saturated") >= limit)) continue; // an output may be sure
    const std::string name = units_of(look, layer);
    out.push_back(seen(name,
                       text(name, ": ", share(look.of(layer.name, "saturated")), " of values are at the ends of ",
                            layer.layer->name, " $since (saturated), where its derivative is next to nothing"),
                       "smaller initial weights (init=glorot_uniform), inputs around 1, or a lower lr"));
  }
  return out;
}

Findings inputs_not_scaled(const Look& look, double limit) {
  const double size = look.probe("input:size");
  if (!(size > limit || size < 1 / limit)) return {};
  const std::vector<std::string>& names = look.facts().features;
  const double feature = look.probe("input:feature");
  const bool named = feature >= 0 && feature < double(names.size());
  return {
      seen("",
           text("the inputs are not scaled: the largest ", named ? text("(", names[size_t(feature)], ") ") : "",
                "is around ", brief(size), ", not 1"),
           "standardise=true, or scale the columns before: a net's initial weights and usual rates expect about 1")};
}

Findings exploding(const Look& look, double limit) {
  const double ratio = way_back(look);
  if (!(ratio >= limit)) return {};
  const std::vector<std::string> layers = weighted(look);
  return {seen(layers.front(),
               text("the gradient grows ", brief(ratio), " times on its way from ", layers.back(), " back to ",
                    layers.front(), " $since (exploding)"),
               "init=he_normal or glorot_uniform (smaller weights), or clip_norm=1")};
}

Findings vanishing(const Look& look, double limit) {
  const double ratio = way_back(look);
  const std::vector<std::string> layers = weighted(look);
  if (!(ratio <= limit)) return {};
  return {seen(layers.front(),
               ratio > 0 ? text("the gradient at ", layers.front(), " is ", brief(1 / ratio), " times smaller than at ",
                                layers.back(), " $since (vanishing)")
                         : text("no gradient reaches ", layers.front(), " $since (vanishing)"),
               "relu with init=he_normal in place of sigmoid or tanh, fewer layers, or layers that are skipped (add)")};
}

// The lowest training loss before an epoch, that of the untrained net included.
std::pair<double, int64_t> lowest_training_loss(const Look& look, int64_t before) {
  std::pair<double, int64_t> lowest = {look.first("loss"), 0};
  for (int64_t epoch = 1; epoch < before; ++epoch)
    if (const double loss = look.epochs("train_loss", epoch); !(loss >= lowest.first)) lowest = {loss, epoch};
  return lowest;
}

Findings diverging(const Look& look, double limit) {
  const auto [lowest, at] = lowest_training_loss(look, look.epoch());
  const double loss = look.epochs("train_loss"), start = look.first("loss");
  if (!(start > 0) || !(loss - lowest > limit * start)) return {}; // a perceptron starts at 0: no share of that tells
  return {seen("",
               text("the training loss is ", brief(loss), " $since, up from ", brief(lowest),
                    at == 0 ? std::string(" before the first step") : text(" in epoch ", at), " (diverging)"),
               text("a lower lr (it is ", look.facts().lr, "), or clip_norm=1"))};
}

Findings lr_too_small(const Look& look, double limit) {
  constexpr double moved = 0.05; // of the first loss
  constexpr double slope = 1e-3; // the gradient in shares of the weights: on a plateau a larger rate does not help
  double steepest = 0;
  for (const std::string& layer : weighted(look))
    steepest = std::max(steepest, look.of(layer, "gradient") / look.of(layer, "weight"));
  const double update = largest_update(look), start = look.first("loss");
  const bool flat = start > 0 && start - look.probe("loss") < moved * start;
  if (!(update <= limit) || !flat || !(steepest >= slope)) return {};
  return {seen("",
               text("the loss is where it was (", brief(start), ", now ", brief(look.probe("loss")),
                    "), and a step moves the weights by ", brief(update), " of their size"),
               text("a higher lr (it is ", look.facts().lr, "); `vitro lr-find` proposes one"))};
}

Findings constant_prediction(const Look& look, double limit) {
  const double spread = look.probe("spread");
  if (!(spread <= limit)) return {};
  return {seen("",
               text("every sample gets the same answer $since: predictions differ by ", share(spread),
                    " of what the targets do"),
               "are units dead or saturated, the inputs unscaled, the lr far too large or too small?")};
}

Findings labels_unrelated(const Look& look, double limit) {
  constexpr int64_t few = 50;    // validation samples, of which too little follows
  constexpr int64_t steps = 500; // in which a net that can learn has begun to
  constexpr double flat = 0.02;  // how near to the constant answer's loss counts as there
  const TrainingFacts& run = look.facts();
  if (look.epoch() * run.steps_per_epoch < steps) return {};
  const std::string check = "do inputs and labels belong together (shuffled apart, shifted by a row)? ";
  const double train_loss = look.epochs("train_loss");
  const bool classes = run.goal == Goal::classes;
  if (run.validation_samples >= few) {
    const double said = look.epochs(classes ? "validation_accuracy" : "validation_rmse");
    const double learned =
        classes ? look.epochs("train_accuracy") - run.train_baseline : 1 - train_loss / run.constant_loss;
    const bool unseen_unknown =
        classes ? wilson(std::llround(said * double(run.validation_samples)), run.validation_samples).low <=
                      run.validation_baseline
                : said >= run.validation_baseline;
    if (learned >= limit && unseen_unknown)
      return {seen("",
                   classes ? text("the net learns by memory only: ", share(look.epochs("train_accuracy")),
                                  " of training samples are right, but of validation samples ", share(said), ", as ",
                                  run.baseline, " gets ", share(run.validation_baseline), ", $since")
                           : text("the net learns by memory only: on validation samples it is off by ", brief(said),
                                  " (RMSE) $since, where ", run.baseline, " gets ", brief(run.validation_baseline)),
                   check + "Else more data, or a smaller net")};
  }
  const double update = largest_update(look);
  if (std::abs(train_loss / run.constant_loss - 1) < flat && update > 1e-5)
    return {seen("",
                 text("the training loss stays at ", brief(train_loss),
                      " $since, no better than one answer for every "
                      "sample (",
                      brief(run.constant_loss), ")"),
                 check + "Can this net express what is asked (hidden layers)? Else try another lr")};
  return {};
}

Findings overfitting(const Look& look, double limit) {
  double lowest = std::numeric_limits<double>::infinity();
  int64_t best = 0;
  for (int64_t epoch = 1; epoch <= look.epoch(); ++epoch)
    if (const double loss = look.epochs("validation_loss", epoch); loss < lowest)
      std::tie(lowest, best) = std::pair(loss, epoch);
  const double loss = look.epochs("validation_loss");
  const bool still_learning = look.epochs("train_loss") < look.epochs("train_loss", best);
  if (!(loss > (1 + limit) * lowest) || !still_learning) return {};
  Finding out = seen("",
                     text("the validation loss has risen by ", share(loss / lowest - 1), " since epoch ", best,
                          ", while the training loss went on falling (overfitting)"),
                     text(look.facts().best_weights ? text("the weights of epoch ", best, " are kept; for better ones ")
                                                    : std::string("patience=5 stops in time; or "),
                          "more data, weight_decay, dropout, or a smaller net"));
  out.since_epoch = best;
  return {out};
}

Findings training_differs(const Look& look, double limit) {
  std::vector<std::string> acting;
  for (const ResolvedLayer& layer : look.facts().layers)
    if (is(layer, {"dropout", "alpha_dropout", "batch_norm"})) acting.push_back(layer.name);
  const double training = look.probe("training_loss"), evaluation = look.probe("loss");
  if (acting.empty()) return {};
  const std::string layers = join(acting, ", ");
  if (training >= limit * evaluation && look.epochs("train_loss") > look.epochs("validation_loss"))
    return {seen("",
                 text("the training loss looks worse than the validation loss $since because of ", layers,
                      ", which act in training only: in evaluation the same weights have ", brief(evaluation),
                      " on training samples, not ", brief(training)),
                 "nothing is wrong: compare with the train loss that is measured at the end")};
  if (evaluation >= limit * training && evaluation - training > 0.05 * look.first("loss"))
    return {
        seen("",
             text("in evaluation the net does worse than in training $since: the same weights have a loss of ",
                  brief(evaluation), " on training samples, and ", brief(training), " as ", layers, " act in training"),
             "running means that have not settled: more steps, a larger batch, or a larger momentum of batch_norm")};
  return {};
}

// ---- The table ------------------------------------------------------------------------------------------

const std::vector<Rule>& table() {
  static const std::vector<Rule> list{
      {"no_gradient",
       "a layer passes less of the gradient on than",
       0,
       "a derivative that is zero everywhere, as that "
       "of a step, passes exactly nothing",
       0,
       1,
       {"vanishing", "lr_too_small", "constant_prediction", "labels_unrelated"},
       no_gradient},
      {"dead_relu",
       "share of a ReLU layer's units that are 0 for the whole probe batch, from",
       0.6,
       "cs231n names 40 % where the learning rate is too high; healthy nets on points of the plane had up to 56 %",
       1,
       2,
       {"vanishing", "constant_prediction"},
       dead_relu},
      {"saturated",
       "share of a hidden layer's values in the outer 1 % of the range of sigmoid, tanh or their like, from",
       0.9,
       "nets on digits that learned well had up to 79 %, one that learned badly 97 %",
       1,
       2,
       {"vanishing"},
       saturated},
      {"inputs_not_scaled",
       "root mean square of the largest feature, above this or below its inverse",
       10,
       "LeCun et al., \"Efficient BackProp\": mean 0 and spread 1; standardised sets had 0.4 to 2.1",
       0,
       1,
       {},
       inputs_not_scaled},
      {"exploding",
       "gradient at the first layer with weights over that at the last, from",
       1000,
       "nets that had become sure of their answers had up to 130, all others 2 at most",
       0,
       1,
       {},
       exploding},
      {"vanishing",
       "gradient at the first layer with weights over that at the last, of three or more, up to",
       0.025,
       "after two epochs nets of 3 to 8 layers that learn had 0.06 or more",
       2,
       2,
       {},
       vanishing},
      {"diverging",
       "training loss above its lowest so far, in shares of the untrained net's, more than",
       0.3,
       "healthy runs fell back by a tenth at most",
       1,
       2,
       {"labels_unrelated"},
       diverging},
      {"lr_too_small",
       "largest change of a layer's weights in a step, in shares of their size, up to",
       1e-5,
       "cs231n: 1e-3 is usual; a hundredth of it, where the loss has fallen by less than 5 %",
       2,
       2,
       {"constant_prediction", "labels_unrelated"},
       lr_too_small},
      {"constant_prediction",
       "spread of the predictions over samples in shares of the targets' spread, up to",
       0.01,
       "even untrained nets of one or two hidden layers had 0.015 or more",
       1,
       2,
       {"labels_unrelated"},
       constant_prediction},
      {"labels_unrelated",
       "training accuracy above the baseline, while validation can't be told from it, by",
       0.1,
       "of numbers: the share of the variance that is learned; or the training loss stays within 2 % of one answer's",
       5,
       2,
       {"overfitting"},
       labels_unrelated},
      {"overfitting",
       "validation loss above its lowest, in shares of that, more than",
       0.3,
       "Prechelt, \"Early stopping, but when?\" stops from 0.05 on; healthy runs wavered by up to 0.25",
       2,
       3,
       {},
       overfitting},
      {"training_differs",
       "loss in training over loss in evaluation, of the same weights and samples, from",
       1.1,
       "without layers that act in training only it is 1",
       1,
       2,
       {},
       training_differs},
  };
  return list;
}

std::string replaced(std::string in, const std::string& what, const std::string& by) {
  if (const size_t at = in.find(what); at != std::string::npos) in.replace(at, what.size(), by);
  return in;
}

// What `rule` sees now of that layer, without a break since an earlier look.
Finding settled(const Rule& rule, Look& look, Finding finding) {
  size_t row = look.looks() - 1;
  int64_t first = look.epoch(), times = 1;
  for (; row > 0; ++times) {
    look.go(--row);
    const Findings before = rule.see(look, rule.limit);
    if (std::ranges::none_of(before, [&](const Finding& one) { return one.layer == finding.layer; })) break;
    first = look.epoch();
  }
  look.go(look.looks() - 1);
  if (times < rule.looks) return {};
  finding.name = rule.name;
  if (finding.since_epoch < 0) finding.since_epoch = first;
  finding.text = replaced(std::move(finding.text), "$since",
                          finding.since_epoch == 0 ? "from the start" : text("since epoch ", finding.since_epoch));
  return finding;
}

} // namespace

Look::Look(const TrainingFacts& facts, const History& history, const History& layers)
    : facts_(facts), history_(history), layers_(layers), row_(layers.rows.size() - 1) {
  for (size_t i = 0; i < layers.columns.size(); ++i) columns_.emplace(layers.columns[i], i);
}

double Look::at(size_t row, const std::string& column) const {
  const auto found = columns_.find(column);
  return found == columns_.end() || found->second >= layers_.rows[row].size() ? nothing
                                                                              : layers_.rows[row][found->second];
}

int64_t Look::epoch() const { return int64_t(std::fmax(0, at(row_, "epoch"))); }
double Look::probe(const std::string& column) const { return at(row_, column); }
double Look::first(const std::string& column) const { return at(0, "epoch") == 0 ? at(0, column) : nothing; }
double Look::of(const std::string& layer, const char* statistic) const { return at(row_, text(layer, ":", statistic)); }

double Look::epochs(const char* column, int64_t epoch) const {
  const auto found = std::ranges::find(history_.columns, column);
  if (found == history_.columns.end() || epoch < 1 || size_t(epoch) > history_.rows.size()) return nothing;
  return history_.rows[size_t(epoch - 1)][size_t(found - history_.columns.begin())];
}

std::span<const Rule> rules() { return table(); }

std::vector<Finding> diagnose(const TrainingFacts& facts, const History& history, const History& layers) {
  Look look(facts, history, layers);
  Findings out;
  if (look.none()) return out;
  std::set<std::string> silent;
  for (const Rule& rule : rules()) {
    if (silent.contains(rule.name) || look.epoch() < rule.after) continue;
    for (Finding& one : rule.see(look, rule.limit))
      if (Finding finding = settled(rule, look, std::move(one)); !finding.name.empty()) {
        out.push_back(std::move(finding));
        silent.insert(rule.silences.begin(), rule.silences.end());
      }
  }
  return out;
}

Finding not_finite(const TrainingFacts& facts, const std::string& layer, int64_t epoch, const std::string& what) {
  return {.name = "not_finite",
          .layer = layer,
          .since_epoch = epoch,
          .text = text("not finite in epoch ", epoch, ": ", what),
          .advice = text("a lower lr (it is ", facts.lr, "), or clip_norm=1")};
}

TrainingFacts facts_of(const Model& model, const Recipe& recipe, const Splits& data) {
  const Dataset& train = data.train;
  const Baseline on_validation = baseline(train, data.validation);
  return {.layers = resolve(model.spec().net, model.spec().outputs),
          .goal = train.schema.goal,
          .features = train.schema.columns.empty() ? train.schema.features : input_names(train.schema.columns),
          .lr = model.spec().optimizer.args.real("lr"),
          .best_weights = recipe.train.best_weights,
          .steps_per_epoch = (train.size() + recipe.train.batch - 1) / recipe.train.batch,
          .train_samples = train.size(),
          .validation_samples = data.validation.size(),
          .train_baseline = baseline(train, train).value,
          .validation_baseline = on_validation.value,
          .baseline = on_validation.text,
          .constant_loss = constant_loss(model.spec(), train)};
}

} // namespace vitro
