// JSON as text that may be damaged: checked before anybody builds values from it.
#pragma once

#include <string>
#include <string_view>

namespace vitro {

/// Throws bad_input at `where` unless `text` is one JSON value (RFC 8259) without a key that occurs twice in an
/// object, nested at most 64 deep. Parsers commonly keep the last of two equal keys; a file that says two things
/// is refused here.
void check_json(std::string_view text, const std::string& where);

/// A name out of a file that may hold anything, fit for a message: in quotes, control characters and what is not
/// ASCII escaped, at most 60 characters.
std::string shown(std::string_view name);

} // namespace vitro
