#include "cli/about.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "claims/claim.h"
#include "cli/console.h"
#include "core/error.h"
#include "core/text.h"
#include "nn/initializers.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "plan/interpret.h"

namespace vitro::cli {
namespace {

using Json = nlohmann::ordered_json;

void add_if(About& out, const char* name, const std::string& value) {
  if (!value.empty()) out.facts.emplace_back(name, value);
}

std::string listed(const std::vector<const char*>& names) {
  std::string out;
  for (const char* name : names) out += text(out.empty() ? "" : ", ", name);
  return out;
}

// What the rest of the world calls it, and which claims are about it.
void add_world(About& out, const Peers& peers) {
  add_if(out, "PyTorch", peers.torch);
  add_if(out, "Keras", peers.keras);
  std::vector<std::string> claims;
  for (const std::string& name : claim_names()) {
    const std::vector<std::string> shown = find_claim(name).shows;
    if (std::ranges::find(shown, out.kind + " " + out.name) != shown.end()) claims.push_back(name);
  }
  add_if(out, "claims", join(claims, ", "));
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

// ---- Curves ------------------------------------------------------------------------------------------

constexpr int64_t spots = 241; // from -6 to 6

double place_of(int64_t spot) { return -6 + 0.05 * double(spot); }

LineChart curves(const std::string& title, const std::string& y, const std::string& name,
                 const std::vector<double>& values, const std::vector<double>& slopes, bool jumps) {
  LineChart out{.title = title, .x = {.label = "x"}, .y = {.label = y}, .series = {}, .at_x = {}, .levels = {}};
  out.series = {{name, {}}, {"its derivative", {}}};
  for (size_t i = 0; i < values.size(); ++i) {
    const double x = place_of(int64_t(i));
    out.series[0].points.push_back({x, values[i]});
    // Where it jumps, a gap: no line stands upright that isn't there.
    if (jumps && i > 0 && std::fabs(slopes[i] - slopes[i - 1]) > 0.25 * std::max(1.0, std::fabs(slopes[i])))
      out.series[1].points.push_back({x, std::nan("")});
    // A formula of the derivative may have values where the function has none: log.
    out.series[1].points.push_back({x, std::isfinite(values[i]) ? slopes[i] : std::nan("")});
  }
  return out;
}

// A pointwise op of one input, and its derivative, in double.
std::optional<LineChart> plot_of(const Op& op) {
  const bool required = std::ranges::any_of(op.attrs, [](const AttrSpec& spec) { return spec.required; });
  if (!op.is(pointwise) || op.args.size() != 1 || std::string_view(op.args[0]) == "..." || required) return {};
  Tensor x(Type{DType::f64, {spots}});
  for (int64_t i = 0; i < spots; ++i) x.set(i, place_of(i));
  const States none;
  Trace trace(none);
  const Var in = trace.input("x", x.type()), y = apply(op, {in});
  trace.output("y", y);
  trace.output("slope", gradient(sum(y), {in})[0]);
  const Function function = trace.finish();
  const Interpretation run = interpret(function, {}, {x});
  return curves(op.name, op.formula, "y", run.at(function.outputs[0].edge).values(),
                run.at(function.outputs[1].edge).values(), op.is(kinked));
}

// The loss of one sample by its output x, where 1 is right; with several outputs, of logits x and 0, where the first
// is.
std::optional<LineChart> plot_of(const Loss& loss) {
  const bool two = loss.answer == Loss::distribution;
  const States none;
  Trace trace(none);
  const Var x = trace.input("x", {DType::f64, {1, 1}});
  const Var targets = constant(trace.graph(), Tensor(Shape{1}, {two ? 0.0 : 1.0}, DType::i32));
  const Var zero = constant(trace.graph(), Tensor(Type{DType::f64, {1, 1}}));
  std::vector<double> values, slopes;
  try {
    const Var output = two ? concatenate({x, zero}, 1) : x;
    const Attrs args = complete_args(loss, {}, output.shape().back());
    const Var y = loss.build({output, targets, loss.reductions[0], args}).loss;
    trace.output("y", y);
    trace.output("slope", gradient(y, {x})[0]);
    const Function function = trace.finish();
    for (int64_t i = 0; i < spots; ++i) {
      const Interpretation run = interpret(function, {}, {Tensor(Shape{1, 1}, {place_of(i)}, DType::f64)});
      values.push_back(run.at(function.outputs[0].edge).at(0));
      slopes.push_back(run.at(function.outputs[1].edge).at(0));
    }
  } catch (const Error&) { return {}; } // its targets are of another kind: there is nothing to plot
  return curves(loss.name, two ? "loss, logits x and 0, the first is right" : "loss, output x, 1 is right", "loss",
                values, slopes, true);
}

std::vector<double> rates_of(const Schedule& schedule) {
  const bool ready = std::ranges::none_of(schedule.args, [](const AttrSpec& arg) { return arg.required; });
  std::vector<double> rates;
  if (!ready) return rates;
  const ScheduleSpec spec = complete(ScheduleSpec{.name = schedule.name, .args = {}});
  for (int64_t step = 0; step < 1000; ++step)
    rates.push_back(learning_rate(spec, 1.0, {.step = step, .steps = 1000, .steps_per_epoch = 100}));
  return rates;
}

} // namespace

About about(const Op& op) {
  About out{.kind = "op", .name = op.name, .doc = op.doc, .args = op.attrs};
  add_if(out, "formula", op.formula);
  for (const char* rule : op.rules) add_if(out, "derivative", rule);
  if (op.is(constant_slope)) add_if(out, "derivative", "zero wherever it is defined: no gradient flows");
  add_if(out, "source", op.origin);
  add_world(out, op.peers);
  add_if(out, "ONNX", op.onnx);
  std::vector<std::string> traits;
  if (op.is(pointwise)) traits.emplace_back("element by element");
  if (op.is(kinked)) traits.emplace_back("its derivative jumps somewhere");
  if (op.is(alias)) traits.emplace_back("the same bytes under another shape");
  traits.emplace_back(op.plain ? "primitive" : "composed of other ops");
  add_if(out, "traits", join(traits, ", "));
  if (!op.examples.empty())
    out.more = "For example (computed just now, in double):\n" + worked_example(op, op.examples[0]);
  out.plot = plot_of(op);
  return out;
}

About about(const Layer& layer) {
  About out{.kind = "layer", .name = layer.name, .doc = layer.doc, .args = layer.args};
  add_if(out, "formula", layer.formula);
  add_if(out, "also called", listed(layer.aliases));
  add_if(out, "inputs", listed(layer.inputs));
  add_if(out, "parameters", listed(layer.parameters));
  add_world(out, layer.peers);
  add_if(out, "named", text(layer.short_name, "1, ", layer.short_name, "2, ... where a recipe gives no name"));
  return out;
}

About about(const Loss& loss) {
  About out{.kind = "loss", .name = loss.name, .doc = loss.doc, .args = loss.args};
  add_if(out, "formula", loss.formula);
  add_if(out, "source", loss.origin);
  add_if(out, "also called", listed(loss.aliases));
  add_if(out, "reductions", listed(loss.reductions));
  add_if(out, "made for", loss.classes() ? "classes" : "numbers");
  add_world(out, loss.peers);
  out.plot = plot_of(loss);
  return out;
}

About about(const Optimizer& optimizer) {
  About out{.kind = "optimiser", .name = optimizer.name, .doc = optimizer.doc, .args = optimizer.args};
  add_if(out, "formula", optimizer.formula);
  add_if(out, "source", optimizer.origin);
  add_if(out, "also called", listed(optimizer.aliases));
  add_world(out, optimizer.peers);
  return out;
}

About about(const Schedule& schedule) {
  About out{.kind = "schedule", .name = schedule.name, .doc = schedule.doc, .args = schedule.args};
  add_if(out, "formula", schedule.formula);
  add_if(out, "source", schedule.origin);
  add_if(out, "also called", listed(schedule.aliases));
  add_world(out, schedule.peers);
  const std::vector<double> rates = rates_of(schedule);
  if (rates.empty()) return out;
  add_if(out, "1000 steps",
         text(sparkline(rates), "  from ", number(rates.front(), 3), " to ", number(rates.back(), 3), " of lr"));
  out.plot = LineChart{.title = text("schedule ", schedule.name),
                       .x = {.label = "step; an epoch has 100", .whole = true},
                       .y = {.label = "share of lr", .low = 0.0},
                       .series = {{"rate by its defaults", {}}},
                       .at_x = {},
                       .levels = {}};
  for (size_t i = 0; i < rates.size(); ++i) out.plot->series[0].points.push_back({double(i), rates[i]});
  return out;
}

About about(const Initializer& initializer) {
  About out{.kind = "initialiser", .name = initializer.name, .doc = initializer.doc};
  add_if(out, "formula", initializer.formula);
  add_if(out, "source", initializer.origin);
  add_if(out, "also called", listed(initializer.aliases));
  add_world(out, initializer.peers);
  for (const auto& parameter : initializer.parameters)
    out.facts.emplace_back(text("number ", parameter.name), text(parameter.fallback, " where not stated"));
  const Type type{DType::f64, {100, 50}};
  const std::vector<double> drawn = initial(initializer.name, "example", type, fan_of(type.shape), 0).values();
  double mean = 0, squares = 0;
  for (const double value : drawn) mean += value / double(drawn.size());
  for (const double value : drawn) squares += (value - mean) * (value - mean) / double(drawn.size());
  const auto [low, high] = std::minmax_element(drawn.begin(), drawn.end());
  add_if(out, "a weight [100, 50]",
         text("drawn just now: ", number(*low, 3), " to ", number(*high, 3), ", mean ", number(mean, 2), ", deviation ",
              number(std::sqrt(squares), 3)));
  return out;
}

About about(const NetKind& net) {
  About out{.kind = "net", .name = net.name, .doc = net.doc, .args = net.args};
  add_world(out, {});
  Table table({"layer", "arguments"});
  for (const LayerSpec& layer : make_net(net.name).layers)
    table.add({layer.op, layer.args.items().empty() ? "" : layer.args.str()});
  out.more = "By default:\n" + table.str({}, 2);
  if (*net.training) out.more += text("\nIt brings its way of learning along:\n", net.training);
  return out;
}

About about(const AugmentationKind& kind) {
  About out{.kind = "augmentation", .name = kind.name, .doc = kind.doc};
  for (const AugmentationArg& arg : kind.args) {
    AttrSpec& spec = out.args.emplace_back(); // member by member: g++ 12 takes a moved one for uninitialised
    spec.name = arg.name;
    spec.fallback = arg.fallback;
    spec.doc = arg.doc;
  }
  out.facts.emplace_back("in a recipe", text("augment = [{op=\"", kind.name, "\", ", kind.args[0].name, "=",
                                             number(kind.args[0].fallback), "}]"));
  return out;
}

std::string text_of(const About& about) {
  const Palette& palette = out_stream().palette;
  std::string out = palette.strong(text(about.kind, " ", about.name)) + "\n" +
                    wrap(about.doc, std::min(out_stream().width, 100)) + "\n\n";
  Facts facts;
  for (const auto& [name, value] : about.facts) facts.add(name, value);
  out += facts.str(palette);
  if (!about.args.empty()) {
    Table table({"argument", "default", ""});
    for (const AttrSpec& arg : about.args)
      table.add({arg.name, arg.required ? "required" : to_text(arg.fallback), arg.doc});
    out += "\n" + table.str(palette);
  }
  return about.more.empty() ? out : out + "\n" + about.more;
}

Json json_of(const About& about) {
  Json facts = Json::array(), args = Json::array();
  for (const auto& [name, value] : about.facts) facts.push_back({name, value});
  for (const AttrSpec& arg : about.args)
    args.push_back(
        {{"name", arg.name}, {"default", arg.required ? Json() : Json(to_text(arg.fallback))}, {"doc", arg.doc}});
  return {{"kind", about.kind},
          {"name", about.name},
          {"doc", about.doc},
          {"facts", facts},
          {"arguments", args},
          {"more", about.more},
          {"plot", about.plot.has_value()}};
}

} // namespace vitro::cli
