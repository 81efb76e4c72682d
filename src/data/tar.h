// The members of a tar archive. Source: POSIX.1-2017, pax, "ustar Interchange Format".
#pragma once

#include <string>
#include <vector>

#include "data/bytes.h"

namespace vitro {

struct TarMember {
  std::string name; // with its folders
  ByteSpan bytes;   // within the archive
};
/// Regular files only, in their order. Throws bad_input at `where` for a header with a wrong sum, or an end within a
/// member.
std::vector<TarMember> read_tar(ByteSpan archive, const std::string& where);

} // namespace vitro
