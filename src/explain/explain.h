// The chain rule of one weight, with its numbers.
//
// A reader of any graph: it takes a traced function with a scalar output "loss", the values of its
// states and inputs, and walks node by node from the loss back to one element of one state. At each
// node: the adjoint that arrives, the local rule, the terms that add up to it. All in double, by the
// interpreter. Paths are never enumerated (their number is exponential): each node is visited once.
//
// Words. Adjoint of a value: the derivative of the loss with respect to it. Slope of a value: its
// derivative with respect to the weight. Along any one chain, the sum over a node's elements of
// adjoint times slope is the gradient itself: each hop adds up.
#pragma once

#include <string>
#include <vector>

#include "plan/interpret.h"

namespace vitro {

/// One element of a state: "fc1.weight:3,17" or "fc1.weight[3,17]".
struct Address {
  std::string state;
  std::vector<int64_t> index;
  std::string str() const; // "fc1.weight:3,17"
};
/// Throws where the state does not exist (with the nearest name), or the index does not fit its shape (stating it).
Address parse_address(const std::string& text, const States& states);
Address address_of(const State& state, int64_t element);
int64_t element_of(const Address& address, const States& states);

struct ExplainOptions {
  size_t terms = 5;    // of each sum, the largest by size; the rest is added up
  size_t elements = 3; // of each node, those through which most of the gradient passes
};

/// One summand of an adjoint: what arrives by way of one element of a reader.
struct ExplainTerm {
  std::string by;      // "fc2[7]"
  double adjoint, slope, product;
};

struct ExplainElement {
  std::string name;    // "fc1[3]"
  double value, adjoint;
  double slope;        // with respect to the weight
  std::string numbers; // the op's inputs and output here: "x = 1.27, y = 1.27"
  std::vector<ExplainTerm> terms;
  double rest = 0;     // the sum of the terms that are not listed
  size_t rest_count = 0;
};

/// One node on the way from the loss back to the weight.
struct ExplainHop {
  NodeId node;
  std::string name, op, formula, rule, shape;
  double passes;       // the sum over its elements of adjoint times slope: what of the gradient passes here
  size_t relevant = 0; // elements that depend on the weight
  std::vector<ExplainElement> elements; // the most important, the largest first
  double rest = 0;     // what passes through those that are not listed
};

struct Explanation {
  Address address;
  double weight = 0, loss = 0;
  double gradient = 0;           // found by walking
  double back_propagated = 0;    // found by `gradient`, in double
  double finite_difference = 0;  // found by changing the weight, in double
  double relative_error = 0;     // the largest of the three pairs: |a - b| / max(|a|, |b|, 1e-8)
  bool kink = false;             // a derivative jumps within every step that was tried: no finite difference exists
  std::vector<ExplainHop> path;  // the loss first, the weight last
  std::vector<std::string> remarks; // in plain words: a dead relu, a saturated sigmoid, where the product shrinks
  std::string str(bool colour = false) const;
  std::string json() const;      // keys: param, weight, loss, gradient, back_propagated, finite_difference, relative_error, kink, path, remarks
};

/// Explains many weights of one sample; what they share (values, adjoints) is computed once.
class Explainer {
public:
  /// `function` has an output "loss" of one element. Inputs in the order of function.inputs.
  Explainer(const Function& function, const States& states, std::vector<Tensor> inputs, ExplainOptions options = {});
  ~Explainer();
  Explainer(const Explainer&) = delete;
  Explainer& operator=(const Explainer&) = delete;

  Explanation explain(const Address& address) const;
  /// The element of a trainable state with the steepest gradient.
  Address steepest() const;
  /// `count` elements of trainable states, chosen at random: for `random:100`.
  std::vector<Address> random(size_t count, uint64_t seed) const;
  /// The chain rule in letters, then with intermediate values substituted back.
  std::string symbolic(const Address& address) const;

private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

/// One unit of a layer: inputs times weights, bias, activation.
struct NeuronExplanation {
  struct Part {
    std::string state;
    std::vector<ExplainTerm> terms; // `adjoint` holds the weight, `slope` what it is multiplied by
    double rest = 0;
    size_t rest_count = 0;
    double sum = 0;
  };
  std::string layer;
  std::vector<int64_t> unit;
  std::vector<Part> parts;
  double value = 0;                 // the layer's own: the sum of its parts where it is linear in its states
  struct After { std::string name, formula; double value; };
  std::vector<After> after;         // the elementwise functions that follow
  std::string str(bool colour = false) const;
  std::string json() const;
};
/// Throws where no node carries the layer's name, or the unit lies outside of its output.
NeuronExplanation explain_neuron(const Function& function, const States& states, const std::vector<Tensor>& inputs, const std::string& layer,
                                 const std::vector<int64_t>& unit, ExplainOptions options = {});

} // namespace vitro
