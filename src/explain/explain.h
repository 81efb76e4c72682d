// A gradient, node by node: how the loss of these very inputs depends on one very weight.
//
// Explain reads any Function that has a scalar output named "loss"; it knows graphs, not nets. All
// numbers are computed in double by interpretation. Three quantities live on every node between the
// weight w and the loss L:
//
//   value     what the node computes
//   adjoint   dL/d(element): how the loss moves with it, walked from the loss back by each op's own rule
//   tangent   d(element)/dw: how it moves with the weight, walked from the weight forward
//
// The products adjoint * tangent of one node's elements, added up, are what of the gradient flows
// through this node. The flow is conserved: what enters a node leaves it, and across any cut between
// weight and loss the flows add up to dL/dw. That is the chain rule without counting paths (which are
// exponential in number), and it is checked at every hop.
//
//   Explainer explainer(model.loss_function(1), model.states(), {x, label});
//   Explanation e = explainer.parameter(parse_address("fc1.weight:3,17", model.states()));
//   std::cout << text_of(e);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "explain/address.h"
#include "plan/interpret.h"

namespace vitro {

struct ExplainOptions {
  int terms = 5;             // the largest so many terms are listed, the rest is added up
  bool open = false;         // composed ops (softmax, losses) are opened: explained by their expansion's primitives
  std::string loss = "loss"; // the output that is differentiated: one element
};

/// One summand of an adjoint: what arrives through one element of one reader.
struct Term {
  std::string through;    // "z2[7]"
  std::string expression; // "dL/dz2[7] * fc2.weight[7,3]"
  std::string numbers;    // "0.81 * (-0.3)"
  double adjoint = 0;     // of that element: 0.81
  double slope = 0;       // how that element moves with the one explained: -0.3
  double product = 0;
};

/// An element of a node that lies between weight and loss.
struct StepElement {
  std::string label;          // "h1[3]"
  std::vector<int64_t> index; // along every axis
  std::string computed;       // "relu(z1[3]) = max(0, 1.27)": its value, by names and by numbers
  double value = 0, adjoint = 0, tangent = 0;
  double product = 0;      // adjoint * tangent: its share of the gradient
  std::vector<Term> terms; // the largest, of which `adjoint` is the sum
  int64_t rest_terms = 0;  // so many more ...
  double rest = 0;         // ... add up to this
  double sum = 0;          // terms and rest
};

/// A node between weight and loss.
struct Step {
  NodeId node = -1; // in the explained function's graph (with `open`: in the opened one)
  int32_t output = 0;
  std::string name, op, layer;    // "h1", "relu", "relu1"
  std::string formula;            // "h1 = relu(z1)"
  std::vector<std::string> rules; // of its readers, by names: "dL/dz1 = dL/dh1 * [z1 > 0]"
  Shape shape;
  int64_t reached = 0;               // elements that the weight reaches
  std::vector<StepElement> elements; // the largest of these by |product|
  int64_t rest_elements = 0;
  double rest = 0;                // sum of their products
  double flow = 0;                // sum of all products: what of the gradient passes here
  double arriving = 0;            // the same, counted on the edges from its readers
  bool adds_up = true;            // flow = arriving, and each listed element's adjoint = the sum of its terms
  std::vector<std::string> notes; // in words: dead, saturated, flat
};

/// A derivative by differences alone: nothing but values of the function is used.
struct Difference {
  double value = 0;       // NaN where there is none
  double uncertainty = 0; // estimated, of the value
  double step = 0;        // the widest step used
  int points = 0;         // evaluations of the function
  enum class Kind : uint8_t { central, left, right, none } kind = Kind::central;
  bool on_kink = false;       // the derivative jumps at this very point: left and right differ
  double left = 0, right = 0; // one-sided, where on_kink
  std::string kink;           // "relu of z1[3] changes sides 0.0021 to the right": the nearest inside the first step
  double kink_distance = 0;   // 0: none met
};
const char* name(Difference::Kind kind);

struct Explanation {
  std::string parameter; // "fc1.weight[3,17]"
  double value = 0, loss = 0;
  double gradient = 0;            // found by walking
  double back_propagated = 0;     // by gradient(), the graph that trains the net
  double forward = 0;             // the tangent that arrives at the loss
  Difference difference;          // finite difference in double
  double relative_error = 0;      // the larger of: walked and back-propagated, each against the finite difference
  bool agrees = false;            // relative_error <= 1e-5
  bool adds_up = false;           // every hop, and every cut
  double worst_cut = 0;           // relative: how far the flows across a cut are from the gradient at most
  std::vector<Step> path;         // from the loss back to the weight
  std::vector<std::string> notes; // in words: why it is zero, where it vanishes
};

/// Relative error |a - b| / max(|a|, |b|, 1e-8): the measure of all gradient checks.
double relative_error(double a, double b);

std::string text_of(const Explanation& explanation, bool colour = false);
std::string json_of(const Explanation& explanation);

/// A unit of a layer: inputs times weights, bias, activation. Of a convolution one place of one of its maps: a window
/// times the kernel.
struct Neuron {
  struct Product {
    std::string expression, numbers; // "x[17] * fc1.weight[3,17]", "0.5 * (-0.25)"
    double input = 0, weight = 0, product = 0;
  };
  struct Stage {
    std::string expression, numbers; // "z1[3] = s1[3] + fc1.bias[3]", "1.02 + 0.25"
    std::string op;
    double value = 0;
  };
  /// Of a convolution: what it looks at, in the channel of its input that moves the sum most.
  struct Window {
    int64_t channel = 0, channels = 0;   // of so many that the sum runs over
    int64_t top = 0, left = 0;           // where it begins on the input's map: below 0 in the padding
    int64_t rows = 0, columns = 0;       // of the kernel
    int64_t down = 1, across = 1;        // from one tap to the next on the map
    std::vector<double> inputs, weights; // [rows, columns]; the padding is 0
    double sum = 0;                      // of their products
  };
  std::string layer, label, formula; // "fc1", "s1[3]", "s1[3] = sum_j x[j] * fc1.weight[3,j]"
  int64_t unit = 0, units = 0;
  std::vector<int64_t> place, places;           // of a convolution: row and column of its map, and how many there are
  std::optional<Window> window;                 // of a convolution
  std::vector<Product> products;                // the largest
  int64_t rest_products = 0, zero_products = 0; // of the rest so many are exactly 0
  double rest = 0, sum = 0;
  std::vector<Stage> stages; // bias, activation: the pointwise nodes that follow
  double output = 0;         // of the last stage
  std::vector<std::string> notes;
};
std::string text_of(const Neuron& neuron, bool colour = false);
std::string json_of(const Neuron& neuron);

/// The same walk in letters.
struct Symbolic {
  std::string parameter;
  std::vector<std::string> hops;  // "dL/dh1[3] = sum_k dL/dz2[k] * fc2.weight[k,3]", from the loss back
  std::string gradient;           // "dL/dfc1.weight[3,17] = ...": adjoints substituted back
  std::vector<std::string> where; // "z1[3] = s1[3] + fc1.bias[3]": what the letters stand for
  std::vector<std::string> notes;
  double value = 0; // of the gradient
};
std::string text_of(const Symbolic& symbolic, bool colour = false);
std::string json_of(const Symbolic& symbolic);

/// Everything about one function, one set of states and one set of inputs; what many explanations share
/// (values, adjoints, local rules) is computed once. Copies what it needs: function and states may change after.
class Explainer {
public:
  /// `inputs` in the order of function.inputs. Throws where the function has no output `options.loss` of one
  /// element, or where inputs or states don't fit.
  Explainer(const Function& function, const States& states, const std::vector<Tensor>& inputs,
            ExplainOptions options = {});
  ~Explainer();
  Explainer(Explainer&&) noexcept;
  Explainer& operator=(Explainer&&) noexcept;

  double loss() const;
  Explanation parameter(const ElementAddress& address);
  Symbolic symbolic(const ElementAddress& address);
  /// `layer`: the name that the node of a matrix product or a convolution carries; `unit`: its output, or its map.
  /// `place`: of a convolution row and column of the first sample's map, {}: where the sum is largest, the first of
  /// equal ones; else {} or the product's row, where there are several samples. Throws with the nearest layer, or with
  /// the number of units or places.
  Neuron neuron(const std::string& layer, int64_t unit, const std::vector<int64_t>& place = {});
  /// Layers that have neurons: those whose nodes hold a matrix product or a convolution with a state.
  std::vector<std::string> neuron_layers() const;
  /// The trainable element with the largest |gradient|; the first of equal ones.
  ElementAddress steepest() const;
  /// Back-propagated, in double; throws for a state that the function does not read.
  Tensor gradient(const std::string& state) const;
  /// By differences alone.
  Difference finite_difference(const ElementAddress& address);

  struct Inner; // explain/inner.h: for the files of this room alone
  Inner* inner() { return inner_.get(); }

private:
  std::unique_ptr<Inner> inner_;
};

// The same, for one question.
Explanation explain_parameter(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                              const ElementAddress& address, ExplainOptions options = {});
Neuron explain_neuron(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                      const std::string& layer, int64_t unit, ExplainOptions options = {});
Symbolic explain_symbolic(const Function& function, const States& states, const std::vector<Tensor>& inputs,
                          const ElementAddress& address, ExplainOptions options = {});
ElementAddress steepest(const Function& function, const States& states, const std::vector<Tensor>& inputs);

} // namespace vitro
