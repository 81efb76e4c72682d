// What a sweep keeps: sweep.json, what was asked for; results.jsonl, one line for each training that ended.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"
#include "io/json_reader.h"
#include "io/json_text.h"
#include "io/run_directory.h"
#include "train/sweep.h"

namespace vitro {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Reader = JsonReader<Json>;

constexpr int64_t version = 1;

std::string plan_file(const std::string& directory) { return directory + "/sweep.json"; }

Json real(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

Json parsed(const std::string& line, const std::string& where) {
  check_json(line, where);
  return Json::parse(line);
}

struct Stored {
  SweepPlan plan;
  std::string fingerprint;
};

Stored stored(const std::string& directory) {
  const std::string path = plan_file(directory);
  const Json object = parsed(read_text(path), path);
  const Reader reader(object, path);
  if (reader.whole("vitro_sweep") != version)
    bad_input(path, text("is of version ", reader.whole("vitro_sweep"), ", this program knows ", version));
  return {plan_sweep(reader.word("what"), reader.words("keys")), reader.word("fingerprint")};
}

} // namespace

SweepPlan stored_plan(const std::string& directory) {
  std::error_code error;
  if (!fs::exists(plan_file(directory), error))
    bad_input(directory, "is no sweep: it holds no sweep.json", "name a directory that `vitro sweep` made");
  return stored(directory).plan;
}

std::string Sweep::keep_in(const std::string& directory, const std::string& runs) {
  std::error_code error;
  std::string place = directory;
  if (place.empty()) {
    for (const fs::directory_entry& entry : fs::directory_iterator(runs, error)) {
      if (!entry.path().filename().string().starts_with("sweep-")) continue;
      try {
        if (stored(entry.path().string()).fingerprint != fingerprint_) continue;
      } catch (const Error&) { continue; } // empty or damaged: another number
      place = std::max(place, entry.path().string());
    }
  }
  if (place.empty() || !fs::exists(plan_file(place), error)) {
    Json words = Json::array();
    for (const SweepKey& key : plan_.keys) words.push_back(key.word);
    const Json object = {
        {"vitro_sweep", version}, {"what", plan_.what}, {"keys", words}, {"fingerprint", fingerprint_}};
    place = create_directory(place, "sweep", plan_.what,
                             {{"sweep.json", object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"}}, runs);
  } else if (stored(place).fingerprint != fingerprint_) {
    bad_input(place, "holds a sweep of other keys or other data", "name another directory with --out");
  }
  directory_ = place;
  lock_.emplace(plan_file(place));
  take_over();
  return directory_;
}

// A last line without its newline is what a killed process was writing: it is dropped, so that the next one stands on a
// line of its own.
void Sweep::take_over() {
  std::error_code error;
  if (!fs::exists(results_file(), error)) return;
  std::string lines = read_text(results_file());
  if (const size_t whole = lines.rfind('\n') + 1; whole != lines.size()) {
    lines.resize(whole);
    write_atomically(results_file(), lines);
  }
  std::map<std::vector<std::string>, int64_t> trainings;
  for (int64_t i = 0; i < plan_.trainings(); ++i) trainings[plan_.assignments(i)] = i;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    const std::string where = text(results_file(), ":", ++line_number);
    const Json object = parsed(lines.substr(begin, end - begin), where);
    begin = end + 1;
    const Reader reader(object, where);
    const auto training = trainings.find(reader.words("setting"));
    if (training == trainings.end())
      bad_input(where, "is of no setting of this sweep", "the file is damaged: remove this line");
    SweepResult& out = results_[size_t(training->second)];
    out.diverged = reader.word("diverged");
    out.outcome = reader.real(goal_ == Goal::classes ? "validation_accuracy" : "validation_rmse");
    out.loss = reader.real("validation_loss");
    out.train_loss = reader.real("train_loss");
    out.epochs = reader.whole("epochs");
    out.best_epoch = reader.whole("best_epoch");
    out.seconds = reader.real("seconds");
    out.weights_sha256 = reader.word("weights_sha256");
    out.done = true;
  }
}

void Sweep::append(int64_t training) {
  const SweepResult& result = results_[size_t(training)];
  const Json object = {{"setting", plan_.assignments(training)},
                       {goal_ == Goal::classes ? "validation_accuracy" : "validation_rmse", real(result.outcome)},
                       {"validation_loss", real(result.loss)},
                       {"train_loss", real(result.train_loss)},
                       {"epochs", result.epochs},
                       {"best_epoch", result.best_epoch},
                       {"seconds", real(result.seconds)},
                       {"weights_sha256", result.weights_sha256},
                       {"diverged", result.diverged}};
  append_line(results_file(), object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

} // namespace vitro
