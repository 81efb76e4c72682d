// Built-in nets by name: what `--net` and an embedding program pick from.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nn/net.h"

namespace vitro {

struct NetKind {
  const char* name;
  const char* doc;
  std::vector<AttrSpec> args = {};
  std::function<NetSpec(const Attrs& args)> make; // `args` complete
  const char* training = "";                      // where a way of learning is part of it: a recipe's [train], as TOML
  bool text = false;                              // it reads a text, symbol by symbol
};

std::span<const NetKind> nets();

/// Throws bad_input for an unknown name (with the nearest) or argument.
NetSpec make_net(const std::string& name, const Attrs& args = {});

/// flatten, then for each of `hidden` a dense layer and the activation, then dense to the outputs.
NetSpec mlp(const std::vector<int64_t>& hidden = {128}, const std::string& activation = "relu");
/// flatten, then dense to the outputs: logistic regression with cross-entropy, linear regression with squared error.
NetSpec linear();

} // namespace vitro
