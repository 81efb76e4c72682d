// A net as data, and the net as nodes of a graph.
//
// NetSpec is what a recipe states: layers, each fed by the one before it or by those it names, and
// blocks of layers that are used like a layer. `resolve` turns it into a flat list in which every
// name, input and argument is explicit; `build` appends that list to a trace. Layers are listed in
// the order in which they run, so a net has no circle by construction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace vitro {

struct LayerSpec {
  std::string op;                     // a layer, an op, or a block of the net
  std::string name = {};              // letters, digits, _ and -; "": given by kind and index (fc1, relu2)
  std::vector<std::string> from = {}; // names of earlier layers, or "input"; {}: the previous layer
  Attrs args = {};                    // in a block "$out" stands for the block's argument `out`; "classes" (or
                                      // "outputs") for the number of outputs; true and false are 1 and 0
  std::string share = {};             // an earlier layer of this kind whose weights (and arguments) are used
  int64_t repeat = 1;                 // so many of it, one after the other
};

/// A named sequence of layers: inside, "input" is what the block is fed with; its last layer is its output.
struct BlockSpec {
  std::string name;
  std::vector<LayerSpec> layers;
};

struct NetSpec {
  std::vector<LayerSpec> layers;
  std::map<std::string, BlockSpec> blocks = {}; // by name
};

/// One layer with nothing left implicit.
struct ResolvedLayer {
  std::string name; // unique; inside a block "res1.conv2"
  const Layer* layer;
  Attrs args;            // complete
  std::vector<int> from; // positions in the list; -1 is the net's input
  std::string
      parameters; // its parameters are called PARAMETERS.weight, ...: its own name, or that of the layer it shares
};

/// The net as a flat list. Throws bad_input, naming the layer, for an unknown layer, block, argument or
/// reference (with the nearest name), a name used twice, a block inside itself, `repeat` below 1, an empty net.
std::vector<ResolvedLayer> resolve(const NetSpec& net, int64_t outputs);

struct BuildOptions {
  int64_t outputs = 1;   // what "classes" stands for
  bool training = false; // layers that act differently in training (dropout, batch-norm) ask
  uint64_t seed = 0;     // of what they draw. Where the states hold them, i32 [], "step" is the number of steps taken
                         // and "sample" that of the first of these samples in its batch; else both are 0
  Var lengths = {};      // i32 [batch]: so many steps of each sample of x [batch, time, ...] count; empty: all
  bool carry = false;    // what layers remember is read from the states, else it is zero
};

struct BuiltLayer {
  std::string name;
  const Layer* layer;
  Attrs args; // complete
  Var output;
  std::vector<std::string> parameters; // names of its states
};

struct Built {
  Var output; // of the last layer
  std::vector<BuiltLayer> layers;
  std::map<std::string, Var> updates;  // of running states in training: their next values
  std::map<std::string, Var> memories; // what layers remember of these samples, by the state's name
  /// Throws on an unknown name, with the nearest.
  const BuiltLayer& at(const std::string& name) const;
};

/// Appends the net, fed with x [batch, ...sample], to a trace whose states hold its parameters. The nodes
/// of each layer carry its name. Throws where shapes don't fit, naming the layer and both shapes.
Built build(Trace& trace, const NetSpec& net, const Var& x, const BuildOptions& options);

/// Adds the net's parameters to `states`, in the order of its layers. Each is drawn from
/// Stream(seed, "fc1.weight"), its elements by their position; or one after the other from `numpy`. `dtype` is f32 or
/// f64.
/// Throws as `resolve` and `build` do: a net whose parameters could be created can be built. Where batches of `carried`
/// samples continue one another (not 0), what layers remember of them is added too: zeros.
void create_parameters(States& states, const NetSpec& net, const Shape& sample, int64_t outputs, uint64_t seed,
                       DType dtype = DType::f32, NumpyRandom* numpy = nullptr, int64_t carried = 0);

} // namespace vitro
