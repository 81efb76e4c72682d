#include "cli/console.h"

#include <cstdio>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/text.h"

namespace vitro::cli {
namespace {

Window window_of(int descriptor, int width) {
  Window out{.width = width};
  if (winsize size{}; ::ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
    if (size.ws_col > 0) out.width = size.ws_col;
    if (size.ws_row > 0) out.height = size.ws_row;
  }
  return out;
}

Stream look_at(int descriptor) {
  Stream stream;
  const char* kind = std::getenv("TERM");
  stream.terminal = ::isatty(descriptor) == 1 && !(kind && std::string_view(kind) == "dumb");
  if (stream.terminal) stream.width = window_of(descriptor, stream.width).width;
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

Window error_window() { return window_of(STDERR_FILENO, error_stream().width); }

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
  return live_ && (drawn_ == 0 || std::chrono::steady_clock::now() - last_ >= std::chrono::milliseconds(50));
}

void LiveLine::draw(const std::vector<std::string>& lines) {
  if (!live_ || lines.empty()) return;
  std::string out = text(drawn_ > 1 ? text("\x1b[", drawn_ - 1, "A") : "", "\r", join(lines, "\x1b[K\r\n"), "\x1b[K");
  if (drawn_ > lines.size()) out += "\x1b[J";
  std::fputs(out.c_str(), stderr);
  drawn_ = lines.size();
  last_ = std::chrono::steady_clock::now();
}

void LiveLine::clear() {
  if (drawn_ > 1) std::fputs(text("\x1b[", drawn_ - 1, "A\r\x1b[J").c_str(), stderr);
  if (drawn_ == 1) std::fputs("\r\x1b[K", stderr);
  drawn_ = 0;
}

void LiveLine::keep() {
  if (drawn_ > 0) std::fputs("\r\n", stderr);
  drawn_ = 0;
}

} // namespace vitro::cli
