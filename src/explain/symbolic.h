// The chain rule of one weight in letters. Private to src/explain.
#pragma once

#include "explain/walk.h"

namespace vitro {

std::string symbolic_gradient(const Walk& walk, const Address& address);

} // namespace vitro
