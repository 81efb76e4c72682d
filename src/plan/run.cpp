// Executes a plan's steps: no allocation, no lock, no look-up by name.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/floating_mode.h"
#include "core/text.h"
#include "core/threads.h"
#include "kernels/finite.h"
#include "plan/program.h"

namespace vitro {
namespace {

// A pointwise chain with the buffers of one execution.
struct Chain {
  const PointwiseProgram* program;
  void* const* buffers;
  std::atomic<bool>* nonfinite;
};

// For elements begin .. begin+n of a packed value: what stands in its padding does not count.
bool all_finite(const PointwiseProgram& program, const float* x, int64_t begin, int64_t n) {
  if (kernels::all_finite(x, n)) return true;
  if (program.layout.row_major()) return false;
  const int64_t block = program.layout.block, extent = program.shape[program.layout.axis];
  int64_t inner = 1;
  for (int axis = program.layout.axis + 1; axis < program.shape.rank(); ++axis) inner *= program.shape[axis];
  const int64_t blocks = (extent + block - 1) / block;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = begin + i, position = at / block / inner % blocks * block + at % block;
    if (position < extent && !std::isfinite(x[i])) return false;
  }
  return true;
}

// Where an index over the axes [first, last) of `shape` leads by its strides.
int64_t offset(const Shape& shape, const Strides& stride, int first, int last, int64_t index) {
  int64_t at = 0;
  for (int axis = last - 1; axis >= first && index; --axis) {
    at += index % shape[axis] * stride[size_t(axis)];
    index /= shape[axis];
  }
  return at;
}

// As std::fill_n, which g++ -O2 leaves at one element at a time.
void fill(float* out, int64_t n, float value) {
  for (; n >= 16; n -= 16, out += 16)
    for (int i = 0; i < 16; ++i) out[i] = value;
  for (; n > 0; --n) *out++ = value;
}

// Elements begin .. begin+n of `x` as it stretches over `shape`, run by run: the last axis, or the last ones where none
// of them moves in x.
void stretch(const float* x, const Shape& shape, const Strides& stride, int64_t begin, int64_t n, float* out) {
  int last = shape.rank() - 1;
  int64_t inner = shape[last];
  const int64_t step = stride[size_t(last)];
  for (; step == 0 && last > 0 && stride[size_t(last - 1)] == 0; --last) inner *= shape[last - 1];
  int64_t row = begin / inner, column = begin % inner;
  while (n > 0) {
    const int64_t at = column * step + offset(shape, stride, 0, last, row);
    const int64_t length = std::min(inner - column, n);
    if (step)
      std::copy_n(x + at, length, out);
    else
      fill(out, length, x[at]);
    out += length;
    n -= length;
    ++row;
    column = 0;
  }
}

// The same over a packed space: elements begin .. begin+n of its storage, zeros in the padding.
void stretch_packed(const float* x, const Shape& shape, Layout layout, const Strides& stride, int64_t begin, int64_t n,
                    float* out) {
  const int axis = layout.axis, rank = shape.rank();
  const int64_t block = layout.block, blocks = (shape[axis] + block - 1) / block, lane_step = stride[size_t(axis)];
  const bool rows = axis + 1 < rank;
  const int64_t columns = rows ? shape.back() : 1, step = rows ? stride[size_t(rank - 1)] : 0;
  int64_t inner = 1;
  for (int i = axis + 1; i < rank; ++i) inner *= shape[i];
  for (const int64_t end = begin + n; begin < end;) {
    const int64_t group = begin / block, i = group % inner, at = group / inner % blocks;
    const int64_t real = std::min(block, shape[axis] - at * block);
    const float* from = x + offset(shape, stride, 0, axis, group / inner / blocks) + at * block * lane_step +
                        offset(shape, stride, axis + 1, rank, i);
    for (int64_t column = i % columns; column < columns && begin < end; ++column, from += step) {
      int64_t lane = begin % block;
      const int64_t length = std::min(block - lane, end - begin);
      begin += length;
      if (length == 16 && real == 16 && lane_step == 1) { // of one length that is known: the channels of a picture
        std::memcpy(out, from, 16 * sizeof(float));
        out += 16;
      } else {
        for (const int64_t last = lane + length; lane < last; ++lane) *out++ = lane < real ? from[lane * lane_step] : 0;
      }
    }
  }
}

// Asks for the cache lines of the chain's buffers at a part of its space.
void fetch_ahead(void* context, const Stripes& part) {
  const Chain& chain = *static_cast<const Chain*>(context);
  constexpr int64_t line = cache_line / int64_t(sizeof(float));
  for (const Operand& operand : chain.program->operands)
    if (operand.kind == Operand::full)
      for (int64_t i = 0; i < part.count; ++i)
        for (int64_t at = (part.begin + i * part.step) / line * line; at < part.end + i * part.step; at += line)
          __builtin_prefetch(static_cast<const float*>(chain.buffers[operand.index]) + at, 0, 2);
}

// A part of the chain's space, tile by tile; `made` is what its root made of it, if it has one (`made_step` elements
// from a stripe's to the next one's).
void run_part(Chain& chain, const Stripes& part, const float* made, int64_t made_step) {
  const PointwiseProgram& program = *chain.program;
  auto* scratch = static_cast<float*>(__builtin_alloca(size_t(program.slots) * tile * sizeof(float) + cache_line));
  scratch = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch) + cache_line - 1) / cache_line * cache_line);
  const auto slot = [&](int index) { return scratch + index * tile; };
  const auto data = [&](int buffer) { return static_cast<float*>(chain.buffers[buffer]); };
  // Where each operand is found at the place of a tile: base + moves (at - begin).
  struct Place {
    const float* base;
    int64_t moves;
  };
  auto* places = static_cast<Place*>(__builtin_alloca(program.operands.size() * sizeof(Place)));
  bool finite = true;
  for (int64_t i = 0; i < part.count; ++i) {
    const int64_t begin = part.begin + i * part.step, end = part.end + i * part.step;
    for (size_t k = 0; k < program.operands.size(); ++k) {
      const Operand& operand = program.operands[k];
      switch (operand.kind) {
        case Operand::full: places[k] = {data(operand.index) + begin, 1}; break;
        case Operand::made: places[k] = {made + i * made_step, 1}; break;
        case Operand::periodic: places[k] = {data(operand.index), 0}; break;
        case Operand::broadcast: places[k] = {slot(operand.tile), 0}; break;
        case Operand::slot: places[k] = {slot(operand.index), 0}; break;
      }
    }
    for (int64_t at = begin; at < end; at += tile) {
      const int64_t n = std::min(tile, end - at);
      if (!made && program.fetches_ahead && at + tile < end)
        fetch_ahead(&chain, {at + tile, std::min(at + 2 * tile, end)});
      for (size_t k = 0; k < program.operands.size(); ++k) {
        const Operand& operand = program.operands[k];
        if (operand.kind == Operand::broadcast && program.layout.row_major())
          stretch(data(operand.index), program.shape, program.strides[size_t(operand.strides)], at, n,
                  slot(operand.tile));
        else if (operand.kind == Operand::broadcast)
          stretch_packed(data(operand.index), program.shape, program.layout, program.strides[size_t(operand.strides)],
                         at, n, slot(operand.tile));
        else if (operand.period > 1)
          places[k].base = data(operand.index) + at % operand.period;
      }
      for (const Member& member : program.members) {
        const float* in[most_inputs];
        for (size_t k = 0; k < member.reads().size(); ++k) {
          const Place& place = places[size_t(member.in[k])];
          in[k] = place.base + place.moves * (at - begin);
        }
        float* out = member.buffer >= 0 ? data(member.buffer) + at : slot(member.slot);
        member.kernel(in, out, n, program.params.data() + member.params);
        if (member.check_finite) finite &= all_finite(program, out, at, n);
      }
    }
  }
  if (!finite) chain.nonfinite->store(true, std::memory_order_relaxed);
}

void run_spread(const Spread& spread, void* const* buffers) {
  const auto* from = static_cast<const float*>(buffers[spread.from]);
  auto* to = static_cast<float*>(buffers[spread.to]);
  if (spread.period == 1) {
    std::fill_n(to, tile, *from);
    return;
  }
  const int64_t n = spread.elements();
  std::copy_n(from, spread.period, to);
  for (int64_t done = spread.period; done < n;) { // twice as much each time: whole periods behind whole periods
    const int64_t more = std::min(done, n - done);
    std::copy_n(to, more, to + done);
    done += more;
  }
}

void run_epilogue(void* context, const Stripes& part, const float* values, int64_t step) {
  run_part(*static_cast<Chain*>(context), part, values, step);
}

// Long enough that a task is worth handing to another thread, whatever the chain does.
constexpr int64_t elements_per_task = 16 * 1024;

void run_pointwise(Chain& chain) {
  const int64_t elements = chain.program->elements;
  const int64_t tasks = (elements + elements_per_task - 1) / elements_per_task;
  parallel(tasks, [&](int64_t task) {
    run_part(chain, {task * elements_per_task, std::min(elements, (task + 1) * elements_per_task)}, nullptr, 0);
  });
}

} // namespace

std::byte* Arena::reserve(size_t bytes) {
  if (bytes > buffer_.size()) buffer_ = Buffer(bytes);
  return buffer_.data();
}

// Where everything of one execution lies. Pointers are written once, and again when the arena has
// moved or an input is bound elsewhere.
struct Execution::Frame {
  std::vector<const void*> bound;
  std::vector<void*> buffers;
  struct StepFrame {
    std::vector<const void*> in;
    std::vector<void*> out;
    std::vector<ConstView> in_views;
    std::vector<View> out_views;
    void* workspace = nullptr;
    Chain chain{};
  };
  std::vector<StepFrame> steps;
  std::byte* base = nullptr;
  bool stale = true;
  std::atomic<bool> nonfinite = false;

  explicit Frame(const Plan::Program& program)
      : bound(program.function.inputs.size()), buffers(program.buffers.size()), steps(program.steps.size()) {
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = program.steps[i];
      steps[i].in.resize(step.in.size());
      steps[i].out.resize(step.out.size());
      if (step.kind == Step::plain) {
        for (const Edge edge : step.node->in)
          steps[i].in_views.push_back({program.function.graph->type(edge), nullptr});
        for (const Type& type : step.node->out) steps[i].out_views.push_back({type, nullptr});
      }
      steps[i].chain = {&step.pointwise, buffers.data(), &nonfinite};
    }
  }

  void refresh(const Plan::Program& program) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      const BufferPlace& place = program.buffers[i];
      switch (place.kind) {
        case BufferPlace::input: buffers[i] = const_cast<void*>(bound[size_t(place.offset)]); break;
        case BufferPlace::arena: buffers[i] = base + place.offset; break;
        default: buffers[i] = place.fixed;
      }
    }
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = program.steps[i];
      StepFrame& frame = steps[i];
      for (size_t k = 0; k < step.in.size(); ++k) frame.in[k] = buffers[size_t(step.in[k])];
      for (size_t k = 0; k < step.out.size(); ++k)
        frame.out[k] = step.out[k] == nowhere ? nullptr : buffers[size_t(step.out[k])];
      for (size_t k = 0; k < frame.in_views.size(); ++k) frame.in_views[k].data = frame.in[k];
      for (size_t k = 0; k < frame.out_views.size(); ++k) frame.out_views[k].data = frame.out[k];
      if (step.workspace >= 0) frame.workspace = buffers[size_t(step.workspace)];
    }
    stale = false;
  }
};

Execution::Execution(std::shared_ptr<const Plan> plan, std::shared_ptr<Arena> arena)
    : plan_(std::move(plan)), arena_(std::move(arena)), frame_(std::make_unique<Frame>(plan_->program())) {}
Execution::~Execution() = default;

void Execution::bind(size_t i, ConstView value) {
  if (i >= frame_->bound.size())
    bad_input("plan", text("input ", i, " bound, the function has ", frame_->bound.size()));
  if (value.type != plan_->input_type(i))
    bad_input("plan",
              text("input \"", plan_->inputs()[i].name, "\" is ", value.type, ", expected ", plan_->input_type(i)));
  if (frame_->bound[i] == value.data) return;
  frame_->bound[i] = value.data;
  frame_->stale = true;
}

bool Execution::run() {
  const Plan::Program& program = plan_->program();
  Frame& frame = *frame_;
  std::byte* const base = arena_->reserve(size_t(program.arena_bytes));
  if (base != frame.base || frame.stale) {
    for (size_t i = 0; i < frame.bound.size(); ++i)
      if (!frame.bound[i] && plan_->input_type(i).bytes())
        bad_input("plan", text("input \"", plan_->inputs()[i].name, "\" is not bound"));
    frame.base = base;
    frame.refresh(program);
  }
  const SubnormalsFlushed flushed;
  frame.nonfinite.store(false, std::memory_order_relaxed);
  const auto guarded_is_finite = [&] {
    return std::isfinite(*static_cast<const float*>(frame.buffers[size_t(program.guard_buffer)]));
  };
  if (program.guard_buffer >= 0 && program.guard_step < 0 && !guarded_is_finite())
    return false; // no step makes it: it is a source
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    Frame::StepFrame& now = frame.steps[i];
    for (const Spread& spread : step.spreads) run_spread(spread, frame.buffers.data());
    switch (step.kind) {
      case Step::kernel: {
        const Epilogue epilogue =
            step.pointwise.members.empty()
                ? Epilogue{}
                : Epilogue{run_epilogue, &now.chain, step.pointwise.fetches_ahead ? fetch_ahead : nullptr};
        step.prepared.run({now.in.data(), now.out.data(), now.workspace, epilogue});
        break;
      }
      case Step::plain: step.node->op->plain({step.node->attrs, now.in_views, now.out_views}); break;
      case Step::pointwise_only: run_pointwise(now.chain); break;
      case Step::reorder:
        if (step.to.row_major())
          unpack(step.type, step.from, now.in[0], now.out[0]);
        else
          pack(step.type, step.to, now.in[0], now.out[0]);
        break;
      case Step::copy:
        std::memcpy(now.out[0], now.in[0],
                    size_t(stored_elements(step.type.shape, step.to) * bytes_of(step.type.dtype)));
        break;
    }
    if (int(i) == program.guard_step && !guarded_is_finite()) return false;
  }
  return true;
}

ConstView Execution::output(size_t i) const {
  return {plan_->output_type(i), frame_->buffers[size_t(plan_->program().output_buffers[i])]};
}

bool Execution::nonfinite_update() const { return frame_->nonfinite.load(std::memory_order_relaxed); }

} // namespace vitro
