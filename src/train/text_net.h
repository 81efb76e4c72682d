// A net of texts as one stream: it reads a text symbol by symbol, says what may come next, and writes on.
//
// Invariant: what is written is a function of weights, prompt, sampling and seed alone; the numbers that draw are
// addressed by (seed, place), so whoever stops earlier gets the same beginning. A symbol costs one run of one plan and
// a walk over the vocabulary; nothing is allocated or planned.
#pragma once

#include <map>
#include <string>

#include "data/symbols.h"
#include "model/model.h"

namespace vitro {

struct Sampling {
  double temperature = 1; // probabilities to the power 1 / temperature; 0: the likeliest alone
  int64_t top_k = 0;      // among so many of the likeliest; 0: all
  uint64_t seed = 0;
};

/// Throws bad_input, naming the key, for what is out of range.
void check(const Sampling& sampling);

class TextNet {
public:
  /// A net of its own with the weights of `model`, which is one of a text with these symbols.
  TextNet(const Model& model, const TextForm& form);

  const TextForm& form() const { return form_; }
  /// As at a text's beginning.
  void forget();
  /// Reads a symbol's code: from now on `probabilities` says what comes behind it.
  void read(int32_t code);
  std::span<const float> probabilities() const { return probabilities_.as<float>(); }

  /// Draws what comes next, as the `place`-th symbol (from 0), from what was read: never "unknown". Does not read it.
  int32_t draw(const Sampling& sampling, int64_t place);

  /// What an empty prompt stands for: a line's end, else a blank, else the first symbol.
  int32_t beginning() const;

  /// What the net thinks on the way through a text, from its beginning: nats [steps] of each code after the first, and
  /// by layer what each gives at each step, [steps, units]. `codes` are steps + 1, at least 2.
  struct Reading {
    std::vector<double> nats;
    std::map<std::string, Tensor> outputs;
  };
  Reading observe(std::span<const int32_t> codes);

private:
  TextForm form_;
  Model model_;
  Tensor x_, probabilities_;
  std::vector<double> weights_;
  std::vector<int32_t> order_;
};

/// `symbols` symbols behind the prompt's, as they are written.
std::string written_on(TextNet& net, std::span<const int32_t> prompt, const Sampling& sampling, int64_t symbols);

} // namespace vitro
