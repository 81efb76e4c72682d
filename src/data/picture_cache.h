// Decoded pictures, kept so that they need not be decoded again: in $XDG_CACHE_HOME/vitro, else ~/.cache/vitro, a file
// for each folder and way of reading it.
//
// A cache file counts only where its key is the asked one and its bytes have the sum that they were written with; the
// key states of every picture its path, length and both times of change. So what was changed is decoded anew, and a
// cache that is deleted, cut off or written to by somebody else costs time and nothing more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace vitro {

struct DecodedPictures {
  Tensor samples;               // u8 [n, channels, height, width], of the pictures that could be read
  std::vector<std::string> bad; // of each picture "", or why it could not be read
  std::string remark;           // what became of their sizes, for people
  bool scaled = false;          // whether one of them had another size
};

class PictureCache {
public:
  /// `place` says what is read and how (the folder, the options), `state` how it is now (a line per picture).
  PictureCache(const std::string& place, const std::string& state);
  std::optional<DecodedPictures> load() const;
  /// Where it can't be written nothing is kept, which is no error. `also` is another place of which the same is true: a
  /// recipe states in the end which size and channels were chosen.
  void store(const DecodedPictures& pictures, const std::string& also) const;
  const std::string& path() const { return path_; } // "" where neither variable says a directory

private:
  std::string path_, key_;
};

} // namespace vitro
