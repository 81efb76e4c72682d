// Signals. Ctrl-C while something is worth saving: the first sets a flag, the second ends the program at once.
#pragma once

namespace vitro::cli {

/// From now on SIGINT and SIGTERM set the flag, once.
void watch_interrupts();
bool interrupted();

/// A file that may not grow further (a quota) is an error of the write, not a signal that kills.
void ignore_file_size_signal();

} // namespace vitro::cli
