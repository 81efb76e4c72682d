// Files as bytes. Readers of formats take a span of bytes and never touch a file: this is the
// only place of the room that does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

/// The bytes of a file in order, from the beginning as often as wanted, without holding more than a piece of them:
/// a plain file, or a gzip one (by content), inflated. What cannot be read twice (standard input "-", a pipe) is held
/// in memory. There is no limit but patience.
class ByteSource {
public:
  /// Throws as `read_bytes` does; an empty file is no error here.
  static ByteSource open(const std::string& path);
  /// `bytes` as they are, not inflated; they must outlive the source.
  static ByteSource of(ByteSpan bytes);

  ByteSource(ByteSource&&) noexcept;
  ByteSource& operator=(ByteSource&&) noexcept;
  ~ByteSource();

  /// Fills `into` from where the last call ended; fewer bytes than asked for mean the end. Throws bad_input for
  /// damaged gzip, failure where the machine cannot read.
  size_t read(std::span<uint8_t> into);
  void rewind();
  /// How many bytes there are from the beginning, where that is known without reading them.
  std::optional<size_t> size() const;

private:
  struct State;
  explicit ByteSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// In lower-case hexadecimal, 64 digits.
std::string sha256(ByteSpan bytes);

} // namespace vitro
