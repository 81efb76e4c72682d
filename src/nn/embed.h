// A net for samples whose last columns are codes of categories.
#pragma once

#include "nn/net.h"

namespace vitro {

/// How long the vector of one of so many categories is, where nobody says: min(50, round(1.6 n^0.56)), at least 1.
/// Source: fastai's rule for tables (J. Howard, S. Gugger, "fastai: a layered API for deep learning", 2020).
int64_t embedding_width(int64_t categories);

/// The net for samples that end with so many codes, each of so many categories. Where a layer of it is an embed, that
/// one learns what the data says; else one called "embed" comes first, and whoever is fed with "input" is fed with it.
/// The same net where there are no codes.
/// Source of the idea: C. Guo, F. Berkhahn, "Entity embeddings of categorical variables", 2016.
NetSpec with_codes(NetSpec net, const std::vector<int64_t>& codes);

} // namespace vitro
