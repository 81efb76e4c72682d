#include "io/checkpoint.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/json_reader.h"
#include "io/json_text.h"

namespace vitro {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

const std::string best_prefix = "best:";
const std::string progress_key = "vitro_progress";
constexpr int64_t version = 1;

struct TableKeys {
  const char *columns, *rows;
  History RunProgress::*table;
};
constexpr TableKeys tables[] = {{"columns", "rows", &RunProgress::history},
                                {"layer_columns", "layer_rows", &RunProgress::layers}};

std::string file_of(const std::string& directory) {
  return (std::filesystem::path(directory) / "state.safetensors").string();
}

// JSON has no infinity and no NaN: those go as text.
ordered_json written(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

std::string to_json(const RunProgress& progress) {
  ordered_json out = {{"version", version},
                      {"epoch", progress.epoch},
                      {"batch", progress.batch},
                      {"seed", progress.seed},
                      {"finished", progress.finished},
                      {"best", written(progress.best)},
                      {"best_epoch", progress.best_epoch},
                      {"waited", progress.waited},
                      {"seconds", written(progress.seconds)}};
  ordered_json numbers = ordered_json::object(), texts = ordered_json::object();
  for (const auto& [key, value] : progress.numbers) numbers[key] = written(value);
  for (const auto& [key, value] : progress.texts) texts[key] = value;
  out["numbers"] = std::move(numbers);
  out["texts"] = std::move(texts);
  for (const auto& [columns, rows, table] : tables) {
    out[columns] = (progress.*table).columns;
    ordered_json& all = out[rows] = ordered_json::array();
    for (const std::vector<double>& row : (progress.*table).rows) {
      ordered_json& cells = all.emplace_back(ordered_json::array());
      for (const double value : row) cells.push_back(written(value));
    }
  }
  try {
    return out.dump();
  } catch (const json::exception&) { bad_input("checkpoint", "a text to be saved is not UTF-8"); }
}

RunProgress read_progress(const TensorFile& file, const std::string& path) {
  const auto found = file.metadata.find(progress_key);
  if (found == file.metadata.end()) bad_input(path, "holds tensors, but no position of a run", "is it a checkpoint?");
  const std::string where = path + ", " + progress_key;
  check_json(found->second, where);
  const json object = json::parse(found->second);
  const JsonReader<json> read(object, where);
  if (read.whole("version") != version)
    bad_input(where, text("is of version ", read.whole("version"), ", expected ", version),
              "resume it with the program that wrote it");
  RunProgress out;
  out.epoch = read.whole("epoch");
  out.batch = read.whole("batch");
  if (out.epoch < 0 || out.batch < 0) read.wrong(out.epoch < 0 ? "epoch" : "batch", "a whole number from 0 on");
  out.seed = read.natural("seed");
  out.finished = read.flag("finished");
  out.best = read.real("best");
  out.best_epoch = read.whole("best_epoch");
  out.waited = read.whole("waited");
  out.seconds = read.real("seconds");
  if (!read.at("numbers").is_object()) read.wrong("numbers", "an object");
  if (!read.at("texts").is_object()) read.wrong("texts", "an object");
  for (const auto& [key, value] : read.at("numbers").items()) out.numbers[key] = read.real(value, "numbers");
  for (const auto& [key, value] : read.at("texts").items()) out.texts[key] = read.word(value, "texts");
  for (const auto& [columns, rows, table] : tables) {
    if (!object.contains(columns) && table == &RunProgress::layers) continue; // of a program that did not look inside
    (out.*table).columns = read.words(columns);
    if (!read.at(rows).is_array()) read.wrong(rows, "a list");
    for (const json& cells : read.at(rows)) {
      if (!cells.is_array() || cells.size() != (out.*table).columns.size())
        read.wrong(rows, text("a list of lists as long as \"", columns, "\"").c_str());
      std::vector<double>& row = (out.*table).rows.emplace_back();
      for (const json& cell : cells) row.push_back(read.real(cell, rows));
    }
  }
  return out;
}

} // namespace

void save_checkpoint(const std::string& directory, const States& states, const std::vector<NamedTensor>& best,
                     const RunProgress& progress) {
  TensorFile file;
  file.tensors = tensors_of(states, states.names());
  for (const NamedTensor& tensor : best) file.tensors.push_back({best_prefix + tensor.name, tensor.value});
  file.metadata[progress_key] = to_json(progress);
  const std::string path = file_of(directory);
  const std::vector<uint8_t> bytes = write_safetensors(file, path);
  // Whether it worked shows when the file is written; a directory that exists is no error here.
  std::error_code ignored;
  std::filesystem::create_directory(directory, ignored);
  write_atomically(path, bytes);
}

std::optional<Checkpoint> load_checkpoint(const std::string& directory) {
  const std::string path = file_of(directory);
  if (!std::filesystem::exists(path)) return {};
  TensorFile file = read_safetensors(read_file(path), path);
  Checkpoint out;
  out.progress = read_progress(file, path);
  for (NamedTensor& tensor : file.tensors) {
    const bool best = tensor.name.starts_with(best_prefix);
    if (best) tensor.name.erase(0, best_prefix.size());
    (best ? out.best : out.states).push_back(std::move(tensor));
  }
  return out;
}

} // namespace vitro
