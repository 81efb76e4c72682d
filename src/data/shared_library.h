// A library of the system that is loaded when it is first needed, and not before.
//
// libsndfile brings seven more libraries along. Linked to the program they would all be mapped and bound on every
// start, also where no sound is meant, which takes 0.8 ms (libsamplerate: 0.13 ms; medians of 300 starts of an empty
// program with and without them, Debian 12): too much where a training has 10 ms from its start to its first step.
#pragma once

#include <string>

namespace vitro {

class SharedLibrary {
public:
  /// Throws failure where it can't be loaded, naming the package that has it.
  SharedLibrary(const char* file, const char* package);
  /// A function by its name, called as `Function` is declared in the library's header. Throws failure where there is
  /// none.
  template <class Function> Function* function(const char* name) const {
    return reinterpret_cast<Function*>(address(name));
  }

private:
  void* address(const char* name) const;
  std::string file_;
  void* handle_; // never closed: what was loaded stays
};

} // namespace vitro
