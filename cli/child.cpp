#include "cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "core/text.h"

extern "C" char** environ; // POSIX

namespace vitro::cli {
namespace {

struct Pipe {
  int read = -1, write = -1;
};

// Neither end is handed on to a program but as a standard stream.
Pipe make_pipe() {
  std::array<int, 2> ends;
  if (::pipe(ends.data()) != 0) failure("pipe", std::strerror(errno));
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return {ends[0], ends[1]};
}

} // namespace

Child::Child(std::vector<std::string> words) {
  const Pipe in = make_pipe(), out = make_pipe();
  to_ = in.write, from_ = out.read;
  // A program that ends early is an answer to be told, not a signal to end by; the child gets the default back.
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t pipe_signal;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, in.read, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&files, out.write, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error = ::posix_spawnp(&id_, arguments[0], &files, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  ::close(in.read);
  ::close(out.write);
  if (error == 0) return;
  ::close(to_);
  ::close(from_);
  if (error == ENOENT || error == EACCES) bad_input(words[0], "is no program that can be run");
  failure(words[0], text("can't be started: ", std::strerror(error)));
}

Child::~Child() {
  ::close(to_);
  ::close(from_);
  // It has a moment to notice that nobody listens.
  for (int wait_ms = 0; wait_ms < 1000; wait_ms += 10) {
    const pid_t ended = ::waitpid(id_, nullptr, WNOHANG);
    if (ended == id_ || (ended < 0 && errno != EINTR)) return;
    ::usleep(10'000);
  }
  ::kill(id_, SIGKILL);
  while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {}
}

bool Child::write_line(const std::string& line) {
  const std::string whole = line + "\n";
  for (size_t at = 0; at < whole.size();) {
    const ssize_t n = ::write(to_, whole.data() + at, whole.size() - at);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += size_t(n);
  }
  return true;
}

std::optional<std::string> Child::read_line(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    if (const size_t end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    const double left_ms = std::chrono::duration<double, std::milli>(deadline - Clock::now()).count();
    if (left_ms <= 0) return {};
    pollfd from{.fd = from_, .events = POLLIN, .revents = 0};
    if (::poll(&from, 1, int(std::min(left_ms, 1e9)) + 1) <= 0) continue; // the time, or a signal
    std::array<char, 4096> some;
    const ssize_t n = ::read(from_, some.data(), some.size());
    if (n == 0 || (n < 0 && errno != EINTR)) return {};
    if (n > 0) read_.append(some.data(), size_t(n));
  }
}

} // namespace vitro::cli
