// Reader: type-checks every node, as JAX's autodidax does for its programs.
#include <stdexcept>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "graph/graph.h"

namespace vitro {

void verify(const Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    if (!node.op) throw std::logic_error(text("verify: node %", id, " has no op"));
    const auto wrong = [&](const std::string& what) {
      throw std::logic_error(text("verify: ", what, " in ", print(graph, id)));
    };
    std::vector<Type> in;
    for (const Edge edge : node.in) {
      if (edge.node < 0 || edge.node >= id) wrong("an input does not precede its reader");
      if (edge.output < 0 || size_t(edge.output) >= graph[edge.node].out.size())
        wrong("an input names an output that is not there");
      in.push_back(graph.type(edge));
    }
    if (node.grad_of >= id) wrong("a derivative precedes what it serves");
    const auto& args = node.op->args;
    const bool open = !args.empty() && std::string_view(args.back()) == "...";
    if (in.size() < args.size() - open || (!open && in.size() > args.size()))
      wrong("the op takes another number of inputs");
    try {
      const Attrs attrs = complete_attrs(*node.op, node.attrs);
      if (attrs.items().size() != node.attrs.items().size()) wrong("an attribute is missing");
      if (node.op->infer({attrs, in}) != node.out) wrong("the types are not what the op infers");
    } catch (const Error& error) { wrong(error.what()); }
  }
}

} // namespace vitro
