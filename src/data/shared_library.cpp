#include "data/shared_library.h"

#include <dlfcn.h>

#include "core/error.h"
#include "core/text.h"

namespace vitro {

SharedLibrary::SharedLibrary(const char* file, const char* package)
    : file_(file), handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
  if (!handle_)
    failure(file, text("can't be loaded, and sounds are read with it: ", dlerror()),
            text("install it: apt-get install ", package, ", or what your system calls it"));
}

void* SharedLibrary::address(const char* name) const {
  void* const found = dlsym(handle_, name);
  if (!found) failure(file_, text("has no function ", name), "it is of a version that is not known here");
  return found;
}

} // namespace vitro
