// Explanations as text for people and as JSON for programs.
#include <cmath>

#include "core/text.h"
#include "explain/explain.h"

namespace vitro {
namespace {

struct Paint {
  bool on;
  std::string operator()(const char* code, const std::string& s) const { return on ? text("\x1b[", code, "m", s, "\x1b[0m") : s; }
};
constexpr const char *bold = "1", *dim = "2", *green = "32", *red = "31";

std::string sign(double x) { return number(x, 6); }

std::string padded(std::string s, size_t width) {
  if (s.size() < width) s.append(width - s.size(), ' ');
  return s;
}

std::string quoted(const std::string& raw) {
  std::string out = "\"";
  for (const char c : raw) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

// JSON has no word for what is not finite.
std::string json_number(double x) { return std::isfinite(x) ? number(x) : "null"; }

std::string json_list(const std::vector<std::string>& pieces) { return "[" + join(pieces, ",") + "]"; }

std::string json_terms(const std::vector<ExplainTerm>& terms) {
  std::vector<std::string> out;
  for (const ExplainTerm& term : terms)
    out.push_back(text("{\"by\":", quoted(term.by), ",\"adjoint\":", json_number(term.adjoint), ",\"slope\":", json_number(term.slope),
                       ",\"product\":", json_number(term.product), "}"));
  return json_list(out);
}

} // namespace

std::string Explanation::str(bool colour) const {
  const Paint paint{colour};
  std::string out = text(paint(bold, address.str()), " = ", sign(weight), ",   loss = ", sign(loss), "\n");
  if (!path.empty()) out += "\nFrom the loss back to the weight. At each value v: dL/dv, which is the sum over its readers of (their dL/dv) x (slope).\n";
  for (size_t i = 0; i < path.size(); ++i) {
    const ExplainHop& hop = path[i];
    const bool first = i == 0, last = i + 1 == path.size();
    out += text("\n", paint(bold, hop.name), " ", hop.shape);
    if (!last) out += text("   ", hop.op, ": ", hop.formula);
    if (!hop.rule.empty() && !last) out += paint(dim, text("   back: ", hop.rule));
    out += "\n";
    if (hop.elements.empty()) out += "    nothing of it depends on the weight here\n";
    for (const ExplainElement& element : hop.elements) {
      out += text("  ", padded(element.name, 16), " dL/d. = ", sign(element.adjoint));
      if (!element.numbers.empty()) out += text("   (", element.numbers, ")");
      out += "\n";
      if (!first)
        for (const ExplainTerm& term : element.terms)
          out += text("      ", padded(sign(term.product), 14), " = ", sign(term.adjoint), " x ", sign(term.slope), "   by way of ", term.by, "\n");
      if (element.rest_count) out += text("      ", padded(sign(element.rest), 14), " = the sum of ", element.rest_count, " smaller terms\n");
    }
    if (hop.relevant > hop.elements.size())
      out += paint(dim, text("  ", hop.relevant - hop.elements.size(), " more elements depend on the weight; through them passes ", sign(hop.rest), "\n"));
    if (!first && !last) out += paint(dim, text("  through this value passes ", sign(hop.passes), " of the gradient\n"));
  }
  const bool right = kink || relative_error <= 1e-5;
  out += text("\n", paint(bold, text("d loss / d ", address.str())), "\n  by walking          ", number(gradient, 12), "\n  back-propagated     ",
              number(back_propagated, 12), "\n  finite difference   ", kink ? "none: the derivative jumps here" : number(finite_difference, 12),
              "\n  relative error      ", paint(right ? green : red, number(relative_error, 3)), "\n");
  for (const auto& remark : remarks) out += text("\n", paint(bold, "Note: "), remark, "\n");
  return out;
}

std::string Explanation::json() const {
  std::vector<std::string> hops, notes;
  for (const ExplainHop& hop : path) {
    std::vector<std::string> elements;
    for (const ExplainElement& element : hop.elements)
      elements.push_back(text("{\"name\":", quoted(element.name), ",\"value\":", json_number(element.value), ",\"adjoint\":", json_number(element.adjoint),
                              ",\"slope\":", json_number(element.slope), ",\"terms\":", json_terms(element.terms), ",\"rest\":", json_number(element.rest),
                              ",\"rest_count\":", element.rest_count, "}"));
    hops.push_back(text("{\"name\":", quoted(hop.name), ",\"op\":", quoted(hop.op), ",\"formula\":", quoted(hop.formula), ",\"rule\":", quoted(hop.rule),
                        ",\"shape\":", quoted(hop.shape), ",\"passes\":", json_number(hop.passes), ",\"relevant\":", hop.relevant,
                        ",\"elements\":", json_list(elements), ",\"rest\":", json_number(hop.rest), "}"));
  }
  for (const auto& remark : remarks) notes.push_back(quoted(remark));
  return text("{\"param\":", quoted(address.str()), ",\"weight\":", json_number(weight), ",\"loss\":", json_number(loss), ",\"gradient\":",
              json_number(gradient), ",\"back_propagated\":", json_number(back_propagated), ",\"finite_difference\":",
              kink ? "null" : json_number(finite_difference), ",\"relative_error\":", json_number(relative_error), ",\"kink\":", kink,
              ",\"path\":", json_list(hops), ",\"remarks\":", json_list(notes), "}");
}

std::string NeuronExplanation::str(bool colour) const {
  const Paint paint{colour};
  std::vector<std::string> at;
  for (const int64_t i : unit) at.push_back(std::to_string(i));
  const std::string name = text(layer, "[", join(at, ","), "]");
  std::string out = text(paint(bold, name), ": a weighted sum of its inputs, a bias, then what follows\n");
  double sum = 0;
  for (const Part& part : parts) {
    out += text("\n", paint(bold, part.state), "\n");
    for (const ExplainTerm& term : part.terms)
      out += text("  ", padded(sign(term.product), 14), " = ", sign(term.adjoint), " x ", sign(term.slope), "   ", term.by, "\n");
    if (part.rest_count) out += text("  ", padded(sign(part.rest), 14), " = the sum of ", part.rest_count, " smaller terms\n");
    out += text("  ", padded(sign(part.sum), 14), "   together\n");
    sum += part.sum;
  }
  out += text("\n", paint(bold, name), " = ", sign(value));
  if (std::fabs(sum - value) > 1e-9 * std::max(1.0, std::fabs(value))) out += text("   (its states alone give ", sign(sum), "; the rest comes past them)");
  out += "\n";
  for (const After& next : after) out += text(next.name, ": ", next.formula, " = ", sign(next.value), "\n");
  return out;
}

std::string NeuronExplanation::json() const {
  std::vector<std::string> at, states, follows;
  for (const int64_t i : unit) at.push_back(std::to_string(i));
  for (const Part& part : parts)
    states.push_back(text("{\"state\":", quoted(part.state), ",\"terms\":", json_terms(part.terms), ",\"rest\":", json_number(part.rest),
                          ",\"rest_count\":", part.rest_count, ",\"sum\":", json_number(part.sum), "}"));
  for (const After& next : after) follows.push_back(text("{\"name\":", quoted(next.name), ",\"formula\":", quoted(next.formula), ",\"value\":", json_number(next.value), "}"));
  return text("{\"layer\":", quoted(layer), ",\"unit\":", json_list(at), ",\"parts\":", json_list(states), ",\"value\":", json_number(value),
              ",\"after\":", json_list(follows), "}");
}

} // namespace vitro
