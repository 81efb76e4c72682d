// A run: a directory that holds all that training made and all that a later command needs.
//
//   recipe.toml  input.json  weights.safetensors  checkpoint/  history.csv  layers.csv  mistakes.csv
//   report.html, and after a cross-validation: folds.csv  folds.json
//
// A run appears whole: it is put together, recipe and input.json inside, under a name that begins with a dot, and
// renamed. So whatever lists runs never meets half a one, and an interrupted start leaves no run behind.
#pragma once

#include <string>
#include <vector>

namespace vitro {

class RunDirectory {
public:
  explicit RunDirectory(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string recipe() const { return in("recipe.toml"); }
  std::string input() const { return in("input.json"); }
  std::string weights() const { return in("weights.safetensors"); }
  std::string checkpoint() const { return in("checkpoint"); }
  std::string history() const { return in("history.csv"); }
  std::string layers() const { return in("layers.csv"); }
  std::string mistakes() const { return in("mistakes.csv"); }
  std::string report() const { return in("report.html"); }
  std::string folds() const { return in("folds.json"); }

private:
  std::string in(const char* name) const { return path_ + (path_.ends_with('/') ? "" : "/") + name; }
  std::string path_;
};

/// Throws bad_input unless a run can be made at `out`: it is missing or an empty directory, its parent is there (or is
/// called "runs") and may be written to. Changes nothing: for asking before the work begins.
void check_out(const std::string& out);

/// `runs/FIRST-SECOND-001`, with the next free number. Of a path its name without folders and suffix counts. Makes
/// nothing.
std::string numbered_directory(const std::string& first, const std::string& second, const std::string& runs = "runs");

struct FileContent {
  std::string name, content;
};
/// Makes the directory `out`, or, where that is "", `runs/FIRST-SECOND-001` with the next free number, with `files` in
/// it; it appears whole. A parent called "runs" is made where it is missing, no other. Throws what check_out throws;
/// failure where the machine refuses, and then nothing is left behind. Returns its path.
std::string create_directory(const std::string& out, const std::string& first, const std::string& second,
                             const std::vector<FileContent>& files, const std::string& runs = "runs");

/// Makes the run `out`, or, where that is "", `runs/WHAT-NET-001` with the next free number, with `more` in it. Throws
/// as create_directory does.
RunDirectory create_run(const std::string& out, const std::string& what, const std::string& net,
                        const std::string& recipe_toml, const std::string& input_json, const std::string& runs = "runs",
                        std::vector<FileContent> more = {});

/// The runs in `runs`, oldest first, by when weights or recipe were last written. None where there is no such
/// directory.
std::vector<std::string> list_runs(const std::string& runs = "runs");

/// `run` as the user gave it: "" is the latest in `runs`, a directory is itself, a bare name is looked for in `runs`.
/// Throws bad_input where there is none (with the nearest name), or it holds no recipe.toml.
RunDirectory find_run(const std::string& run, const std::string& runs = "runs");

} // namespace vitro
