// The files of tests/golden, which scripts/golden*.py wrote with PyTorch, and how near ours has to come.
//
// In double to 1e-10; in float, by the planned kernels, to 1e-5 of the largest number.
#pragma once

#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "nn/net.h"

namespace vitro {

constexpr double in_double = 1e-10, in_float = 1e-5;

using nlohmann::json;

inline json golden(const std::string& name) {
  std::ifstream file(text(VITRO_SOURCE_DIR, "/tests/golden/", name));
  json content = json::parse(file);
  EXPECT_TRUE(content["written_by"].get<std::string>().starts_with("PyTorch "));
  return content["cases"];
}

inline Tensor tensor_of(const json& stated, DType floats) {
  const DType dtype = stated["dtype"] == "i32" ? DType::i32 : floats;
  return Tensor(Shape(stated["shape"].get<std::vector<int64_t>>()), stated["values"].get<std::vector<double>>(), dtype);
}

inline Attrs attrs_of(const json& stated) {
  Attrs out;
  for (const auto& [key, value] : stated.items()) {
    if (value.is_number_integer())
      out.set(key, value.get<int64_t>());
    else if (value.is_number())
      out.set(key, value.get<double>());
    else if (value.is_string())
      out.set(key, value.get<std::string>());
    else
      out.set(key, value.get<std::vector<int64_t>>());
  }
  return out;
}

inline double largest(const Tensor& x) {
  double most = 0;
  for (int64_t i = 0; i < x.elements(); ++i) most = std::max(most, std::fabs(x.at(i)));
  return most;
}

inline void expect_close(const Tensor& found, const Tensor& truth, double relative, const std::string& what) {
  ASSERT_EQ(found.shape(), truth.shape()) << what;
  const double bound = relative * std::max(largest(truth), 1e-3);
  for (int64_t i = 0; i < truth.elements(); ++i)
    ASSERT_NEAR(found.at(i), truth.at(i), bound) << what << ", element " << i;
}

// offset + scale u, u in [-1, 1) from position and key: scripts/golden.py makes the same.
inline Tensor noise(const Type& type, uint32_t key, double offset = 0, double scale = 1) {
  Tensor out(type);
  for (int64_t i = 0; i < out.elements(); ++i) {
    uint32_t z = uint32_t(i + 1) * 0x9E3779B1u + key * 0x85EBCA77u;
    z ^= z >> 15;
    z *= 0x2C1B3C6Du;
    z ^= z >> 12;
    out.set(i, double(float(offset + scale * (double(z) / 2147483648.0 - 1))));
  }
  return out;
}

inline void expect_digest(const Tensor& found, const json& stated, double relative, const std::string& what) {
  const auto some = stated["some"].get<std::vector<double>>();
  const int64_t stride = stated["stride"];
  double most = 1e-3, norm = 0;
  for (const double x : some) most = std::max(most, std::fabs(x));
  for (int64_t i = 0; i < found.elements(); ++i) norm += found.at(i) * found.at(i);
  ASSERT_EQ((found.elements() + stride - 1) / stride, int64_t(some.size())) << what;
  EXPECT_NEAR(std::sqrt(norm), stated["norm"].get<double>(), relative * std::max(std::sqrt(norm), 1e-3)) << what;
  for (size_t i = 0; i < some.size(); ++i)
    ASSERT_NEAR(found.at(int64_t(i) * stride), some[i], relative * most) << what << ", element " << int64_t(i) * stride;
}

inline std::vector<LayerSpec> layers_of(const json& stated) {
  std::vector<LayerSpec> out;
  for (json layer : stated) {
    LayerSpec& spec = out.emplace_back();
    spec.op = layer["op"];
    spec.name = layer.value("name", "");
    spec.from = layer.value("from", std::vector<std::string>{});
    spec.repeat = layer.value("repeat", int64_t{1});
    for (const char* own : {"op", "name", "from", "repeat"}) layer.erase(own);
    spec.args = attrs_of(layer);
  }
  return out;
}

} // namespace vitro
