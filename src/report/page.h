// A page: one self-contained HTML file. No network, no scripts; light and dark, phone and paper.
//
//   Page page{.title = "mnist-mlp-001"};
//   page.sections.push_back({"curves", "Curves", line_chart(...)});
//   write_atomically(path, html(page));
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/markup.h"

namespace vitro {

struct PageSection {
  std::string id; // letters: what a link names
  std::string heading;
  Markup content;
};

struct Page {
  std::string title;  // of the window
  std::string kicker; // a line above the headline
  Markup headline;    // what the page says in a sentence
  Markup lead;        // paragraphs below it
  int refresh_s = 0;  // loads itself again after so many seconds; 0: never
  std::string footer;
  std::vector<PageSection> sections; // listed at the top
};
/// The whole file.
std::string html(const Page& page);

/// A table in a box of its own that scrolls where it is too wide. A heading that begins with '>' is right-aligned
/// ("> loss"). `caption` may be empty. Missing cells at the end of a row are empty; more than headings: logic_error.
Markup table_element(const std::vector<std::string>& headings, const std::vector<std::vector<Markup>>& rows,
                     const std::string& caption = "");

/// Names and values, one below the other.
Markup facts_element(const std::vector<std::pair<std::string, Markup>>& facts);

/// Counts [rows, columns] as a table, each cell shaded by its share of its row; those on the diagonal in another
/// colour where both have the same names.
struct CrossTable {
  std::string name; // for those who don't see it
  std::vector<std::string> rows, columns;
  std::vector<int64_t> counts; // row-major
};
Markup cross_table_element(const CrossTable& table);

/// Text as it stands, in a box that scrolls.
Markup code_element(const std::string& text);

} // namespace vitro
