#include "cli/console.h"

#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/error.h"

namespace vitro::cli {
namespace {

Stream look_at(int descriptor) {
  Stream stream;
  const char* kind = std::getenv("TERM");
  stream.terminal = ::isatty(descriptor) == 1 && !(kind && std::string_view(kind) == "dumb");
  if (winsize size{}; stream.terminal && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    stream.width = size.ws_col;
  const char* no_colour = std::getenv("NO_COLOR"); // no-color.org: present and not empty
  stream.palette.colour = stream.terminal && !(no_colour && *no_colour);
  return stream;
}

std::string called = "vitro";

} // namespace

const std::string& program() { return called; }
void set_program(const char* as_called) { called = as_called; }

const Stream& out_stream() {
  static const Stream stream = look_at(STDOUT_FILENO);
  return stream;
}

const Stream& error_stream() {
  static const Stream stream = look_at(STDERR_FILENO);
  return stream;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void say(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout)) failure("standard output", "could not be written");
}

LiveLine::LiveLine(bool wanted) : live_(wanted && error_stream().palette.colour) {}

bool LiveLine::due() const {
  return live_ && (!drawn_ || std::chrono::steady_clock::now() - last_ >= std::chrono::milliseconds(50));
}

void LiveLine::draw(const std::string& line) {
  if (!live_) return;
  std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  drawn_ = true;
  last_ = std::chrono::steady_clock::now();
}

void LiveLine::clear() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

} // namespace vitro::cli
