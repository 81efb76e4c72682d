#include "graph/graph.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/error.h"
#include "core/text.h"

namespace vitro {
namespace {

std::string file_name(std::source_location where) {
  const std::string path = where.file_name();
  return path.substr(path.find_last_of('/') + 1);
}

std::string kind_of(const Attr& attr) {
  constexpr const char* kinds[] = {"an integer", "a number", "a word", "a list of integers", "a tensor"};
  return kinds[attr.index()];
}

void check_arity(const Op& op, size_t found) {
  const bool open = !op.args.empty() && std::string(op.args.back()) == "...";
  const size_t expected = op.args.size() - open;
  if (found < expected || (!open && found > expected))
    bad_input(
        "", text("takes ", open ? "at least " : "", expected, expected == 1 ? " input" : " inputs", ", found ", found));
}

} // namespace

Attrs complete_attrs(const Op& op, Attrs given) { return complete_attrs(op.attrs, given, ""); }

Attrs complete_attrs(std::span<const AttrSpec> specs, const Attrs& given, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& spec : specs) known.push_back(spec.name);
  for (const auto& [name, value] : given.items())
    if (std::ranges::find(known, name) == known.end())
      bad_input(where, text("unknown attribute \"", name, "\"", did_you_mean(name, known)),
                known.empty() ? "it takes none" : "it takes " + join(known, ", "));
  Attrs out;
  for (const auto& spec : specs) {
    const Attr* value = given.find(spec.name);
    if (!value && spec.required) bad_input(where, text("attribute \"", spec.name, "\" is missing: ", spec.doc));
    Attr filled = value ? *value : spec.fallback;
    if (std::holds_alternative<double>(spec.fallback) && std::holds_alternative<int64_t>(filled))
      filled = double(std::get<int64_t>(filled));
    if (std::holds_alternative<std::vector<int64_t>>(spec.fallback) && std::holds_alternative<int64_t>(filled))
      filled = std::vector<int64_t>{std::get<int64_t>(filled)};
    if (filled.index() != spec.fallback.index())
      bad_input(where,
                text("attribute \"", spec.name, "\" is ", kind_of(filled), ", expected ", kind_of(spec.fallback)));
    out.set(spec.name, std::move(filled));
  }
  return out;
}

std::vector<Var> append(const std::shared_ptr<Graph>& graph, const Op& op, std::vector<Var> in, Attrs attrs,
                        std::source_location where) {
  Node node{
      .op = &op, .attrs = {}, .in = {}, .out = {}, .grad_of = graph->serving, .name = graph->scope, .where = where};
  std::vector<Type> types;
  for (const Var& var : in) {
    if (var.graph() != graph)
      throw std::logic_error(text(op.name, ": an operand is empty or belongs to another graph (", file_name(where), ":",
                                  where.line(), ")"));
    node.in.push_back(var.edge());
    types.push_back(var.type());
  }
  try {
    check_arity(op, in.size());
    node.attrs = complete_attrs(op, std::move(attrs));
    node.out = op.infer({node.attrs, types});
  } catch (const Error& error) {
    throw Error(error.fault(), text("[", op.name, "] ", error.what(), " (",
                                    graph->scope.empty() ? "" : text("layer \"", graph->scope, "\", "),
                                    file_name(where), ":", where.line(), ")"));
  }
  std::vector<Var> out;
  for (size_t i = 0; i < node.out.size(); ++i) out.emplace_back(graph, Edge{graph->size(), int32_t(i)});
  graph->nodes.push_back(std::move(node));
  return out;
}

std::vector<Var> apply_all(const Op& op, std::span<const In> in, Attrs attrs) {
  const Var* first = nullptr;
  for (const In& operand : in) {
    if (!operand.var && !operand.is_number) throw std::logic_error(text(op.name, ": an operand is an empty Var"));
    if (operand.var && (!first || !is_float(first->dtype()))) first = &operand.var;
  }
  if (!first) throw std::logic_error(text(op.name, ": at least one operand must be a Var"));
  const DType dtype = is_float(first->dtype()) ? first->dtype() : DType::f32;
  std::vector<Var> vars;
  for (const In& operand : in)
    vars.push_back(operand.var ? operand.var
                               : constant(first->graph(), Tensor::scalar(operand.number, dtype), operand.where));
  return append(first->graph(), op, std::move(vars), std::move(attrs), in.front().where);
}

Var apply(const Op& op, std::span<const In> in, Attrs attrs) { return apply_all(op, in, std::move(attrs))[0]; }
Var apply(const Op& op, std::initializer_list<In> in, Attrs attrs) {
  return apply_all(op, std::span<const In>(in.begin(), in.size()), std::move(attrs))[0];
}

namespace {

std::vector<Type> declared_type(const InferCall& call) {
  static constexpr DType dtypes[] = {DType::f32, DType::f64, DType::i32, DType::u8};
  return {Type{dtypes[call.attrs.integer("dtype")], Shape(call.attrs.list("shape"))}};
}

const std::vector<AttrSpec> type_attrs{
    {"dtype", int64_t{0}, "element type: 0 f32, 1 f64, 2 i32, 3 u8"},
    {"shape", std::vector<int64_t>{}, "the extents"},
};

} // namespace

const Op input_op{
    .name = "input", .formula = "y = input", .doc = "A value handed in at every call of the function.",
    .traits = source, .args = {}, .attrs = type_attrs, .infer = declared_type};

const Op state_op{
    .name = "state", .formula = "y = state",
    .doc = "The value that a state (a parameter, a moment) has when the function starts.",
    .traits = source, .args = {}, .attrs = type_attrs, .infer = declared_type};

const Op constant_op{
    .name = "constant", .formula = "y = constant", .doc = "A value fixed when the graph was built.", .traits = source,
    .args = {},
    .attrs = {{"value", std::shared_ptr<const Tensor>{}, "the tensor", true}},
    .infer =
        [](const InferCall& call) {
          const auto& value = std::get<std::shared_ptr<const Tensor>>(*call.attrs.find("value"));
          if (!value) bad_input("", "the value is empty");
          return std::vector<Type>{value->type()};
        },
    .plain =
        [](const PlainCall& call) {
          // interpreted in double, it is converted
          const Tensor value = call.attrs.tensor("value").to(call.out[0].type.dtype);
          if (value.type().bytes()) std::memcpy(call.out[0].data, value.view().data, size_t(value.type().bytes()));
        },
    .onnx = "Constant"};

Var constant(const std::shared_ptr<Graph>& graph, Tensor value, std::source_location where) {
  return append(graph, constant_op, {}, {{"value", std::make_shared<const Tensor>(std::move(value))}}, where)[0];
}

Var full_like(const Var& like, double value) { return constant(like.graph(), Tensor::full(like.type(), value)); }

} // namespace vitro
