// A text as a data set: windows of consecutive symbols, each followed by the next; at every step the symbol that comes
// next is to be predicted.
//
// Invariant: windows don't overlap and stand in the text's order, so that a net which remembers can be led from one to
// the next. The vocabulary is the training part's. Parts follow each other in the text, and no symbol is predicted in
// two of them.
#pragma once

#include <optional>

#include "data/dataset.h"

namespace vitro {

struct TextOptions {
  std::optional<TextUnit> unit = {};                // default: characters
  std::optional<int64_t> steps = {};                // of a window; default 64
  std::optional<double> validation = {}, test = {}; // shares below 1, or numbers of windows; defaults below
  std::optional<int64_t> samples = {};              // the first so many windows of the training part
};

inline constexpr int64_t usual_steps = 64;

/// The text `bytes`, whose name is `path`: the beginning trains, then validation follows, then the test. Where
/// `options` say nothing a tenth validates and the share `test` is the test part, each only if it holds a window.
/// Samples f32 [n, steps, 1], labels i32 [n, steps]; what does not fill a window at a part's end is left out. A symbol
/// of validation or test that training does not have counts as one more, "unknown" (a remark says which). Throws
/// bad_input for bytes that are no UTF-8, a part that is asked for and holds no window, a text of one symbol alone.
Splits open_text(ByteSpan bytes, const std::string& path, const std::string& name, const TextOptions& options,
                 double test);

/// Another text for a saved schema. Throws bad_input for a symbol that the net doesn't know and has no "unknown" for,
/// naming it and its place, and for a text shorter than a window.
Dataset open_text_as(ByteSpan bytes, const Schema& schema, const std::string& path);

/// The windows of `symbols`, the first of which stands at `offset` of the file: (symbols - 1) / steps of them.
Dataset windows_of(std::span<const uint32_t> symbols, const Schema& schema, const std::string& path, int64_t offset);

/// Of a text, each step as a sample of its own: samples [n steps, 1], labels [n steps], their places those of the
/// symbols that are predicted. Anything else as it is.
Dataset by_step(const Dataset& data);

/// The codes of a text to go on from. Throws bad_input at `where` for a symbol that the net has not learned, naming it
/// and its place.
std::vector<int32_t> codes_of(std::string_view written, const TextForm& form, const std::string& where);

} // namespace vitro
