#include "nn/net.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "core/named.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro {
namespace {

// Walks layers and blocks in the order in which they run, and writes the flat list.
class Resolver {
public:
  Resolver(const NetSpec& net, int64_t outputs) : net_(net), outputs_(outputs) {}

  std::vector<ResolvedLayer> resolve() {
    for (const auto& [name, block] : net_.blocks)
      if (find_layer(name))
        bad_input("net", text("the block \"", name, "\" has the name of a layer"), "call it something else");
    sequence(net_.layers, "", -1, nullptr);
    return std::move(list_);
  }

private:
  // Names that `from` and `share` may use within one sequence. Positions in the list; -1 is the sequence's input.
  using Names = std::map<std::string, int>;

  // The layers of the net or of one use of a block; returns the position of the last.
  int sequence(const std::vector<LayerSpec>& layers, const std::string& prefix, int input, const Attrs* block_args) {
    if (layers.empty()) bad_input(prefix.empty() ? "net" : text("block ", prefix), "no layers", "give at least one");
    Names names{{"input", input}};
    std::map<std::string, int> counts; // of unnamed layers by short name
    for (const LayerSpec& spec : layers)
      for (const LayerSpec& other : layers)
        if (&spec < &other && !spec.name.empty() && spec.name == other.name)
          bad_input("net", text("two layers are called \"", spec.name, "\""), "give each a name of its own");
    int previous = input;
    for (const LayerSpec& spec : layers) {
      const auto block = net_.blocks.find(spec.op);
      const bool is_block = block != net_.blocks.end();
      const std::string where = spec.name.empty() ? text("layer ", prefix, spec.op) : text("layer ", prefix, spec.name);
      const Layer* kind = is_block ? nullptr : &known_layer(spec.op, where);
      if (spec.repeat < 1) bad_input(where, text("repeat is ", spec.repeat, ", expected at least 1"));
      if (!spec.name.empty()) check_name(spec.name, where);
      for (int64_t i = 0; i < spec.repeat; ++i) {
        const std::string name = spec.name.empty() ? next_name(is_block ? spec.op : kind->short_name, layers, counts)
                                 : spec.repeat > 1 ? text(spec.name, i + 1)
                                                   : spec.name;
        if (names.contains(name))
          bad_input(where, text("the name \"", name, "\" is taken"), "give each layer a name of its own");
        std::vector<int> from;
        if (i == 0)
          for (const std::string& source : spec.from) from.push_back(look_up(names, source, where));
        if (from.empty()) from.push_back(previous);
        const Attrs args = substituted(spec.args, block_args, where);
        previous = is_block ? use_block(block->second, prefix + name, from, args, spec, where)
                            : add_layer(*kind, prefix + name, std::move(from), args, spec, names, where);
        names[name] = previous;
      }
      if (!spec.name.empty()) names[spec.name] = previous; // of a repeated one: the last
    }
    return previous;
  }

  const Layer& known_layer(const std::string& op, const std::string& where) const {
    if (const Layer* found = find_layer(op)) return *found;
    std::vector<std::string> blocks;
    for (const auto& [name, block] : net_.blocks) blocks.push_back(name);
    if (const auto near = nearest(op, blocks); !near.empty())
      bad_input(where, text("unknown layer \"", op, "\" (did you mean the block \"", near, "\"?)"));
    return layer(op, where);
  }

  static void check_name(const std::string& name, const std::string& where) {
    const bool plain =
        std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
    if (!plain || name == "input")
      bad_input(where, text("a layer cannot be called \"", name, "\""), "use letters, digits, _ and -");
  }

  // fc1, fc2, ...: the next index whose name nobody has asked for.
  static std::string next_name(const std::string& stem, const std::vector<LayerSpec>& layers,
                               std::map<std::string, int>& counts) {
    std::string name;
    do name = text(stem, ++counts[stem]);
    while (std::ranges::any_of(layers, [&](const LayerSpec& other) { return other.name == name; }));
    return name;
  }

  static int look_up(const Names& names, const std::string& name, const std::string& where) {
    if (const auto found = names.find(name); found != names.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [key, position] : names) known.push_back(key);
    bad_input(where, text("no earlier layer \"", name, "\"", did_you_mean(name, known)),
              "before it come " + join(known, ", "));
  }

  // "$out" becomes the block's argument `out`.
  Attrs substituted(const Attrs& given, const Attrs* block_args, const std::string& where) {
    Attrs out;
    for (const auto& [key, value] : given.items()) {
      const std::string* word = std::get_if<std::string>(&value);
      if (!word || !word->starts_with('$')) {
        out.set(key, value);
        continue;
      }
      const Attr* bound = block_args ? block_args->find(word->substr(1)) : nullptr;
      if (!bound)
        bad_input(where, text(key, " is \"", *word, "\""),
                  block_args ? text("give the block its argument ", word->substr(1))
                             : "arguments with $ belong into a block");
      used_.insert(word->substr(1));
      out.set(key, *bound);
    }
    return out;
  }

  int use_block(const BlockSpec& block, const std::string& name, const std::vector<int>& from, const Attrs& args,
                const LayerSpec& spec, const std::string& where) {
    if (from.size() != 1) bad_input(where, text("the block ", spec.op, " takes 1 input, found ", from.size()));
    if (!spec.share.empty()) bad_input(where, "a block shares no weights", "share the layers inside");
    if (std::ranges::find(open_, spec.op) != open_.end())
      bad_input(where, text("the block \"", spec.op, "\" is inside itself"));
    open_.push_back(spec.op);
    std::set<std::string> used_outside = std::exchange(used_, {});
    const int last = sequence(block.layers, name + ".", from[0], &args);
    for (const auto& [key, value] : args.items())
      if (!used_.contains(key)) {
        const std::vector<std::string> known(used_.begin(), used_.end());
        bad_input(where, text("the block ", spec.op, " has no argument \"", key, "\"", did_you_mean(key, known)),
                  known.empty() ? "it takes none" : "it takes " + join(known, ", "));
      }
    used_ = std::move(used_outside);
    open_.pop_back();
    return last;
  }

  int add_layer(const Layer& kind, const std::string& name, std::vector<int> from, Attrs args, const LayerSpec& spec,
                const Names& names, const std::string& where) {
    std::string parameters = name;
    if (!spec.share.empty()) {
      const int position = look_up(names, spec.share, where);
      if (position < 0 || list_[size_t(position)].layer != &kind)
        bad_input(where, text("\"", spec.share, "\" is not a ", kind.name, " layer"),
                  "weights are shared between layers of one kind");
      if (kind.parameters.empty()) bad_input(where, text("a ", kind.name, " layer has no weights to share"));
      const ResolvedLayer& shared = list_[size_t(position)];
      parameters = shared.parameters;
      Attrs merged = shared.args;
      for (const auto& [key, value] : args.items()) merged.set(key, value);
      args = merged;
    }
    const bool open = !kind.inputs.empty() && std::string(kind.inputs.back()) == "...";
    const size_t expected = kind.inputs.size() - open;
    if (from.size() < expected || (!open && from.size() > expected))
      bad_input(where,
                text(kind.name, " takes ", open ? "at least " : "", expected, expected == 1 ? " input" : " inputs",
                     ", found ", from.size()),
                expected > 1 ? "name them: from = [\"...\", \"...\"]" : "");
    list_.push_back(
        {name, &kind, complete_attrs(kind.args, with_numbers(kind, args, where), where), std::move(from), parameters});
    return int(list_.size()) - 1;
  }

  // Words for numbers: "classes" and "outputs" are the net's number of outputs; a gain's is that of an activation; a
  // padding's and that of groups are as convolutions read them: "same" is none stated, "depthwise" is 0.
  Attrs with_numbers(const Layer& kind, Attrs args, const std::string& where) const {
    for (const AttrSpec& spec : kind.args) {
      const Attr* value = args.find(spec.name);
      const std::string* word = value ? std::get_if<std::string>(value) : nullptr;
      if (word && std::holds_alternative<int64_t>(spec.fallback) && (*word == "classes" || *word == "outputs"))
        args.set(spec.name, outputs_);
      const std::string_view name = spec.name;
      if (word && name == "gain") args.set(spec.name, gain_of(*word, where));
      if (word && name == "groups" && *word == "depthwise") args.set(spec.name, int64_t{0});
      if (word && name == "padding" && (*word == "same" || *word == "valid"))
        args.set(spec.name, std::vector<int64_t>(*word == "valid", 0));
    }
    return args;
  }

  const NetSpec& net_;
  int64_t outputs_;
  std::vector<ResolvedLayer> list_;
  std::vector<std::string> open_; // blocks being used, the outermost first
  std::set<std::string> used_;    // arguments that the block being used has asked for
};

// Where states are added, and how; `states` is null where they are there.
struct Creating {
  States* states = nullptr;
  NumpyRandom* numpy = nullptr;
  int64_t carried = 0;
};

// Appends the flat list.
Built append_layers(Trace& trace, const std::vector<ResolvedLayer>& layers, const Var& x, const BuildOptions& options,
                    const Creating& creating) {
  Built built;
  const auto counter = [&](const char* name) {
    return trace.states().has(name) ? trace.state(name) : constant(trace.graph(), Tensor({DType::i32, Shape{}}));
  };
  for (const ResolvedLayer& layer : layers) {
    const Scope scope(trace.graph(), layer.name);
    BuiltLayer done{layer.name, layer.layer, layer.args, {}, {}};
    std::vector<Var> in;
    for (const int from : layer.from) in.push_back(from < 0 ? x : built.layers[size_t(from)].output);
    const auto own_name = [&](const char* own) { return text(layer.parameters, ".", own); };
    const auto fitting = [&](const std::string& name, const Type& type) {
      const Var value = trace.state(name);
      if (value.type() != type)
        bad_input(text("layer ", layer.name),
                  text("fed with ", in[0].shape(), " it needs ", name, " ", type.shape, ", which is ", value.shape()),
                  layer.parameters == layer.name ? "the net was made for another shape of samples"
                                                 : text("it shares the weights of ", layer.parameters,
                                                        ": feed both with the same number of features"));
      return value;
    };
    const auto parameter = [&](const char* own, const Shape& shape, const Start& start) {
      const std::string name = own_name(own);
      const Type type{x.dtype(), shape};
      if (creating.states && !creating.states->has(name))
        creating.states->add(
            name, initial(start.initializer, name, type, start.fan, options.seed, start.gain, creating.numpy), true);
      done.parameters.push_back(name);
      return fitting(name, type);
    };
    // Where two layers share a running state, the second goes on from what the first has made of it.
    const auto running = [&](const char* own, const Shape& shape, double start) {
      const std::string name = own_name(own);
      const Type type{x.dtype(), shape};
      if (creating.states && !creating.states->has(name))
        creating.states->add(name, Tensor::full(type, start)).running = true;
      const Var value = fitting(name, type);
      return built.updates.contains(name) ? built.updates[name] : value;
    };
    const auto update = [&](const char* own, const Var& value) { built.updates[own_name(own)] = value; };
    const auto mask = [&](const Shape& shape, double p, const char* own) {
      return dropout_mask(counter("step"), counter("sample"), shape, p, options.seed, text(layer.name, ".", own),
                          x.dtype());
    };
    // By the layer's own name, not that of its parameters: who shares weights does not share what it has seen.
    const auto memory_of = [&](int64_t samples, const Shape& shape) {
      auto extents = shape.list();
      extents.insert(extents.begin(), samples);
      return Type{x.dtype(), Shape(extents)};
    };
    const auto memory = [&](const std::string& own, const Shape& shape) {
      const std::string name = text(layer.name, ".", own);
      if (creating.states && creating.carried > 0 && !creating.states->has(name))
        creating.states->add(name, Tensor(memory_of(creating.carried, shape))).memory = true;
      return options.carry ? trace.state(name) : constant(trace.graph(), Tensor(memory_of(x.shape()[0], shape)));
    };
    const auto remember = [&](const std::string& own, const Var& value) {
      built.memories[text(layer.name, ".", own)] = value;
    };
    done.output = layer.layer->build({layer.name, in, layer.args, trace.graph(), options.training, options.lengths,
                                      parameter, running, update, mask, memory, remember});
    built.layers.push_back(std::move(done));
  }
  built.output = built.layers.back().output;
  return built;
}

} // namespace

std::vector<ResolvedLayer> resolve(const NetSpec& net, int64_t outputs) { return Resolver(net, outputs).resolve(); }

const BuiltLayer& Built::at(const std::string& name) const { return named(layers, name, "net", "layer"); }

Built build(Trace& trace, const NetSpec& net, const Var& x, const BuildOptions& options) {
  return append_layers(trace, resolve(net, options.outputs), x, options, {});
}

void create_parameters(States& states, const NetSpec& net, const Shape& sample, int64_t outputs, uint64_t seed,
                       DType dtype, NumpyRandom* numpy, int64_t carried) {
  auto extents = sample.list();
  extents.insert(extents.begin(), 1);
  Trace trace(states);
  const Var x = trace.input("x", {dtype, Shape(extents)});
  // As in evaluation, which can do with one sample.
  append_layers(trace, resolve(net, outputs), x, {.outputs = outputs, .seed = seed}, {&states, numpy, carried});
}

} // namespace vitro
