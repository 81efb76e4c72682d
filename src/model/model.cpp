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
  if ((spec.sequence || spec.each_step) && spec.sample.rank() < 2)
    bad_input("model", text("samples are ", spec.sample, ", sequences are [time, ...features]"));
  if (spec.carried < 0) bad_input("model", text("carried is ", spec.carried, ", expected a batch, or 0"));
  if (spec.carried > 0 && spec.shards > 1)
    bad_input("model", text("batches that continue one another cannot be made in ", spec.shards, " shards"),
              "take shards = 1");
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
  create_parameters(states, spec.net, spec.sample, spec.outputs, spec.seed, spec.dtype, numpy ? &*numpy : nullptr,
                    spec.carried);
  spec.optimizer = resolve_groups(std::move(spec.optimizer), states.names(true));
  create_moments(states, spec.optimizer);
  if (spec.average)
    for (const std::string& name : states.weights()) states.add(name + "/average", states.read(name));
  states.add("step", Tensor({DType::i32, Shape{}}));
  if (spec.shards > 1) states.add("sample", Tensor({DType::i32, Shape{}}));
  return states;
}

// A batch as the functions take it: views of the caller's memory, or of copies in the model's element type. Targets of
// steps stand as those of so many samples.
struct Batch {
  ConstView x, lengths, targets;
  BatchSize extent = {};
  int64_t answers = 0;
  Tensor converted_x, converted_targets;
};

ConstView in_dtype(ConstView view, DType dtype, Tensor& copy) {
  if (view.type.dtype == dtype || !is_float(view.type.dtype)) return view;
  copy = Tensor::copy_of(view).to(dtype);
  return copy;
}

BatchSize check_samples(const ModelSpec& spec, const Inputs& in) {
  const Shape& shape = in.x.type.shape;
  if (!is_float(in.x.type.dtype))
    bad_input("model", text("samples are ", in.x.type, ", expected floating point"), "scale bytes to [0, 1] first");
  const size_t any = spec.sequence ? 1 : 0; // axes of a sample that may be otherwise
  const bool fits = shape.rank() == spec.sample.rank() + 1 &&
                    std::ranges::equal(shape.extents().subspan(1 + any), spec.sample.extents().subspan(any));
  if (!fits)
    bad_input("model", text("samples are ", shape, ", expected [batch] and then ", spec.sample),
              spec.sequence ? "steps may be more or fewer, all else is as the net was made"
                            : "the net was made for samples of this shape");
  if (shape[0] < 1) bad_input("model", "the batch holds no samples");
  if (spec.sequence && shape[1] < 1) bad_input("model", "the sequences have no steps");
  const BatchSize out(shape[0], spec.sequence ? shape[1] : 0, in.lengths.data != nullptr);
  if (!out.lengths) return out;
  if (!spec.sequence)
    bad_input("model", "lengths were given, but the samples are no sequences", "set ModelSpec::sequence");
  if (in.lengths.type != Type{DType::i32, Shape{shape[0]}})
    bad_input("model", text("lengths are ", in.lengths.type, ", expected i32[", shape[0], "]"));
  const auto lengths = in.lengths.as<int32_t>();
  for (size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] < 1 || lengths[i] > shape[1])
      bad_input("model",
                text("sample ", i, " of the batch has length ", lengths[i], ", there are 1 to ", shape[1], " steps"));
  return out;
}

int64_t classes(const ModelSpec& spec) { return spec.outputs > 1 ? spec.outputs : 2; }

// Targets of a net that answers at each step, [batch, steps, ..], as those of batch * steps samples.
ConstView by_answer(const ModelSpec& spec, ConstView targets, const BatchSize& extent) {
  const Shape& shape = targets.type.shape;
  if (!spec.each_step || shape.rank() < 2 || shape[0] != extent.samples || shape[0] * shape[1] != answers(spec, extent))
    return targets;
  auto extents = shape.list();
  extents.erase(extents.begin());
  extents[0] *= shape[0];
  return {{targets.type.dtype, Shape(extents)}, targets.data};
}

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

  void check(const Inputs& in, ConstView targets, Batch& batch) const {
    batch.extent = check_samples(spec, in);
    batch.answers = answers(spec, batch.extent);
    batch.x = in_dtype(in.x, spec.dtype, batch.converted_x);
    batch.lengths = in.lengths;
    batch.targets = in_dtype(check_targets(spec, by_answer(spec, targets, batch.extent), batch.answers), spec.dtype,
                             batch.converted_targets);
  }

  static Key key(Purpose purpose, const Batch& batch) { return {purpose, batch.extent, batch.targets.type}; }
  // Both answer with the position of the input behind those that they bind.
  static size_t bind(Run& run, const Batch& batch) {
    const size_t at = bind_samples(run, batch.x, batch.lengths);
    run.bind(at, batch.targets);
    return at + 1;
  }
  static size_t bind_samples(Run& run, ConstView x, ConstView lengths) {
    size_t at = 0;
    run.bind(at++, x);
    if (lengths.data) run.bind(at++, lengths);
    return at;
  }

  void predict(Purpose purpose, const Inputs& in, View predictions) const {
    const BatchSize extent = check_samples(spec, in);
    const Type type{spec.dtype, Shape{answers(spec, extent), spec.outputs}};
    if (predictions.type != type)
      bad_input("model", text("room for predictions is ", predictions.type, ", expected ", type));
    Tensor copy;
    const auto run = runs.lease({purpose, extent, {}});
    bind_samples(*run, in_dtype(in.x, spec.dtype, copy), in.lengths);
    run->run();
    std::memcpy(predictions.data, run->output(0).data, size_t(type.bytes()));
  }
  Tensor predict(Purpose purpose, const Inputs& in) const {
    Tensor out(Type{spec.dtype, Shape{answers(spec, check_samples(spec, in)), spec.outputs}});
    predict(purpose, in, out.view());
    return out;
  }

  Evaluation evaluate(Purpose purpose, const Inputs& in, ConstView targets) const {
    Batch batch;
    check(in, targets, batch);
    const auto run = runs.lease(key(purpose, batch));
    bind(*run, batch);
    run->run();
    Evaluation out{.samples = batch.answers, .predictions = Tensor::copy_of(run->output(1))};
    out.loss = run->output(0).at(0) * (spec.reduction == "sum" ? 1 : double(batch.answers));
    out.correct = count_correct(loss, out.predictions, batch.targets);
    return out;
  }

  void check_carried(const Inputs& in) const {
    if (in.x.type.shape.rank() > 0 && in.x.type.shape[0] == spec.carried) return;
    bad_input("model",
              text("samples ", in.x.type.shape, " should continue those before, of which there were ", spec.carried),
              spec.carried ? "a batch that is continued has always as many samples" : "set ModelSpec::carried");
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
    const auto run = runs.lease(key(Purpose::step, batch));
    bind_scalars(*run, bind(*run, batch), lr);
    StepResult result{.finite = run->run(), .samples = batch.answers};
    result.loss = run->output(0).at(0);
    if (!result.finite) return result;
    result.finite_update = !run->nonfinite_update();
    result.correct = count_correct(loss, run->output(1), batch.targets);
    ++steps();
    return result;
  }

  StepResult fit_shards(const Batch& batch, double lr) {
    StepResult result{.samples = batch.answers};
    const int64_t shards = spec.shards, size = batch.extent.samples, each = batch.answers / size;
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
      const int64_t begin = s * size / shards, end = (s + 1) * size / shards;
      if (begin == end) {
        shard_sum->add_nothing();
        continue;
      }
      Batch shard;
      shard.x = part(batch.x, begin, end);
      if (batch.lengths.data) shard.lengths = part(batch.lengths, begin, end);
      shard.targets = part(batch.targets, begin * each, end * each);
      shard.extent = {end - begin, batch.extent.steps, batch.extent.lengths};
      const auto run = runs.lease(key(Purpose::gradient, shard));
      bind(*run, shard);
      sample = int32_t(begin);
      run->run();
      sample = 0;
      const double weight = share(end - begin, size), of_batch = double(end - begin) / double(size);
      result.loss += weight * run->output(0).at(0);
      const int64_t correct = count_correct(loss, run->output(1), shard.targets);
      result.correct = correct < 0 ? -1 : std::max<int64_t>(result.correct, 0) + correct;
      // A running state's next value is its mean over the shards: one step moves it once, as without shards.
      shard_sum->add(
          [&](size_t i) { return std::pair(i < parameters.size() ? weight : of_batch, run->output(2 + i)); });
    }
    result.finite = std::isfinite(result.loss);
    if (!result.finite) return result;
    shard_sum->finish();
    const auto run = runs.lease({Purpose::update, {}, {}});
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

StepResult Model::fit(const Inputs& in, ConstView targets, double lr) {
  if (!(lr >= 0) || !std::isfinite(lr))
    bad_input("model", text("the learning rate is ", lr), "give a number of at least 0");
  Batch batch;
  inner_->check(in, targets, batch);
  return inner_->spec.shards > 1 ? inner_->fit_shards(batch, lr) : inner_->fit_whole(batch, lr);
}

StepResult Model::fit(const Inputs& in, ConstView targets) {
  return fit(in, targets, inner_->spec.optimizer.args.real("lr"));
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
  const auto run = inner_->runs.lease({Purpose::average, {}, {}});
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

void Model::predict(const Inputs& in, View predictions) const { inner_->predict(Purpose::predict, in, predictions); }
Tensor Model::predict(const Inputs& in) const { return inner_->predict(Purpose::predict, in); }
Evaluation Model::evaluate(const Inputs& in, ConstView targets) const {
  return inner_->evaluate(Purpose::evaluate, in, targets);
}

void Model::predict_next(const Inputs& in, View predictions) {
  inner_->check_carried(in);
  inner_->predict(Purpose::predict_next, in, predictions);
}
Tensor Model::predict_next(const Inputs& in) {
  inner_->check_carried(in);
  return inner_->predict(Purpose::predict_next, in);
}
Evaluation Model::evaluate_next(const Inputs& in, ConstView targets) {
  inner_->check_carried(in);
  return inner_->evaluate(Purpose::evaluate_next, in, targets);
}

void Model::forget() {
  for (const std::string& name : inner_->states.memories()) {
    State& state = inner_->states.at(name);
    std::memset(state.storage.data(), 0, state.storage.size());
  }
}

std::map<std::string, Tensor> Model::gradient(const Inputs& in, ConstView targets) const {
  Batch batch;
  inner_->check(in, targets, batch);
  const auto run = inner_->runs.lease(Inner::key(Purpose::gradient, batch));
  Inner::bind(*run, batch);
  run->run();
  std::map<std::string, Tensor> out;
  for (size_t i = 0; i < inner_->parameters.size(); ++i)
    out.emplace(inner_->parameters[i], Tensor::copy_of(run->output(2 + i)));
  return out;
}

Statistics Model::statistics(const Inputs& in, ConstView targets) const {
  Batch batch;
  inner_->check(in, targets, batch);
  const auto run_for = [&](Purpose purpose, auto read) {
    const auto run = inner_->runs.lease(Inner::key(purpose, batch));
    Inner::bind(*run, batch);
    run->run();
    return read(*run);
  };
  Statistics out =
      run_for(Purpose::observe, [&](const Run& run) { return read_statistics(inner_->spec, inner_->states, run); });
  out.training_loss = run_for(Purpose::training, [](const Run& run) { return run.output(0).at(0); });
  return out;
}

Attribution Model::attribution(ConstView x, ConstView direction) const {
  const BatchSize size = check_samples(inner_->spec, x);
  const Shape expected{x.type.shape[0], inner_->spec.outputs};
  if (!is_float(direction.type.dtype) || direction.type.shape != expected)
    bad_input("model", text("the direction is ", direction.type, ", expected ", name(inner_->spec.dtype), expected),
              "give each sample a weight for each output: 1 for a class, 0 for all others");
  Tensor samples, weights;
  const auto run = inner_->runs.lease({Purpose::attribute, size, {}});
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

std::map<std::string, Tensor> Model::activations(const Inputs& in) const {
  const BatchSize extent = check_samples(inner_->spec, in);
  Trace trace(inner_->states);
  const Var x = trace.input("x", input_type(inner_->spec, extent));
  std::vector<Tensor> inputs{Tensor::copy_of(in.x)};
  BuildOptions options{.outputs = inner_->spec.outputs};
  if (extent.lengths) {
    options.lengths = trace.input("lengths", in.lengths.type);
    inputs.push_back(Tensor::copy_of(in.lengths));
  }
  for (const BuiltLayer& layer : build(trace, inner_->spec.net, x, options).layers)
    trace.output(layer.name, layer.output);
  const Function function = trace.finish();
  const Interpretation values = interpret(function, read_states(inner_->states, function), inputs);
  std::map<std::string, Tensor> out;
  for (const Named& output : function.outputs) out.emplace(output.name, values.at(output.edge));
  return out;
}

namespace {

Function traced(const ModelSpec& spec, const States& states, Purpose purpose, const BatchSize& extent,
                std::optional<Type> targets) {
  if (extent.samples < 1) bad_input("model", text("the batch is ", extent.samples, ", expected at least 1"));
  if ((extent.steps || extent.lengths) && !spec.sequence)
    bad_input("model", "steps or lengths were asked for, but the samples are no sequences");
  return trace(spec, states, purpose, extent, targets ? *targets : target_type(spec, extent));
}

} // namespace

Function Model::loss_function(const BatchSize& extent, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::explain, extent, targets);
}

Function Model::training_function(const BatchSize& extent, std::optional<Type> targets) const {
  const int64_t shards = inner_->spec.shards, most = (extent.samples + shards - 1) / shards;
  for (const int64_t size : {extent.samples / shards, most}) // all sizes of shards; none where there are fewer samples
    if (shards > 1 && size > 0)
      traced(inner_->spec, inner_->states, Purpose::training, {size, extent.steps, extent.lengths}, {});
  return traced(inner_->spec, inner_->states, Purpose::training, extent, targets);
}

Function Model::gradient_function(const BatchSize& extent, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::gradient, extent, targets);
}

Function Model::step_function(const BatchSize& extent, std::optional<Type> targets) const {
  return traced(inner_->spec, inner_->states, Purpose::step, extent, targets);
}

Diagnosis Model::diagnose(const Inputs& in, ConstView targets) const {
  Batch batch;
  inner_->check(in, targets, batch);
  std::vector<Tensor> inputs{Tensor::copy_of(batch.x)};
  if (batch.lengths.data) inputs.push_back(Tensor::copy_of(batch.lengths));
  inputs.push_back(Tensor::copy_of(batch.targets));
  return vitro::diagnose(traced(inner_->spec, inner_->states, Purpose::gradient, batch.extent, batch.targets.type),
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
