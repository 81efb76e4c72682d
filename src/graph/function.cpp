#include "graph/function.h"

#include <algorithm>
#include <stdexcept>

#include "core/error.h"
#include "core/named.h"
#include "core/text.h"

namespace vitro {
namespace {

size_t position(const std::vector<Named>& all, const std::string& name, const char* kind) {
  return size_t(&named(all, name, "function", kind) - all.data());
}

Attrs type_attrs(const Type& type) { return {{"dtype", int64_t(type.dtype)}, {"shape", type.shape.list()}}; }

} // namespace

State& States::add(const std::string& name, const Tensor& value, bool trainable) {
  if (has(name)) bad_input("states", text("the name \"", name, "\" is taken"), "give each layer a name of its own");
  index_[name] = states_.size();
  states_.push_back(std::make_unique<State>());
  State& state = *states_.back();
  state.name = name;
  state.type = value.type();
  state.trainable = trainable;
  state.storage = Buffer(size_t(value.type().bytes()));
  write(name, value);
  return state;
}

const State& States::at(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end())
    bad_input("states", text("no state \"", name, "\"", did_you_mean(name, names())), "it has " + join(names(), ", "));
  return *states_[found->second];
}

State& States::at(const std::string& name) { return const_cast<State&>(std::as_const(*this).at(name)); }

Tensor States::read(const std::string& name) const {
  const State& state = at(name);
  Tensor out(state.type);
  if (state.type.bytes()) unpack(state.type, state.layout, state.storage.data(), out.view().data);
  return out;
}

void States::write(const std::string& name, const Tensor& value) {
  State& state = at(name);
  if (value.type() != state.type) bad_input("states", text("\"", name, "\" is ", state.type, ", found ", value.type()));
  if (value.type().bytes()) pack(state.type, state.layout, value.view().data, state.storage.data());
}

void States::choose_layout(State& state, Layout layout) {
  state.layout_fixed = true;
  if (layout == state.layout) return;
  const Tensor value = read(state.name);
  state.layout = layout;
  state.storage = Buffer(size_t(stored_elements(state.type.shape, layout) * bytes_of(state.type.dtype)));
  write(state.name, value);
}

template <class Keep> std::vector<std::string> States::names_of(Keep keep) const {
  std::vector<std::string> out;
  for (const auto& state : states_)
    if (keep(*state)) out.push_back(state->name);
  return out;
}

std::vector<std::string> States::names(bool trainable_only) const {
  return names_of([=](const State& state) { return state.trainable || !trainable_only; });
}
std::vector<std::string> States::memories() const {
  return names_of([](const State& state) { return state.memory; });
}
std::vector<std::string> States::running() const {
  return names_of([](const State& state) { return state.running; });
}
std::vector<std::string> States::weights() const {
  return names_of([](const State& state) { return state.trainable || state.running; });
}

int64_t States::parameters() const {
  int64_t sum = 0;
  for (const auto& state : states_)
    if (state->trainable) sum += state->type.shape.elements();
  return sum;
}

size_t Function::input(const std::string& name) const { return position(inputs, name, "input"); }
size_t Function::output(const std::string& name) const { return position(outputs, name, "output"); }

Var Trace::input(const std::string& name, Type type) {
  for (const Named& input : function_.inputs)
    if (input.name == name) bad_input("trace", text("the input \"", name, "\" is declared twice"));
  const Scope scope(graph_, name);
  const Var var = append(graph_, input_op, {}, type_attrs(type), std::source_location::current())[0];
  function_.inputs.push_back({name, var.edge()});
  return var;
}

Var Trace::state(const std::string& name) {
  Var& var = read_[name];
  if (!var) {
    const Scope scope(graph_, name);
    var = append(graph_, state_op, {}, type_attrs(states_.at(name).type), std::source_location::current())[0];
  }
  return var;
}

void Trace::output(const std::string& name, const Var& value) {
  if (value.graph() != graph_) throw std::logic_error(text("output ", name, " is empty or of another graph"));
  function_.outputs.push_back({name, value.edge()});
}

void Trace::update(const std::string& state, const Var& value) {
  if (value.graph() != graph_) throw std::logic_error(text("update of ", state, " is empty or of another graph"));
  if (value.type() != states_.at(state).type)
    bad_input("trace", text("the update of \"", state, "\" is ", value.type(), ", the state ", states_.at(state).type));
  for (const Named& update : function_.updates)
    if (update.name == state) bad_input("trace", text("\"", state, "\" is updated twice in one function"));
  function_.updates.push_back({state, value.edge()});
}

Function Trace::finish() {
#ifndef NDEBUG
  verify(*graph_);
#endif
  function_.graph = graph_;
  return std::move(function_);
}

} // namespace vitro
