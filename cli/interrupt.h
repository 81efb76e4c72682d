// Ctrl-C while something is worth saving: the first sets a flag, the second ends the program at once.
#pragma once

namespace vitro::cli {

/// From now on SIGINT and SIGTERM set the flag, once.
void watch_interrupts();
bool interrupted();

} // namespace vitro::cli
