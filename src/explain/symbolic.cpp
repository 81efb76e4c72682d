// Letters instead of numbers: each value between the weight and the loss gets an index (a number where
// one element matters, a letter where all do), each op's rule is written with these names, and the
// rules are substituted into one another.
#include "explain/symbolic.h"

#include <algorithm>
#include <cctype>

#include "core/text.h"

namespace vitro {
namespace {

using Index = std::vector<std::string>; // per axis: "3", or a letter

// Replaces whole words.
std::string replace_words(const std::string& formula, const std::map<std::string, std::string>& by) {
  std::string out;
  for (size_t i = 0; i < formula.size();) {
    if (!std::isalpha(static_cast<unsigned char>(formula[i]))) {
      out += formula[i++];
      continue;
    }
    size_t end = i;
    while (end < formula.size() && (std::isalnum(static_cast<unsigned char>(formula[end])) || formula[end] == '_')) ++end;
    const std::string word = formula.substr(i, end - i);
    const auto found = by.find(word);
    out += found == by.end() ? word : found->second;
    i = end;
  }
  return out;
}

std::string right_side(const std::string& rule) {
  const size_t equals = rule.find(" = ");
  return equals == std::string::npos ? rule : rule.substr(equals + 3);
}

bool composite(const std::string& text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += (text[i] == '(' || text[i] == '[') - (text[i] == ')' || text[i] == ']');
    if (depth == 0 && text[i] == ' ') return true;
  }
  return false;
}

std::string in_brackets(const std::string& text) { return composite(text) ? "(" + text + ")" : text; }

class Symbols {
public:
  Symbols(const Walk& walk, const Address& address) : walk_(walk), graph_(walk.graph()), weight_(walk.state_node(address.state)) {
    depends_ = walk.dependents(weight_);
    index_.resize(size_t(graph_.size()));
    for (const int64_t i : address.index) index_[size_t(weight_)].push_back(std::to_string(i));
    for (NodeId id = weight_ + 1; id <= walk.loss().node; ++id)
      if (in_cone(id)) index_[size_t(id)] = index_after(id);
  }

  bool in_cone(NodeId id) const { return depends_[size_t(id)] && walk_.leads_to_loss(id) && id <= walk_.loss().node; }

  std::string definitions() const {
    std::string out;
    for (NodeId id = weight_ + 1; id <= walk_.loss().node; ++id)
      if (in_cone(id)) out += "  " + definition(id) + "\n";
    return out;
  }

  std::string rules() const {
    std::string out;
    for (NodeId id = walk_.loss().node - 1; id >= weight_; --id)
      if (in_cone(id)) out += text("  ", derivative_name(id), " = ", derivative(id, false), "\n");
    return out;
  }

  std::string together() const { return text("  ", derivative_name(weight_), " = ", derivative(weight_, true), "\n"); }

private:
  static constexpr size_t longest = 4000; // a deep net with many branches does not fit a line, nor a head

  Index all_of(const Shape& shape, NodeId id) const {
    Index out;
    for (int axis = 0; axis < shape.rank(); ++axis) out.push_back(shape[axis] == 1 ? "0" : letter(id, axis));
    return out;
  }

  // A letter of its own for each node and axis: k, j, i, ..., then k1, j1, ...
  std::string letter(NodeId id, int axis) const {
    const auto [found, fresh] = letters_.try_emplace({id, axis}, "");
    if (fresh) {
      constexpr const char names[] = "kjimnpqrs";
      const size_t count = sizeof names - 1, which = letters_.size() - 1;
      found->second = text(names[which % count], which < count ? "" : std::to_string(which / count));
    }
    return found->second;
  }

  bool is_product(const Node& node) const { return std::string(node.op->name) == "matmul"; }

  Index index_after(NodeId id) const {
    const Node& node = graph_[id];
    const Shape& shape = node.out[0].shape;
    Index out = all_of(shape, id);
    for (size_t i = 0; i < node.in.size(); ++i) {
      const NodeId from = node.in[i].node;
      if (!in_cone(from)) continue;
      const Index& in = index_[size_t(from)];
      if (node.op->is(pointwise)) {
        for (int axis = 1; axis <= int(in.size()); ++axis)
          if (graph_.type(node.in[i]).shape[int(in.size()) - axis] == shape[shape.rank() - axis]) out[out.size() - size_t(axis)] = in[in.size() - size_t(axis)];
      } else if (is_product(node) && in.size() >= 2) {
        const bool transposed = node.attrs.integer(i == 0 ? "transpose_a" : "transpose_b");
        // The axis of y that this operand keeps: rows from the left, columns from the right.
        const size_t kept = (i == 0) != transposed ? in.size() - 2 : in.size() - 1;
        out[out.size() - (i == 0 ? 2 : 1)] = in[kept];
      } else if (node.op->is(alias)) {
        out = reshaped(in, graph_.type(node.in[i]).shape, shape, id);
      }
    }
    return out;
  }

  // The index under another shape: axes of extent 1 come and go, a single element keeps its place.
  Index reshaped(const Index& in, const Shape& from, const Shape& to, NodeId id) const {
    int64_t element = 0;
    bool single = true;
    std::vector<std::string> real;
    for (int axis = 0; axis < from.rank(); ++axis) {
      const bool number = std::isdigit(static_cast<unsigned char>(in[size_t(axis)][0]));
      single &= number;
      element = element * from[axis] + (number ? std::stoll(in[size_t(axis)]) : 0);
      if (from[axis] != 1) real.push_back(in[size_t(axis)]);
    }
    Index out = all_of(to, id);
    if (single) {
      const auto index = index_of(to, element);
      for (size_t axis = 0; axis < out.size(); ++axis) out[axis] = std::to_string(index[axis]);
      return out;
    }
    const auto wide = std::ranges::count_if(to.extents(), [](int64_t extent) { return extent != 1; });
    if (size_t(wide) == real.size())
      for (size_t axis = 0, next = 0; axis < out.size(); ++axis)
        if (to[int(axis)] != 1) out[axis] = real[next++];
    return out;
  }

  std::string with_index(Edge edge, const Index& index) const {
    const Node& node = graph_[edge.node];
    if (node.op == &constant_op && node.out[0].shape.elements() == 1) return number(node.attrs.tensor("value").at(0), 6);
    const Shape& shape = graph_.type(edge).shape;
    std::vector<std::string> pieces;
    const bool leave_batch = node.op != &state_op && shape.rank() > 1 && shape[0] == 1;
    for (size_t axis = leave_batch ? 1 : 0; axis < index.size(); ++axis) pieces.push_back(index[axis]);
    return walk_.name(edge) + (pieces.empty() ? "" : "[" + join(pieces, ",") + "]");
  }

  // Operand `i` of an elementwise node, at the node's own index.
  std::string operand_at(const Node& node, size_t i, const Index& index) const {
    const Shape& shape = graph_.type(node.in[i]).shape;
    Index own;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const std::string& at = index[index.size() - size_t(shape.rank() - axis)];
      own.push_back(shape[axis] == 1 ? "0" : at);
    }
    return with_index(node.in[i], own);
  }

  std::string value_name(NodeId id) const { return with_index({id, id == walk_.loss().node ? walk_.loss().output : 0}, index_[size_t(id)]); }
  std::string derivative_name(NodeId id) const { return id == walk_.loss().node ? "1" : "dL/d" + value_name(id); }

  std::map<std::string, std::string> words(const Node& node, const Index& index) const {
    std::map<std::string, std::string> out;
    for (size_t i = 0; i < node.in.size() && i < node.op->args.size(); ++i) out[node.op->args[i]] = operand_at(node, i, index);
    return out;
  }

  // Element (row, column) of operand `i` of a product.
  std::string factor(const Node& node, size_t i, const std::string& row, const std::string& column) const {
    const Shape& shape = graph_.type(node.in[i]).shape;
    const bool transposed = node.attrs.integer(i == 0 ? "transpose_a" : "transpose_b");
    Index index(size_t(shape.rank()), "0");
    index[index.size() - 2] = transposed ? column : row;
    index[index.size() - 1] = transposed ? row : column;
    return with_index(node.in[i], index);
  }

  std::string definition(NodeId id) const {
    const Node& node = graph_[id];
    const Index& index = index_[size_t(id)];
    const std::string name = value_name(id) + " = ";
    if (is_product(node) && index.size() >= 2) {
      const std::string inner = letter(id, -1), row = index[index.size() - 2], column = index.back();
      return text(name, "sum over ", inner, " of ", factor(node, 0, row, inner), " ", factor(node, 1, inner, column));
    }
    if (node.op->is(pointwise)) return name + replace_words(right_side(node.op->formula), words(node, index));
    std::vector<std::string> operands;
    for (const Edge edge : node.in) operands.push_back(walk_.name(edge));
    return text(name, node.op->name, "(", join(operands, ", "), ")");
  }

  std::string derivative(NodeId id, bool substitute) const {
    std::vector<std::string> terms;
    for (NodeId reader = id + 1; reader <= walk_.loss().node; ++reader) {
      if (!in_cone(reader)) continue;
      const Node& node = graph_[reader];
      for (size_t i = 0; i < node.in.size(); ++i)
        if (node.in[i].node == id) terms.push_back(term(id, reader, i, substitute));
    }
    return terms.empty() ? "1" : join(terms, " + ");
  }

  std::string term(NodeId id, NodeId reader, size_t i, bool substitute) const {
    const Node& node = graph_[reader];
    const Index &own = index_[size_t(id)], &index = index_[size_t(reader)];
    std::string arriving = derivative_name(reader);
    if (substitute && reader != walk_.loss().node) {
      const std::string whole = derivative(reader, true);
      if (whole.size() < longest) arriving = in_brackets(whole);
    }
    const auto times = [&](const std::string& factor) { return arriving == "1" ? factor : text(arriving, " ", factor); };
    if (node.op->is(constant_slope)) return "0";
    if (node.op->is(alias)) return arriving;
    if (is_product(node) && index.size() >= 2 && own.size() >= 2) {
      const bool transposed = node.attrs.integer(i == 0 ? "transpose_a" : "transpose_b");
      const std::string &first = own[own.size() - 2], &second = own.back();
      const std::string inner = (i == 0) != transposed ? second : first; // where this element stands along k
      const std::string other = i == 0 ? factor(node, 1, inner, index.back()) : factor(node, 0, index[index.size() - 2], inner);
      // What y has beyond this element is summed over.
      const std::string& free = i == 0 ? index.back() : index[index.size() - 2];
      const bool summed = !std::isdigit(static_cast<unsigned char>(free[0])) && std::ranges::find(own, free) == own.end();
      return summed ? text("(sum over ", free, " of ", times(other), ")") : times(other);
    }
    if (node.op->is(pointwise)) {
      auto by = words(node, index);
      by["y"] = value_name(reader);
      by["dy"] = arriving;
      for (const auto& spec : node.op->attrs)
        if (std::holds_alternative<double>(spec.fallback)) by[spec.name] = number(node.attrs.real(spec.name));
      std::string product = replace_words(right_side(node.op->rules[i]), by);
      // `dy` may have become a sum of products, which already stands in brackets.
      return arriving == "1" && product.starts_with("1 ") ? product.substr(2) : product;
    }
    if (std::string(node.op->name) == "softmax_cross_entropy" && !own.empty())
      return times(text("(softmax(", walk_.name({id, 0}), ")[", own.back(), "] - ",
                        graph_.type(node.in[1]).dtype == DType::i32 ? text("[", own.back(), " = ", walk_.name(node.in[1]), "]") : text(walk_.name(node.in[1]), "[", own.back(), "]"), ")"));
    if (std::string(node.op->name) == "squared_error") {
      const std::string difference = text("(", value_name(id), " - ", with_index(node.in[1 - i], own), ")");
      return times(text("2 ", difference, " / n"));
    }
    return times(text("d", walk_.name({reader, 0}), "/d", value_name(id)));
  }

  const Walk& walk_;
  const Graph& graph_;
  const NodeId weight_;
  std::vector<bool> depends_;
  std::vector<Index> index_;
  mutable std::map<std::pair<NodeId, int>, std::string> letters_;
};

} // namespace

std::string symbolic_gradient(const Walk& walk, const Address& address) {
  const NodeId weight = walk.state_node(address.state);
  if (weight < 0 || !walk.leads_to_loss(weight)) return text("dL/d", address.state, " = 0: no path leads from it to the loss\n");
  const Symbols symbols(walk, address);
  return text("Forwards, from the weight to the loss L:\n", symbols.definitions(), "\nBackwards, rule by rule:\n", symbols.rules(),
              "\nPut together:\n", symbols.together());
}

} // namespace vitro
