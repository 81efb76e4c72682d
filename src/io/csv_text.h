// Cells as they stand in a CSV file.
// Source: Y. Shafranovich, "Common Format and MIME Type for Comma-Separated Values (CSV) Files", RFC 4180, 2005; but
// lines end with a line feed alone, as all of vitro's text files do.
#pragma once

#include <string>
#include <vector>

namespace vitro {

/// In quotes where it must be: with a comma, a quote, a line break, or a blank at an end, which readers strip.
std::string csv_cell(const std::string& cell);

/// The cells with commas between them and a line feed at the end.
std::string csv_line(const std::vector<std::string>& cells);

} // namespace vitro
