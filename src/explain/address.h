// Addresses of single elements of states: what a person types to point at one weight.
//
// `fc1.weight:3,17` and `fc1.weight[3,17]` are the same element (the first form needs no quotes in any
// shell); a state with one axis takes one index, a scalar none. `random:100` stands for a hundred
// parameters drawn by a seed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/function.h"

namespace vitro {

struct ElementAddress {
  std::string state;
  int64_t element = 0; // in row-major order
  bool operator==(const ElementAddress&) const = default;
};

/// Throws bad_input for an unknown state (with the nearest), a state of integers, a wrong number of indices or an
/// index out of range: each message states the shape.
ElementAddress parse_address(std::string_view text, const States& states);

/// One address, or `random:N`: N trainable elements, each as likely as any other, the same ones for the same seed.
std::vector<ElementAddress> parse_addresses(std::string_view text, const States& states, uint64_t seed = 0);

/// "fc1.weight[3,17]"; with `shell`: "fc1.weight:3,17".
std::string to_text(const ElementAddress& address, const Shape& shape, bool shell = false);
std::string to_text(const ElementAddress& address, const States& states, bool shell = false);

/// The index along each axis of element `element`, and "[3,17]" of it ("" for a scalar).
std::vector<int64_t> coordinates(int64_t element, const Shape& shape);
std::string bracketed(const std::vector<int64_t>& coordinates);

} // namespace vitro
