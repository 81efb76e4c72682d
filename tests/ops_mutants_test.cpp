// Mutants: every derivative is broken on purpose, and the gradient check must notice each one.
//
// Nothing is recompiled. A copy of an op has its `grad` wrapped, or the nodes that `grad` appended
// are changed where they stand:
//   scaled      an input's derivative times 1.01
//   dropped     an input's derivative left out; or, inside the rule, a node replaced by one of its operands:
//               a term, a factor, a sign, a sum left out; or an operand taken for another (of a node with
//               several outputs)
//   transposed  the elements of a derivative in reverse; the derivatives of two inputs swapped; a matrix
//               product in the rule with one operand's transpose flipped
// A mutant is caught if the check fails on at least one case of the op. A mutant that leaves every
// derivative as it was, on all cases, is no mutant (a sum over one element left out, or the ties of a
// maximum): it is counted apart, and named.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>

#include "tests/gradient_check.h"
#include "tests/op_cases.h"

namespace vitro {
namespace {

using namespace test;

Build builder(const Op& op, const OpCase& one) {
  return [&](const std::vector<Var>& xs) {
    return append(xs[0].graph(), op, xs, one.attrs, std::source_location::current());
  };
}

// What all mutants of an op share at one of its cases: the differences, and the derivatives that are right.
struct Known {
  Differences differences;
  std::vector<Tensor> gradients;
};

// So many elements of each input: a mutant may be wrong at few.
GradientReport check(const Op& op, const OpCase& one, const std::function<void(Graph&)>& corrupt = nullptr,
                     Known* known = nullptr) {
  return check_gradient(one.in, builder(op, one), one.str(), 40, corrupt, known ? &known->differences : nullptr);
}

struct Score {
  int caught = 0, total = 0;
  std::vector<std::string> survivors, equivalent;
};

// --- from outside: the answers of `grad` ---

using Change = std::function<bool(std::vector<Var>&)>; // false: does not apply here

// The op with its derivatives changed; whether the change ever applied is noted.
Op with_changed_grad(const Op& op, const Change& change, bool& applied) {
  Op mutant = op;
  mutant.grad = [&op, change, &applied](const GradOf& g) {
    auto dxs = op.grad(g);
    applied |= change(dxs);
    return dxs;
  };
  return mutant;
}

Var reversed(const Var& x) {
  const int64_t n = x.shape().elements();
  Tensor order({DType::i32, {n}});
  for (int64_t i = 0; i < n; ++i) order.set(i, double(n - 1 - i));
  return reshape(gather(reshape(x, {n}), constant(x.graph(), order)), x.shape().list());
}

std::map<std::string, Change> outside_mutants(const Op& op) {
  std::map<std::string, Change> out;
  for (size_t i = 0; i < std::max<size_t>(op.args.size(), 2); ++i) {
    const auto changed = [i](auto f) {
      return [i, f](std::vector<Var>& dxs) {
        if (i >= dxs.size() || !dxs[i]) return false;
        return f(dxs[i]);
      };
    };
    out[text("scaled ", i)] = changed([](Var& dx) { return dx = dx * 1.01, true; });
    out[text("dropped ", i)] = changed([](Var& dx) { return dx = Var{}, true; });
    out[text("transposed ", i)] = changed([](Var& dx) {
      if (dx.shape().elements() < 2) return false;
      dx = reversed(dx);
      return true;
    });
  }
  out["swapped"] = [](std::vector<Var>& dxs) {
    if (dxs.size() < 2 || !dxs[0] || !dxs[1] || dxs[0].shape() != dxs[1].shape()) return false;
    std::swap(dxs[0], dxs[1]);
    return true;
  };
  return out;
}

// --- from inside: the nodes that `grad` appended ---

// The nodes that serve the first node that is no source: the op's own.
std::vector<NodeId> derivative_nodes(const Graph& graph) {
  NodeId forward = 0;
  while (graph[forward].op->is(source)) ++forward;
  std::vector<NodeId> out;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (graph[id].grad_of == forward && !graph[id].op->is(source)) out.push_back(id);
  return out;
}

struct Inside {
  int node;    // position among the derivative's nodes
  int operand; // replaces it; -1: flips transpose_a, -2: transpose_b
  auto operator<=>(const Inside&) const = default;
};

// The next operand of the same type; -1 where there is none.
int taken_for(const Graph& graph, const Node& node, int operand) {
  for (size_t step = 1; step < node.in.size(); ++step) {
    const size_t other = (size_t(operand) + step) % node.in.size();
    if (graph.type(node.in[other]) == graph.type(node.in[size_t(operand)])) return int(other);
  }
  return -1;
}

void corrupt(Graph& graph, Inside mutant) {
  const NodeId id = derivative_nodes(graph)[size_t(mutant.node)];
  Node& node = graph.nodes[size_t(id)];
  if (mutant.operand < 0) {
    const char* flag = mutant.operand == -1 ? "transpose_a" : "transpose_b";
    node.attrs.set(flag, int64_t{1} - node.attrs.integer(flag));
    return;
  }
  if (node.out.size() > 1) {
    node.in[size_t(mutant.operand)] = node.in[size_t(taken_for(graph, node, mutant.operand))];
    return;
  }
  // The node becomes one that hands its operand on.
  const Edge operand = node.in[size_t(mutant.operand)];
  node.in = {operand};
  node.attrs = {{"shape", node.out[0].shape.list()}};
  node.op = &reshape_op;
}

std::vector<Inside> inside_mutants(const Graph& graph) {
  std::vector<Inside> out;
  const auto nodes = derivative_nodes(graph);
  for (size_t at = 0; at < nodes.size(); ++at) {
    const Node& node = graph[nodes[at]];
    if (node.op->is(alias)) continue; // hands its operand on already
    for (size_t i = 0; i < node.in.size(); ++i)
      if (node.out.size() > 1 ? taken_for(graph, node, int(i)) >= 0 : graph.type(node.in[i]) == node.out[0])
        out.push_back({int(at), int(i)});
    if (node.op == &matmul_op)
      for (const int which : {-1, -2}) {
        Attrs attrs = node.attrs;
        const char* flag = which == -1 ? "transpose_a" : "transpose_b";
        attrs.set(flag, int64_t{1} - attrs.integer(flag));
        const std::vector<Type> in{graph.type(node.in[0]), graph.type(node.in[1])};
        try {
          if (node.op->infer({attrs, in}) == node.out) out.push_back({int(at), which});
        } catch (const std::runtime_error&) { // the shapes give it away
        }
      }
  }
  return out;
}

// The rule's structure: cases whose rules run the same nodes share their mutants.
std::string structure(const Graph& graph) {
  std::vector<std::string> names;
  for (const NodeId id : derivative_nodes(graph)) names.push_back(graph[id].op->name);
  return join(names, " ");
}

std::vector<Tensor> gradients(const Op& op, const OpCase& one, const std::function<void(Graph&)>& corrupt = nullptr) {
  std::vector<Tensor> in, weights;
  for (const Tensor& x : one.in) in.push_back(in_double(x));
  Built64 built(in, builder(op, one));
  std::vector<Var> wrt;
  for (const Var& x : built.xs)
    if (is_float(x.dtype())) wrt.push_back(x);
  for (const Var& dx : gradient(weighed(built.ys, weights, 1), wrt)) built.output(dx);
  built.finish();
  if (corrupt) corrupt(*built.function.graph);
  return built(in);
}

// Equal but for the rounding of another order.
bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t k = 0; k < a.size(); ++k)
    for (int64_t i = 0; i < a[k].elements(); ++i)
      if (!(std::fabs(a[k].at(i) - b[k].at(i)) <= 1e-13 * (1 + std::fabs(a[k].at(i))))) return false;
  return true;
}

Score score(const Op& op) {
  Score result;
  const auto all = op_cases(op);
  std::map<const OpCase*, Known> known;
  for (const OpCase& one : all) known[&one].gradients = gradients(op, one);
  const auto judge = [&](const std::string& name, bool caught, bool equivalent) {
    if (equivalent) return result.equivalent.push_back(name);
    ++result.total;
    result.caught += caught;
    if (!caught) result.survivors.push_back(name);
  };
  for (const auto& [name, change] : outside_mutants(op)) {
    bool applied = false, caught = false, equivalent = true;
    const Op mutant = with_changed_grad(op, change, applied);
    for (const OpCase& one : all) {
      equivalent &= same(gradients(mutant, one), known[&one].gradients);
      if (equivalent || !check(mutant, one, nullptr, &known[&one]).failed) continue;
      caught = true;
      break;
    }
    if (applied) judge(text(op.name, ": ", name), caught, equivalent);
  }

  std::map<std::pair<std::string, Inside>, std::vector<const OpCase*>> inside;
  for (const OpCase& one : all)
    gradients(op, one, [&](Graph& graph) {
      for (const Inside mutant : inside_mutants(graph)) inside[{structure(graph), mutant}].push_back(&one);
    });
  for (const auto& [key, its_cases] : inside) {
    const Inside mutant = key.second;
    const auto change = [&](Graph& graph) { corrupt(graph, mutant); };
    bool caught = false, equivalent = true;
    for (const OpCase* one : its_cases) {
      equivalent &= same(gradients(op, *one, change), known[one].gradients);
      if (equivalent || !check(op, *one, change, &known[one]).failed) continue;
      caught = true;
      break;
    }
    judge(text(op.name, ": node ", mutant.node, mutant.operand < 0 ? " transposed " : " replaced by operand ",
               mutant.operand < 0 ? -mutant.operand : mutant.operand, " in ", key.first),
          caught, equivalent);
  }
  return result;
}

TEST(Mutants, EachIsCaught) {
  Score sum;
  for (const Op* op : catalogue()) {
    if (op->is(constant_slope)) continue;
    for (const OpCase& one : op_cases(*op)) ASSERT_EQ(check(*op, one).failed, 0) << "unmutated: " << one.str();
    const Score its = score(*op);
    std::printf("%-24s %3d of %3d caught\n", op->name, its.caught, its.total);
    for (const auto& name : its.survivors) std::printf("  survives: %s\n", name.c_str());
    EXPECT_GE(its.total, 3) << op->name << ": at least a scaled, a dropped and a transposed one";
    sum.caught += its.caught, sum.total += its.total;
    sum.survivors.insert(sum.survivors.end(), its.survivors.begin(), its.survivors.end());
    sum.equivalent.insert(sum.equivalent.end(), its.equivalent.begin(), its.equivalent.end());
  }
  std::printf("mutants: %d of %d caught; %d that change nothing\n", sum.caught, sum.total, int(sum.equivalent.size()));
  for (const auto& name : sum.equivalent) std::printf("  the same: %s\n", name.c_str());
  EXPECT_TRUE(sum.survivors.empty()) << join(sum.survivors, "\n");
}

} // namespace
} // namespace vitro
