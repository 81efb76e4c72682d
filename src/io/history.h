// The numbers of each epoch as a table: what history.csv shows and a checkpoint keeps.
#pragma once

#include <string>
#include <vector>

namespace vitro {

struct History {
  std::vector<std::string> columns;                // "epoch", "train_loss", ...
  std::vector<std::vector<double>> rows;           // one per finished epoch, as long as `columns`; NaN: not measured
  bool operator==(const History&) const = default; // not equal where a NaN is
};

/// A line of names, then a line per row; numbers in the shortest form that reads back the same, NaN as an empty
/// cell, names quoted where RFC 4180 asks for it.
std::string to_csv(const History& history);

/// Reads what `to_csv` writes. Throws bad_input at `where`, naming the line.
History read_history(const std::string& csv, const std::string& where);

} // namespace vitro
