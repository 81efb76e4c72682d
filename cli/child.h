// Another program, run beside this one: words to its standard input, lines from its standard output.
// Its standard error is ours.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace vitro::cli {

class Child {
public:
  /// Starts words[0], looked for in PATH. Throws bad_input where there is no such program, failure where it can't be
  /// run.
  explicit Child(std::vector<std::string> words);
  ~Child(); // ends it, where it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False where it no longer listens.
  bool write_line(const std::string& line);
  /// The next line without its end; none where there is no further one within the time, or the program has ended.
  std::optional<std::string> read_line(double seconds);

private:
  pid_t id_ = 0;
  int to_ = -1, from_ = -1;
  std::string read_; // beyond the last line
};

} // namespace vitro::cli
