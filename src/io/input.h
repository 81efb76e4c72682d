// input.json: how raw input becomes numbers. With it and the weights a run reads raw files ever after.
#pragma once

#include <string>

#include "data/dataset.h"

namespace vitro {

/// Indented JSON, keys in a fixed order, doubles in the shortest form that reads back the same. Throws bad_input where
/// a name is not UTF-8.
std::string to_json(const Schema& schema);

/// Throws bad_input at `where` for what is no JSON, a key that is missing, unknown, twice there or of another kind,
/// numbers that are not finite, a deviation that is not above 0, lists whose lengths disagree, unsorted categories.
Schema read_schema(const std::string& json, const std::string& where);

} // namespace vitro
