// Generated sentences, not written by anybody: a small grammar, so that nets of text can be tried without a file.
//
// Of words that follow each other as in English some is luck, and some can be known: a quote that was opened is closed,
// a bracket too, a plural takes its verb, a line ends at the first word that reaches its 48th character. Every sentence
// is decided by (seed, part, its number) alone.
#pragma once

#include <cstdint>
#include <string>

#include "data/generate.h"

namespace vitro {

/// The first `symbols` characters of a part, ASCII.
std::string sentences(uint64_t seed, Part part, int64_t symbols);

/// Every character that they may hold.
std::string letters_of_sentences();

} // namespace vitro
