// An op's attributes: what shapes a node beside its inputs (an axis, a slope, the value of a constant).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace vitro {

using Attr = std::variant<int64_t, double, std::string, std::vector<int64_t>, std::shared_ptr<const Tensor>>;

std::string to_text(const Attr& attr);

class Attrs {
public:
  using Item = std::pair<std::string, Attr>;
  Attrs() = default;
  Attrs(std::initializer_list<Item> items) : items_(items) {}

  bool has(const std::string& name) const { return find(name) != nullptr; }
  const Attr* find(const std::string& name) const;
  /// Replaces the value where the name is there already.
  void set(const std::string& name, Attr value);

  // Each throws std::logic_error where the name is missing or of another kind: `append` has filled
  // in defaults and checked kinds before anybody asks.
  int64_t integer(const std::string& name) const { return get<int64_t>(name); }
  double real(const std::string& name) const { return get<double>(name); }
  const std::vector<int64_t>& list(const std::string& name) const { return get<std::vector<int64_t>>(name); }
  const std::string& word(const std::string& name) const { return get<std::string>(name); }
  const Tensor& tensor(const std::string& name) const { return *get<std::shared_ptr<const Tensor>>(name); }

  const std::vector<Item>& items() const { return items_; }
  std::string str() const; // "{axis=1, keep=0}"

private:
  template <class T> const T& get(const std::string& name) const;
  std::vector<Item> items_;
};

} // namespace vitro
