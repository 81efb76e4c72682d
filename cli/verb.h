// A verb of the command line, as data: `vitro help` and the dispatch read the same table.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace vitro::cli {

struct Example {
  const char* command;
  const char* meaning;
};

struct Verb {
  const char* name;
  const char* purpose; // one line
  const char* usage;   // what follows `vitro NAME`
  const char* more;    // a paragraph for `vitro help NAME`
  std::vector<Example> examples;
  /// Declares its options, parses, does it. Returns the exit status; throws Error.
  int (*run)(Arguments& arguments);
};

std::span<const Verb> verbs();

int train(Arguments&);
int eval(Arguments&);
int predict(Arguments&);
int generate(Arguments&);
int explain(Arguments&);
int gradcheck(Arguments&);
int inspect(Arguments&);
int list(Arguments&);
int lr_find(Arguments&);
int report(Arguments&);
int repro(Arguments&);
int init(Arguments&);
int data(Arguments&);
int shape(Arguments&);
int sweep(Arguments&);
int bench(Arguments&);

} // namespace vitro::cli
