// Many files at once: each is read on its own, and of those that can't be read the first one is reported.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vitro {

/// Runs body(0) .. body(n - 1) on all threads; of each what its error of input said, "" where there was none. Unless
/// `all`, whoever comes behind an error may be left out. Where the machine fails, that is thrown.
std::vector<std::string> each_file(int64_t n, bool all, const std::function<void(int64_t)>& body);

/// Throws what an error said, as it stands: "[where] what. Help: help".
[[noreturn]] void raise(const std::string& said);
/// Throws the first that is not "", with the option that leaves such files out.
void raise_first(const std::vector<std::string>& said);

/// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names, size_t most = 5);

} // namespace vitro
