// Explanations as text for a person, and as JSON for a program.
#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "explain/element_text.h"
#include "explain/explain.h"
#include "explain/gradcheck.h"
#include "explain/json.h"

namespace vitro {
namespace {

struct Ink {
  bool colour;
  std::string with(const char* code, const std::string& words) const {
    return colour ? text("\033[", code, "m", words, "\033[0m") : words;
  }
  std::string strong(const std::string& words) const { return with("1", words); }
  std::string faint(const std::string& words) const { return with("2", words); }
  std::string good(const std::string& words) const { return with("32", words); }
  std::string bad(const std::string& words) const { return with("31", words); }
  std::string note(const std::string& words) const { return with("33", words); }
};

std::string padded(const std::string& words, size_t width) {
  return words.size() >= width ? words : words + std::string(width - words.size(), ' ');
}

std::string signed_brief(double value) { return (value < 0 || std::isnan(value) ? "" : " ") + brief(value); }

std::string precise(double value) {
  return (value < 0 || std::isnan(value) ? "" : " ") + number(value == 0 ? 0 : value, 10);
}

std::string counted(int64_t n, const std::string& one) { return text(n, " ", one, n == 1 ? "" : "s"); }

// One line a row; columns as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line = indent;
    for (size_t i = 0; i < row.size(); ++i) line += i + 1 < row.size() ? padded(row[i], width[i] + 2) : row[i];
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// "a = b = c" without the last part where it repeats the one before.
std::string equation(const std::vector<std::string>& parts) {
  std::vector<std::string> out;
  for (const std::string& part : parts)
    if (!part.empty() && (out.empty() || out.back() != part)) out.push_back(part);
  return join(out, " = ");
}

// How an element's adjoint comes about: one term in a line, several in a table.
std::string arrival(const StepElement& element, const std::string& indent) {
  const std::string left = "dL/d" + element.label;
  if (element.terms.size() == 1 && element.rest_terms == 0) {
    const Term& term = element.terms[0];
    return text(indent, equation({left, term.expression, term.numbers, brief(element.adjoint)}), "\n");
  }
  if (element.terms.empty()) return text(indent, left, " = ", brief(element.adjoint), "\n");
  std::vector<std::vector<std::string>> rows;
  for (const Term& term : element.terms)
    rows.push_back({term.expression, "= " + term.numbers, "=", signed_brief(term.product)});
  if (element.rest_terms) rows.push_back({text(element.rest_terms, " more"), "", "", signed_brief(element.rest)});
  rows.push_back({"sum", "", "", signed_brief(element.sum)});
  return text(indent, left, " is a sum of ", counted(int64_t(element.terms.size()) + element.rest_terms, "term"),
              ":\n") +
         table(rows, indent + "  ");
}

std::string share(double part, double whole) {
  if (whole == 0 || !std::isfinite(part / whole)) return "";
  return text(" (", number(100 * part / whole, 3), " % of the gradient)");
}

std::string step_text(const Step& step, size_t number_of, double gradient, const std::string& parameter,
                      const Ink& ink) {
  const std::string indent = "     ";
  const bool is_state = step.op == "state", is_loss = step.name == "L";
  std::string head = is_state ? text(parameter, is_loss ? "" : ", the weight itself") : step.formula;
  std::string out = text(padded(text(number_of, "."), 5), ink.strong(head));
  std::string about = step.layer.empty() ? "" : text("layer ", step.layer);
  if (step.shape.elements() > 1 && !is_state)
    about += text(about.empty() ? "" : ", ", step.shape, ": the weight reaches ",
                  step.reached == step.shape.elements() ? "all " : "", step.reached,
                  step.reached == step.shape.elements() ? "" : text(" of ", step.shape.elements()));
  if (!about.empty()) out += "   " + ink.faint(about);
  out += "\n";
  if (is_loss && !step.elements.empty()) {
    const StepElement& loss = step.elements[0];
    return out + text(indent, equation({"L", loss.computed, brief(loss.value)}), "\n", indent,
                      "dL/dL = 1: here the walk begins\n");
  }
  for (const std::string& rule : step.rules) out += indent + ink.faint("rule  " + rule) + "\n";

  if (step.elements.size() == 1 && step.rest_elements == 0) {
    const StepElement& element = step.elements[0];
    if (!is_state) out += text(indent, equation({element.label, element.computed, brief(element.value)}), "\n");
    out += arrival(element, indent);
    if (!is_state)
      out += text(indent, "d", element.label, "/dw = ", brief(element.tangent), ", so ", brief(element.adjoint), " * ",
                  element.tangent < 0 ? text("(", brief(element.tangent), ")") : brief(element.tangent), " = ",
                  brief(element.product), " of dL/dw passes here", share(element.product, gradient), "\n");
  } else if (!step.elements.empty()) {
    std::vector<std::vector<std::string>> rows{{"element", " value", " dL/d.", " d./dw", " product"}};
    for (const StepElement& element : step.elements)
      rows.push_back({element.label, signed_brief(element.value), signed_brief(element.adjoint),
                      signed_brief(element.tangent), signed_brief(element.product)});
    if (step.rest_elements) rows.push_back({text(step.rest_elements, " more"), "", "", "", signed_brief(step.rest)});
    rows.push_back(
        {"sum", "", "", "", text(signed_brief(step.flow), " of dL/dw passes here", share(step.flow, gradient))});
    out += table(rows, indent);
    const StepElement& largest = step.elements[0];
    out += text(indent, "the largest: ", equation({largest.label, largest.computed, brief(largest.value)}), "\n");
    out += arrival(largest, indent);
  }
  for (const std::string& note : step.notes) out += indent + ink.note(note) + "\n";
  if (!step.adds_up)
    out += indent +
           ink.bad(text("does not add up: ", number(step.flow), " here, ", number(step.arriving),
                        " on the way to its readers")) +
           "\n";
  return out;
}

std::string difference_words(const Difference& difference) {
  if (difference.kind == Difference::Kind::none) return difference.on_kink ? "none: a kink at this very value" : "none";
  std::string out =
      text(name(difference.kind), difference.kind == Difference::Kind::central ? " differences" : "-sided differences",
           ", steps of at most ", number(difference.step, 3), ", in double");
  if (!difference.kink.empty()) out += text("; ", difference.kink);
  return out;
}

std::string json_of_term(const Term& term) {
  return json::Object()
      .put("through", term.through)
      .put("expression", term.expression)
      .put("numbers", term.numbers)
      .put("adjoint", term.adjoint)
      .put("slope", term.slope)
      .put("product", term.product)
      .str();
}

std::string json_of_element(const StepElement& e) {
  return json::Object()
      .put("element", e.label)
      .raw("index", json::array(e.index))
      .put("computed", e.computed)
      .put("value", e.value)
      .put("adjoint", e.adjoint)
      .put("tangent", e.tangent)
      .put("product", e.product)
      .raw("terms", json::array(e.terms, json_of_term))
      .put("rest_terms", e.rest_terms)
      .put("rest", e.rest)
      .put("sum", e.sum)
      .str();
}

std::string json_of_step(const Step& s) {
  return json::Object()
      .put("node", int64_t(s.node))
      .put("output", int64_t(s.output))
      .put("name", s.name)
      .put("op", s.op)
      .put("layer", s.layer)
      .put("formula", s.formula)
      .raw("rules", json::array(s.rules))
      .raw("shape", json::array(s.shape.list()))
      .put("reached", s.reached)
      .raw("elements", json::array(s.elements, json_of_element))
      .put("rest_elements", s.rest_elements)
      .put("rest", s.rest)
      .put("flow", s.flow)
      .put("arriving", s.arriving)
      .put("adds_up", s.adds_up)
      .raw("notes", json::array(s.notes))
      .str();
}

// What a convolution looks at beside its kernel, line by line.
std::string window_text(const Neuron::Window& w, const Ink& ink) {
  constexpr int64_t widest = 11; // what fits into a line of a terminal, twice
  if (w.columns > widest) return "";
  const auto cells = [&](const std::vector<double>& values) {
    std::vector<std::string> out;
    size_t width = 0;
    for (const double value : values) width = std::max(width, out.emplace_back(number(value + 0.0, 3)).size());
    for (std::string& cell : out) cell.insert(0, width - cell.size(), ' ');
    return out;
  };
  const std::vector<std::string> inputs = cells(w.inputs), weights = cells(w.weights);
  const auto line = [&](const std::vector<std::string>& all, int64_t row) {
    const auto begin = all.begin() + row * w.columns;
    return join({begin, begin + w.columns}, " ");
  };
  const std::string left = text("input, from row ", w.top, ", column ", w.left);
  const size_t width = std::max(left.size(), line(inputs, 0).size());
  std::string out;
  if (w.channels > 1)
    out += "  " +
           ink.faint(text("channel ", w.channel, ", which of ", w.channels, " moves the sum most, by ", brief(w.sum))) +
           "\n";
  out += "  " + ink.faint(padded(left, width) + "   kernel") + "\n";
  for (int64_t row = 0; row < w.rows; ++row)
    out += text("  ", padded(line(inputs, row), width), row == w.rows / 2 ? " * " : "   ", line(weights, row), "\n");
  return out;
}

} // namespace

std::string text_of(const Explanation& e, bool colour) {
  const Ink ink{colour};
  std::string out = ink.strong(text("How the loss depends on w = ", e.parameter)) + "\n\n";
  std::vector<std::vector<std::string>> rows{
      {"w", precise(e.value), ""},
      {"loss L", precise(e.loss), ""},
      {"dL/dw by walking", precise(e.gradient), text("node by node, ", counted(int64_t(e.path.size()), "step"))},
      {"dL/dw back-propagated", precise(e.back_propagated), "by the graph that trains the net"},
      {"dL/dw by differences", precise(e.difference.value), difference_words(e.difference)},
      {"relative error", precise(e.relative_error), ""}};
  if (e.path.empty()) rows.resize(2);
  out += table(rows, "  ");
  if (!e.path.empty()) {
    out += "  " + (e.agrees ? ink.good(e.difference.on_kink ? "walk and back-propagation agree" : "the three agree")
                            : ink.bad("they do not agree"));
    out += e.adds_up ? "; " + ink.good("every hop adds up") : "; " + ink.bad("a hop does not add up");
    out += text(": if w grows by a little d, the loss ",
                e.gradient > 0   ? "grows"
                : e.gradient < 0 ? "falls"
                                 : "stays",
                e.gradient == 0 ? "" : text(" by ", brief(std::fabs(e.gradient)), " d"), "\n");
  }
  for (const std::string& note : e.notes) out += "\n  " + ink.note(note) + "\n";
  if (e.path.empty()) return out;
  out += "\n" + ink.strong("From the loss back to the weight") + "\n" +
         ink.faint("(dL/dx: how the loss moves with x; dx/dw: how x moves with the weight; their products, summed over "
                   "a node, are what\n of the gradient passes it)") +
         "\n\n";
  for (size_t i = 0; i < e.path.size(); ++i) out += step_text(e.path[i], i + 1, e.gradient, e.parameter, ink) + "\n";
  return out;
}

std::string json_of(const Explanation& e) {
  json::Object difference;
  difference.put("kind", name(e.difference.kind))
      .put("step", e.difference.step)
      .put("uncertainty", e.difference.uncertainty)
      .put("points", e.difference.points)
      .put("on_kink", e.difference.on_kink)
      .put("left", e.difference.left)
      .put("right", e.difference.right)
      .put("kink", e.difference.kink)
      .put("kink_distance", e.difference.kink_distance);
  return json::Object()
      .put("parameter", e.parameter)
      .put("value", e.value)
      .put("loss", e.loss)
      .put("gradient", e.gradient)
      .put("back_propagated", e.back_propagated)
      .put("finite_difference", e.difference.value)
      .put("relative_error", e.relative_error)
      .put("forward", e.forward)
      .put("agrees", e.agrees)
      .put("adds_up", e.adds_up)
      .put("worst_cut", e.worst_cut)
      .raw("difference", difference.str())
      .raw("notes", json::array(e.notes))
      .raw("path", json::array(e.path, json_of_step))
      .str();
}

std::string text_of(const Neuron& n, bool colour) {
  const Ink ink{colour};
  std::string out =
      n.window
          ? ink.strong(text("Map ", n.unit, " of layer ", n.layer, ", row ", n.place[0], ", column ", n.place[1])) +
                ink.faint(text("   one of ", counted(n.units, "map"), " of ", n.places[0], " x ", n.places[1]))
          : ink.strong(text("Neuron ", n.unit, " of layer ", n.layer)) + ink.faint(text("   one of ", n.units));
  out += text("\n  ", n.formula, "\n\n");
  if (n.window) out += window_text(*n.window, ink) + "\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& product : n.products)
    rows.push_back({product.expression, "= " + product.numbers, "=", signed_brief(product.product)});
  if (n.rest_products)
    rows.push_back({text(n.rest_products, " more", n.zero_products ? text(", ", n.zero_products, " of them 0") : ""),
                    "", "", signed_brief(n.rest)});
  rows.push_back({"sum", "", "=", signed_brief(n.sum)});
  out += table(rows, "  ");
  for (const auto& stage : n.stages)
    out += text("  ", equation({stage.expression, stage.numbers, brief(stage.value)}), "\n");
  for (const auto& note : n.notes) out += "  " + ink.note(note) + "\n";
  return out;
}

std::string json_of(const Neuron& n) {
  json::Object out;
  out.put("layer", n.layer).put("unit", n.unit).put("units", n.units);
  if (n.window)
    out.raw("place", json::array(n.place))
        .raw("places", json::array(n.places))
        .raw("window", json::Object()
                           .put("channel", n.window->channel)
                           .put("channels", n.window->channels)
                           .put("top", n.window->top)
                           .put("left", n.window->left)
                           .put("rows", n.window->rows)
                           .put("columns", n.window->columns)
                           .put("down", n.window->down)
                           .put("across", n.window->across)
                           .raw("inputs", json::array(n.window->inputs))
                           .raw("weights", json::array(n.window->weights))
                           .put("sum", n.window->sum)
                           .str());
  return out.put("label", n.label)
      .put("formula", n.formula)
      .raw("products", json::array(n.products,
                                   [](const Neuron::Product& p) {
                                     return json::Object()
                                         .put("expression", p.expression)
                                         .put("numbers", p.numbers)
                                         .put("input", p.input)
                                         .put("weight", p.weight)
                                         .put("product", p.product)
                                         .str();
                                   }))
      .put("rest_products", n.rest_products)
      .put("zero_products", n.zero_products)
      .put("rest", n.rest)
      .put("sum", n.sum)
      .raw("stages", json::array(n.stages,
                                 [](const Neuron::Stage& s) {
                                   return json::Object()
                                       .put("expression", s.expression)
                                       .put("numbers", s.numbers)
                                       .put("op", s.op)
                                       .put("value", s.value)
                                       .str();
                                 }))
      .put("output", n.output)
      .raw("notes", json::array(n.notes))
      .str();
}

std::string text_of(const Symbolic& s, bool colour) {
  const Ink ink{colour};
  std::string out = ink.strong(text("The gradient of ", s.parameter, " in letters")) + "\n\n  " + s.gradient + "\n";
  if (!s.hops.empty()) out += text("    = ", brief(s.value), " for this sample\n");
  if (!s.hops.empty()) out += "\n" + ink.strong("Hop by hop, from the loss back") + "\n";
  for (const std::string& hop : s.hops) out += text("  ", hop, "\n");
  if (!s.where.empty()) out += "\n" + ink.strong("where") + "\n";
  for (const std::string& line : s.where) out += text("  ", line, "\n");
  for (const std::string& note : s.notes) out += "\n  " + ink.note(note) + "\n";
  return out;
}

std::string json_of(const Symbolic& s) {
  return json::Object()
      .put("parameter", s.parameter)
      .put("gradient", s.gradient)
      .put("value", s.value)
      .raw("hops", json::array(s.hops))
      .raw("where", json::array(s.where))
      .raw("notes", json::array(s.notes))
      .str();
}

std::string text_of(const GradcheckResult& r, bool colour) {
  const Ink ink{colour};
  std::string out = text(counted(r.checked, "derivative"), " checked, ",
                         r.failed ? ink.bad(text(r.failed, " failed")) : ink.good("none failed"));
  if (r.non_differentiable)
    out += text(", ", r.non_differentiable, " without a derivative (on a kink, or flat by definition)");
  if (r.kinks_met) out += text(", ", r.kinks_met, " beside a kink");
  out += text("\nworst relative error ", number(r.worst_relative_error, 3),
              r.worst.empty() ? "" : text(" at ", r.worst), "\n");
  for (const std::string& failure : r.failures) out += text("  ", ink.bad(failure), "\n");
  return out;
}

std::string text_of(const OpsCheck& r, bool colour) {
  const Ink ink{colour};
  std::vector<std::vector<std::string>> rows{
      {"op", "checked", "no derivative", "worst error", "worst error of 2nd", ""}};
  for (const OpCheck& op : r.by_op)
    rows.push_back({op.op, text(op.first.checked + op.second.checked),
                    text(op.first.non_differentiable + op.second.non_differentiable),
                    op.first.checked ? number(op.first.worst_relative_error, 2) : "-",
                    op.second.checked ? number(op.second.worst_relative_error, 2) : "-",
                    op.first.failed + op.second.failed ? ink.bad("FAILED") : ""});
  std::string out = table(rows, "");
  for (const OpCheck& op : r.by_op)
    for (const auto* result : {&op.first, &op.second})
      for (const std::string& failure : result->failures) out += ink.bad(text(op.op, ": ", failure)) + "\n";
  return out + text("\n", r.ops, " ops, ", counted(r.checked, "derivative"), " checked, ",
                    r.failed ? ink.bad(text(r.failed, " failed")) : ink.good("none failed"), ", ", r.non_differentiable,
                    " without a derivative\nworst relative error ", number(r.worst_relative_error, 3),
                    r.worst.empty() ? "" : text(" at ", r.worst), "\n");
}

namespace {

std::string json_of_check(int64_t ops, int64_t checked, int64_t non_differentiable, int64_t failed, double worst_error,
                          const std::string& worst, const std::string& more) {
  json::Object out;
  out.put("ops", ops)
      .put("checked", checked)
      .put("non_differentiable", non_differentiable)
      .put("failed", failed)
      .put("worst_relative_error", worst_error)
      .put("worst", worst);
  return out.raw("details", more).str();
}

} // namespace

std::string json_of(const GradcheckResult& r) {
  return json_of_check(1, r.checked, r.non_differentiable, r.failed, r.worst_relative_error, r.worst,
                       json::Object()
                           .put("kinks_met", r.kinks_met)
                           .put("back_propagated", r.worst_back_propagated)
                           .put("finite_difference", r.worst_difference)
                           .raw("failures", json::array(r.failures))
                           .str());
}

std::string json_of(const OpsCheck& r) {
  const auto brief_result = [](const GradcheckResult& g) {
    return json::Object()
        .put("checked", g.checked)
        .put("failed", g.failed)
        .put("non_differentiable", g.non_differentiable)
        .put("worst_relative_error", g.worst_relative_error)
        .put("worst", g.worst)
        .str();
  };
  return json_of_check(r.ops, r.checked, r.non_differentiable, r.failed, r.worst_relative_error, r.worst,
                       json::array(r.by_op, [&](const OpCheck& op) {
                         return json::Object()
                             .put("op", op.op)
                             .raw("first", brief_result(op.first))
                             .raw("second", brief_result(op.second))
                             .str();
                       }));
}

} // namespace vitro
