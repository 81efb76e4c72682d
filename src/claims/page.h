// repro.html: every claim with its figures, each seed a dot against the published line.
#pragma once

#include <string>
#include <vector>

#include "claims/repro.h"

namespace vitro {

/// The whole page. `command`: how it was made. `footer`: program, version, date.
std::string repro_page(const std::vector<ClaimResult>& claims, const std::string& command, const std::string& footer);

} // namespace vitro
