// Inside of a plan: what its passes hand to one another, in the order in which they run.
// Private to src/plan.
//
//   expand.cpp     Function -> Function whose every node has a kernel or plain loops
//   layouts.cpp    -> a layout for each edge; states' layouts are chosen
//   fuse.cpp       -> groups of nodes, in the order in which they run
//   lifetimes.cpp  -> offsets in the arena for buffers with known first and last use
//   plan.cpp       ties them together: buffers, steps
//   run.cpp        executes the steps
#pragma once

#include <span>

#include "plan/plan.h"

namespace vitro {

// A namespace of its own: names as short as Step and Group must not meet those of other rooms.
namespace program {

// --- expand.cpp ---

/// `function` and its `observe` edges with every composed op that has no kernel for its types
/// replaced by its expansion, and nodes that nothing needs left out.
struct Expanded {
  Function function;
  std::vector<Edge> observed;
};
Expanded expand(const Function& function, const std::vector<Edge>& observe);

/// Whether the node runs as part of a pointwise group.
bool runs_vectorised(const Node& node);
/// Its kernel for these layouts; `run` is empty where it has none.
Prepared prepare(const Graph& graph, const Node& node, const std::vector<Layout>& in, Layout out);

// --- layouts.cpp ---

struct Layouts {
  std::vector<Layout> first_output;        // of each node's output 0; all other outputs are row-major
  std::vector<std::vector<Layout>> wanted; // what each node reads its inputs as
  Layout of(Edge edge) const { return edge.output == 0 ? first_output[size_t(edge.node)] : row_major; }
};
/// Chooses, for good, the layout of every state that has none yet.
Layouts choose_layouts(const Function& function, States& states);

// --- fuse.cpp ---

/// Nodes that run as one step: possibly one prepared kernel, then pointwise members tile by tile.
struct Group {
  NodeId root = -1;            // the node with the prepared (or plain) kernel; -1: pointwise alone
  std::vector<NodeId> members; // pointwise nodes, in order
  NodeId position() const { return members.empty() ? root : std::max(root, members.back()); }
};
/// All nodes but sources and aliases, each in one group, in an order that respects every edge.
std::vector<Group> fuse(const Function& function, const Layouts& layouts, bool enabled);

// --- lifetimes.cpp ---

struct Lifetime {
  int64_t bytes = 0;
  int first = 1 << 30, last = -1; // steps, inclusive; so far none
  int64_t offset = -1;            // the answer
};
/// Gives each an offset such that no two that live at the same step overlap; returns the bytes used.
int64_t lay_out(std::vector<Lifetime>& lifetimes);

// --- the program ---

struct BufferPlace {
  enum Kind { input, state, constant, arena } kind;
  int64_t offset = 0;    // arena: bytes from its start; input: its position
  void* fixed = nullptr; // state, constant
};

inline constexpr size_t most_members = 24; // bounds a group's scratch: at most one tile a member and one an operand

inline constexpr size_t most_inputs = 6; // of a pointwise op

/// Elements that a group works on at a time: its scratch stays in the first-level cache.
inline constexpr int64_t tile = 1024;

/// An operand of a pointwise member, and where its elements at .. at + n (of the group's space) are found. Operands and
/// members are small: they are read anew for each range, between kernels that fill the first-level cache.
struct Operand {
  enum Kind : uint8_t {
    full,      // buffer + at
    made,      // what the group's root hands to its epilogue: it has no buffer
    periodic,  // buffer + at % period: a scalar (period 1) or a row, laid out often enough by a Spread
    broadcast, // any other smaller shape: stretched into a tile of scratch, tile by tile
    slot,      // a tile of scratch
  } kind;
  int index = 0;      // buffer, or slot
  int tile = 0;       // broadcast: the slot that it is stretched into
  int strides = -1;   // broadcast: its strides in the group's shape, in PointwiseProgram::strides
  int64_t period = 1; // periodic
};
using Strides = std::array<int64_t, Shape::max_rank>;

/// A small buffer repeated in a larger one, so that a tile may begin anywhere in it.
struct Spread {
  int from, to;   // buffers
  int64_t period; // elements of `from`
  int64_t elements() const { return period == 1 ? tile : period + tile; }
};

struct Member {
  VectorKernel kernel;
  int params = 0;                        // the first of its parameters in PointwiseProgram::params
  std::array<int16_t, most_inputs> in{}; // positions in PointwiseProgram::operands
  int8_t inputs = 0;
  bool check_finite = false; // it becomes the new value of a trainable or running state
  int buffer = -1;           // where its result goes; -1: into `slot`
  int slot = 0;
  std::span<const int16_t> reads() const { return std::span(in).first(size_t(inputs)); }
};

struct PointwiseProgram {
  Shape shape;
  Layout layout;              // of everything full in it
  int64_t elements = 0;       // stored elements of the group's space, padding included
  int slots = 0;              // tiles of scratch
  bool fetches_ahead = false; // its buffers are larger than a cache that is near
  std::vector<Operand> operands;
  std::vector<Member> members;
  std::vector<Strides> strides;
  std::vector<float> params;
};

inline constexpr int nowhere = -1; // the buffer of a value that only a group's members see

struct Step {
  enum Kind { kernel, plain, pointwise_only, reorder, copy } kind;
  const Node* node = nullptr; // kernel, plain
  Prepared prepared = {};
  std::vector<int> in = {}, out = {}; // buffers
  int workspace = -1;                 // buffer
  std::vector<Spread> spreads = {};   // done first
  PointwiseProgram pointwise = {};    // members may be empty
  Type type = {};                     // reorder, copy: what is moved
  Layout from = row_major, to = row_major;
  std::string label = {};
};

} // namespace program
using namespace program;

struct Plan::Program {
  Function function;
  std::vector<Tensor> constants;
  std::vector<BufferPlace> buffers;
  std::vector<Step> steps;
  std::vector<Named> outputs;
  std::vector<int> output_buffers;
  int64_t arena_bytes = 0;
  int64_t flops = 0;
  int guard_step = -1, guard_buffer = -1; // after this step, look whether that scalar is finite
};

} // namespace vitro
