#include "report/terminal.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/core.h>

namespace vitro {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; } // not the first byte of a code point

// The length in bytes of the escape sequence at `at` ("\x1b[1m"), 0 where none begins.
size_t escape_at(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\x1b[") return 0;
  const size_t end = text.find('m', at);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

std::string padded(const std::string& cell, int width, Table::Align align) {
  const std::string blanks(size_t(std::max(0, width - columns(cell))), ' ');
  return align == Table::Align::right ? blanks + cell : cell + blanks;
}

void drop_trailing_blanks(std::string& line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

} // namespace

std::string percent(double share, int decimals) {
  return std::isfinite(share) ? fmt::format("{:.{}f} %", 100 * share, decimals) : "-";
}

std::string thousands(int64_t n) {
  std::string out = std::to_string(n);
  const size_t first = n < 0 ? 1 : 0;
  for (size_t at = out.size(); at > first + 3;) out.insert(at -= 3, ",");
  return out;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 0.9995) return fmt::format("{:.2g} s", std::max(0.0, seconds));
  if (seconds < 99.5) return fmt::format("{:.3g} s", seconds);
  const auto whole = int64_t(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string fixed(double value, int decimals) {
  const double size = std::abs(value);
  if (size != 0 && (size < 0.5 * std::pow(10.0, -decimals) || size >= 1e7)) return fmt::format("{:.3g}", value);
  return fmt::format("{:.{}f}", value, decimals);
}

std::string plural(int64_t n, const std::string& one) {
  if (n == 1) return "1 " + one;
  const bool hisses = one.ends_with("s");
  return thousands(n) + " " + one + (hisses ? "es" : "s");
}

int columns(std::string_view text) {
  int count = 0;
  for (size_t i = 0; i < text.size();) {
    if (const size_t skip = escape_at(text, i)) {
      i += skip;
      continue;
    }
    count += !continues(text[i++]);
  }
  return count;
}

std::string cut(std::string_view text, int width) {
  if (columns(text) <= width) return std::string(text);
  std::string out;
  int count = 0;
  for (size_t i = 0; i < text.size();) {
    if (const size_t skip = escape_at(text, i)) { // colours cost nothing, and must be switched off again
      out += text.substr(i, skip);
      i += skip;
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && continues(text[end])) ++end;
    if (count + 1 < width) out += text.substr(i, end - i);
    if (count + 1 == width) out += "…";
    ++count;
    i = end;
  }
  return out;
}

std::string wrap(std::string_view text, int width, int indent) {
  std::string out;
  int column = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const int size = columns(word);
    if (column > 0 && column + 1 + size > width) {
      out += '\n' + std::string(size_t(indent), ' ');
      column = indent;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += size;
    at = end;
  }
  return out;
}

std::string quoted_for_shell(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                              "_-+=:,./@%") == std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string Palette::strong(std::string_view text) const {
  return colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}
std::string Palette::faint(std::string_view text) const {
  return colour ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text);
}
std::string Palette::good(std::string_view text) const {
  return colour ? fmt::format("\x1b[32m{}\x1b[0m", text) : std::string(text);
}
std::string Palette::bad(std::string_view text) const {
  return colour ? fmt::format("\x1b[31m{}\x1b[0m", text) : std::string(text);
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    const bool right = heading.starts_with('>');
    align_.push_back(right ? Align::right : Align::left);
    if (right) heading.erase(0, heading.find_first_not_of("> "));
  }
}

void Table::add(std::vector<std::string> cells) {
  if (cells.size() > headings_.size())
    throw std::logic_error(fmt::format("Table: {} cells under {} headings", cells.size(), headings_.size()));
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::str(const Palette& palette, int indent) const {
  std::vector<int> widths;
  for (size_t c = 0; c < headings_.size(); ++c) {
    int width = columns(headings_[c]);
    for (const auto& row : rows_) width = std::max(width, columns(row[c]));
    widths.push_back(width);
  }
  std::string out;
  const auto write = [&](const std::vector<std::string>& cells, bool heading) {
    std::string line(size_t(indent), ' ');
    for (size_t c = 0; c < cells.size(); ++c) {
      if (c) line += "  ";
      line += padded(cells[c], widths[c], align_[c]);
    }
    drop_trailing_blanks(line);
    out += (heading ? palette.strong(line) : line) + '\n';
  };
  if (std::any_of(headings_.begin(), headings_.end(), [](const auto& heading) { return !heading.empty(); }))
    write(headings_, true);
  for (const auto& row : rows_) write(row, false);
  return out;
}

std::string Facts::str(const Palette& palette, int indent) const {
  int width = 0;
  for (const auto& row : rows_) width = std::max(width, columns(row.first));
  std::string out;
  for (const auto& [name, value] : rows_) {
    std::string line =
        std::string(size_t(indent), ' ') + palette.faint(padded(name, width, Table::Align::left)) + "  " + value;
    drop_trailing_blanks(line);
    out += line + '\n';
  }
  return out;
}

std::string bar(double share, int width) {
  const double clear = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const int full = int(std::floor(clear * width));
  std::string out;
  for (int i = 0; i < width; ++i) out += i < full ? "━" : "─";
  return out;
}

std::string sparkline(std::span<const double> values, int width) {
  static constexpr const char* blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const size_t shown = std::min(values.size(), size_t(std::max(width, 1)));
  std::vector<double> means;
  for (size_t i = 0; i < shown; ++i) { // runs of nearly equal length
    const size_t begin = i * values.size() / shown, end = (i + 1) * values.size() / shown;
    double sum = 0;
    for (size_t j = begin; j < end; ++j) sum += values[j];
    means.push_back(sum / double(end - begin));
  }
  double low = INFINITY, high = -INFINITY;
  for (const double mean : means) {
    if (!std::isfinite(mean)) continue;
    low = std::min(low, mean);
    high = std::max(high, mean);
  }
  std::string out;
  for (const double mean : means) {
    if (!std::isfinite(mean)) {
      out += '?';
      continue;
    }
    const double share = high > low ? (mean - low) / (high - low) : 0.5;
    out += blocks[std::min(7, int(share * 8))];
  }
  return out;
}

std::string picture(std::span<const double> pixels, int64_t height, int64_t width, double low, double high) {
  static constexpr std::string_view ramp = " .:-=+*#%@";
  std::string out;
  for (int64_t top = 0; top < height; top += 2) {
    std::string line;
    for (int64_t x = 0; x < width; ++x) {
      const double upper = pixels[size_t(top * width + x)];
      const double lower = top + 1 < height ? pixels[size_t((top + 1) * width + x)] : upper;
      const double mean = 0.5 * (upper + lower);
      const double share = high > low ? std::clamp((mean - low) / (high - low), 0.0, 1.0) : 0.0;
      line += std::isfinite(mean) ? ramp[std::min(ramp.size() - 1, size_t(share * double(ramp.size())))] : '?';
    }
    drop_trailing_blanks(line);
    out += line + '\n';
  }
  return out;
}

std::string pictures_in_rows(const std::vector<std::string>& pictures, const std::vector<std::string>& captions,
                             int columns_allowed) {
  std::string out;
  for (size_t next = 0; next < pictures.size();) {
    std::vector<std::vector<std::string>> group;
    std::vector<int> widths;
    size_t height = 0;
    int used = 0;
    const size_t first = next;
    for (; next < pictures.size(); ++next) {
      auto lines = lines_of(pictures[next]);
      int width = columns(captions[next]);
      for (const auto& line : lines) width = std::max(width, columns(line));
      if (next > first && used + 2 + width > columns_allowed) break;
      used += (next > first ? 2 : 0) + width;
      height = std::max(height, lines.size());
      widths.push_back(width);
      group.push_back(std::move(lines));
    }
    for (size_t row = 0; row <= height; ++row) {
      std::string line;
      for (size_t i = 0; i < group.size(); ++i) {
        if (i) line += "  ";
        const std::string& piece = row == 0                    ? captions[first + i]
                                   : row - 1 < group[i].size() ? group[i][row - 1]
                                                               : std::string();
        line += padded(piece, widths[i], Table::Align::left);
      }
      drop_trailing_blanks(line);
      out += line + '\n';
    }
  }
  return out;
}

std::string progress_line(const Pace& pace, int width, const Palette& palette) {
  const double share = pace.of > 0 ? double(pace.done) / double(pace.of) : 0;
  const std::string epoch = fmt::format("epoch {}/{} ", pace.epoch, pace.epochs);
  std::string rest = fmt::format(" {:3.0f} %  loss {}", std::floor(100 * share), fixed(pace.loss, 4));
  const std::string rate = fmt::format("  {} {}/s", thousands(int64_t(pace.samples_per_second)), pace.counted);
  const std::string left = fmt::format("  {} left", duration(std::ceil(pace.seconds_left)));
  // What matters least goes first where there is little room; the bar takes what is left.
  const int needed = columns(epoch) + columns(rest);
  const bool with_left = needed + columns(left) + 6 <= width;
  const bool with_rate = with_left && needed + columns(left) + columns(rate) + 6 <= width;
  if (with_rate) rest += rate;
  if (with_left) rest += left;
  const int room = std::min(30, width - columns(epoch) - columns(rest));
  return cut(epoch + palette.good(room >= 4 ? bar(share, room) : "") + rest, width);
}

} // namespace vitro
