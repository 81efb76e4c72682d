// The two streams: what they are, and writing to them. Results go to standard output, everything
// else to standard error.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "report/terminal.h"

namespace vitro::cli {

struct Stream {
  bool terminal = false;
  int width = 80;
  Palette palette; // colours on a terminal, unless NO_COLOR is set
};
const Stream& out_stream();
const Stream& error_stream();

void print(std::string_view text); // standard output, as it stands
void say(std::string_view line);   // standard error, with a newline

/// How the program was called, for commands that are to be typed next: "vitro", "build/vitro".
const std::string& program();
void set_program(const char* as_called);

/// Throws failure where standard output could not be written (a full disk, say).
void flush_output();

/// The size of the terminal as it is now; that of standard error's stream where there is none.
struct Window {
  int width = 80, height = 24;
};
Window error_window();

/// The line, or lines, at the bottom of a terminal that are drawn again and again; on anything but a terminal, or with
/// NO_COLOR, it does nothing. Draws at most twenty times a second. It sets nothing that would have to be restored: the
/// cursor stays visible, the screen is the usual one, so an interrupt at any moment leaves a terminal as it was.
class LiveLine {
public:
  explicit LiveLine(bool wanted);
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  bool live() const { return live_; }
  bool due() const;
  void draw(const std::string& line) { draw(std::vector{line}); }
  /// No line is wider, and they are no more, than the window.
  void draw(const std::vector<std::string>& lines);
  void clear();
  void keep(); // what is drawn stays, what comes next is written below

private:
  bool live_;
  size_t drawn_ = 0; // lines
  std::chrono::steady_clock::time_point last_;
};

} // namespace vitro::cli
