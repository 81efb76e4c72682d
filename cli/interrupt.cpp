#include "cli/interrupt.h"

#include <signal.h>

namespace vitro::cli {
namespace {

volatile sig_atomic_t flag = 0;

void raise_flag(int) { flag = 1; }

} // namespace

void watch_interrupts() {
  struct sigaction action {};
  action.sa_handler = raise_flag;
  action.sa_flags = int(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void ignore_file_size_signal() { signal(SIGXFSZ, SIG_IGN); }

bool interrupted() { return flag != 0; }

} // namespace vitro::cli
