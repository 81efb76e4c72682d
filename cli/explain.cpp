// vitro explain: one sample's loss, one weight, and every number between the two.
#include "explain/explain.h"

#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "explain/unrolled.h"
#include "train/measure.h"
#include "train/run.h"

namespace vitro::cli {
namespace {

int64_t whole(const std::string& word, const std::string& where, const std::string& help) {
  int64_t value = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
  if (read.ec != std::errc() || read.ptr != word.data() + word.size() || value < 0)
    bad_input(where, text("\"", word, "\" is no whole number from 0 on"), help);
  return value;
}

// "fc1:3" or "fc1[3]": a layer, and the number of a unit in it; "conv1:3,10,12": a map, and the row and column on it.
struct Unit {
  std::string layer;
  int64_t unit;
  std::vector<int64_t> place;
};
Unit unit_of(const std::string& address) {
  const std::string help = "--neuron fc1:3, or of a convolution conv1:3,10,12: map, row, column";
  const size_t cut_at = address.find_first_of(":[");
  if (cut_at == std::string::npos) bad_input("--neuron", text("\"", address, "\" names no unit"), help);
  std::string words = address.substr(cut_at + 1);
  if (address[cut_at] == '[' && words.ends_with(']')) words.pop_back();
  std::vector<int64_t> numbers;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = words.find(',', begin);
    numbers.push_back(whole(words.substr(begin, end == std::string::npos ? end : end - begin), "--neuron", help));
  }
  return {address.substr(0, cut_at), numbers[0], {numbers.begin() + 1, numbers.end()}};
}

// The part that the net has not learned from, as far as there is one.
const Dataset& unseen(const Splits& data, std::string& name) {
  name = data.test.size() > 0 ? "test" : data.validation.size() > 0 ? "validation" : "train";
  return data.test.size() > 0 ? data.test : data.validation.size() > 0 ? data.validation : data.train;
}

struct Sample {
  int64_t index;
  std::string part, truth, predicted; // as text
  double probability = 0;
  std::string drawing; // of an image
  SampleBatch batch;
};

Sample choose(const StoredRun& run, const Splits& data, std::optional<int64_t> index) {
  Sample out;
  const Dataset& part = unseen(data, out.part);
  if (index && (*index < 0 || *index >= part.size()))
    bad_input("--sample", text("is ", *index, ", the ", out.part, " part has samples 0 to ", part.size() - 1));
  out.index = index ? *index : part.schema.answers() > 1 ? 0 : worst_sample(run.model, part);
  const int64_t row[] = {out.index};
  out.batch = batch_of(part, row, run.model.spec().dtype);
  if (part.schema.answers() > 1) return out; // a window of a text: of its steps none is the answer
  const Tensor predictions = run.model.predict(out.batch.inputs());
  const Schema& schema = run.schema;
  if (schema.goal == Goal::classes) {
    std::vector<float> values;
    for (int64_t j = 0; j < predictions.elements(); ++j) values.push_back(float(predictions.at(j)));
    const int64_t best = class_of(values);
    out.truth = schema.classes[size_t(part.label_of()[size_t(out.index)])];
    out.predicted = schema.classes[size_t(best)];
    out.probability = values.size() > 1 ? values[size_t(best)] : best == 1 ? values[0] : 1 - values[0];
  } else {
    std::vector<std::string> truth, predicted;
    for (int64_t j = 0; j < predictions.elements(); ++j) {
      truth.push_back(number(part.targets.at(out.index * predictions.elements() + j), 6));
      predicted.push_back(number(raw_of(part, out.index, j, predictions.at(j)), 6));
    }
    out.truth = join(truth, ", ");
    out.predicted = join(predicted, ", ");
  }
  if (const Shape& shape = schema.sample; shape.rank() == 3 && shape[0] == 1 && shape[2] <= 100) {
    std::vector<double> pixels;
    for (int64_t i = 0; i < shape.elements(); ++i) pixels.push_back(part.samples.at(out.index * shape.elements() + i));
    out.drawing = picture(pixels, shape[1], shape[2], *std::min_element(pixels.begin(), pixels.end()),
                          *std::max_element(pixels.begin(), pixels.end()));
  }
  return out;
}

std::string heading(const StoredRun& run, const Sample& sample, bool chosen_by_us) {
  std::string out = text("Sample ", sample.index, " of the ", sample.part, " part of ", run.schema.name);
  if (run.schema.answers() > 1)
    return out_stream().palette.strong(text(out, ": the mean loss of its ", run.schema.answers(), " steps")) + "\n\n";
  const bool classes = run.schema.goal == Goal::classes;
  if (chosen_by_us) out += classes && sample.truth != sample.predicted ? ", the worst mistake" : ", the largest loss";
  out += classes ? text(": it is \"", sample.truth, "\", the net says \"", sample.predicted, "\" (",
                        percent(sample.probability, 1), ")")
                 : text(": it is ", sample.truth, ", the net says ", sample.predicted);
  return out_stream().palette.strong(out) + "\n" + (sample.drawing.empty() ? "" : "\n" + sample.drawing) + "\n";
}

// The path through many weights would be a book: of each its three numbers.
int many(Explainer& explainer, const std::vector<ElementAddress>& addresses, const States& states, const Common& common,
         const std::string& head) {
  Table table({"weight", "> gradient", "> back-propagated", "> finite difference", "> relative error", ""});
  Json list = Json::array();
  int64_t kinks = 0, failed = 0;
  double worst = 0;
  for (const ElementAddress& address : addresses) {
    const Explanation one = explainer.parameter(address);
    const bool kink = one.difference.kind == Difference::Kind::none || one.difference.on_kink;
    const bool wrong = !one.adds_up || (!kink && !one.agrees);
    kinks += kink;
    failed += wrong;
    if (!kink) worst = std::max(worst, one.relative_error);
    const std::string name = to_text(address, states, true);
    table.add({name, number(one.gradient, 6), number(one.back_propagated, 6), number(one.difference.value, 6),
               number(one.relative_error, 2),
               wrong  ? "FAILED"
               : kink ? "at a kink"
                      : ""});
    list.push_back(Json{{"param", name},
                        {"gradient", one.gradient},
                        {"back_propagated", one.back_propagated},
                        {"finite_difference", one.difference.value},
                        {"relative_error", one.relative_error},
                        {"on_kink", kink},
                        {"adds_up", one.adds_up}});
  }
  if (common.json)
    print(Json({{"checked", list.size()},
                {"non_differentiable", kinks},
                {"failed", failed},
                {"worst_relative_error", worst},
                {"explanations", std::move(list)}})
              .dump() +
          "\n");
  else
    print(head + table.str(out_stream().palette) +
          text("\nworst relative error ", number(worst, 3), ", failed ", failed, ", at a kink ", kinks, "\n"));
  return failed ? 1 : 0;
}

// --- a recurrent net, step by step ---

// The net as it started, with the plain recurrent cell in the place of every other: what the gates are there for.
Model plain_twin(const ModelSpec& of) {
  ModelSpec spec = of;
  for (LayerSpec& layer : spec.net.layers)
    if (layer.op == "lstm" || layer.op == "gru") layer.op = "rnn";
  for (auto& [name, block] : spec.net.blocks)
    for (LayerSpec& layer : block.layers)
      if (layer.op == "lstm" || layer.op == "gru") layer.op = "rnn";
  spec.carried = 0;
  return Model(std::move(spec));
}

std::vector<Unrolled> unrolled(const Model& model, const Sample& sample) {
  const SampleBatch& batch = sample.batch;
  return unroll(model.loss_function(batch.size(model.spec()), batch.targets.type()), model.states(), batch.arguments());
}

std::string fate(double growth, size_t steps) {
  if (!std::isfinite(growth)) return "nothing arrives";
  const double all = std::pow(growth, double(steps - 1));
  const char* word = all < 0.01 ? "it vanishes" : all > 100 ? "it explodes" : "it lasts";
  return text("x ", number(growth, 4), " a step, x ", number(all, 3), " over all: ", word);
}

// Rows for people: all steps of a short sequence, of a long one some, evenly spread.
int show_steps(const StoredRun& run, const Sample& sample, const std::string& head, bool json) {
  const std::vector<Unrolled> layers = unrolled(run.model, sample);
  if (layers.empty())
    bad_input("--steps", "nothing in this net is recurrent", "it has steps where a layer is rnn, lstm or gru");
  const Model plain = plain_twin(run.model.spec());
  const std::vector<Unrolled> twins = unrolled(plain, sample);
  if (json) {
    Json out = Json::array();
    for (const Unrolled& layer : layers) {
      Json steps = Json::array();
      for (const UnrolledStep& step : layer.steps) {
        Json gates = Json::object(), slopes = Json::object();
        for (size_t g = 0; g < layer.gates.size(); ++g) {
          gates[layer.gates[g]] = step.gates[g];
          slopes[layer.gates[g]] = step.slopes[g];
        }
        steps.push_back(Json{{"input", step.input},
                             {"state", step.state},
                             {"cell", step.cell},
                             {"gates", gates},
                             {"gate_gradients", slopes}});
      }
      out.push_back(Json{{"layer", layer.layer},
                         {"part", layer.part},
                         {"kind", layer.kind},
                         {"backwards", layer.backwards},
                         {"growth", layer.growth()},
                         {"steps", std::move(steps)}});
    }
    print(Json{{"run", run.directory.path()}, {"sample", sample.index}, {"part", sample.part}, {"layers", out}}.dump() +
          "\n");
    return 0;
  }
  std::string page = head;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Unrolled& layer = layers[i];
    page += text("\n", layer.layer, " ", layer.part, ", ", layer.kind, ": of the loss arrives at each step",
                 layer.backwards ? " (it reads from the end)" : "", "\n\n");
    std::vector<std::string> headings{"step", "> |dL/dx|", "> |dL/dh|"};
    const bool cell = layer.kind == "lstm";
    if (cell) headings.emplace_back("> |dL/dc|");
    for (const char* gate : layer.gates) {
      headings.push_back(text("> ", gate));
      headings.push_back(text("> |dL/d", gate, "|"));
    }
    Table table(headings);
    constexpr size_t most = 24;
    const size_t count = layer.steps.size(), rows = std::min(count, most);
    for (size_t row = 0; row < rows; ++row) {
      const size_t t = rows > 1 ? row * (count - 1) / (rows - 1) : 0;
      const UnrolledStep& step = layer.steps[t];
      std::vector<std::string> cells{text(t), number(step.input, 3), number(step.state, 3)};
      if (cell) cells.push_back(number(step.cell, 3));
      for (size_t g = 0; g < layer.gates.size(); ++g) {
        cells.push_back(fixed(step.gates[g], 2));
        cells.push_back(number(step.slopes[g], 3));
      }
      table.add(cells);
    }
    page += table.str(out_stream().palette);
    page += text("\nfrom a step to the one read before it: ", fate(layer.growth(), count), "\n");
    if (layer.kind != "rnn" && i < twins.size())
      page += text("a plain rnn of this size, as it starts:  ", fate(twins[i].growth(), count), "\n");
  }
  print(page);
  return 0;
}

} // namespace

int explain(Arguments& arguments) {
  Common common;
  std::optional<int64_t> index, terms, seed;
  std::string param, neuron;
  bool symbolic = false, open = false, steps = false;
  arguments.option("--sample", index, "N", "which sample of the unseen part, from 0 (default: the worst mistake)");
  arguments.option("--param", param, "ADDRESS", "which weight: fc1.weight:3,17, or random:100 (default: the steepest)");
  arguments.option("--neuron", neuron, "LAYER:UNIT",
                   "one neuron instead: inputs times weights, bias, activation; conv1:3,10,12: map, row, column");
  arguments.flag("--symbolic", symbolic, "with letters instead of numbers");
  arguments.flag("--open", open, "composed ops (softmax, losses) opened into their primitives");
  arguments.flag("--steps", steps, "a recurrent net step by step: what arrives at input, state, cell and gates");
  arguments.option("--terms", terms, "K", "so many terms of each sum, the rest is added up (default: 5)");
  arguments.option("--seed", seed, "N", "of random:N (default: 0)");
  common.declare_data(arguments);
  common.declare(arguments);
  arguments.parse(1);
  arguments.refuse_overrides();
  common.apply();
  if (terms.value_or(1) < 1) bad_input("--terms", text("is ", *terms), "a number from 1 on");
  if (!neuron.empty() && (symbolic || !param.empty()))
    bad_input("--neuron", "goes with neither --param nor --symbolic");
  if (steps && (!neuron.empty() || !param.empty() || symbolic || open))
    bad_input("--steps", "goes with none of --param, --neuron, --symbolic and --open");

  const StoredRun run = open_run(find_run(arguments.word(0)));
  // What is wrong with an address should not have to wait for the data.
  const bool random = param.starts_with("random:");
  std::vector<ElementAddress> addresses;
  if (!param.empty()) addresses = parse_addresses(param, run.model.states(), uint64_t(seed.value_or(0)));
  if (!run.trained && !common.quiet)
    say(text(run.directory.path(), " has no weights yet: explaining it as it was initialised"));
  const Splits data = data_of(run, common.data_dir);
  const Sample sample = choose(run, data, index);
  const SampleBatch& batch = sample.batch;
  const Function function = run.model.loss_function(batch.size(run.model.spec()), batch.targets.type());
  const std::vector<Tensor> inputs = batch.arguments();
  ExplainOptions options;
  if (terms) options.terms = int(*terms);
  options.open = open;
  const bool colour = out_stream().palette.colour;
  const std::string head = heading(run, sample, !index);
  if (steps) return show_steps(run, sample, head, common.json);
  const auto show = [&](const auto& found) {
    if (!common.json) {
      print(head + text_of(found, colour));
      return;
    }
    Json object = Json::parse(json_of(found));
    object["run"] = run.directory.path();
    object["sample"] = sample.index;
    object["part"] = sample.part;
    object["truth"] = sample.truth;
    object["predicted"] = sample.predicted;
    print(object.dump() + "\n");
  };

  Explainer explainer(function, run.model.states(), inputs, options);
  if (!neuron.empty()) {
    const auto [layer, unit, place] = unit_of(neuron);
    show(explainer.neuron(layer, unit, place));
    return 0;
  }
  if (random) return many(explainer, addresses, run.model.states(), common, head);
  const ElementAddress address = addresses.empty() ? explainer.steepest() : addresses[0];
  if (symbolic)
    show(explainer.symbolic(address));
  else
    show(explainer.parameter(address));
  return 0;
}

} // namespace vitro::cli
