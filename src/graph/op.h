// Op: all that there is to know about one operation, as data.
//
// A graph is made of nodes that point at Ops; every reader of the graph (gradient, verify, print,
// interpret, plan, explain, the docs) asks the Op. An op is either *primitive* (it has `plain`,
// readable loops in float and double) or *composed* (it has `expand`, the same thing as a small
// graph of primitives). Either may have a fast kernel beside that: `vector` for pointwise ops,
// `prepare` for all others. The plain or expanded form is the oracle for the fast one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/layout.h"
#include "core/stripes.h"
#include "core/tensor.h"
#include "graph/attrs.h"

namespace vitro {

class Var;

enum Trait : uint32_t {
  pointwise = 1,      // element i of the output depends on element i of the (broadcast) inputs alone
  kinked = 2,         // the derivative jumps somewhere: gradient checks report a step across it
  constant_slope = 4, // no gradient flows (comparisons, step, one_hot): zero wherever it is defined
  alias = 8,          // the output is the input's bytes under another shape
  source = 16,        // no inputs: input, state, constant
};

struct InferCall {
  const Attrs& attrs;
  std::span<const Type> in;
};

struct PlainCall {
  const Attrs& attrs;
  std::span<const ConstView> in;
  std::span<const View> out; // zero-filled is not promised
};

/// What `grad` is told: the forward node's inputs, outputs, and the loss's derivative with respect
/// to each output. It answers with the derivative with respect to each input, an empty Var for none.
struct GradOf;

/// Called with finished parts of a kernel's first output (of its storage) and their values (`step` elements from a
/// stripe's to the next one's), while they are in cache.
struct Epilogue {
  void (*run)(void* context, const Stripes& part, const float* values, int64_t step) = nullptr;
  void* context = nullptr;
  void (*ahead)(void* context, const Stripes& part) = nullptr; // may be called before, to fetch what `run` reads
};

struct KernelCall {
  const void* const* in;
  void* const* out;
  void* workspace; // 64-byte aligned
  Epilogue epilogue;
};

/// A kernel made ready for one set of types and layouts. `run` must not allocate and may be called
/// from several threads at once with different buffers.
struct Prepared {
  std::function<void(const KernelCall&)> run;
  int64_t workspace_bytes = 0;
  bool takes_epilogue = false;  // it calls the epilogue on disjoint ranges that cover its output
  bool output_optional = false; // with an epilogue, out[0] may be null: only the epilogue sees the values
  bool unread_optional = false; // any output may be null that nobody reads
  int64_t flops = 0;            // floating-point operations of one run, for reports
  // This output may be written over this input, of whose elements each is read before its place is written.
  int over_output = -1, over_input = 0;
};

struct PrepareCall {
  const Attrs& attrs;
  std::span<const Type> in, out;
  std::span<const Layout> in_layouts; // as `layouts` said; row-major where there is no such function
  Layout out_layout;                  // the same, or one of its offers
};

struct LayoutCall {
  const Attrs& attrs;
  std::span<const Type> in;
  std::span<const Layout> held;  // how each input is held
  Layout out_wanted = row_major; // one of `offers`, where a state's gradient is wanted so
};

/// The layouts that an op's kernel reads and writes. All that is left out is row-major.
struct LayoutWishes {
  std::vector<Layout> in = {};     // how it reads each input: what is held otherwise is reordered
  Layout out = row_major;          // how it writes its first output; the others are row-major
  std::vector<Layout> offers = {}; // how it could write it as well
  std::vector<Layout> states = {}; // what an input gets if it is a state that nobody has chosen a layout for yet
};

using VectorKernel = void (*)(const float* const* in, float* out, int64_t n, const float* params);

struct AttrSpec {
  const char* name;
  Attr fallback; // the default; its alternative is the kind that is accepted
  const char* doc;
  bool required = false;
};

/// What PyTorch and Keras call the same thing, with their arguments where those differ from ours; "" for none.
struct Peers {
  const char *torch = "", *keras = "";
};

/// A worked example: inputs and attributes. The docs print what it gives, the contract tests run on it.
struct Example {
  std::vector<Tensor> in;
  Attrs attrs = {};
};

struct Op {
  const char* name;
  const char* formula;     // "y = tanh(x)": inputs by the names in `args`, the output y
  const char* doc;         // one sentence
  const char* origin = ""; // where the formula comes from, if it is not common knowledge
  uint32_t traits = 0;
  std::vector<const char*> args;       // names of the inputs in formula and rules; a last "..." allows more
  std::vector<const char*> rules = {}; // per input: its derivative, "dx = dy (1 - y^2)"
  std::vector<AttrSpec> attrs = {};
  std::function<std::vector<Type>(const InferCall&)> infer;
  std::function<void(const PlainCall&)> plain = nullptr;
  std::function<std::vector<Var>(std::span<const Var> in, const Attrs&)> expand = nullptr;
  std::function<std::vector<Var>(const GradOf&)> grad = nullptr;
  VectorKernel vector = nullptr;
  std::vector<const char*> vector_params = {}; // real attributes handed to `vector`, in order
  std::function<LayoutWishes(const LayoutCall&)> layouts = nullptr;
  std::function<Prepared(const PrepareCall&)> prepare = nullptr;
  const char* onnx = ""; // the ONNX operator of the same meaning, "" where there is none
  Peers peers = {};
  std::vector<Example> examples = {};

  bool is(Trait trait) const { return traits & trait; }
};

/// `attrs` with defaults filled in. Throws on an unknown name (with the nearest), a missing
/// required one, or another kind of value.
Attrs complete_attrs(const Op& op, Attrs attrs);
/// The same for whatever else takes arguments by name: layers, optimisers, schedules. `where` begins messages.
Attrs complete_attrs(std::span<const AttrSpec> specs, const Attrs& attrs, const std::string& where);

} // namespace vitro
