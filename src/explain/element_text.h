// A graph in the words of a textbook: names for its values (z1, h1, p, L) and formulas for single elements.
//
// Weighted sums are called s, with their bias z, activations h, probabilities p, the loss L; all else goes
// by its op and a number. Leading axes of extent 1 (a batch of one sample) are left out of an element's
// index. An index is text along each axis: a number, or a letter that is summed over.
//
// Pointwise ops speak by the formula and the rules of their Op; the others have a template each; an op
// without one falls back to "d y / d x".
// Private to src/explain.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "plan/interpret.h"

namespace vitro {

using Index = std::vector<std::string>;
Index to_index(const std::vector<int64_t>& coordinates);

/// Six significant digits.
std::string brief(double value);

class Names {
public:
  /// Names everything up to `loss` that it depends on, and what the outputs need.
  Names(const Function& function, Edge loss);
  const std::string& of(Edge edge) const { return names_[size_t(edge.node)][size_t(edge.output)]; }
  std::string element(Edge edge, const Index& index) const;
  std::string element(Edge edge, int64_t flat) const;

private:
  std::shared_ptr<const Graph> graph_;
  std::vector<std::vector<std::string>> names_;
};

/// How an element is spoken of: by its name, or by its number.
struct Voice {
  std::function<std::string(Edge, const Index&)> value, adjoint;
  bool numbers = false;
};

class ElementText {
public:
  ElementText(std::shared_ptr<const Graph> graph, const Names& names, const Interpretation& values);

  /// "h1 = relu(z1)": a whole node.
  std::string formula(Edge y) const;
  /// "dL/dz1 = dL/dh1 * [z1 > 0]": what `reader` passes to its input.
  std::string rule(NodeId reader, size_t input) const;

  /// What an element is computed from: "relu(z1[3])", with numbers "max(0, 1.27)"; numbers: "" where it is a sum.
  std::string forward(Edge y, const Index& at, const Voice& voice) const;
  /// The term of the adjoint of input element `f` that comes through the reader's output element `e`.
  /// `slope` is its local derivative, used where there is no formula.
  std::string chain(NodeId reader, size_t input, int32_t output, const Index& e, const Index& f, const Voice& voice,
                    double slope) const;

  /// Which elements of the reader's output move with element `f` of that input: one pattern, with the letters that
  /// run over whole axes. Without a template: all of them. An empty `at` for an output with axes: none moves.
  struct Image {
    Index at;
    std::vector<std::string> letters; // to sum over
  };
  Image image(NodeId reader, size_t input, int32_t output, const Index& f);

  /// Speaks by names; `adjoint` by default "dL/dz2[7]".
  Voice names() const;
  Voice numbers(std::function<double(Edge, int64_t)> adjoint) const;

private:
  std::string letter(NodeId node, int axis);
  std::string elementwise(NodeId node, const std::string& formula, const Index& e, const Voice& voice,
                          const std::string& adjoint) const;
  std::optional<std::pair<Edge, Index>> moved_from(NodeId node, const Index& at) const;
  double divisor(const Node& node) const;
  size_t softmax_axis(const Node& node) const;
  std::string target_mass(const Node& node, const Index& f, const Voice& voice) const;

  std::shared_ptr<const Graph> graph_;
  const Names& names_;
  const Interpretation& values_;
  std::map<std::pair<NodeId, int>, std::string> letters_;
};

/// The element of that index in row-major order; every text must be a number.
int64_t flat_element(const Index& index, const Shape& shape);

} // namespace vitro
