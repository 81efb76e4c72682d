// Ties the passes together: from groups to steps and buffers.
//
// First every value gets a buffer of its own; then pointwise results move into the buffer of an
// operand that dies there, or straight into the state that they update; then the arena is laid out.
#include "plan/plan.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>

#include "core/error.h"
#include "core/text.h"
#include "plan/program.h"

namespace vitro {
namespace {

// Of each operand: what is larger was most likely driven out of the second-level cache since the last step.
constexpr int64_t near_cache_bytes = 1024 * 1024;

// A value as somebody wants to read it.
using Value = std::pair<Edge, Layout>;

class Builder {
public:
  Builder(const Function& function, States& states, const PlanOptions& options, Plan::Program& program)
      : states_(states), program_(program), expanded_(expand(function, options.observe)),
        layouts_(choose_layouts(expanded_.function, states)) {
    program_.function = expanded_.function;
    graph_ = expanded_.function.graph.get();
    collect_readers();
    place_sources();
    for (const Group& group : fuse(expanded_.function, layouts_, options.fuse)) add_group(group);
    add_outputs();
    if (options.guard >= 0) set_guard(size_t(options.guard));
    add_updates();
    reuse_operands();
    lay_out_arena();
  }

private:
  // --- buffers ---

  int new_buffer(BufferPlace place, int64_t bytes) {
    program_.buffers.push_back(place);
    lives_.push_back({bytes});
    merged_.push_back(int(merged_.size()));
    return int(program_.buffers.size()) - 1;
  }
  int new_arena(const Type& type, Layout layout) {
    return new_buffer({BufferPlace::arena}, stored_elements(type.shape, layout) * bytes_of(type.dtype));
  }
  void touch(int buffer, int step) {
    lives_[size_t(buffer)].first = std::min(lives_[size_t(buffer)].first, step);
    lives_[size_t(buffer)].last = std::max(lives_[size_t(buffer)].last, step);
  }
  static bool is_buffer(const Operand& operand) {
    return operand.kind != Operand::slot && operand.kind != Operand::made;
  }
  int next_step() const { return int(program_.steps.size()); }
  int push(Step step) {
    for (const auto* list : {&step.in, &step.out})
      for (const int buffer : *list)
        if (buffer != nowhere) touch(buffer, next_step());
    if (step.workspace >= 0) touch(step.workspace, next_step());
    for (const Spread& spread : step.spreads) touch(spread.from, next_step());
    for (const Operand& operand : step.pointwise.operands)
      if (is_buffer(operand)) touch(operand.index, next_step());
    for (const Member& member : step.pointwise.members)
      if (member.buffer >= 0) touch(member.buffer, next_step());
    program_.steps.push_back(std::move(step));
    return next_step() - 1;
  }

  // The edge whose bytes an alias shows.
  Edge origin(Edge edge) const {
    while ((*graph_)[edge.node].op->is(alias)) edge = (*graph_)[edge.node].in[0];
    return edge;
  }

  // The buffer that holds `edge` in `layout`; a reorder is added where it is held otherwise.
  int buffer_of(Edge edge, Layout layout) {
    if (layout.row_major()) edge = origin(edge);
    if (const auto found = values_.find({edge, layout}); found != values_.end()) return found->second;
    const Layout held = layouts_.of(edge);
    const Type& type = graph_->type(edge);
    if (held == layout) throw std::logic_error(text("plan: ", print(*graph_, edge.node), " is read before it is made"));
    const Layout from = layout.row_major() ? held : row_major; // from one packing to another by way of row-major
    const int in = buffer_of(edge, from), out = new_arena(type, layout);
    push({.kind = Step::reorder,
          .in = {in},
          .out = {out},
          .type = type,
          .from = from,
          .to = layout,
          .label = text("reorder ", edge_name(edge), " to ", layout)});
    return values_[{edge, layout}] = out;
  }

  std::string edge_name(Edge edge) const {
    const Node& node = (*graph_)[edge.node];
    return node.op->is(source) ? node.name : text("%", edge.node, " ", node.op->name);
  }

  // --- what is read where ---

  void collect_readers() {
    readers_.resize(size_t(graph_->size()));
    for (NodeId id = 0; id < graph_->size(); ++id)
      for (const Edge edge : (*graph_)[id].in) readers_[size_t(edge.node)].push_back(id), read_.insert(edge);
    ends_.resize(size_t(graph_->size()));
    const auto end = [&](Edge edge) { ends_[size_t(edge.node)] = true, read_.insert(edge); };
    for (const auto* ends : {&expanded_.function.outputs, &expanded_.function.updates})
      for (const Named& named : *ends) end(named.edge);
    for (const Edge edge : expanded_.observed) end(edge);
  }

  void place_sources() {
    program_.constants.reserve(2 * size_t(graph_->size())); // pointers into it are kept; each may be spread
    std::map<uint32_t, int> scalars;                        // equal scalars share a buffer
    for (NodeId id = 0; id < graph_->size(); ++id) {
      const Node& node = (*graph_)[id];
      const Edge edge{id, 0};
      const Layout layout = layouts_.of(edge);
      if (node.op == &input_op) {
        for (size_t i = 0; i < expanded_.function.inputs.size(); ++i)
          if (expanded_.function.inputs[i].edge.node == id)
            values_[{edge, row_major}] = new_buffer({BufferPlace::input, int64_t(i)}, node.out[0].bytes());
      } else if (node.op == &state_op) {
        State& state = states_.at(node.name);
        const int buffer = new_buffer({BufferPlace::state, 0, state.storage.data()}, int64_t(state.storage.size()));
        values_[{edge, layout}] = state_buffer_[node.name] = buffer;
      } else if (node.op == &constant_op) {
        const Tensor& value = node.attrs.tensor("value");
        const bool scalar = value.elements() == 1 && value.dtype() == DType::f32;
        uint32_t bits = 0;
        if (scalar) std::memcpy(&bits, value.view().data, sizeof bits);
        if (scalar && scalars.contains(bits)) {
          values_[{edge, row_major}] = scalars[bits];
          continue;
        }
        program_.constants.push_back(value);
        const int buffer =
            new_buffer({BufferPlace::constant, 0, program_.constants.back().view().data}, value.type().bytes());
        values_[{edge, row_major}] = buffer;
        if (scalar) scalars[bits] = buffer;
      }
    }
  }

  // --- steps ---

  void add_group(const Group& group) {
    Step step{.kind = Step::pointwise_only};
    if (group.root >= 0) add_root(group, step);
    if (!group.members.empty()) add_members(group, step);
    push(std::move(step));
  }

  // Whether a node's first output, made in `group`, is read outside of it.
  bool read_outside(NodeId id, const Group& group) const {
    return ends_[size_t(id)] || std::ranges::any_of(readers_[size_t(id)], [&](NodeId reader) {
             return std::ranges::find(group.members, reader) == group.members.end() &&
                    std::ranges::find((*graph_)[reader].in, Edge{id, 0}) != (*graph_)[reader].in.end();
           });
  }

  void add_root(const Group& group, Step& step) {
    const NodeId id = group.root;
    const Node& node = (*graph_)[id];
    const auto& wanted = layouts_.wanted[size_t(id)];
    const Layout out = layouts_.first_output[size_t(id)];
    step.node = &node;
    step.prepared = prepare(*graph_, node, wanted, out);
    step.kind = step.prepared.run ? Step::kernel : Step::plain;
    for (size_t i = 0; i < node.in.size(); ++i) step.in.push_back(buffer_of(node.in[i], wanted[i]));
    for (size_t i = 0; i < node.out.size(); ++i) {
      const Layout layout = i == 0 ? out : row_major;
      const bool needless =
          i == 0 && step.prepared.output_optional && !group.members.empty() && !read_outside(id, group);
      const bool unread = step.prepared.unread_optional && !read_.contains({id, int32_t(i)});
      step.out.push_back(needless || unread ? nowhere
                                            : values_[{{id, int32_t(i)}, layout}] = new_arena(node.out[i], layout));
    }
    if (step.prepared.workspace_bytes) step.workspace = new_buffer({BufferPlace::arena}, step.prepared.workspace_bytes);
    program_.flops += step.prepared.flops;
    step.label = text(node.name.empty() ? "" : node.name + ": ", node.op->name);
  }

  void add_members(const Group& group, Step& step) {
    const Node& first = (*graph_)[group.members[0]];
    const Layout layout = layouts_.first_output[size_t(group.members[0])];
    PointwiseProgram& program = step.pointwise;
    program.shape = first.out[0].shape;
    program.layout = layout;
    program.elements = stored_elements(program.shape, layout);

    std::map<NodeId, size_t> position; // of members in the program
    for (size_t i = 0; i < group.members.size(); ++i) position[group.members[i]] = i;
    std::vector<size_t> last_reader(group.members.size(), 0);

    for (size_t i = 0; i < group.members.size(); ++i) {
      const NodeId id = group.members[i];
      const Node& node = (*graph_)[id];
      Member member{.kernel = node.op->vector, .params = int(program.params.size())};
      for (const char* name : node.op->vector_params) program.params.push_back(float(node.attrs.real(name)));
      for (const Edge edge : node.in) {
        int16_t& in = member.in.at(size_t(member.inputs++));
        const auto inside = position.find(edge.node);
        if (inside != position.end()) last_reader[inside->second] = i;
        if (inside != position.end())
          in = operand(program, {.kind = Operand::slot, .index = int(inside->second)});
        else if (edge.node == group.root && edge.output == 0 && step.out[0] == nowhere)
          in = operand(program, {.kind = Operand::made});
        else
          in = outside_operand(step, edge, layout);
      }
      if (read_outside(id, group)) member.buffer = values_[{{id, 0}, layout}] = new_arena(node.out[0], layout);
      program.members.push_back(member);
      step.label += text(step.label.empty() ? (node.name.empty() ? "" : node.name + ": ") : " + ", node.op->name);
    }
    program_.flops += program.elements * int64_t(program.members.size());
    program.fetches_ahead = program.elements * int64_t(sizeof(float)) > near_cache_bytes;
    assign_slots(program, last_reader);
  }

  static int16_t operand(PointwiseProgram& program, Operand wanted) {
    for (size_t i = 0; i < program.operands.size(); ++i)
      if (const Operand& held = program.operands[i];
          held.kind == wanted.kind && held.index == wanted.index && held.strides == wanted.strides)
        return int16_t(i);
    program.operands.push_back(wanted);
    return int16_t(program.operands.size() - 1);
  }

  int16_t outside_operand(Step& step, Edge edge, Layout layout) {
    PointwiseProgram& program = step.pointwise;
    const Shape& shape = graph_->type(edge).shape;
    if (shape == program.shape) return operand(program, {.kind = Operand::full, .index = buffer_of(edge, layout)});
    const int buffer = buffer_of(edge, row_major);
    const auto is_row = [&] { return shape.back() == program.shape.back() && shape.elements() == shape.back(); };
    if (shape.elements() == 1 || (layout.row_major() && is_row()))
      return operand(
          program,
          {.kind = Operand::periodic, .index = spread(step, buffer, shape.elements()), .period = shape.elements()});
    const Strides strides = broadcast_strides(shape, program.shape);
    const auto known = std::ranges::find(program.strides, strides);
    const int which = int(known - program.strides.begin());
    if (known == program.strides.end()) program.strides.push_back(strides);
    return operand(program, {.kind = Operand::broadcast, .index = buffer, .strides = which});
  }

  // The buffer in which `buffer` is repeated: by the first step that needs it; a constant once and for all.
  int spread(Step& step, int buffer, int64_t period) {
    if (const auto found = spreads_.find(buffer); found != spreads_.end()) return found->second;
    Spread spread{buffer, -1, period};
    const BufferPlace& place = program_.buffers[size_t(buffer)];
    if (place.kind == BufferPlace::constant && period == 1) {
      const float value = *static_cast<const float*>(place.fixed);
      program_.constants.push_back(Tensor::full({DType::f32, Shape{spread.elements()}}, double(value)));
      spread.to = new_buffer({BufferPlace::constant, 0, program_.constants.back().view().data},
                             spread.elements() * int64_t(sizeof(float)));
    } else {
      spread.to = new_buffer({BufferPlace::arena}, spread.elements() * int64_t(sizeof(float)));
      step.spreads.push_back(spread);
    }
    return spreads_[buffer] = spread.to;
  }

  // Members without a buffer leave their tile in scratch: until the last member that reads it.
  // `slot` operands name a member so far; now they name what that member writes.
  static void assign_slots(PointwiseProgram& program, const std::vector<size_t>& last_reader) {
    for (Operand& operand : program.operands)
      if (operand.kind == Operand::broadcast) operand.tile = program.slots++;
    std::vector<int> free;
    for (size_t i = 0; i < program.members.size(); ++i) {
      Member& member = program.members[i];
      if (member.buffer >= 0) continue;
      // A slot whose last reader is this very member may be written by it: out may equal in.
      for (size_t before = 0; before < i; ++before)
        if (const Member& other = program.members[before];
            other.buffer < 0 && last_reader[before] <= i && other.slot >= 0 &&
            std::ranges::find(free, other.slot) == free.end() &&
            std::ranges::none_of(program.members.begin() + long(before) + 1, program.members.begin() + long(i),
                                 [&](const Member& later) { return later.buffer < 0 && later.slot == other.slot; }))
          free.push_back(other.slot);
      if (free.empty()) {
        member.slot = program.slots++;
      } else {
        member.slot = free.back();
        free.pop_back();
      }
    }
    for (Operand& operand : program.operands)
      if (operand.kind == Operand::slot) {
        const Member& made = program.members[size_t(operand.index)];
        if (made.buffer >= 0)
          operand = {.kind = Operand::full, .index = made.buffer};
        else
          operand.index = made.slot;
      }
  }

  // --- what remains after the last group ---

  bool is_updated_state(int buffer) const {
    return std::ranges::any_of(expanded_.function.updates, [&](const Named& update) {
      const auto found = state_buffer_.find(update.name);
      return found != state_buffer_.end() && found->second == buffer;
    });
  }

  int copied(int buffer, const Type& type, Layout layout) {
    const int to = new_arena(type, layout);
    push(
        {.kind = Step::copy, .in = {buffer}, .out = {to}, .type = type, .from = layout, .to = layout, .label = "copy"});
    return to;
  }

  void add_outputs() {
    program_.outputs = expanded_.function.outputs;
    for (size_t i = 0; i < expanded_.observed.size(); ++i)
      program_.outputs.push_back({text("observed ", i), expanded_.observed[i]});
    for (const Named& output : program_.outputs) {
      int buffer = buffer_of(output.edge, row_major);
      if (is_updated_state(buffer))
        buffer = copied(buffer, graph_->type(output.edge), row_major); // its old value is asked for
      program_.output_buffers.push_back(buffer);
    }
  }

  void set_guard(size_t output) {
    const int buffer = program_.output_buffers[output];
    program_.guard_buffer = buffer;
    for (int step = 0; step < next_step(); ++step) {
      const Step& made = program_.steps[size_t(step)];
      const bool here =
          std::ranges::find(made.out, buffer) != made.out.end() ||
          std::ranges::any_of(made.pointwise.members, [&](const Member& member) { return member.buffer == buffer; });
      if (here) program_.guard_step = step;
    }
  }

  void add_updates() {
    struct Write {
      std::string state;
      int from;
    };
    std::vector<Write> writes;
    for (const Named& update : expanded_.function.updates) {
      const State& state = states_.at(update.name);
      int from = buffer_of(update.edge, state.layout);
      if (is_updated_state(from)) from = copied(from, state.type, state.layout);
      writes.push_back({update.name, from});
    }
    for (const int buffer : program_.output_buffers) touch(buffer, next_step() + int(writes.size()) + 1);
    for (const Write& write : writes) {
      State& state = states_.at(write.state);
      const auto found = state_buffer_.find(write.state);
      const int to = found != state_buffer_.end()
                         ? found->second
                         : (state_buffer_[write.state] = new_buffer({BufferPlace::state, 0, state.storage.data()},
                                                                    int64_t(state.storage.size())));
      check_finite(write.from, state);
      if (updates_in_place(write.from, to)) continue;
      push({.kind = Step::copy,
            .in = {write.from},
            .out = {to},
            .type = state.type,
            .from = state.layout,
            .to = state.layout,
            .label = text("store ", write.state)});
    }
  }

  void check_finite(int buffer, const State& state) {
    if (!state.trainable && !state.running) return;
    for (Step& step : program_.steps)
      for (Member& member : step.pointwise.members)
        if (member.buffer == buffer) member.check_finite = true;
  }

  // --- reuse ---

  int find(int buffer) const {
    while (merged_[size_t(buffer)] != buffer) buffer = merged_[size_t(buffer)];
    return buffer;
  }

  // Where member `which` of `step` may write its result over `held`: nothing in the step reads `held`
  // element by element after it, or other than element by element.
  bool overwritable(const Step& step, size_t which, int held) const {
    const auto is = [&](int buffer) { return find(buffer) == find(held); };
    if (std::ranges::any_of(step.in, is)) return false;
    if (step.workspace >= 0 && is(step.workspace)) return false;
    for (const Spread& spread : step.spreads)
      if (is(spread.from) || is(spread.to)) return false;
    for (size_t i = 1; i < step.out.size(); ++i)
      if (is(step.out[i])) return false;
    for (const Operand& operand : step.pointwise.operands)
      if (is_buffer(operand) && operand.kind != Operand::full && is(operand.index)) return false;
    for (size_t later = which + 1; later < step.pointwise.members.size(); ++later) {
      const Member& member = step.pointwise.members[later];
      if (member.buffer >= 0 && is(member.buffer)) return false;
      for (const int in : member.reads())
        if (const Operand& operand = step.pointwise.operands[size_t(in)];
            operand.kind == Operand::full && is(operand.index))
          return false;
    }
    for (size_t before = 0; before < which; ++before)
      if (const Member& member = step.pointwise.members[before]; member.buffer >= 0 && is(member.buffer)) return false;
    return true;
  }

  bool updates_in_place(int from, int state) {
    for (int at = program_.guard_step + 1; at < next_step(); ++at) {
      const Step& step = program_.steps[size_t(at)];
      for (size_t which = 0; which < step.pointwise.members.size(); ++which) {
        if (step.pointwise.members[which].buffer != from) continue;
        if (find(from) != from || lives_[size_t(state)].last > at || !overwritable(step, which, state)) return false;
        merged_[size_t(from)] = state;
        return true;
      }
    }
    return false;
  }

  void reuse_operands() {
    for (int at = 0; at < next_step(); ++at) {
      const Step& step = program_.steps[size_t(at)];
      take_over_input(step, at);
      for (size_t which = 0; which < step.pointwise.members.size(); ++which) {
        const Member& member = step.pointwise.members[which];
        if (member.buffer < 0 || find(member.buffer) != member.buffer) continue;
        for (size_t earlier = 0; earlier <= which; ++earlier)
          if (take_over(step, at, which, step.pointwise.members[earlier])) break;
      }
    }
  }

  // Lets member `which` write over an operand of `reader` that dies in this step.
  bool take_over(const Step& step, int at, size_t which, const Member& reader) {
    const int mine = step.pointwise.members[which].buffer;
    for (const int in : reader.reads()) {
      const Operand& operand = step.pointwise.operands[size_t(in)];
      if (operand.kind != Operand::full) continue;
      if (overwritable(step, which, operand.index) && merge(mine, find(operand.index), at)) return true;
    }
    return false;
  }

  // The same for an output of the kernel itself.
  void take_over_input(const Step& step, int at) {
    const int out = step.prepared.over_output, in = step.prepared.over_input;
    if (out < 0 || step.out[size_t(out)] == nowhere) return;
    const int held = find(step.in[size_t(in)]);
    const auto is = [&](int buffer) { return find(buffer) == held; };
    const auto reads = [&](const Operand& operand) { return is_buffer(operand) && is(operand.index); };
    if (std::ranges::count_if(step.in, is) == 1 && std::ranges::none_of(step.pointwise.operands, reads))
      merge(step.out[size_t(out)], held, at);
  }

  // Puts a buffer in the place of one that dies in step `at`, if it is of its size.
  bool merge(int mine, int held, int at) {
    Lifetime &from = lives_[size_t(held)], &to = lives_[size_t(mine)];
    if (held == mine || program_.buffers[size_t(held)].kind != BufferPlace::arena) return false;
    if (from.bytes != to.bytes || from.last != at) return false;
    merged_[size_t(mine)] = held;
    from.last = to.last;
    return true;
  }

  void lay_out_arena() {
    std::vector<Lifetime> lifetimes;
    std::vector<size_t> owner;
    for (size_t i = 0; i < lives_.size(); ++i)
      if (program_.buffers[i].kind == BufferPlace::arena && find(int(i)) == int(i) && lives_[i].last >= 0) {
        lifetimes.push_back(lives_[i]);
        owner.push_back(i);
      }
    program_.arena_bytes = lay_out(lifetimes);
    for (size_t i = 0; i < owner.size(); ++i) program_.buffers[owner[i]].offset = lifetimes[i].offset;
    for (size_t i = 0; i < lives_.size(); ++i)
      if (const int root = find(int(i)); root != int(i)) program_.buffers[i] = program_.buffers[size_t(root)];
  }

  States& states_;
  Plan::Program& program_;
  const Expanded expanded_;
  const Layouts layouts_;
  const Graph* graph_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> ends_;
  std::set<Edge> read_;
  std::map<Value, int> values_;
  std::map<std::string, int> state_buffer_;
  std::map<int, int> spreads_; // from buffer to buffer
  std::vector<Lifetime> lives_;
  std::vector<int> merged_; // a buffer that lives in another's place
};

std::string place_name(const BufferPlace& place) {
  switch (place.kind) {
    case BufferPlace::input: return text("input ", place.offset);
    case BufferPlace::state: return "state";
    case BufferPlace::constant: return "constant";
    default: return text("arena+", place.offset);
  }
}

} // namespace

Plan::Plan(const Function& function, States& states, PlanOptions options) : program_(std::make_unique<Program>()) {
  Builder(function, states, options, *program_);
}
Plan::~Plan() = default;

const std::vector<Named>& Plan::inputs() const { return program_->function.inputs; }
const std::vector<Named>& Plan::outputs() const { return program_->outputs; }
const Type& Plan::input_type(size_t i) const {
  return program_->function.graph->type(program_->function.inputs[i].edge);
}
const Type& Plan::output_type(size_t i) const { return program_->function.graph->type(program_->outputs[i].edge); }
int64_t Plan::arena_bytes() const { return program_->arena_bytes; }
int64_t Plan::flops() const { return program_->flops; }

std::string Plan::str() const {
  std::string out;
  for (size_t i = 0; i < program_->steps.size(); ++i) {
    const Step& step = program_->steps[i];
    std::vector<std::string> places;
    for (const int buffer : step.out)
      places.push_back(buffer == nowhere ? (step.prepared.unread_optional ? "unread" : "epilogue")
                                         : place_name(program_->buffers[size_t(buffer)]));
    for (const Member& member : step.pointwise.members)
      if (member.buffer >= 0) places.push_back(place_name(program_->buffers[size_t(member.buffer)]));
    out += text(i, "  ", step.label, "  -> ", join(places, ", "), "\n");
  }
  return out + text("arena ", program_->arena_bytes, " bytes\n");
}

} // namespace vitro
