// Files as bytes. Readers of formats take a span of bytes and never touch a file: this is the
// only place of the room that does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitro {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

/// The most that a file may inflate to: a small file that claims to hold more is refused, not unpacked.
inline constexpr size_t largest_input = size_t(4) << 30;

/// The whole file, or standard input where `path` is "-"; inflated if it is gzip (by content, not by
/// name). Throws bad_input for what is missing, not readable, a directory, empty, or broken gzip.
Bytes read_bytes(const std::string& path);

/// The same without inflating.
Bytes read_raw_bytes(const std::string& path);

bool is_gzip(ByteSpan bytes);
/// Throws bad_input at `where` for a truncated or damaged stream, bytes behind its end, or more than `most`.
Bytes inflate_gzip(ByteSpan bytes, const std::string& where, size_t most = largest_input);

/// In lower-case hexadecimal, 64 digits.
std::string sha256(ByteSpan bytes);

} // namespace vitro
