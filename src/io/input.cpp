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

constexpr int64_t version = 4;

ordered_json written(const Scaling& scaling) {
  return {{"scale", scaling.scale}, {"mean", scaling.mean}, {"deviation", scaling.deviation}};
}

void only(const json& object, const std::vector<std::string>& known, const std::string& where) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      bad_input(where, text("has an unknown key ", shown(key), did_you_mean(key, known)));
}

Scaling read_scaling(const Reader& file, const char* key, int64_t elements, const std::string& where) {
  const std::string here = text(where, ", ", key);
  const json& object = file.at(key);
  const Reader read(object, here);
  only(object, {"scale", "mean", "deviation"}, here);
  Scaling out{read.real("scale"), read.reals("mean"), read.reals("deviation")};
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

ordered_json written(const Column& column) {
  ordered_json out = {{"name", column.name},
                      {"role", name(column.role)},
                      {"cells", name(column.cells)},
                      {"format", column.format},
                      {"remark", column.remark}};
  if (column.coded()) {
    out["categories"] = column.categories;
    out["others"] = column.others;
    return out;
  }
  out["mean"] = column.mean;
  out["deviation"] = column.deviation;
  out["indicator"] = column.indicator;
  if (column.role == Role::quantile) out["knots"] = column.knots;
  if (column.role != Role::quantile) out["anchored"] = column.anchored;
  if (column.role == Role::date) {
    out["clock"] = column.clock;
    out["week"] = column.week;
  }
  return out;
}

Column read_column(const json& object, const std::string& where) {
  const Reader read(object, where);
  Column out{.name = read.word("name")};
  out.role = role_of(read.word("role"), where);
  const std::string cells = read.word("cells");
  if (cells != "number" && cells != "date" && cells != "text") read.wrong("cells", "\"number\", \"date\" or \"text\"");
  out.cells = cells == "number" ? CellType::number : cells == "date" ? CellType::date : CellType::text;
  out.format = read.word("format");
  out.remark = read.word("remark");
  std::vector<std::string> known = {"name", "role", "cells", "format", "remark"};
  const auto also = [&](std::initializer_list<const char*> keys) {
    known.insert(known.end(), keys.begin(), keys.end());
  };
  if (out.coded()) {
    also({"categories", "others"});
    out.categories = read.words("categories");
    out.others = read.flag("others");
    // Codes are found by bisection.
    if (!std::ranges::is_sorted(out.categories) || std::ranges::adjacent_find(out.categories) != out.categories.end())
      read.wrong("categories", "texts in the order of their bytes, each once");
  } else {
    also({"mean", "deviation", "indicator"});
    out.mean = read.real("mean");
    out.deviation = read.real("deviation");
    out.indicator = read.flag("indicator");
    if (!std::isfinite(out.mean)) read.wrong("mean", "a finite number");
    if (!std::isfinite(out.deviation) || out.deviation <= 0) read.wrong("deviation", "a finite number above 0");
    if (out.role == Role::quantile) {
      also({"knots"});
      out.knots = read.reals("knots");
      if (out.knots.size() < 2 || !std::ranges::is_sorted(out.knots) ||
          !std::ranges::all_of(out.knots, [](double x) { return std::isfinite(x); }))
        read.wrong("knots", "at least two finite numbers in ascending order");
    }
    if (out.role != Role::quantile) {
      also({"anchored"});
      out.anchored = read.flag("anchored");
    }
    if (out.role == Role::date) {
      also({"clock", "week"});
      out.clock = read.flag("clock");
      out.week = read.flag("week");
    }
  }
  only(object, known, where);
  return out;
}

std::vector<Column> read_columns(const Reader& read, const std::string& where) {
  const json& list = read.at("columns");
  if (!list.is_array()) read.wrong("columns", "a list");
  std::vector<Column> out;
  for (const json& one : list) out.push_back(read_column(one, text(where, ", column ", out.size() + 1)));
  return out;
}

std::vector<LeftOut> read_left_out(const Reader& read, const std::string& where) {
  const json& list = read.at("left_out");
  if (!list.is_array()) read.wrong("left_out", "a list");
  std::vector<LeftOut> out;
  for (const json& one : list) {
    const std::string here = text(where, ", left_out ", out.size() + 1);
    only(one, {"name", "reason"}, here);
    const Reader entry(one, here);
    out.push_back({entry.word("name"), entry.word("reason")});
  }
  return out;
}

ordered_json written(const std::optional<Forecast>& forecast) {
  if (!forecast) return nullptr;
  return {{"column", forecast->column},
          {"date", forecast->date},
          {"period", forecast->period},
          {"days", forecast->days},
          {"months", forecast->months}};
}

// A window of rows, and which of its columns is told before it happens.
std::optional<Forecast> read_forecast(const Reader& file, const Schema& schema, const std::string& where) {
  const json& object = file.at("forecast");
  if (object.is_null()) {
    for (const Column& column : schema.columns)
      if (column.anchored) bad_input(where, text("anchors the column ", shown(column.name), ", but forecasts nothing"));
    return std::nullopt;
  }
  const std::string here = text(where, ", forecast");
  const Reader read(object, here);
  only(object, {"column", "date", "period", "days", "months"}, here);
  const Forecast out{.column = read.whole("column"),
                     .date = read.whole("date"),
                     .period = read.whole("period"),
                     .days = read.real("days"),
                     .months = read.whole("months")};
  const auto columns = int64_t(schema.columns.size());
  const auto is = [&](int64_t column, Role role) { return schema.columns[size_t(column)].role == role; };
  if (schema.sample.rank() != 2 || schema.goal != Goal::numbers || columns == 0)
    bad_input(here, text("needs samples of rows and columns, and numbers to predict; samples are ", schema.sample));
  if (out.column < 0 || out.column >= columns || !is(out.column, Role::number))
    read.wrong("column", "the place of a column of numbers, from 0");
  if (out.date < -1 || out.date >= columns || (out.date >= 0 && !is(out.date, Role::date)))
    read.wrong("date", "the place of a column of dates, from 0, or -1");
  if (out.period < 0) read.wrong("period", "a number of rows, or 0");
  if (!std::isfinite(out.days) || out.days < 0) read.wrong("days", "a number above 0, or 0");
  if (out.months < 0 || (out.months > 0 && out.days > 0)) read.wrong("months", "a number above 0, or 0 beside days");
  return out;
}

ordered_json written(const std::optional<PictureForm>& form) {
  if (!form) return nullptr;
  return {{"fit", form->fit ? ordered_json(name(*form->fit)) : ordered_json()}, {"ink", form->ink}};
}

std::optional<PictureForm> read_picture_form(const Reader& file, const Schema& schema, const std::string& where) {
  const json& object = file.at("picture");
  if (object.is_null()) return std::nullopt;
  const std::string here = text(where, ", picture");
  const Reader read(object, here);
  only(object, {"fit", "ink"}, here);
  const Shape& sample = schema.sample;
  if (schema.raw != DType::u8 || sample.rank() != 3 || (sample[0] != 1 && sample[0] != 3))
    bad_input(here,
              text("needs samples u8 of 1 or 3 channels, height and width; samples are ", Type{schema.raw, sample}));
  PictureForm out{.ink = read.whole("ink")};
  if (!read.at("fit").is_null() && !(out.fit = fit_of(read.word("fit"))))
    read.wrong("fit", "\"crop\", \"pad\", \"stretch\" or null");
  if (out.ink < 0 || out.ink > std::min(sample[1], sample[2]) || (out.ink > 0 && sample[0] != 1))
    read.wrong("ink", "0, or a number of pixels within a sample of one channel");
  return out;
}

ordered_json written(const std::optional<SoundForm>& form) {
  if (!form) return nullptr;
  return {{"rate", form->rate},
          {"frame", form->frame},
          {"hop", form->hop},
          {"fft", form->fft},
          {"features", name(form->features)},
          {"bands", form->bands},
          {"coefficients", form->coefficients},
          {"deltas", form->deltas},
          {"low_hz", form->low},
          {"high_hz", form->high},
          {"pre_emphasis", form->pre_emphasis},
          {"trim_db", form->trim},
          {"normalise", name(form->normalise)},
          {"pattern", form->pattern}};
}

std::optional<SoundForm> read_sound_form(const Reader& file, const Schema& schema, const std::string& where) {
  const json& object = file.at("sound");
  if (object.is_null()) return std::nullopt;
  const std::string here = text(where, ", sound");
  const Reader read(object, here);
  only(object,
       {"rate", "frame", "hop", "fft", "features", "bands", "coefficients", "deltas", "low_hz", "high_hz",
        "pre_emphasis", "trim_db", "normalise", "pattern"},
       here);
  if (schema.raw != DType::f32 || schema.sample.rank() != 1)
    bad_input(here, text("needs waves f32; samples are ", Type{schema.raw, schema.sample}));
  const std::optional<SoundFeatures> features = sound_features_of(read.word("features"));
  if (!features) read.wrong("features", "\"log_mel\" or \"mfcc\"");
  const std::optional<Normalise> normalise = normalise_of(read.word("normalise"));
  if (!normalise) read.wrong("normalise", "\"clip\", \"set\" or \"none\"");
  SoundForm out{.rate = read.whole("rate"),
                .frame = read.whole("frame"),
                .hop = read.whole("hop"),
                .fft = read.whole("fft"),
                .features = *features,
                .bands = read.whole("bands"),
                .coefficients = read.whole("coefficients"),
                .deltas = read.whole("deltas"),
                .low = read.real("low_hz"),
                .high = read.real("high_hz"),
                .pre_emphasis = read.real("pre_emphasis"),
                .trim = read.real("trim_db"),
                .normalise = *normalise,
                .pattern = read.word("pattern")};
  check(out, here);
  return out;
}

ordered_json written(const std::optional<TextForm>& form) {
  if (!form) return nullptr;
  return {{"unit", name(form->unit)}, {"symbols", form->symbols}, {"unknown", form->unknown}};
}

// The symbols as numbers, for a byte need not be a character that JSON can hold; the classes are their names.
std::optional<TextForm> read_text_form(const Reader& file, const Schema& schema, const std::string& where) {
  const json& object = file.at("text");
  if (object.is_null()) return std::nullopt;
  const std::string here = text(where, ", text");
  const Reader read(object, here);
  only(object, {"unit", "symbols", "unknown"}, here);
  if (schema.raw != DType::f32 || schema.sample.rank() != 2 || schema.sample[0] < 2 || schema.sample[1] != 1 ||
      schema.goal != Goal::classes || !schema.columns.empty())
    bad_input(here, text("needs windows f32 [steps, 1] and classes; samples are ", Type{schema.raw, schema.sample}));
  TextForm out{.unknown = read.flag("unknown")};
  const std::string unit = read.word("unit");
  if (unit != "characters" && unit != "bytes") read.wrong("unit", "\"characters\" or \"bytes\"");
  out.unit = unit == "bytes" ? TextUnit::bytes : TextUnit::characters;
  const json& list = read.at("symbols");
  const uint64_t most = out.unit == TextUnit::bytes ? 0xFF : 0x10FFFF;
  const char* const expected = "a list of bytes or code points in ascending order";
  if (!list.is_array()) read.wrong("symbols", expected);
  for (const json& one : list) {
    const bool fits = one.is_number_unsigned() && one.get<uint64_t>() <= most &&
                      (out.unit == TextUnit::bytes || one.get<uint64_t>() < 0xD800 || one.get<uint64_t>() > 0xDFFF);
    if (!fits || (!out.symbols.empty() && one.get<uint64_t>() <= out.symbols.back())) read.wrong("symbols", expected);
    out.symbols.push_back(one.get<uint32_t>());
  }
  if (out.names() != schema.classes) bad_input(here, "names other symbols than its classes");
  return out;
}

} // namespace

std::string to_json(const Schema& schema) {
  ordered_json columns = ordered_json::array(), left_out = ordered_json::array();
  for (const Column& column : schema.columns) columns.push_back(written(column));
  for (const LeftOut& one : schema.left_out) left_out.push_back({{"name", one.name}, {"reason", one.reason}});
  const ordered_json out = {{"version", version},
                            {"name", schema.name},
                            {"description", schema.description},
                            {"generated", schema.generated},
                            {"goal", name(schema.goal)},
                            {"raw", name(schema.raw)},
                            {"sample", schema.sample.list()},
                            {"features", schema.features},
                            {"classes", schema.classes},
                            {"targets", schema.targets},
                            {"input", written(schema.input)},
                            {"target", written(schema.target)},
                            {"header", schema.header},
                            {"columns", columns},
                            {"left_out", left_out},
                            {"forecast", written(schema.forecast)},
                            {"picture", written(schema.picture)},
                            {"sound", written(schema.sound)},
                            {"text", written(schema.text)}};
  try {
    return out.dump(2) + "\n";
  } catch (const json::exception&) {
    bad_input(text("data set ", shown(schema.name)), "has a column or class name that is not UTF-8",
              "save its file as UTF-8, for example with iconv -f latin1 -t utf8");
  }
}

Schema read_schema(const std::string& text_of_file, const std::string& where) {
  check_json(text_of_file, where);
  const json object = json::parse(text_of_file);
  const Reader read(object, where);
  if (read.whole("version") != version)
    bad_input(where, text("is of version ", read.whole("version"), ", expected ", version),
              "use the program that wrote it");
  only(object,
       {"version", "name", "description", "generated", "goal", "raw", "sample", "features", "classes", "targets",
        "input", "target", "header", "columns", "left_out", "forecast", "picture", "sound", "text"},
       where);
  Schema out;
  out.name = read.word("name");
  out.description = read.word("description");
  out.generated = read.flag("generated");
  const std::string goal = read.word("goal"), raw = read.word("raw");
  if (goal != "classification" && goal != "regression") read.wrong("goal", "\"classification\" or \"regression\"");
  out.goal = goal == "classification" ? Goal::classes : Goal::numbers;
  if (raw != "u8" && raw != "f32" && raw != "f64") read.wrong("raw", "\"u8\", \"f32\" or \"f64\"");
  out.raw = raw == "u8" ? DType::u8 : raw == "f32" ? DType::f32 : DType::f64;
  out.sample = read_sample(read, where);
  out.features = read.words("features");
  out.classes = read.words("classes");
  out.targets = read.words("targets");
  if (!out.features.empty() && (out.sample.rank() == 0 || int64_t(out.features.size()) != out.sample.list().back()))
    bad_input(where, text("names ", out.features.size(), " features of a sample ", out.sample));
  if (out.goal == Goal::classes && out.classes.empty()) bad_input(where, "names no class");
  if (out.goal == Goal::numbers && out.targets.empty()) bad_input(where, "names no target");
  if (std::set(out.classes.begin(), out.classes.end()).size() != out.classes.size())
    bad_input(where, "names a class twice");
  out.sound = read_sound_form(read, out, where);
  out.input = read_scaling(read, "input", out.sound ? out.sound->width() : out.sample.elements(), where);
  out.target = read_scaling(read, "target", out.goal == Goal::classes ? 1 : int64_t(out.targets.size()), where);
  out.header = read.flag("header");
  out.columns = read_columns(read, where);
  out.left_out = read_left_out(read, where);
  if (!out.columns.empty() && (out.columns.size() != out.features.size() || out.raw == DType::u8))
    bad_input(where, text("describes ", out.columns.size(), " columns of ", out.features.size(), " features"));
  out.forecast = read_forecast(read, out, where);
  out.picture = read_picture_form(read, out, where);
  out.text = read_text_form(read, out, where);
  return out;
}

} // namespace vitro
