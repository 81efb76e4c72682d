// Fusion without a compiler: a pointwise node joins the groups that make its operands, if all of
// them range over the same space. The merged group runs where its last member stands; that is
// allowed only if nobody outside has to read one of its values before.
#include <algorithm>

#include "plan/program.h"

namespace vitro::program {
namespace {

class Fuser {
public:
  Fuser(const Function& function, const Layouts& layouts, bool enabled)
      : graph_(*function.graph), layouts_(layouts), enabled_(enabled), group_(size_t(graph_.size()), -1),
        readers_(size_t(graph_.size())) {
    for (NodeId id = 0; id < graph_.size(); ++id)
      for (const Edge edge : graph_[id].in) readers_[size_t(edge.node)].push_back(id);
  }

  std::vector<Group> fuse() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      if (node.op->is(source) || node.op->is(alias)) continue;
      if (runs_vectorised(node))
        join(id);
      else
        start({.root = id, .members = {}}, id);
    }
    std::vector<Group> order;
    for (Group& group : groups_)
      if (group.position() >= 0) order.push_back(std::move(group));
    std::ranges::sort(order, {}, &Group::position);
    return order;
  }

private:
  void start(Group group, NodeId id) {
    group_[size_t(id)] = int(groups_.size());
    groups_.push_back(std::move(group));
  }

  bool takes_epilogue(NodeId root) const {
    const Node& node = graph_[root];
    return prepare(graph_, node, layouts_.wanted[size_t(root)], layouts_.first_output[size_t(root)]).takes_epilogue;
  }

  // Everybody who reads a value of the group before `id` is a pointwise member of one of `joining`
  // (not its root: that runs first).
  bool undisturbed(const Group& group, NodeId id, const std::vector<int>& joining) const {
    const auto inside = [&](NodeId member) {
      return std::ranges::all_of(readers_[size_t(member)], [&](NodeId reader) {
        const int group = group_[size_t(reader)];
        return reader >= id ||
               (std::ranges::find(joining, group) != joining.end() && groups_[size_t(group)].root != reader);
      });
    };
    return (group.root < 0 || inside(group.root)) && std::ranges::all_of(group.members, inside);
  }

  void join(NodeId id) {
    const Node& node = graph_[id];
    std::vector<int> joining;
    if (enabled_ && node.out[0].shape.elements() > 1)
      for (size_t i = 0; i < node.in.size(); ++i) {
        const Edge edge = node.in[i];
        const int group = group_[size_t(edge.node)];
        if (group < 0 || edge.output != 0 || graph_.type(edge).shape != node.out[0].shape) continue;
        if (layouts_.of(edge) != layouts_.first_output[size_t(id)]) continue;
        if (std::ranges::find(joining, group) != joining.end()) continue;
        if (groups_[size_t(group)].root >= 0 && groups_[size_t(group)].members.empty() &&
            !takes_epilogue(groups_[size_t(group)].root))
          continue;
        joining.push_back(group);
      }
    size_t members = 1;
    for (const int group : joining) members += groups_[size_t(group)].members.size();
    if (members > most_members) joining.clear();
    // Drop what can't join until the rest can: a second root, or a group that somebody reads in between.
    for (bool again = true; again;) {
      again = false;
      bool rooted = false;
      for (const int group : joining) {
        const bool second_root = groups_[size_t(group)].root >= 0 && rooted;
        rooted |= groups_[size_t(group)].root >= 0;
        if (second_root || !undisturbed(groups_[size_t(group)], id, joining)) {
          std::erase(joining, group);
          again = true;
          break;
        }
      }
    }
    if (joining.empty()) return start({.root = -1, .members = {id}}, id);
    const int kept = joining[0];
    for (size_t i = 1; i < joining.size(); ++i) {
      Group& other = groups_[size_t(joining[i])];
      groups_[size_t(kept)].root = std::max(groups_[size_t(kept)].root, other.root);
      for (const NodeId member : other.members) groups_[size_t(kept)].members.push_back(member);
      for (int& group : group_)
        if (group == joining[i]) group = kept;
      other = {.root = -1, .members = {}};
    }
    group_[size_t(id)] = kept;
    groups_[size_t(kept)].members.push_back(id);
    std::ranges::sort(groups_[size_t(kept)].members);
  }

  const Graph& graph_;
  const Layouts& layouts_;
  const bool enabled_;
  std::vector<int> group_; // of each node
  std::vector<std::vector<NodeId>> readers_;
  std::vector<Group> groups_;
};

} // namespace

std::vector<Group> fuse(const Function& function, const Layouts& layouts, bool enabled) {
  return Fuser(function, layouts, enabled).fuse();
}

} // namespace vitro::program
