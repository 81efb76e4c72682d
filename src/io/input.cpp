#include "io/input.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "io/json_reader.h"
#include "io/json_text.h"

namespace vitro {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Reader = JsonReader<json>;

constexpr int64_t version = 1;

ordered_json written(const InputScaling& scaling) {
  return {{"scale", scaling.scale}, {"mean", scaling.mean}, {"deviation", scaling.deviation}};
}

void only(const json& object, const std::vector<std::string>& known, const std::string& where) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      bad_input(where, text("has an unknown key ", shown(key), did_you_mean(key, known)));
}

InputScaling read_scaling(const Reader& file, const char* key, int64_t elements, const std::string& where) {
  const std::string here = text(where, ", ", key);
  const json& object = file.at(key);
  const Reader read(object, here);
  only(object, {"scale", "mean", "deviation"}, here);
  InputScaling out{read.real("scale"), read.reals("mean"), read.reals("deviation")};
  if (!std::isfinite(out.scale) || out.scale == 0) read.wrong("scale", "a finite number other than 0");
  for (const double mean : out.mean)
    if (!std::isfinite(mean)) read.wrong("mean", "a list of finite numbers");
  for (const double deviation : out.deviation)
    if (!std::isfinite(deviation) || deviation <= 0) read.wrong("deviation", "a list of finite numbers above 0");
  const auto groups = int64_t(out.mean.size());
  if (groups == 0 || out.deviation.size() != out.mean.size() || elements % groups != 0)
    bad_input(here, text("has ", groups, " means and ", out.deviation.size(), " deviations for ", elements,
                         " elements, expected as many of each, dividing the elements evenly"));
  return out;
}

Shape read_sample(const Reader& read, const std::string& where) {
  const json& extents = read.at("sample");
  if (!extents.is_array() || extents.size() > size_t(Shape::max_rank))
    read.wrong("sample", "a list of at most 8 whole numbers");
  std::vector<int64_t> out;
  int64_t product = 1;
  for (const json& extent : extents) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() == 0 || extent.get<uint64_t>() > (uint64_t(1) << 40) ||
        __builtin_mul_overflow(product, extent.get<int64_t>(), &product) || product > (int64_t(1) << 40))
      bad_input(where, "\"sample\" is not a shape of extents from 1 on and at most 2^40 elements");
    out.push_back(extent.get<int64_t>());
  }
  return Shape(out);
}

} // namespace

std::string to_json(const InputFormat& input) {
  const ordered_json out = {{"version", version},
                            {"name", input.name},
                            {"description", input.description},
                            {"generated", input.generated},
                            {"goal", input.classes_wanted ? "classification" : "regression"},
                            {"raw", name(input.raw)},
                            {"sample", input.sample.list()},
                            {"features", input.features},
                            {"classes", input.classes},
                            {"targets", input.targets},
                            {"input", written(input.input)},
                            {"target", written(input.target)}};
  try {
    return out.dump(2) + "\n";
  } catch (const json::exception&) {
    bad_input(text("data set ", shown(input.name)), "has a column or class name that is not UTF-8",
              "save its file as UTF-8, for example with iconv -f latin1 -t utf8");
  }
}

InputFormat read_input(const std::string& text_of_file, const std::string& where) {
  check_json(text_of_file, where);
  const json object = json::parse(text_of_file);
  const Reader read(object, where);
  if (read.whole("version") != version)
    bad_input(where, text("is of version ", read.whole("version"), ", expected ", version),
              "use the program that wrote it");
  only(object,
       {"version", "name", "description", "generated", "goal", "raw", "sample", "features", "classes", "targets",
        "input", "target"},
       where);
  InputFormat out;
  out.name = read.word("name");
  out.description = read.word("description");
  out.generated = read.flag("generated");
  const std::string goal = read.word("goal"), raw = read.word("raw");
  if (goal != "classification" && goal != "regression") read.wrong("goal", "\"classification\" or \"regression\"");
  out.classes_wanted = goal == "classification";
  if (raw != "u8" && raw != "f32" && raw != "f64") read.wrong("raw", "\"u8\", \"f32\" or \"f64\"");
  out.raw = raw == "u8" ? DType::u8 : raw == "f32" ? DType::f32 : DType::f64;
  out.sample = read_sample(read, where);
  out.features = read.words("features");
  out.classes = read.words("classes");
  out.targets = read.words("targets");
  if (!out.features.empty() && int64_t(out.features.size()) != out.sample.elements())
    bad_input(where, text("names ", out.features.size(), " features of a sample with ", out.sample.elements()));
  if (out.classes_wanted && out.classes.empty()) bad_input(where, "names no class");
  if (!out.classes_wanted && out.targets.empty()) bad_input(where, "names no target");
  if (std::set(out.classes.begin(), out.classes.end()).size() != out.classes.size())
    bad_input(where, "names a class twice");
  out.input = read_scaling(read, "input", out.sample.elements(), where);
  out.target = read_scaling(read, "target", out.classes_wanted ? 1 : int64_t(out.targets.size()), where);
  return out;
}

} // namespace vitro
