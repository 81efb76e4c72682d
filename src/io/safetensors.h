// Tensors by name in one file: the safetensors format.
//
//   8 bytes    n, the length of the header: unsigned, little-endian
//   n bytes    JSON: {"fc1.weight": {"dtype": "F32", "shape": [10, 784], "data_offsets": [begin, end]}, ...,
//              "__metadata__": {"key": "text", ...}}; may be padded with blanks at its end
//   the rest   the elements, row-major, little-endian; offsets count from here, without gap or overlap
// Source: github.com/huggingface/safetensors, README, section "Format".
//
// Writing is deterministic: the same tensors and metadata give the same bytes. Reading trusts nothing: a file that
// breaks a rule is refused with its first fault, and no memory is taken on a lying length's word.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "graph/function.h"

namespace vitro {

struct NamedTensor {
  std::string name;
  Tensor value;
};

struct TensorFile {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;

  const Tensor* find(const std::string& name) const; // nullptr where it is not there
};

/// The file's bytes: metadata by name, then the tensors as they come, except that wider elements precede narrower
/// ones, so that each tensor lies aligned. Throws bad_input at `where` for a name that occurs twice or is
/// "__metadata__", or a text that is not UTF-8.
std::vector<uint8_t> write_safetensors(const TensorFile& file, const std::string& where);

/// Tensors in the order of their data. Reads F32, F64, I32 and U8; any other dtype is named and refused. Throws
/// bad_input at `where` (a path) for every breach of the format, see above.
TensorFile read_safetensors(std::span<const uint8_t> bytes, const std::string& where);

/// Copies of the named states, row-major, in this order.
std::vector<NamedTensor> tensors_of(const States& states, const std::vector<std::string>& names);

/// Sets exactly the states `names` from the tensors of the same names. Throws bad_input at `where` that lists what
/// is missing, what is left over and whose type differs (both types); then no state has changed.
void load_states(States& states, const std::vector<std::string>& names, const std::vector<NamedTensor>& tensors,
                 const std::string& where);

/// SHA-256 in lower-case hexadecimal over the trainable and running states in their order: of each its name, a zero
/// byte, its type as text ("f32[10, 784]"), a zero byte, and its row-major little-endian elements.
std::string weights_sha256(const States& states);

} // namespace vitro
