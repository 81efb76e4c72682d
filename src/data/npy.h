// Arrays as numpy saves them: .npy is one array, .npz a zip file of several by name.
//
// Source: numpy's format description (numpy/lib/format.py, versions 1 to 3) and PKWARE's APPNOTE for zip, with zip64
// sizes. Only plain numbers are read: Python objects, records and texts, and big-endian numbers are refused by name.
#pragma once

#include <map>
#include <string>

#include "core/tensor.h"
#include "data/bytes.h"

namespace vitro {

bool is_npy(ByteSpan bytes);
bool is_npz(ByteSpan bytes); // any zip file

/// The array, row-major, in the element type that holds it: f4 and f2 as f32, f8 as f64, u1 and b1 as u8, i1 i2 i4 u2
/// as i32, and i8 and u4 as i32, or as f64 if an element does not fit. Throws bad_input at `where` for anything else,
/// for a file that is cut or goes on, for more than 8 axes, and for an element beyond 2^53.
Tensor read_npy(ByteSpan bytes, const std::string& where);

/// All arrays by their names (without ".npy"). Throws bad_input at `where`, naming the array, as `read_npy` does, and
/// for a zip file that is damaged, encrypted, packed otherwise than by deflate, or holds something else.
std::map<std::string, Tensor> read_npz(ByteSpan bytes, const std::string& where);

/// Version 1, row-major; the same tensor gives the same bytes.
Bytes write_npy(const ConstView& tensor);
/// Not packed, in the order of the names; the same tensors give the same bytes. Throws bad_input from 4 GiB on.
Bytes write_npz(const std::map<std::string, Tensor>& tensors);

} // namespace vitro
