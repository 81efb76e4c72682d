// Parameter groups: which parameters a pattern means, and what holds where several match.
#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "optim/optimizer.h"

namespace vitro {
namespace {

// In time |pattern| |name|: the last star alone is ever tried again.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, tried = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      tried = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++tried;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

} // namespace

OptimizerSpec resolve_groups(OptimizerSpec spec, const std::vector<std::string>& parameters) {
  if (spec.groups.empty()) return spec;
  std::vector<ParameterGroup> resolved;
  std::vector<std::vector<size_t>> origins; // of each resolved group: the stated ones that match
  std::vector<bool> used(spec.groups.size());
  for (const std::string& parameter : parameters) {
    std::vector<size_t> origin;
    for (size_t i = 0; i < spec.groups.size(); ++i)
      if (matches(spec.groups[i].match, parameter)) {
        origin.push_back(i);
        used[i] = true;
      }
    if (origin.empty()) continue;
    const size_t at = size_t(std::ranges::find(origins, origin) - origins.begin());
    if (at == origins.size()) {
      ParameterGroup& group = resolved.emplace_back();
      for (const size_t i : origin) {
        const ParameterGroup& stated = spec.groups[i];
        group.match += text(group.match.empty() ? "" : " and ", stated.match);
        for (const auto& [name, value] : stated.args.items()) group.args.set(name, value);
        group.lr_factor *= stated.lr_factor;
        group.freeze |= stated.freeze;
      }
      origins.push_back(origin);
    }
    resolved[at].parameters.push_back(parameter);
  }
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      bad_input(
          "groups",
          text("no parameter matches \"", spec.groups[i].match, "\"", did_you_mean(spec.groups[i].match, parameters)),
          "there are " + join(parameters, ", "));
  spec.groups = std::move(resolved);
  spec = complete(spec);
  if (!parameters.empty() && updated_parameters(spec, parameters).empty())
    bad_input("groups", "freeze all parameters", "leave one of them to be trained");
  return spec;
}

std::vector<std::string> updated_parameters(const OptimizerSpec& spec, const std::vector<std::string>& parameters) {
  std::vector<std::string> out;
  for (const std::string& parameter : parameters)
    if (std::ranges::none_of(spec.groups, [&](const ParameterGroup& group) {
          return group.freeze && std::ranges::find(group.parameters, parameter) != group.parameters.end();
        }))
      out.push_back(parameter);
  return out;
}

} // namespace vitro
