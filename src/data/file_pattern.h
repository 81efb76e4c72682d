// What file names say: "{label}_{speaker}_{take}.wav" finds label, speaker and take in "7_jackson_3.wav".
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vitro {

/// A field in braces stands for one character or more, up to the first place where the text behind it in the pattern
/// occurs; the last one for all before that text at the end. No field reaches over a '/'. A pattern of k folders and a
/// name is held against the last k folders and the name of a path.
class FilePattern {
public:
  /// Throws bad_input at `where` for braces that are not closed, fields without a name or with the same, and fields
  /// with nothing between them.
  FilePattern(const std::string& pattern, const std::string& where);

  const std::string& str() const { return pattern_; }
  const std::vector<std::string>& fields() const { return fields_; }
  /// The place of a field among them; none where the pattern has no such field.
  std::optional<size_t> field(const std::string& name) const;
  /// What stands for each field, or nothing where the path is not of this pattern.
  std::optional<std::vector<std::string>> match(const std::string& path) const;

private:
  std::string pattern_;
  std::vector<std::string> fields_, texts_; // texts_[i] before fields_[i], the last behind all
};

} // namespace vitro
