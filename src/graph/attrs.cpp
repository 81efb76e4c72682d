#include "graph/attrs.h"

#include <stdexcept>

#include "core/text.h"

namespace vitro {
namespace {

// A tensor in brief: "3.5", "[1, 2, 3]", "f32[784, 10]".
std::string brief(const Tensor& tensor) {
  if (tensor.shape().rank() == 0) return number(tensor.at(0), 9);
  if (tensor.shape().rank() > 1 || tensor.elements() > 6) return tensor.type().str();
  std::vector<std::string> pieces;
  for (int64_t i = 0; i < tensor.elements(); ++i) pieces.push_back(number(tensor.at(i), 6));
  return "[" + join(pieces, ", ") + "]";
}

} // namespace

std::string to_text(const Attr& attr) {
  struct Print {
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return number(value); }
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const std::vector<int64_t>& value) const {
      std::vector<std::string> pieces;
      for (const int64_t x : value) pieces.push_back(std::to_string(x));
      return "[" + join(pieces, ", ") + "]";
    }
    std::string operator()(const std::shared_ptr<const Tensor>& value) const { return brief(*value); }
  };
  return std::visit(Print{}, attr);
}

const Attr* Attrs::find(const std::string& name) const {
  for (const auto& [key, value] : items_)
    if (key == name) return &value;
  return nullptr;
}

void Attrs::set(const std::string& name, Attr value) {
  for (auto& [key, held] : items_)
    if (key == name) {
      held = std::move(value);
      return;
    }
  items_.emplace_back(name, std::move(value));
}

template <class T> const T& Attrs::get(const std::string& name) const {
  const Attr* attr = find(name);
  if (!attr || !std::holds_alternative<T>(*attr))
    throw std::logic_error(text("attribute ", name, " is missing or of another kind"));
  return std::get<T>(*attr);
}

template const int64_t& Attrs::get<int64_t>(const std::string&) const;
template const double& Attrs::get<double>(const std::string&) const;
template const std::string& Attrs::get<std::string>(const std::string&) const;
template const std::vector<int64_t>& Attrs::get<std::vector<int64_t>>(const std::string&) const;
template const std::shared_ptr<const Tensor>& Attrs::get<std::shared_ptr<const Tensor>>(const std::string&) const;

std::string Attrs::str() const {
  std::vector<std::string> pieces;
  for (const auto& [key, value] : items_) pieces.push_back(text(key, "=", to_text(value)));
  return pieces.empty() ? "" : "{" + join(pieces, ", ") + "}";
}

} // namespace vitro
