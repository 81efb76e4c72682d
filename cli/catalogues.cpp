#include "cli/catalogues.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "claims/claim.h"
#include "cli/console.h"
#include "core/text.h"
#include "data/sources.h"
#include "io/files.h"
#include "io/history.h"
#include "io/run_directory.h"
#include "nn/initializers.h"
#include "nn/layer.h"
#include "nn/losses.h"
#include "nn/nets.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "plan/interpret.h"
#include "recipe/embedded.h"
#include "train/setup.h"

namespace vitro::cli {
namespace {

template <class Item> bool answers_to(const Item& item, const std::string& name) {
  if (item.name == name) return true;
  return std::any_of(item.aliases.begin(), item.aliases.end(), [&](const char* alias) { return alias == name; });
}

std::string also(const std::vector<const char*>& aliases) {
  std::string out;
  for (const char* alias : aliases) out += text(out.empty() ? "" : ", ", alias);
  return out;
}

std::string args_table(const std::vector<AttrSpec>& args) {
  if (args.empty()) return "";
  Table table({"argument", "default", ""});
  for (const AttrSpec& arg : args) table.add({arg.name, arg.required ? "required" : to_text(arg.fallback), arg.doc});
  return "\n" + table.str(out_stream().palette);
}

std::string head(const std::string& kind, const std::string& name, const std::string& doc) {
  return out_stream().palette.strong(text(kind, " ", name)) + "\n" + wrap(doc, std::min(out_stream().width, 100)) +
         "\n\n";
}

void add_if(Facts& facts, const char* name, const std::string& value) {
  if (!value.empty()) facts.add(name, value);
}

// Values of a small tensor on one line: "[[1, 2], [3, 4]]".
std::string values_of(const Tensor& tensor, int axis = 0, int64_t offset = 0) {
  if (axis == tensor.shape().rank()) return number(tensor.at(offset), 6);
  const int64_t step = tensor.shape().strides()[size_t(axis)];
  std::string out = "[";
  for (int64_t i = 0; i < tensor.shape()[axis]; ++i)
    out += text(i ? ", " : "", values_of(tensor, axis + 1, offset + i * step));
  return out + "]";
}

// The op on its example: inputs, outputs, and the derivative of the first output's sum, all in double.
std::string worked_example(const Op& op, const Example& example) {
  const States none;
  Trace trace(none);
  std::vector<In> in;
  std::vector<Var> smooth;
  std::vector<size_t> smooth_at;
  std::vector<std::string> names;
  for (size_t i = 0; i < example.in.size(); ++i) {
    const bool named = i < op.args.size() && std::string_view(op.args[i]) != "...";
    names.push_back(named ? op.args[i] : text("x", i + 1));
    const DType dtype = is_float(example.in[i].dtype()) ? DType::f64 : example.in[i].dtype();
    const Var x = trace.input(names.back(), {dtype, example.in[i].shape()});
    in.emplace_back(x);
    if (!is_float(dtype)) continue;
    smooth.push_back(x);
    smooth_at.push_back(i);
  }
  const std::vector<Var> out = apply_all(op, in, example.attrs);
  for (size_t i = 0; i < out.size(); ++i) trace.output(text("y", i), out[i]);
  std::vector<Var> slopes;
  if (is_float(out[0].dtype()) && !smooth.empty()) slopes = gradient(sum(out[0]), smooth);
  for (size_t i = 0; i < slopes.size(); ++i) trace.output(text("d", i), slopes[i]);
  const Function function = trace.finish();
  const Interpretation run = interpret(function, {}, example.in, {.floats = DType::f64});
  Facts facts;
  for (size_t i = 0; i < example.in.size(); ++i)
    facts.add(names[i], text(values_of(example.in[i]), "  ", example.in[i].shape()));
  if (!example.attrs.items().empty()) facts.add("with", example.attrs.str());
  for (size_t i = 0; i < out.size(); ++i) {
    const Tensor& value = run.at(out[i].edge());
    facts.add(out.size() == 1 ? "y" : text("y", i + 1), text(values_of(value), "  ", value.shape()));
  }
  for (size_t i = 0; i < slopes.size(); ++i)
    facts.add(text("d sum(y", out.size() == 1 ? "" : "1", ")/d", names[smooth_at[i]]),
              values_of(run.at(slopes[i].edge())));
  return facts.str({}, 2);
}

std::string about_op(const Op& op) {
  std::string out = head("op", op.name, op.doc);
  Facts facts;
  facts.add("formula", op.formula);
  for (const char* rule : op.rules) facts.add("derivative", rule);
  if (op.is(constant_slope)) facts.add("derivative", "zero wherever it is defined: no gradient flows");
  add_if(facts, "source", op.origin);
  add_if(facts, "ONNX", op.onnx);
  std::vector<std::string> traits;
  if (op.is(pointwise)) traits.emplace_back("element by element");
  if (op.is(kinked)) traits.emplace_back("its derivative jumps somewhere");
  if (op.is(alias)) traits.emplace_back("the same bytes under another shape");
  traits.emplace_back(op.plain ? "primitive" : "composed of other ops");
  facts.add("traits", join(traits, ", "));
  out += facts.str() + args_table(op.attrs);
  if (!op.examples.empty())
    out += "\nFor example (computed just now, in double):\n" + worked_example(op, op.examples[0]);
  return out;
}

std::string about_layer(const Layer& layer) {
  if (layer.op) return ""; // the op says all
  std::string out = head("layer", layer.name, layer.doc);
  Facts facts;
  facts.add("formula", layer.formula);
  add_if(facts, "also called", also(layer.aliases));
  add_if(facts, "inputs", also(layer.inputs));
  add_if(facts, "parameters", also(layer.parameters));
  facts.add("named", text(layer.short_name, "1, ", layer.short_name, "2, ... where a recipe gives no name"));
  return out + facts.str() + args_table(layer.args);
}

std::string about_loss(const Loss& loss) {
  std::string out = head("loss", loss.name, loss.doc);
  Facts facts;
  facts.add("formula", loss.formula);
  add_if(facts, "also called", also(loss.aliases));
  add_if(facts, "source", loss.origin);
  facts.add("reductions", also(loss.reductions));
  facts.add("made for", loss.classes() ? "classes" : "numbers");
  return out + facts.str() + args_table(loss.args);
}

std::string about_optimizer(const Optimizer& optimizer) {
  std::string out = head("optimiser", optimizer.name, optimizer.doc);
  Facts facts;
  facts.add("formula", optimizer.formula);
  add_if(facts, "source", optimizer.origin);
  add_if(facts, "also called", also(optimizer.aliases));
  return out + facts.str() + args_table(optimizer.args);
}

std::string about_schedule(const Schedule& schedule) {
  std::string out = head("schedule", schedule.name, schedule.doc);
  Facts facts;
  facts.add("formula", schedule.formula);
  add_if(facts, "source", schedule.origin);
  add_if(facts, "also called", also(schedule.aliases));
  const bool ready =
      std::none_of(schedule.args.begin(), schedule.args.end(), [](const AttrSpec& arg) { return arg.required; });
  if (ready) {
    const ScheduleSpec spec = complete(ScheduleSpec{.name = schedule.name, .args = {}});
    std::vector<double> rates;
    for (int64_t step = 0; step < 1000; ++step)
      rates.push_back(learning_rate(spec, 1.0, {.step = step, .steps = 1000, .steps_per_epoch = 100}));
    facts.add("1000 steps",
              text(sparkline(rates), "  from ", number(rates.front(), 3), " to ", number(rates.back(), 3), " of lr"));
  }
  return out + facts.str() + args_table(schedule.args);
}

std::string about_initializer(const Initializer& initializer) {
  std::string out = head("initialiser", initializer.name, initializer.doc);
  Facts facts;
  facts.add("formula", initializer.formula);
  add_if(facts, "source", initializer.origin);
  add_if(facts, "also called", also(initializer.aliases));
  for (const auto& parameter : initializer.parameters)
    facts.add(text("number ", parameter.name), text(parameter.fallback, " where not stated"));
  const Type type{DType::f64, {100, 50}};
  const std::vector<double> drawn = initial(initializer.name, "example", type, fan_of(type.shape), 0).values();
  double mean = 0, squares = 0;
  for (const double value : drawn) mean += value / double(drawn.size());
  for (const double value : drawn) squares += (value - mean) * (value - mean) / double(drawn.size());
  const auto [low, high] = std::minmax_element(drawn.begin(), drawn.end());
  facts.add("a weight [100, 50]", text("drawn just now: ", number(*low, 3), " to ", number(*high, 3), ", mean ",
                                       number(mean, 2), ", deviation ", number(std::sqrt(squares), 3)));
  return out + facts.str();
}

std::string about_net(const NetKind& net) {
  std::string out = head("net", net.name, net.doc) + args_table(net.args);
  Table table({"layer", "arguments"});
  for (const LayerSpec& layer : make_net(net.name).layers)
    table.add({layer.op, layer.args.items().empty() ? "" : layer.args.str()});
  return out + "\nBy default:\n" + table.str({}, 2);
}

// The first comment line of a recipe says what it is.
std::string purpose_of(std::string_view recipe) {
  if (!recipe.starts_with('#')) return "";
  const size_t end = std::min(recipe.find('\n'), recipe.size());
  const size_t begin = std::min(recipe.find_first_not_of("# "), end);
  return std::string(recipe.substr(begin, end - begin));
}

template <class Span> std::vector<Entry> named(const Span& span) {
  std::vector<Entry> out;
  for (const auto& item : span) out.push_back({item.name, item.doc});
  return out;
}

template <class Span, class About> auto by_name(const Span& span, About about) {
  return [span, about](const std::string& name) -> std::string {
    for (const auto& item : span)
      if (answers_to(item, name)) return about(item);
    return "";
  };
}

std::vector<Entry> data_entries() {
  std::vector<Entry> out;
  for (const SourceEntry& entry : catalogue_of_data())
    out.push_back({entry.name, text(entry.doc, " (", entry.kind, ", ", entry.size, ")")});
  return out;
}

std::vector<Entry> recipe_entries() {
  std::vector<Entry> out;
  for (const EmbeddedFile& file : embedded_recipes()) out.push_back({file.name, purpose_of(file.text)});
  return out;
}

// "epoch 10, train loss 0.0320, validation accuracy 97.72 %", out of history.csv.
std::string last_epoch(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return "nothing saved yet";
  const History history = read_history(read_text(path), path);
  if (history.rows.empty()) return "no epoch finished yet";
  std::string out;
  for (size_t c = 0; c < history.columns.size(); ++c) {
    const std::string& name = history.columns[c];
    const double value = history.rows.back()[c];
    if (name == "epoch") out = text("epoch ", int64_t(value));
    if (name == "train_loss") out += text(", train loss ", fixed(value, 4));
    if (name == "validation_accuracy") out += text(", validation accuracy ", percent(value));
    if (name == "validation_rmse") out += text(", validation RMSE ", fixed(value, 4));
  }
  return out;
}

std::vector<Entry> run_entries() {
  std::vector<Entry> out;
  for (const std::string& run : list_runs()) out.push_back({run, last_epoch(RunDirectory(run).history())});
  return out;
}

std::vector<Entry> layer_entries() {
  std::vector<Entry> out;
  for (const Layer* layer : layers())
    if (!layer->op) out.push_back({layer->name, layer->doc});
  out.push_back({"...", "and every op, by its own name (vitro list ops)"});
  return out;
}

std::vector<Entry> op_entries() {
  std::vector<Entry> out;
  for (const Op* op : catalogue()) out.push_back({op->name, text(op->formula, "   ", op->doc)});
  return out;
}

} // namespace

const std::vector<Catalogue>& catalogues() {
  static const std::vector<Catalogue> all = {
      {{"data", "datasets"}, true, data_entries, {}},
      {{"recipes"}, true, recipe_entries, {}},
      {{"nets"},
       true,
       [] { return named(nets()); },
       [](const std::string& name) {
         for (const NetKind& net : nets())
           if (net.name == name) return about_net(net);
         return std::string();
       }},
      {{"runs"}, true, run_entries, {}},
      {{"claims"},
       false,
       [] {
         std::vector<Entry> out;
         for (const std::string& name : claim_names()) out.push_back({name, find_claim(name).sentence});
         return out;
       },
       {}},
      {{"layers"},
       false,
       layer_entries,
       [](const std::string& name) {
         const Layer* layer = find_layer(name);
         return layer ? about_layer(*layer) : "";
       }},
      {{"ops"},
       false,
       op_entries,
       [](const std::string& name) {
         if (const Op* op = find_op(name)) return about_op(*op);
         const Layer* layer = find_layer(name); // an alias of a layer that is an op
         return layer && layer->op ? about_op(*layer->op) : std::string();
       }},
      {{"losses"}, false, [] { return named(losses()); }, by_name(losses(), about_loss)},
      {{"optimisers", "optimizers"}, false, [] { return named(optimizers()); }, by_name(optimizers(), about_optimizer)},
      {{"schedules"}, false, [] { return named(schedules()); }, by_name(schedules(), about_schedule)},
      {{"initialisers", "initializers"},
       false,
       [] { return named(initializers()); },
       by_name(initializers(), about_initializer)},
  };
  return all;
}

std::vector<std::string> all_names() {
  std::vector<std::string> out;
  for (const Catalogue& catalogue : catalogues())
    for (const Entry& entry : catalogue.entries())
      if (std::find(out.begin(), out.end(), entry.name) == out.end()) out.push_back(entry.name);
  return out;
}

} // namespace vitro::cli
