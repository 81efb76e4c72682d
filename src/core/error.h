// Errors: where, what was found, what was expected, and a way out.
//
// Every failure that a user can cause is an `Error`. Its fault decides the exit status of the
// command line: `input` (the user's data, key or file is wrong) is 2, `failure` (the machine said
// no: disk full, file vanished) is 1.
#pragma once

#include <stdexcept>
#include <string>

namespace vitro {

enum class Fault { input, failure };

class Error : public std::runtime_error {
public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  Fault fault() const { return fault_; }

private:
  Fault fault_;
};

/// Throws an Error with Fault::input: `[where] what. Help: help`. An empty `help` is left out.
[[noreturn]] void bad_input(const std::string& where, const std::string& what, const std::string& help = "");

/// Throws an Error with Fault::failure, same form.
[[noreturn]] void failure(const std::string& where, const std::string& what, const std::string& help = "");

} // namespace vitro
