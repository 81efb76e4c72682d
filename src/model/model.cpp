#include "model/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "model/diagnose.h"
#include "model/runs.h"
#include "model/shards.h"
#include "nn/embed.h"

namespace vitro {
namespace {

ModelSpec completed(ModelSpec spec) {
  const Loss& loss = find_loss(spec.loss);
  spec.loss = loss.name;
  if (spec.reduction.empty()) spec.reduction = loss.reductions[0];
  check_reduction(loss, spec.reduction);
  spec.optimizer = complete(spec.optimizer);
  if (!is_float(spec.dtype)) bad_input("model", text("dtype is ", name(spec.dtype)), "it is f32 or f64");
  if (spec.outputs < 1) bad_input("model", text("outputs is ", spec.outputs, ", expected at least 1"));
  spec.loss_args = complete_args(loss, spec.loss_args, spec.outputs);
  if (spec.shards < 1 || spec.shards > 1 << 20)
    bad_input("model", text("shards is ", spec.shards, ", expected at least 1"));
  if (spec.sample.elements() == 0 || spec.sample.rank() >= Shape::max_rank)
    bad_input("model", text("samples are ", spec.sample, ", expected at least one element and at most ",
                            Shape::max_rank - 1, " axes"));
  clip({}, spec.clip);
  if (int64_t(spec.codes.size()) > (spec.sample.rank() ? spec.sample.back() : 0))
    bad_input("model", text(spec.codes.size(), " columns of samples ", spec.sample, " should be codes"));
  spec.net = with_codes(std::move(spec.net), spec.codes);
  for (const ResolvedLayer& layer : resolve(spec.net, spec.outputs)) {
    if (layer.layer == &embed_layer && layer.from[0] < 0) spec.codes = layer.args.list("sizes");
    if (layer.name == "loss" || layer.name == "predictions" || layer.name == "targets" || layer.name == "x")
      bad_input("net", text("a layer is called \"", layer.name, "\""),
                "the model uses this name itself: choose another");
  }
  return spec;
}

// Also says which parameters the optimiser's groups have.
States created(ModelSpec& spec) {
  States states;
  std::optional<NumpyRandom> numpy = spec.numpy;
  create_parameters(states, spec.net, spec.sample, spec.outputs, spec.seed, spec.dtype, numpy ? &*numpy : nullptr);
  spec.optimizer = resolve_groups(std::move(spec.optimizer), states.names(true));
  create_moments(states, spec.optimizer);
  if (spec.average)
    for (const std::string& name : states.weights()) states.add(name + "/average", states.read(name));
  states.add("step", Tensor({DType::i32, Shape{}}));
  if (spec.shards > 1) states.add("sample", Tensor({DType::i32, Shape{}}));
  return states;
}

// A batch as the functions take it: views of the caller's memory, or of copies in the model's element type.
struct Batch {
  ConstView x, targets;
  int64_t size = 0;
  Tensor converted_x, converted_targets;
};

ConstView in_dtype(ConstView view, DType dtype, Tensor& copy) {
  if (view.type.dtype == dtype || !is_float(view.type.dtype)) return view;
  copy = Tensor::copy_of(view).to(dtype);
  return copy;
}

void check_samples(const ModelSpec& spec, ConstView x) {
  const Shape& shape = x.type.shape;
  if (!is_float(x.type.dtype))
    bad_input("model", text("samples are ", x.type, ", expected floating point"), "scale bytes to [0, 1] first");
  const bool fits =
      shape.rank() == spec.sample.rank() + 1 && std::ranges::equal(shape.extents().subspan(1), spec.sample.extents());
  if (!fits)
    bad_input("model", text("samples are ", shape, ", expected [batch] and then ", spec.sample),
              "the net was made for samples of this shape");
  if (shape[0] < 1) bad_input("model", "the batch holds no samples");
}

int64_t classes(const ModelSpec& spec) { return spec.outputs > 1 ? spec.outputs : 2; }

// Targets, one number an output, may come without the axis of a single output.
ConstView check_targets(const ModelSpec& spec, ConstView targets, int64_t batch) {
  const Type& type = targets.type;
  if (type.dtype == DType::i32 && type.shape == Shape{batch}) {
    const auto labels = targets.as<int32_t>();
    const Attr* held = spec.loss_args.find("ignore_index");
    const int64_t ignored = held ? std::get<int64_t>(*held) : -100, none = -100;
    for (size_t i = 0; i < labels.size(); ++i)
      if ((labels[i] < 0 || labels[i] >= classes(spec)) && (labels[i] != ignored || ignored == none))
        bad_input("model", text("the class of sample ", i, " of the batch is ", labels[i], ", the net knows 0 to ",
                                classes(spec) - 1));
    return targets;
  }
  const Shape numbers{batch, spec.outputs};
  const bool one_axis = spec.outputs == 1 && type.shape == Shape{batch};
  if (!is_float(type.dtype) || (type.shape != numbers && !one_axis))
    bad_input("model", text("targets are ", type, ", expected i32[", batch, "] (classes) or ", name(spec.dtype),
                            numbers, " (numbers)"));
  const ConstView out{{type.dtype, numbers}, targets.data};
  check_probabilities(find_loss(spec.loss), out, "the targets", "targets as numbers are probabilities");
  return out;
}

// The first of the largest.
template <class T> int64_t largest(std::span<const T> row) { return std::ranges::max_element(row) - row.begin(); }

// How many samples are predicted right; -1 where targets are numbers to be met, not classes.
template <class T> int64_t count_correct(const Loss& loss, std::span<const T> predictions, ConstView targets) {
  const bool labels = targets.type.dtype == DType::i32;
  if (!labels && !loss.classes()) return -1;
  const size_t rows = size_t(targets.type.shape[0]), columns = predictions.size() / rows;
  const bool one_of_many = columns > 1 && (labels || loss.answer == Loss::distribution);
  int64_t correct = 0;
  for (size_t row = 0; row < rows; ++row) {
    const auto predicted = predictions.subspan(row * columns, columns);
    const auto wanted = [&](size_t i) { return targets.at(int64_t(row * columns + i)); };
    if (one_of_many && labels) {
      correct += largest(predicted) == targets.as<int32_t>()[row];
    } else if (one_of_many) {
      correct += largest(predicted) == largest(targets.as<T>().subspan(row * columns, columns));
    } else { // yes or no, for each output
      bool right = true;
      for (size_t i = 0; i < columns; ++i) right &= (predicted[i] > T(0.5)) == (wanted(i) > 0.5);
      correct += right;
    }
  }
  return correct;
}

int64_t count_correct(const Loss& loss, ConstView predictions, ConstView targets) {
  return predictions.type.dtype == DType::f64 ? count_correct(loss, predictions.as<double>(), targets)
                                              : count_correct(loss, predictions.as<float>(), targets);
}

} // namespace

struct Model::Inner {
  explicit Inner(ModelSpec given)
      : spec(completed(std::move(given))), loss(find_loss(spec.loss)), states(created(spec)), step(states.at("step")),
        runs(spec, states), parameters(states.names(true)), running(states.running()) {
    for (size_t i = 0; i < scalar_inputs(spec.optimizer).size(); ++i) scalars.push_back(Tensor({spec.dtype, Shape{}}));
    scalar_numbers.resize(scalars.size());
    if (spec.shards > 1) {
      std::vector<Type> types;
      for (const auto* names : {&parameters, &running})
        for (const std::string& name : *names) types.push_back(states.at(name).type);
      shard_sum.emplace(types, spec.shards);
    }
  }

  ModelSpec spec;
  const Loss& loss;
  States states;
  State& step; // i32: steps taken
  mutable Runs runs;
  std::vector<std::string> parameters, running;
  std::vector<Tensor> scalars; // the optimiser's, where the step function reads them
  std::vector<double> scalar_numbers;
  std::optional<ShardSum> shard_sum;

  int32_t& steps() { return *reinterpret_cast<int32_t*>(step.storage.data()); }

  void check(ConstView x, ConstView targets, Batch& batch) const {
    check_samples(spec, x);
    batch.size = x.type.shape[0];
    batch.x = in_dtype(x, spec.dtype, batch.converted_x);
    batch.targets = in_dtype(check_targets(spec, targets, batch.size), spec.dtype, batch.converted_targets);
  }

  // A batch's loss weighs as much as its share of samples, unless it is a sum to begin with.
  double share(int64_t samples, int64_t of) const {
    return spec.reduction == "sum" ? 1.0 : double(samples) / double(of);
  }

  // A loss that makes no probabilities itself finds out here whether the net does, on samples that spread wide.
  void check_net(const Model& model) const {
    if (!takes_probabilities(loss, spec.loss_args)) return;
    Tensor x(input_type(spec, Runs::usual_batch));
    const Stream stream(spec.seed, "probabilities");
    const int64_t columns = spec.sample.rank() ? spec.sample.back() : 1, numbers = columns - int64_t(spec.codes.size());
    for (int64_t i = 0; i < x.elements(); ++i)
      x.set(i, i % columns < numbers
                   ? 10 * stream.normal(0, uint64_t(i))
                   : double(stream.below(uint64_t(spec.codes[size_t(i % columns - numbers)]), 1, uint64_t(i))));
    const bool logarithms = !spec.loss_args.has("from_logits");
    const char* last = logarithms ? "log_softmax" : loss.answer == Loss::chances ? "sigmoid" : "softmax";
    check_probabilities(loss, model.predict(x),
                        logarithms ? "the exponentials of the net's outputs" : "the net's outputs",
                        text("end the net with {op=\"", last, "\"}"));
  }

  void bind_scalars(Run& run, size_t first, double lr) {
    scalar_values(spec.optimizer, lr, int64_t(steps()) + 1, scalar_numbers);
    for (size_t i = 0; i < scalars.size(); ++i) {
      scalars[i].set(0, scalar_numbers[i]);
      run.bind(first + i, scalars[i]);
    }
  }

  StepResult fit_whole(const Batch& batch, double lr) {
    const auto run = runs.lease({Purpose::step, batch.size, batch.targets.type});
    run->bind(0, batch.x);
    run->bind(1, batch.targets);
    bind_scalars(*run, 2, lr);
    StepResult result{.finite = run->run(), .samples = batch.size};
    result.loss = run->output(0).at(0);
    if (!result.finite) return result;
    result.finite_update = !run->nonfinite_update();
    result.correct = count_correct(loss, run->output(1), batch.targets);
    ++steps();
    return result;
  }

  StepResult fit_shards(const Batch& batch, double lr) {
    StepResult result{.samples = batch.size};
    const int64_t shards = spec.shards;
    const auto part = [](ConstView whole, int64_t begin, int64_t end) {
      const Shape& shape = whole.type.shape;
      std::array<int64_t, Shape::max_rank> extents;
      std::ranges::copy(shape.extents(), extents.begin());
      extents[0] = end - begin;
      return ConstView{{whole.type.dtype, Shape(std::span(extents).first(size_t(shape.rank())))},
                       static_cast<const std::byte*>(whole.data) + begin * (whole.type.bytes() / shape[0])};
    };
    // Where in its batch a shard begins: what dropout draws hangs on it.
    int32_t& sample = *reinterpret_cast<int32_t*>(states.at("sample").storage.data());
    shard_sum->start();
    for (int64_t s = 0; s < shards; ++s) {
      const int64_t begin = s * batch.size / shards, end = (s + 1) * batch.size / shards;
      if (begin == end) {
        shard_sum->add_nothing();
        continue;
      }
      const ConstView x = part(batch.x, begin, end), targets = part(batch.targets, begin, end);
      const auto run = runs.lease({Purpose::gradient, end - begin, targets.type});
      run->bind(0, x);
      run->bind(1, targets);
      sample = int32_t(begin);
      run->run();
      sample = 0;
      const double weight = share(end - begin, batch.size), of_batch = double(end - begin) / double(batch.size);
      result.loss += weight * run->output(0).at(0);
      const int64_t correct = count_correct(loss, run->output(1), targets);
      result.correct = correct < 0 ? -1 : std::max<int64_t>(result.correct, 0) + correct;
      // A running state's next value is its mean over the shards: one step moves it once, as without shards.
      shard_sum->add(
          [&](size_t i) { return std::pair(i < parameters.size() ? weight : of_batch, run->output(2 + i)); });
    }
    result.finite = std::isfinite(result.loss);
    if (!result.finite) return result;
    shard_sum->finish();
    const auto run = runs.lease({Purpose::update, 0, {}});
    const size_t summed = parameters.size() + running.size();
    for (size_t i = 0; i < summed; ++i) run->bind(i, shard_sum->sum(i));
    bind_scalars(*run, summed, lr);
    run->run();
    result.finite_update = !run->nonfinite_update();
    for (size_t i = parameters.size(); i < summed; ++i) // copied, not computed, so the plan has not looked
      for (int64_t e = 0; e < shard_sum->sum(i).type.shape.elements(); ++e)
        result.finite_update &= std::isfinite(shard_sum->sum(i).at(e));
    ++steps();
    return result;
  }
};

Model::Model(ModelSpec spec) : inner_(std::make_unique<Inner>(std::move(spec))) { inner_->check_net(*this); }
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelSpec& Model::spec() const { return inner_->spec; }
States& Model::states() { return inner_->states; }
const States& Model::states() const { return inner_->states; }
int64_t Model::steps() const { return inner_->steps(); }

StepResult Model::fit(ConstView x, ConstView targets, double lr) {
  if (!(lr >= 0) || !std::isfinite(lr))
    bad_input("model", text("the learning rate is ", lr), "give a number of at least 0");
  Batch batch;
  inner_->check(x, targets, batch);
  return inner_->spec.shards > 1 ? inner_->fit_shards(batch, lr) : inner_->fit_whole(batch, lr);
}

StepResult Model::fit(ConstView x, ConstView targets) {
  return fit(x, targets, inner_->spec.optimizer.args.real("lr"));
}

void Model::set_optimizer(const std::string& arg, double value) {
  OptimizerSpec& held = inner_->spec.optimizer;
  OptimizerSpec changed = held;
  if (const Attr* old = held.args.find(arg); old && !std::holds_alternative<double>(*old))
    bad_input(text("optimizer ", held.name), text(arg, " cannot change between steps"), "make a new model");
  changed.args.set(arg, value);
  changed = complete(changed);
  const auto structure = [](const OptimizerSpec& spec) {
    std::vector<size_t> out;
    const auto add = [&](const Attrs& args) {
      out.push_back(find_optimizer(spec.name).moments(args).size());
      for (const char* zero_or_not : {"weight_decay", "l1", "max_norm"}) out.push_back(args.real(zero_or_not) > 0);
    };
    add(spec.args);
    for (const ParameterGroup& group : spec.groups) add(group.complete);
    return out;
  };
  if (structure(changed) != structure(held))
    bad_input(text("optimizer ", held.name), text(arg, " cannot change from ", held.args.real(arg), " to ", value),
              "what starts at zero has no place in the step: start it above zero, or make a new model");
  held = std::move(changed);
}

void Model::set_momentum(double value) {
  for (const char* arg : {"momentum", "beta1"})
    if (const Attrs& args = inner_->spec.optimizer.args; args.has(arg) && args.real(arg) > 0) {
      if (args.real(arg) != value) set_optimizer(arg, value);
      return;
    }
}

void Model::average(double weight) {
  const Tensor scalar = Tensor::scalar(weight, inner_->spec.dtype);
  const auto run = inner_->runs.lease({Purpose::average, 0, {}});
  run->bind(0, scalar);
  run->run();
}

void Model::exchange_averages() {
  States& states = inner_->states;
  for (const std::string& name : states.weights()) {
    const Tensor present = states.read(name), average = states.read(name + "/average");
    states.write(name, average);
    states.write(name + "/average", present);
  }
}

void Model::predict(ConstView x, View predictions) const {
  check_samples(inner_->spec, x);
  const Type type{inner_->spec.dtype, Shape{x.type.shape[0], inner_->spec.outputs}};
  if (predictions.type != type)
    bad_input("model", text("room for predictions is ", predictions.type, ", expected ", type));
  Tensor copy;
  const auto run = inner_->runs.lease({Purpose::predict, x.type.shape[0], {}});
  run->bind(0, in_dtype(x, inner_->spec.dtype, copy));
  run->run();
  std::memcpy(predictions.data, run->output(0).data, size_t(type.bytes()));
}

Tensor Model::predict(ConstView x) const {
  check_samples(inner_->spec, x);
  Tensor out(Type{inner_->spec.dtype, Shape{x.type.shape[0], inner_->spec.outputs}});
  predict(x, out.view());
  return out;
}

Evaluation Model::evaluate(ConstView x, ConstView targets) const {
  Batch batch;
  inner_->check(x, targets, batch);
  const auto run = inner_->runs.lease({Purpose::evaluate, batch.size, batch.targets.type});
  run->bind(0, batch.x);
  run->bind(1, batch.targets);
  run->run();
  Evaluation out{.samples = batch.size, .predictions = Tensor::copy_of(run->output(1))};
  out.loss = run->output(0).at(0) * (inner_->spec.reduction == "sum" ? 1 : double(batch.size));
  out.correct = count_correct(inner_->loss, out.predictions, batch.targets);
  return out;
}

std::map<std::string, Tensor> Model::gradient(ConstView x, ConstView targets) const {
  Batch batch;
  inner_->check(x, targets, batch);
  const auto run = inner_->runs.lease({Purpose::gradient, batch.size, batch.targets.type});
  run->bind(0, batch.x);
  run->bind(1, batch.targets);
  run->run();
  std::map<std::string, Tensor> out;
  for (size_t i = 0; i < inner_->parameters.size(); ++i)
    out.emplace(inner_->parameters[i], Tensor::copy_of(run->output(2 + i)));
  return out;
}

Statistics Model::statistics(ConstView x, ConstView targets) const {
  Batch batch;
  inner_->check(x, targets, batch);
  const auto run_for = [&](Purpose purpose, auto read) {
    const auto run = inner_->runs.lease({purpose, batch.size, batch.targets.type});
    run->bind(0, batch.x);
    run->bind(1, batch.targets);
    run->run();
    return read(*run);
  };
  Statistics out =
      run_for(Purpose::observe, [&](const Run& run) { return read_statistics(inner_->spec, inner_->states, run); });
  out.training_loss = run_for(Purpose::training, [](const Run& run) { return run.output(0).at(0); });
  return out;
}

Attribution Model::attribution(ConstView x, ConstView direction) const {
  check_samples(inner_->spec, x);
  const Shape expected{x.type.shape[0], inner_->spec.outputs};
  if (!is_float(direction.type.dtype) || direction.type.shape != expected)
    bad_input("model", text("the direction is ", direction.type, ", expected ", name(inner_->spec.dtype), expected),
              "give each sample a weight for each output: 1 for a class, 0 for all others");
  Tensor samples, weights;
  const auto run = inner_->runs.lease({Purpose::attribute, expected[0], {}});
  run->bind(0, in_dtype(x, inner_->spec.dtype, samples));
  run->bind(1, in_dtype(direction, inner_->spec.dtype, weights));
  run->run();
  Attribution out;
  out.scores = Tensor::copy_of(run->output(0));
  out.gradient = Tensor::copy_of(run->output(1));
  const Function& function = run->ready()->function;
  if (function.outputs.size() == 2) return out;
  out.layer = function.outputs[2].name;
  out.maps = Tensor::copy_of(run->output(2));
  out.slopes = Tensor::copy_of(run->output(3));
  return out;
}

std::map<std::string, Tensor> Model::activations(ConstView x) const {
  check_samples(inner_->spec, x);
  Trace trace(inner_->states);
  const Var input = trace.input("x", input_type(inner_->spec, x.type.shape[0]));
  for (const BuiltLayer& layer : build(trace, inner_->spec.net, input, {.outputs = inner_->spec.outputs}).layers)
    trace.output(layer.name, layer.output);
  const Function function = trace.finish();
  const Interpretation values = interpret(function, read_states(inner_->states, function), {Tensor::copy_of(x)});
  std::map<std::string, Tensor> out;
  for (const Named& output : function.outputs) out.emplace(output.name, values.at(output.edge));
  return out;
}

namespace {

Function traced(const ModelSpec& spec, const States& states, Purpose purpose, int64_t batch,
                std::optional<Type> targets) {
  if (batch < 1) bad_input("model", text("the batch is ", batch, ", expected at least 1"));
  return trace(spec, states, purpose, batch,
               targets ? *targets : natural_targets(find_loss(spec.loss), batch, spec.outputs, spec.dtype));
}

} // namespace

Function Model::loss_function(int64_t batch, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::explain, batch, targets);
}

Function Model::training_function(int64_t batch, std::optional<Type> targets) const {
  const int64_t shards = inner_->spec.shards, most = (batch + shards - 1) / shards;
  for (const int64_t size : {batch / shards, most}) // all sizes of shards; none where there are fewer samples
    if (shards > 1 && size > 0) traced(inner_->spec, inner_->states, Purpose::training, size, {});
  return traced(inner_->spec, inner_->states, Purpose::training, batch, targets);
}

Function Model::gradient_function(int64_t batch, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::gradient, batch, targets);
}

Function Model::step_function(int64_t batch, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::step, batch, targets);
}

Diagnosis Model::diagnose(ConstView x, ConstView targets) const {
  Batch batch;
  inner_->check(x, targets, batch);
  const std::vector<Tensor> inputs{Tensor::copy_of(batch.x), Tensor::copy_of(batch.targets)};
  return vitro::diagnose(traced(inner_->spec, inner_->states, Purpose::gradient, batch.size, batch.targets.type),
                         inner_->states, inputs);
}

std::vector<Model::LayerSummary> Model::layers() const {
  Trace trace(inner_->states);
  const Var x = trace.input("x", input_type(inner_->spec, 1));
  std::vector<LayerSummary> out;
  for (const BuiltLayer& layer : build(trace, inner_->spec.net, x, {.outputs = inner_->spec.outputs}).layers)
    out.push_back({layer.name, layer.layer->name, layer.args, layer.output.shape(), layer.parameters});
  return out;
}

} // namespace vitro
