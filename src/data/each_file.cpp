#include "data/each_file.h"

#include <algorithm>
#include <atomic>
#include <exception>

#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"

namespace vitro {

std::vector<std::string> each_file(int64_t n, bool all, const std::function<void(int64_t)>& body) {
  std::vector<std::string> wrong(static_cast<size_t>(n));
  std::vector<std::exception_ptr> failed(static_cast<size_t>(n));
  std::atomic<int64_t> first = n;
  parallel(n, [&](int64_t i) {
    if (!all && i > first) return;
    try {
      body(i);
    } catch (const std::exception& error) {
      const auto* own = dynamic_cast<const Error*>(&error);
      if (!own || own->fault() == Fault::failure) failed[size_t(i)] = std::current_exception();
      wrong[size_t(i)] = error.what();
      for (int64_t seen = first; i < seen && !first.compare_exchange_weak(seen, i);) {}
    }
  });
  for (const std::exception_ptr& one : failed)
    if (one) std::rethrow_exception(one);
  return wrong;
}

void raise(const std::string& said) { throw Error(Fault::input, said); }

void raise_first(const std::vector<std::string>& said) {
  for (const std::string& one : said)
    if (!one.empty())
      raise(one + (one.find(" Help: ") == std::string::npos ? ". Help: " : "; ") +
            "--skip-bad leaves out what can't be read");
}

std::string some_of(const std::vector<std::string>& names, size_t most) {
  const std::vector<std::string> shown(names.begin(), names.begin() + std::ptrdiff_t(std::min(most, names.size())));
  return join(shown, ", ") + (names.size() > most ? text(" and ", names.size() - most, " more") : "");
}

} // namespace vitro
