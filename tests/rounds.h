// How many random cases a test tries.
#pragma once

namespace vitro {

/// `usual`; a tenth of them where a sanitizer makes each twenty times as slow.
constexpr int rounds(int usual) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return usual < 10 ? 1 : usual / 10;
#else
  return usual;
#endif
}

} // namespace vitro
