// The walk in letters: how dL/dw is put together, with the adjoints substituted back.
//
// From the weight upwards: each reader's template says which of its elements move with this one (a number
// stays a number, a summed axis becomes a letter), and gives the term. Hops are kept by (edge, index), so
// nothing is written twice; a formula that would grow too long keeps the adjoint's name instead.
#include <algorithm>
#include <set>

#include "core/text.h"
#include "explain/inner.h"

namespace vitro {
namespace {

constexpr size_t longest = 400; // characters of an adjoint that is still substituted
constexpr size_t most_hops = 200;

// Whether a plus or minus stands outside of all parentheses.
bool has_terms(const std::string& text) {
  int depth = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '[') ++depth;
    if (text[i] == ')' || text[i] == ']') --depth;
    if (depth == 0 && i > 0 && text[i - 1] == ' ' && text[i + 1] == ' ' && (text[i] == '+' || text[i] == '-'))
      return true;
  }
  return false;
}

class Letters {
public:
  explicit Letters(Explainer::Inner& inner) : in_(inner) {}

  struct Hop {
    NodeId node;
    std::string left, right; // "dL/dh1[3]", by the names of its readers' adjoints
    std::string full;        // with those substituted back
  };

  const Hop& hop(Edge edge, const Index& index);
  std::vector<std::string> hops() const;
  std::vector<std::string> where() const;
  bool shortened() const { return shortened_; }

private:
  // Speaks by names, and remembers what it has named.
  Voice voice(std::function<std::string(Edge, const Index&)> adjoint) {
    return {.value =
                [this](Edge edge, const Index& index) {
                  if (!(*in_.graph)[edge.node].op->is(source)) mentioned_.try_emplace({edge.node, edge.output}, index);
                  return in_.names->element(edge, index);
                },
            .adjoint = std::move(adjoint)};
  }
  std::string sum(Edge edge, const Index& index, const std::function<std::string(Edge, const Index&)>& adjoint);

  Explainer::Inner& in_;
  std::map<std::string, Hop> hops_; // by left side
  std::map<std::pair<NodeId, int32_t>, Index> mentioned_;
  bool shortened_ = false;
};

std::string Letters::sum(Edge edge, const Index& index, const std::function<std::string(Edge, const Index&)>& adjoint) {
  std::vector<std::string> terms;
  for (const auto& [reader, input] : in_.readers[size_t(edge.node)]) {
    const Node& node = (*in_.graph)[reader];
    if (node.in[input] != edge || !in_.rules->passes(reader, input)) continue;
    for (int32_t output = 0; output < int32_t(node.out.size()); ++output) {
      if (!in_.carries({reader, output})) continue;
      const auto image = in_.words->image(reader, input, output, index);
      if (int(image.at.size()) != node.out[size_t(output)].shape.rank()) continue;
      std::string term = in_.words->chain(reader, input, output, image.at, index, voice(adjoint), 0);
      // sum_k sum_j x: a sum of products needs no parentheses, a sum of terms does.
      if (!image.letters.empty())
        term = text("sum_", join(image.letters, ","), " ", has_terms(term) ? "(" + term + ")" : term);
      terms.push_back(term);
    }
  }
  if (terms.empty()) return "0";
  if (terms.size() == 1) return terms[0];
  for (std::string& term : terms)
    if (term.starts_with("sum_") || has_terms(term)) term = "(" + term + ")";
  return join(terms, " + ");
}

const Letters::Hop& Letters::hop(Edge edge, const Index& index) {
  const std::string left = "dL/d" + in_.names->element(edge, index);
  if (const auto found = hops_.find(left); found != hops_.end()) return found->second;
  hops_[left] = {.node = edge.node, .left = left, .right = {}, .full = left};
  Hop made{.node = edge.node, .left = left, .right = {}, .full = {}};
  made.right = sum(edge, index, in_.words->names().adjoint);
  if (hops_.size() > most_hops) {
    shortened_ = true;
    made.full = left;
  } else {
    made.full = sum(edge, index, [&](Edge to, const Index& at) {
      if (to == in_.loss) return std::string("1");
      const std::string& full = hop(to, at).full;
      if (full.size() > longest) {
        shortened_ = true;
        return "dL/d" + in_.names->element(to, at);
      }
      return has_terms(full) || full.starts_with('-') ? "(" + full + ")" : full;
    });
  }
  return hops_[left] = made;
}

std::vector<std::string> Letters::hops() const {
  std::vector<const Hop*> sorted;
  for (const auto& [left, hop] : hops_) sorted.push_back(&hop);
  std::ranges::stable_sort(sorted, [](const Hop* a, const Hop* b) { return a->node > b->node; });
  std::vector<std::string> out;
  for (const Hop* hop : sorted) out.push_back(text(hop->left, " = ", hop->right));
  return out;
}

// What the letters stand for: each value that was named, and what those are computed from, once.
std::vector<std::string> Letters::where() const {
  auto mentioned = mentioned_;
  std::vector<std::string> out;
  std::set<std::pair<NodeId, int32_t>> told;
  while (out.size() < most_hops) {
    auto next = mentioned.end();
    for (auto it = mentioned.begin(); it != mentioned.end(); ++it)
      if (!told.contains(it->first)) next = it; // the last one: closest to the loss
    if (next == mentioned.end()) break;
    const auto [key, index] = *next;
    told.insert(key);
    const Edge edge{key.first, key.second};
    const Voice speak{.value =
                          [&](Edge of, const Index& at) {
                            if (!(*in_.graph)[of.node].op->is(source)) mentioned.try_emplace({of.node, of.output}, at);
                            return in_.names->element(of, at);
                          },
                      .adjoint = {}};
    out.push_back(text(in_.names->element(edge, index), " = ", in_.words->forward(edge, index, speak)));
  }
  return out;
}

} // namespace

Symbolic Explainer::symbolic(const ElementAddress& address) {
  Inner& in = *inner_;
  const Shape shape = in.check(address);
  const NodeId start = in.node_of(address.state);
  Symbolic out;
  out.parameter = to_text(address, shape);
  if (start < 0) {
    out.gradient = text("dL/d", out.parameter, " = 0");
    out.notes.push_back(text("No path leads from ", address.state, " to the loss."));
    return out;
  }
  Letters letters(in);
  const auto& whole = letters.hop({start, 0}, to_index(coordinates(address.element, shape)));
  out.gradient = text(whole.left, " = ", whole.full);
  out.hops = letters.hops();
  out.where = letters.where();
  out.value = in.values.at(in.gradients.at(address.state)).at(address.element);
  if (letters.shortened()) out.notes.push_back("Long adjoints keep their names; the hops say what they are.");
  return out;
}

} // namespace vitro
