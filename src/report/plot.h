// A line chart in a terminal: the same description that becomes SVG (report/figures.h), drawn with Braille dots, two by
// four to a character, between axes with ticks.
#pragma once

#include <string>

#include "report/figures.h"
#include "report/terminal.h"

namespace vitro {

/// `width` columns in all (at least 30), `height` lines between the axes (at least 4). Points are joined; several
/// series, and the points of one that has few, are told apart by letters on the line. `at_x` stands upright in the
/// plot with its label above, `levels` lie across. A chart of nothing says so. Lines end with a newline.
std::string terminal_chart(const LineChart& chart, int width, int height, const Palette& palette = {});

} // namespace vitro
