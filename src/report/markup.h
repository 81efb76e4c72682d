// HTML and SVG as text that is always well-formed: every element is closed, every value is escaped.
//
// Invariant: whatever text becomes Markup is escaped on the way, and only `element` makes tags, whose names and
// attribute names are this program's own literals. So no class, column or file can write a tag, wherever it comes from.
// The result is HTML5 that is well-formed XML as well.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vitro {

/// Text as it may stand between tags and in quotes: & < > " ' become entities. What is not UTF-8, control characters
/// and those that turn the direction of writing around become U+FFFD.
std::string escape(std::string_view raw);

/// A coordinate: at most two decimals, no exponent. 0 where `value` is not finite.
std::string coordinate(double value);

class Markup {
public:
  Markup() = default;
  Markup(std::string_view raw) : html_(escape(raw)) {}
  Markup(const std::string& raw) : html_(escape(raw)) {}
  Markup(const char* raw) : html_(escape(raw)) {}

  Markup& add(const Markup& next) {
    html_ += next.html_;
    return *this;
  }
  bool empty() const { return html_.empty(); }
  const std::string& str() const { return html_; }

  /// This program's own markup as it stands: never anything that was read.
  static Markup literal(std::string_view markup) {
    Markup out;
    out.html_ = markup;
    return out;
  }

private:
  std::string html_;
};

struct Attribute {
  Attribute(const char* called, std::string_view means) : name(called), value(means) {}
  Attribute(const char* called, const std::string& means) : name(called), value(means) {}
  Attribute(const char* called, const char* means) : name(called), value(means) {}
  template <class Number>
  requires std::is_arithmetic_v<Number> Attribute(const char* called, Number means)
      : name(called), value(coordinate(double(means))) {}

  const char* name;
  std::string value; // not escaped yet
};
using Attributes = std::vector<Attribute>;

template <class... Pieces> Markup together(const Pieces&... pieces) {
  Markup out;
  (out.add(pieces), ...);
  return out;
}

/// <tag name="value" ...>content</tag>, or <tag .../> for those that never have content.
Markup element_of(const char* tag, const Attributes& attributes, const Markup& content);
template <class... Pieces> Markup element(const char* tag, const Attributes& attributes, const Pieces&... content) {
  return element_of(tag, attributes, together(content...));
}

} // namespace vitro
