// A figure's result in words: what the terminal, the page and docs/claims.md say alike.
#pragma once

#include <string>

#include "claims/repro.h"

namespace vitro {

struct FigureWords {
  std::string published; // "95.42 %", "at least 0.5"
  std::string tolerance, measured, deviation;
  std::string seeds;   // "5", "seed 44"
  std::string verdict; // "holds", "differs", "not run"
};
FigureWords words_of(const ClaimResult& claim, const FigureResult& figure);

/// "2 of 3 figures hold", "not run".
std::string tally_of(const ClaimResult& claim);

/// The rows of a Markdown table, one for each figure, and its heading.
std::string markdown_rows(const ClaimResult& claim);
std::string markdown_heading();

} // namespace vitro
