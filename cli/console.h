// The two streams: what they are, and writing to them. Results go to standard output, everything
// else to standard error.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

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

/// The line at the bottom of a terminal that is drawn again and again; on anything but a terminal it
/// does nothing. Draws at most twenty times a second.
class LiveLine {
public:
  explicit LiveLine(bool wanted);
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  bool due() const;
  void draw(const std::string& line);
  void clear();

private:
  bool live_, drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

} // namespace vitro::cli
