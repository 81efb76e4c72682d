// IDX, the format of MNIST: a magic number that states element type and rank, the extents as
// big-endian 32-bit numbers, then the elements, row-major, big-endian.
// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
#pragma once

#include "data/bytes.h"
#include "data/dataset.h"

namespace vitro {

/// Whether the bytes begin as IDX does: two zeros, a known element type, a rank of 1 to 8.
bool is_idx(ByteSpan bytes);

/// u8 stays u8, i8 and i16 become i32, i32, f32 and f64 stay. Throws bad_input at `where` unless the
/// bytes are exactly one array: too few, too many, a wrong magic, extents that overflow are refused.
Tensor read_idx(ByteSpan bytes, const std::string& where);

/// Images [n, height, width] (or [n, channels, height, width], or [n, features]) and labels [n], both
/// as `read_idx` gives them. u8 images are scaled by 1/255 with the training mean and deviation left
/// at 0 and 1; samples become [1, height, width]. `classes` names the labels; where it is empty they
/// are 0 .. largest label. Throws bad_input where counts differ or a label is out of range.
Dataset idx_dataset(Tensor images, const Tensor& labels, std::vector<std::string> classes,
                    const std::string& images_where, const std::string& labels_where);

/// Images alone as samples of `schema` (for predict). Throws bad_input where their shape differs.
Tensor idx_samples(Tensor images, const Schema& schema, const std::string& where);

/// The bytes of an IDX file (u8, i32, f32 or f64).
Bytes write_idx(ConstView array);

} // namespace vitro
