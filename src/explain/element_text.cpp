#include "explain/element_text.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/text.h"
#include "explain/address.h"
#include "ops/windows.h"

namespace vitro {
namespace {

using Tokens = std::map<std::string, std::string>;

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// `formula` with its words replaced. With `stars`, factors that stand side by side get a "*" between
// them; a negative number that is a factor, a base or a term gets parentheses.
std::string substitute(const std::string& formula, const Tokens& tokens, bool stars) {
  std::string out;
  bool after_factor = false, blank = false;
  for (size_t i = 0; i < formula.size();) {
    const char c = formula[i];
    if (c == ' ') {
      blank = true;
      ++i;
      continue;
    }
    const bool word = word_character(c);
    if (blank) out += stars && after_factor && (word || c == '(' || c == '[') ? " * " : " ";
    blank = false;
    if (!word) {
      out += c;
      after_factor = c == ')' || c == ']' || c == '\'';
      ++i;
      continue;
    }
    size_t end = i;
    while (end < formula.size() &&
           (word_character(formula[end]) || (formula[end] == '.' && std::isdigit(static_cast<unsigned char>(c)))))
      ++end;
    const std::string name = formula.substr(i, end - i);
    const auto found = tokens.find(name);
    std::string by = found == tokens.end() ? name : found->second;
    const bool alone =
        (out.empty() || out.back() == '(' || out.back() == '[' || out.ends_with("(0, ") || out.ends_with("|")) &&
        (end == formula.size() || std::string(")],| ").find(formula[end]) != std::string::npos);
    if (found != tokens.end() && by.starts_with('-') && !alone) by = "(" + by + ")";
    out += by;
    after_factor = true;
    i = end;
  }
  return out;
}

// Whether `word` stands in `formula` as a word of its own.
bool mentions(const std::string& formula, const std::string& word) {
  for (size_t at = formula.find(word); at != std::string::npos; at = formula.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !word_character(formula[at - 1])) && (end == formula.size() || !word_character(formula[end])))
      return true;
  }
  return false;
}

// What stands right of "=".
std::string right_side(const std::string& formula) {
  const size_t at = formula.find(" = ");
  return at == std::string::npos ? formula : formula.substr(at + 3);
}

bool is(const Node& node, const char* name) { return std::string(node.op->name) == name; }

bool numeric(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// dL/dL is 1 and need not be written.
std::string without_one(std::string text) {
  if (text.starts_with("1 * ")) return text.substr(4);
  if (text.starts_with("-1 * ")) return "-" + text.substr(5);
  if (text.starts_with("-(1) * ")) return "-" + text.substr(7);
  return text;
}

std::string times(const std::string& adjoint, const std::string& factor) { return adjoint + " * " + factor; }

std::string rule_of(const Op& op, size_t input) {
  if (op.rules.empty()) return "";
  return op.rules[std::min(input, op.rules.size() - 1)];
}

// The index along each axis of operand `from` for the index `e` of what it is broadcast to.
Index broadcast_index(const Index& e, const Shape& from) {
  Index out(size_t(from.rank()));
  const size_t added = e.size() - out.size();
  for (size_t axis = 0; axis < out.size(); ++axis) out[axis] = from[int(axis)] == 1 ? "0" : e[axis + added];
  return out;
}

// Product's operands: which axis is the row, which the column, under the flags.
struct Operands {
  bool ta, tb;
  explicit Operands(const Node& node) : ta(node.attrs.integer("transpose_a")), tb(node.attrs.integer("transpose_b")) {}
};

// The batch part of an operand's index, for an output index.
Index batch_index(const Index& e, const Shape& operand) {
  return broadcast_index({e.begin(), e.end() - 2}, Shape(operand.extents().first(size_t(operand.rank() - 2))));
}

// Element of a matmul's operand: row and column of the product as it is read.
Index operand_index(const Index& e, const Shape& operand, bool transposed, const std::string& row,
                    const std::string& column) {
  Index out = batch_index(e, operand);
  out.push_back(transposed ? column : row);
  out.push_back(transposed ? row : column);
  return out;
}

std::vector<bool> reduced(const Node& node, const Shape& shape) {
  const auto& axes = node.attrs.list("axes");
  std::vector<bool> out(size_t(shape.rank()), axes.empty());
  for (const int64_t axis : axes) out[size_t(shape.axis(axis))] = true;
  return out;
}

std::string bracketed_text(const Index& index) { return index.empty() ? "" : "[" + join(index, ",") + "]"; }

// A letter that the index does not use.
std::string free_letter(const Index& used) {
  for (const char* letter : {"j", "i", "k", "m", "n", "q", "r", "u"})
    if (std::ranges::find(used, letter) == used.end()) return letter;
  return "v";
}

std::string plus(const std::string& index, int64_t by) {
  if (by == 0) return index;
  if (numeric(index)) return std::to_string(std::stoll(index) + by);
  return text(index, by > 0 ? "+" : "-", by > 0 ? by : -by);
}

// An index, letters and all, under a shape that differs by axes of extent 1 alone; nothing where it differs otherwise.
std::optional<Index> across_ones(const Index& at, const Shape& from, const Shape& to) {
  Index kept, out(size_t(to.rank()), "0");
  std::vector<int64_t> before, after;
  for (int axis = 0; axis < from.rank(); ++axis)
    if (from[axis] != 1) {
      before.push_back(from[axis]);
      kept.push_back(at[size_t(axis)]);
    }
  for (int axis = 0; axis < to.rank(); ++axis)
    if (to[axis] != 1) {
      after.push_back(to[axis]);
      if (after.size() <= kept.size()) out[size_t(axis)] = kept[after.size() - 1];
    }
  return before == after ? std::optional(out) : std::nullopt;
}

} // namespace

int64_t flat_element(const Index& index, const Shape& shape) {
  int64_t out = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) out = out * shape[axis] + std::stoll(index[size_t(axis)]);
  return out;
}

ElementText::ElementText(std::shared_ptr<const Graph> graph, const Names& names, const Interpretation& values)
    : graph_(std::move(graph)), names_(names), values_(values) {}

Voice ElementText::names() const {
  return {.value = [this](Edge edge, const Index& index) { return names_.element(edge, index); },
          .adjoint =
              [this](Edge edge, const Index& index) {
                const std::string name = names_.element(edge, index);
                return name == "L" ? std::string("1") : "dL/d" + name;
              }};
}

Voice ElementText::numbers(std::function<double(Edge, int64_t)> adjoint) const {
  return {.value =
              [this](Edge edge, const Index& index) {
                return brief(values_.at(edge).at(flat_element(index, graph_->type(edge).shape)));
              },
          .adjoint =
              [this, adjoint](Edge edge, const Index& index) {
                return brief(adjoint(edge, flat_element(index, graph_->type(edge).shape)));
              },
          .numbers = true};
}

std::string ElementText::letter(NodeId node, int axis) {
  static constexpr const char* alphabet[] = {"k", "j", "i", "m", "n", "q", "r", "u", "v"};
  std::string& out = letters_[{node, axis}];
  if (out.empty()) {
    const size_t at = letters_.size() - 1, round = at / std::size(alphabet);
    out = alphabet[at % std::size(alphabet)] + (round ? std::to_string(round) : "");
  }
  return out;
}

// A pointwise op's formula or rule, for output element `e`.
std::string ElementText::elementwise(NodeId id, const std::string& formula, const Index& e, const Voice& voice,
                                     const std::string& adjoint) const {
  const Node& node = (*graph_)[id];
  const std::string right = right_side(formula);
  Tokens tokens{{"dy", adjoint}};
  if (mentions(right, "y")) tokens["y"] = voice.value({id, 0}, e);
  for (size_t i = 0; i < node.in.size() && i < node.op->args.size(); ++i)
    if (mentions(right, node.op->args[i]))
      tokens[node.op->args[i]] = voice.value(node.in[i], broadcast_index(e, graph_->type(node.in[i]).shape));
  for (const auto& [name, value] : node.attrs.items()) tokens[name] = to_text(value);
  return substitute(right, tokens, true);
}

std::string ElementText::formula(Edge y) const {
  const Node& node = (*graph_)[y.node];
  const std::string& name = names_.of(y);
  std::vector<std::string> operands;
  for (const Edge edge : node.in) operands.push_back(names_.of(edge));
  if (is(node, "matmul")) {
    const Operands o(node);
    return text(name, " = ", operands[0], o.ta ? "' " : " ", operands[1], o.tb ? "'" : "");
  }
  if (node.op->is(pointwise) && node.in.size() > 1) {
    Tokens tokens;
    for (size_t i = 0; i < operands.size(); ++i) tokens[node.op->args[i]] = operands[i];
    return text(name, " = ", substitute(right_side(node.op->formula), tokens, true));
  }
  if (is(node, "softmax_cross_entropy") && y.output == 1) return text(name, " = softmax(", operands[0], ")");
  return text(name, " = ", node.op->name, "(", join(operands, ", "), ")");
}

std::string ElementText::rule(NodeId id, size_t input) const {
  const Node& node = (*graph_)[id];
  const std::string y = names_.of({id, 0}), left = text("dL/d", names_.of(node.in[input]), " = "),
                    dy = y == "L" ? "1" : "dL/d" + y;
  if (is(node, "matmul")) {
    const Operands o(node);
    const std::string &a = names_.of(node.in[0]), &b = names_.of(node.in[1]);
    if (input == 0) return left + (o.ta ? text(b, o.tb ? "' " : " ", dy, "'") : text(dy, " ", b, o.tb ? "" : "'"));
    return left + (o.tb ? text(dy, "' ", a, o.ta ? "'" : "") : text(a, o.ta ? " " : "' ", dy));
  }
  const std::string rule = rule_of(*node.op, input);
  if (rule.empty()) return left + text(dy, " * d", y, "/d", names_.of(node.in[input]));
  Tokens tokens{{"y", y}, {"dy", dy}};
  for (size_t i = 0; i < node.in.size() && i < node.op->args.size(); ++i)
    tokens[node.op->args[i]] = names_.of(node.in[i]);
  for (const auto& [name, value] : node.attrs.items())
    if (std::holds_alternative<double>(value)) tokens[name] = to_text(value);
  if (is(node, "softmax_cross_entropy")) {
    tokens["p"] = names_.of({id, 1});
    if (graph_->type(node.in[1]).dtype == DType::i32) tokens["t"] = text("[", names_.of(node.in[1]), " = k]");
  }
  tokens["n"] = brief(divisor(node));
  // A rule in words ("dy added up at i") is left as it is; a formula gets its stars.
  const bool words = rule.find(',') != std::string::npos || rule.find(" at ") != std::string::npos;
  std::string right = without_one(substitute(right_side(rule), tokens, !words));
  if (right.ends_with(" / 1")) right.resize(right.size() - 4);
  return left + right;
}

std::string ElementText::forward(Edge y, const Index& at, const Voice& voice) const {
  const Node& node = (*graph_)[y.node];
  const auto operand_shape = [&](size_t i) -> const Shape& { return graph_->type(node.in[i]).shape; };
  if (node.op->is(source)) return voice.value(y, at);
  if (node.op->is(pointwise)) {
    if (node.in.size() > 1 || voice.numbers) return elementwise(y.node, node.op->formula, at, voice, "");
    return text(node.op->name, "(", voice.value(node.in[0], at), ")");
  }
  if (const auto from = moved_from(y.node, at)) return voice.value(from->first, from->second);
  const std::string over = divisor(node) > 1 ? " / " + brief(divisor(node)) : "";
  if (is(node, "softmax_cross_entropy") && y.output == 0 &&
      graph_->type({y.node, 1}).shape.elements() == graph_->type({y.node, 1}).shape.back()) {
    // One row: its label's probability, or the sum over classes.
    const Type& targets = graph_->type(node.in[1]);
    const Edge p{y.node, 1};
    Index row(size_t(graph_->type(p).shape.rank()), "0");
    if (targets.dtype == DType::i32) {
      row.back() = std::to_string(int64_t(values_.at(node.in[1]).at(0)));
      return text("-log(", voice.value(p, row), ")");
    }
    if (voice.numbers) return "";
    row.back() = "k";
    return text("-sum_k ", voice.value(node.in[1], row), " * log(", voice.value(p, row), ")");
  }
  if (voice.numbers) return ""; // a sum over letters has no short form in numbers

  if (is(node, "matmul")) {
    const Operands o(node);
    const std::string l = free_letter(at);
    return text("sum_", l, " ",
                voice.value(node.in[0], operand_index(at, operand_shape(0), o.ta, at[at.size() - 2], l)), " * ",
                voice.value(node.in[1], operand_index(at, operand_shape(1), o.tb, l, at.back())));
  }
  if (is(node, "conv2d")) {
    const Shape &x = operand_shape(0), &weight = operand_shape(1);
    const Windows windows = windows_over(node.attrs, x[2], x[3], {weight[2], weight[3]});
    std::vector<std::string> letters;
    const auto over_all = [&](int64_t extent) {
      if (extent == 1) return std::string("0");
      Index used = at;
      used.insert(used.end(), letters.begin(), letters.end());
      return letters.emplace_back(free_letter(used));
    };
    const std::string channel = over_all(weight[1]), row = over_all(weight[2]), column = over_all(weight[3]);
    const auto place = [](const Sliding& axis, const std::string& position, const std::string& tap) {
      const std::string step = axis.dilation > 1 && tap != "0" ? text(axis.dilation, tap) : tap;
      if (numeric(position)) return plus(step, std::stoll(position) * axis.stride - axis.before);
      const std::string start = axis.stride > 1 ? text(axis.stride, position) : position;
      return plus(tap == "0" ? start : text(start, "+", step), -axis.before);
    };
    // Of groups: the first channel of the output's own.
    const int64_t groups = node.attrs.integer("groups");
    std::string from = channel;
    if (groups > 1 && numeric(at[1])) from = plus(channel, std::stoll(at[1]) / (weight[0] / groups) * weight[1]);
    return text(
        letters.empty() ? "" : text("sum_", join(letters, ","), " "),
        voice.value(node.in[0], {at[0], from, place(windows.rows, at[2], row), place(windows.columns, at[3], column)}),
        " * ", voice.value(node.in[1], {at[1], channel, row, column}));
  }
  if (is(node, "sum") || is(node, "mean") || is(node, "max")) {
    Index from;
    std::vector<std::string> letters;
    const auto gone = reduced(node, operand_shape(0));
    size_t next = 0;
    for (size_t axis = 0; axis < gone.size(); ++axis) {
      if (!gone[axis]) {
        from.push_back(at[next++]);
        continue;
      }
      next += node.attrs.integer("keep") ? 1 : 0;
      if (operand_shape(0)[int(axis)] == 1) {
        from.push_back("0");
        continue;
      }
      Index used = at;
      used.insert(used.end(), letters.begin(), letters.end());
      letters.push_back(free_letter(used));
      from.push_back(letters.back());
    }
    const std::string head = letters.empty() ? "" : text(is(node, "max") ? "max_" : "sum_", join(letters, ","), " ");
    return head + voice.value(node.in[0], from) + over;
  }
  if (is(node, "softmax") || is(node, "log_softmax") || (is(node, "softmax_cross_entropy") && y.output == 1)) {
    Index other = at;
    other[softmax_axis(node)] = free_letter(at);
    const std::string x = voice.value(node.in[0], at);
    const std::string total = text("sum_", other[softmax_axis(node)], " exp(", voice.value(node.in[0], other), ")");
    return is(node, "log_softmax") ? text(x, " - log(", total, ")") : text("exp(", x, ") / ", total);
  }
  if (is(node, "softmax_cross_entropy")) { // the mean over rows
    const Edge p{y.node, 1};
    if (graph_->type(node.in[1]).dtype == DType::i32)
      return text("-sum over rows of log(", names_.of(p), " of ", names_.of(node.in[1]), ")", over);
    return text("-sum ", names_.of(node.in[1]), " * log(", names_.of(p), ")", over);
  }
  if (is(node, "squared_error") || is(node, "binary_cross_entropy")) {
    Index each;
    std::vector<std::string> letters;
    for (const int64_t extent : operand_shape(0).extents()) {
      each.push_back(extent == 1 ? "0" : free_letter(letters));
      if (extent != 1) letters.push_back(each.back());
    }
    const std::string x = voice.value(node.in[0], each), t = voice.value(node.in[1], each);
    const std::string one =
        is(node, "squared_error") ? text("(", x, " - ", t, ")^2") : text("softplus(", x, ") - ", x, " * ", t);
    if (letters.empty()) return over.empty() ? one : text("(", one, ")", over);
    return text("sum_", join(letters, ","), is(node, "squared_error") ? " " : " (", one,
                is(node, "squared_error") ? "" : ")", over);
  }
  std::vector<std::string> operands;
  for (const Edge edge : node.in) operands.push_back(names_.of(edge));
  return text(node.op->name, "(", join(operands, ", "), ")", bracketed_text(at));
}

std::string ElementText::chain(NodeId id, size_t input, int32_t output, const Index& e, const Index& f,
                               const Voice& voice, double slope) const {
  const Node& node = (*graph_)[id];
  const std::string dy = voice.adjoint({id, output}, e);
  const auto factor = [](const std::string& x) { return x.starts_with('-') ? "(" + x + ")" : x; };
  const auto done = [&](const std::string& out) { return voice.numbers ? out : without_one(out); };
  const std::string over = divisor(node) > 1 ? " / " + brief(divisor(node)) : "";
  if (node.op->is(constant_slope)) return "0";
  if (voice.numbers && node.in.size() == 2 && (is(node, "maximum") || is(node, "minimum"))) {
    // Of equal ones each gets half, which the rule's text leaves out.
    const auto operand = [&](size_t i) {
      return voice.value(node.in[i], broadcast_index(e, graph_->type(node.in[i]).shape));
    };
    if (operand(0) == operand(1)) return times(dy, brief(slope));
  }
  if (node.op->is(pointwise)) {
    const std::string rule = rule_of(*node.op, input);
    if (!rule.empty()) return done(elementwise(id, rule, e, voice, dy));
  }
  if (node.op->is(alias) || is(node, "transpose") || is(node, "broadcast_to") || is(node, "slice") || is(node, "pad") ||
      is(node, "concatenate") || is(node, "sum") || is(node, "scatter_add"))
    return done(dy);
  if (is(node, "gather")) {
    const size_t axis = size_t(graph_->type(node.in[0]).shape.axis(node.attrs.integer("axis")));
    const size_t rank = size_t(graph_->type(node.in[1]).shape.rank());
    const Index where(e.begin() + long(axis), e.begin() + long(axis + rank));
    if (voice.numbers || std::ranges::all_of(where, numeric)) return done(dy);
    return done(times(dy, text("[", voice.value(node.in[1], where), " = ", f[axis], "]")));
  }
  if (is(node, "mean")) return done(dy + over);
  if (is(node, "matmul")) {
    const Operands o(node);
    const Edge partner = node.in[1 - input];
    const Shape& shape = graph_->type(partner).shape;
    const size_t last = f.size() - 1;
    const std::string& row = e[e.size() - 2];
    const std::string& column = e.back();
    const std::string& l = (input == 0 ? !o.ta : o.tb) ? f[last] : f[last - 1]; // the index that the product sums over
    const Index at = input == 0 ? operand_index(e, shape, o.tb, l, column) : operand_index(e, shape, o.ta, row, l);
    return done(times(dy, factor(voice.value(partner, at))));
  }
  if (is(node, "softmax") || is(node, "log_softmax") || (is(node, "softmax_cross_entropy") && output == 1)) {
    const std::string &k = e[softmax_axis(node)], &j = f[softmax_axis(node)];
    const std::string same = k == j ? "1" : numeric(k) && numeric(j) ? "0" : text("[", k, " = ", j, "]");
    Index other = e;
    other[softmax_axis(node)] = j;
    if (is(node, "log_softmax"))
      return done(times(dy, text("(", same, " - exp(", voice.value({id, output}, other), "))")));
    return done(times(
        dy, text(factor(voice.value({id, output}, e)), " * (", same, " - ", voice.value({id, output}, other), ")")));
  }
  if (is(node, "softmax_cross_entropy")) {
    const Edge p{id, 1}, t = node.in[1];
    if (input == 1) return done(text(times(dy, text("(-log(", voice.value(p, f), "))")), over));
    if (graph_->type(t).dtype == DType::i32) {
      const Index row(f.begin(), f.end() - 1);
      const std::string target = voice.value(t, row);
      std::string hit = text("[", target, " = ", f.back(), "]");
      if (voice.numbers) hit = target == f.back() ? "1" : "0";
      return done(text(times(dy, text("(", voice.value(p, f), " - ", hit, ")")), over));
    }
    const std::string mass = target_mass(node, f, voice);
    return done(text(times(dy, text("(", voice.value(p, f), mass.empty() ? "" : " * " + mass, " - ",
                                    factor(voice.value(t, f)), ")")),
                     over));
  }
  if (is(node, "squared_error")) {
    const std::string difference =
        text("(", voice.value(node.in[0], f), " - ", factor(voice.value(node.in[1], f)), ")");
    return done(text(times(dy, text(input == 0 ? "2 * " : "(-2) * ", difference)), over));
  }
  if (is(node, "binary_cross_entropy")) {
    const std::string x = voice.value(node.in[0], f);
    if (input == 1) return done(text(times(dy, text("(-", factor(x), ")")), over));
    return done(text(times(dy, text("(sigmoid(", x, ") - ", factor(voice.value(node.in[1], f)), ")")), over));
  }
  if (voice.numbers) return times(dy, factor(brief(slope)));
  if (is(node, "max"))
    return done(times(dy, text("[", voice.value(node.in[0], f), " = ", voice.value({id, 0}, e), "]")));
  return done(times(dy, text("d", voice.value({id, output}, e), "/d", voice.value(node.in[input], f))));
}

ElementText::Image ElementText::image(NodeId id, size_t input, int32_t output, const Index& f) {
  const Node& node = (*graph_)[id];
  const Shape& y = node.out[size_t(output)].shape;
  const Shape& x = graph_->type(node.in[input]).shape;
  Image out{.at = Index(size_t(y.rank()), "0"), .letters = {}};
  const auto open = [&](size_t axis) { // this axis is summed over
    if (y[int(axis)] == 1) return;
    out.at[axis] = letter(id, int(axis));
    out.letters.push_back(out.at[axis]);
  };
  if (node.op->is(pointwise) || is(node, "broadcast_to")) {
    const size_t added = out.at.size() - f.size();
    for (size_t axis = 0; axis < out.at.size(); ++axis)
      if (axis < added || (x[int(axis - added)] == 1 && y[int(axis)] != 1))
        open(axis);
      else
        out.at[axis] = f[axis - added];
    return out;
  }
  if (is(node, "matmul")) {
    const Operands o(node);
    const size_t batch = out.at.size() - 2, own = f.size() - 2, added = batch - own;
    for (size_t axis = 0; axis < batch; ++axis)
      if (axis < added || (x[int(axis - added)] == 1 && y[int(axis)] != 1))
        open(axis);
      else
        out.at[axis] = f[axis - added];
    if (input == 0) {
      out.at[batch] = o.ta ? f.back() : f[own];
      open(batch + 1);
    } else {
      open(batch);
      out.at[batch + 1] = o.tb ? f[own] : f.back();
    }
    return out;
  }
  if (is(node, "sum") || is(node, "mean") || is(node, "max")) {
    const auto gone = reduced(node, x);
    size_t next = 0;
    for (size_t axis = 0; axis < gone.size(); ++axis) {
      if (!gone[axis])
        out.at[next++] = f[axis];
      else if (node.attrs.integer("keep"))
        ++next;
    }
    return out;
  }
  if (is(node, "softmax") || is(node, "log_softmax") || (is(node, "softmax_cross_entropy") && output == 1)) {
    out.at = f;
    open(softmax_axis(node));
    return out;
  }
  if (y.rank() == 0) return out; // losses
  if (is(node, "transpose")) {
    const auto& order = node.attrs.list("order");
    for (size_t axis = 0; axis < out.at.size(); ++axis)
      out.at[axis] = f[order.empty() ? out.at.size() - 1 - axis : size_t(x.axis(order[axis]))];
    return out;
  }
  if (node.op->is(alias)) {
    if (std::ranges::all_of(f, numeric)) {
      out.at = to_index(coordinates(flat_element(f, x), y));
      return out;
    }
    if (const auto passed = across_ones(f, x, y)) {
      out.at = *passed;
      return out;
    }
  }
  if (is(node, "pad") || is(node, "concatenate") || is(node, "slice")) {
    const size_t axis = size_t(y.axis(node.attrs.integer("axis")));
    out.at = f;
    if (is(node, "pad") && node.attrs.integer("spacing") == 1) {
      out.at[axis] = plus(f[axis], node.attrs.integer("before"));
      return out;
    }
    if (is(node, "slice") && node.attrs.integer("step") == 1) {
      int64_t start = node.attrs.integer("start");
      start = std::clamp<int64_t>(start < 0 ? start + x[int(axis)] : start, 0, x[int(axis)]);
      if (!numeric(f[axis]) || (std::stoll(f[axis]) >= start && std::stoll(f[axis]) < start + y[int(axis)])) {
        out.at[axis] = plus(f[axis], -start);
        return out;
      }
      out.at.clear(); // what is cut off reaches nothing
      return out;
    }
    if (is(node, "concatenate")) {
      int64_t start = 0;
      for (size_t i = 0; i < input; ++i) start += graph_->type(node.in[i]).shape[int(axis)];
      out.at[axis] = plus(f[axis], start);
      return out;
    }
    out.at.assign(size_t(y.rank()), "0");
  }
  if (is(node, "gather") && input == 0) {
    const size_t axis = size_t(x.axis(node.attrs.integer("axis"))),
                 rank = size_t(graph_->type(node.in[1]).shape.rank());
    for (size_t i = 0; i < axis; ++i) out.at[i] = f[i];
    for (size_t i = axis; i < axis + rank; ++i) open(i);
    for (size_t i = axis + 1; i < f.size(); ++i) out.at[i + rank - 1] = f[i];
    return out;
  }
  for (size_t axis = 0; axis < out.at.size(); ++axis) open(axis); // no template: it may be any element
  return out;
}

// --- what the templates share ---

// Ops that only move: the element that element `at` is a copy of.
std::optional<std::pair<Edge, Index>> ElementText::moved_from(NodeId id, const Index& at) const {
  const Node& node = (*graph_)[id];
  if (node.in.empty()) return {};
  const Shape &y = node.out[0].shape, &x = graph_->type(node.in[0]).shape;
  if (is(node, "broadcast_to")) return {{node.in[0], broadcast_index(at, x)}};
  if (is(node, "transpose")) {
    const auto& order = node.attrs.list("order");
    Index from(at.size());
    for (size_t axis = 0; axis < at.size(); ++axis)
      from[order.empty() ? at.size() - 1 - axis : size_t(x.axis(order[axis]))] = at[axis];
    return {{node.in[0], from}};
  }
  if (node.op->is(alias)) {
    if (std::ranges::all_of(at, numeric)) return {{node.in[0], to_index(coordinates(flat_element(at, y), x))}};
    if (const auto from = across_ones(at, y, x)) return {{node.in[0], *from}};
  }
  if (is(node, "slice")) {
    const size_t axis = size_t(x.axis(node.attrs.integer("axis")));
    int64_t start = node.attrs.integer("start");
    start = std::clamp<int64_t>(start < 0 ? start + x[int(axis)] : start, 0, x[int(axis)]);
    const int64_t step = node.attrs.integer("step");
    Index from = at;
    if (!numeric(at[axis]) && step != 1) from[axis] = text(step, at[axis]);
    if (numeric(at[axis])) from[axis] = std::to_string(std::stoll(at[axis]) * step);
    from[axis] = plus(from[axis], start);
    return {{node.in[0], from}};
  }
  if (is(node, "concatenate")) {
    const size_t axis = size_t(y.axis(node.attrs.integer("axis")));
    if (!numeric(at[axis])) return {};
    int64_t rest = std::stoll(at[axis]);
    for (const Edge part : node.in) {
      const int64_t extent = graph_->type(part).shape[int(axis)];
      if (rest < extent) {
        Index from = at;
        from[axis] = std::to_string(rest);
        return {{part, from}};
      }
      rest -= extent;
    }
  }
  if (is(node, "gather")) {
    const Shape& indices = graph_->type(node.in[1]).shape;
    const size_t axis = size_t(x.axis(node.attrs.integer("axis"))), rank = size_t(indices.rank());
    const Index where(at.begin() + long(axis), at.begin() + long(axis + rank));
    if (!std::ranges::all_of(where, numeric)) return {};
    Index from(at.begin(), at.begin() + long(axis));
    from.push_back(std::to_string(int64_t(values_.at(node.in[1]).at(flat_element(where, indices)))));
    from.insert(from.end(), at.begin() + long(axis + rank), at.end());
    return {{node.in[0], from}};
  }
  return {};
}

// What a sum is divided by: the elements of a mean, the rows of a cross-entropy; 1 for all others.
double ElementText::divisor(const Node& node) const {
  if (node.in.empty()) return 1;
  const Shape& shape = graph_->type(node.in[0]).shape;
  if (is(node, "softmax_cross_entropy")) return double(shape.elements() / shape.back());
  if (is(node, "mean")) return double(shape.elements()) / double(std::max<int64_t>(1, node.out[0].shape.elements()));
  if (!is(node, "squared_error") && !is(node, "binary_cross_entropy")) return 1;
  const std::string& reduction = node.attrs.word("reduction");
  if (reduction == "sum") return 1;
  return reduction == "mean" ? double(shape.elements()) : 2 * double(shape.rank() ? shape[0] : 1);
}

size_t ElementText::softmax_axis(const Node& node) const {
  const Shape& shape = graph_->type(node.in[0]).shape;
  return is(node, "softmax_cross_entropy") ? size_t(shape.rank() - 1) : size_t(shape.axis(node.attrs.integer("axis")));
}

// What a row of target probabilities adds up to, "" where all rows add up to 1.
std::string ElementText::target_mass(const Node& node, const Index& f, const Voice& voice) const {
  const Tensor& t = values_.at(node.in[1]);
  const int64_t classes = t.shape().back();
  bool all_one = true;
  std::vector<double> mass(size_t(t.elements() / classes));
  for (int64_t i = 0; i < t.elements(); ++i) mass[size_t(i / classes)] += t.at(i);
  for (const double m : mass) all_one = all_one && std::abs(m - 1) < 1e-12;
  if (all_one) return "";
  return voice.numbers ? brief(mass[size_t(flat_element(f, t.shape()) / classes)])
                       : text("sum(", names_.of(node.in[1]), ")");
}

} // namespace vitro
