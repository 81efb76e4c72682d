// vitro bench: how fast this machine can go, and how near to it the program comes. Measuring is
// src/bench/'s; here are the processes (start-up, memory, a peer) and the table.
#include "bench/measure.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include <nlohmann/json.hpp>

#include "bench/loops.h"
#include "bench/trainings.h"
#include "cli/child.h"
#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "core/threads.h"
#include "data/table.h"

namespace vitro::cli {
namespace {

using bench::Result;
using bench::Workload;

// --- the first step of a process ---

// The most memory that this process ever held. Not what getrusage says where /proc knows better: that
// counts what held the process's place before it was loaded, the memory of its parent.
int64_t peak_memory_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (int64_t kib = 0; word == "VmHWM:" && status >> kib) return kib << 10;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t(usage.ru_maxrss) << 10;
}

// What `start` and `memory` run as a process of its own: one step of a training, said as soon as it is done; then the
// most memory of some more, and the bytes of the data alone.
int first_step(const std::string& name) {
  const auto& all = bench::trainings();
  const auto found = std::ranges::find_if(all, [&](const bench::Training& training) { return training.name == name; });
  if (found == all.end()) bad_input("--first-step", text("no training is called \"", name, "\""), "W1 is one");
  const bench::Training& training = *found;
  const int steps = name == "W1" ? 100 : 10;
  const bench::TrainingBatch batch(training);
  Model model(training.spec);
  for (int step = 0; step < steps; ++step) {
    model.fit(batch.x, batch.labels);
    if (step > 0) continue;
    print("1 step\n");
    flush_output();
  }
  print(text(peak_memory_bytes(), " ", batch.x.type().bytes() + batch.labels.type().bytes(), "\n"));
  return 0;
}

struct FirstStep {
  double seconds; // from before the process exists
  double peak_bytes, data_bytes;
};

// On as many threads as are in use; of this process none but the caller's stays, so that none spins beside the child.
FirstStep measure_first_step(const char* name) {
  const std::string threads = text(thread_count());
  set_thread_count(1);
  std::error_code none;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", none);
  const auto begin = std::chrono::steady_clock::now();
  Child child({self.empty() ? program() : self.string(), "bench", "--first-step", name, "--threads", threads});
  constexpr double patience_s = 60;
  const auto first = child.read_line(patience_s);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto second = child.read_line(patience_s);
  FirstStep out{seconds, 0, 0};
  if (!first || !second || std::sscanf(second->c_str(), "%lf %lf", &out.peak_bytes, &out.data_bytes) != 2)
    failure("vitro bench", "the program, started once more, took no step", "try: vitro bench --first-step W1");
  return out;
}

std::vector<Workload> process_workloads() {
  const auto measured = [](double (*number)(const FirstStep&), const char* name = "W1") {
    return [=]() -> bench::Job { return {.measure = [=] { return number(measure_first_step(name)); }}; };
  };
  return {{.name = "start",
           .group = "process",
           .what = "from before the process to the end of its first step of W1",
           .most_rounds = 7,
           .make = measured([](const FirstStep& first) { return first.seconds; })},
          {.name = "memory",
           .group = "process",
           .what = "the most memory that a process training W1 holds",
           .unit = Workload::Unit::bytes,
           .most_rounds = 3,
           .make = measured([](const FirstStep& first) { return first.peak_bytes; })},
          {.name = "memory-beside-data",
           .group = "process",
           .what = "the same, less the batch that it trains on",
           .unit = Workload::Unit::bytes,
           .most_rounds = 3,
           .make = measured([](const FirstStep& first) { return first.peak_bytes - first.data_bytes; })},
          {.name = "memory-W4",
           .group = "process",
           .what = "the most memory that a process training W4 holds",
           .unit = Workload::Unit::bytes,
           .most_rounds = 3,
           .make = measured([](const FirstStep& first) { return first.peak_bytes; }, "W4")}};
}

std::vector<Workload> all_workloads() {
  std::vector<Workload> all = bench::workloads();
  for (Workload& workload : process_workloads()) all.push_back(std::move(workload));
  return all;
}

// --- a peer ---

// Another program that times the same workloads. It says who it is in its first line; then for each line
// "WORKLOAD<tab>THREADS" it times one sample and answers "NUMBER<tab>HOW", microseconds or bytes, or "-" where it has
// no such workload.
class PeerProgram {
public:
  explicit PeerProgram(const std::string& path) : path_(path), child_({path}) { name_ = line(); }

  std::pair<double, std::string> sample(const Workload& workload, int threads) {
    if (!child_.write_line(text(workload.name, "\t", threads))) lost();
    const std::string answer = line();
    if (answer == "-") return {0, ""};
    const size_t tab = std::min(answer.find('\t'), answer.size());
    double number = 0;
    if (std::from_chars(answer.data(), answer.data() + tab, number).ec != std::errc() || !(number > 0))
      failure(path_, text("answered \"", answer, "\""), "expected NUMBER, a tab, and how it was set up; or -");
    const std::string how = tab < answer.size() ? ", " + answer.substr(tab + 1) : "";
    return {workload.unit == Workload::Unit::seconds ? number * 1e-6 : number, name_ + how};
  }

private:
  std::string line() {
    // The first sample of a workload may compile.
    constexpr double patience_s = 1800;
    auto line = child_.read_line(patience_s);
    if (!line) lost();
    return *line;
  }
  [[noreturn]] void lost() const { failure(path_, "ended, or does not answer", "its messages stand above"); }

  std::string path_;
  Child child_;
  std::string name_;
};

// --- the results ---

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (const size_t at = line.find(": "); at != std::string::npos) return line.substr(at + 2);
  return "this processor";
}

// How many programs wanted a core, on average over the last minute; below 0: not known.
double load() {
  double minute = -1;
  return ::getloadavg(&minute, 1) == 1 ? minute : -1;
}

// Three digits: "0.245", "12.1", "28,400".
std::string digits(double value) {
  if (!std::isfinite(value)) return "-";
  return value >= 1000 ? thousands(std::llround(value))
                       : fixed(value, value >= 100  ? 0
                                      : value >= 10 ? 1
                                      : value >= 1  ? 2
                                                    : 3);
}

// "13.1 M": of FLOPs and bytes.
std::string counted(double value) {
  constexpr std::array units{"", " k", " M", " G", " T"};
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < units.size(); ++unit) value /= 1000;
  return value > 0 ? digits(value) + units[unit] : "";
}

std::string rate(const Result& result) {
  const Workload& workload = result.workload;
  if (workload.unit == Workload::Unit::bytes) return "";
  if (workload.flops > 0) return digits(workload.flops / result.value * 1e-9) + " GFLOP/s";
  if (workload.elements > 0 && workload.group != "stream")
    return digits(result.value / workload.elements * 1e9) + " ns each";
  return workload.bytes > 0 ? digits(workload.bytes / result.value * 1e-9) + " GB/s" : "";
}

// What is measured: a time, or bytes.
std::string shown(const Workload& workload, double value) {
  return workload.unit == Workload::Unit::seconds ? digits(value * 1e6) : digits(value / (1 << 20)) + " MiB";
}

std::string softmax_ratios(const std::vector<Result>& results) {
  std::string out;
  const auto seconds = [&](const std::string& name) {
    const auto at = std::ranges::find(results, name, [](const Result& result) { return result.workload.name; });
    return at == results.end() ? 0 : at->value;
  };
  for (const char* size : {"100x10", "100x1000"}) {
    const double joint = seconds(text("softmax-ce-joint-", size)), closed = seconds(text("softmax-ce-closed-", size)),
                 jacobian = seconds(text("softmax-ce-jacobian-", size));
    if (joint > 0 && closed > 0 && jacobian > 0)
      out +=
          text("softmax and cross-entropy backward, ", size, ": jointly ", digits(closed / joint),
               " times as fast as apart in closed form, ", digits(jacobian / joint), " times as with the Jacobian\n");
  }
  return out;
}

std::string table(const std::vector<Result>& results, const Palette& palette) {
  const bool peers = std::ranges::any_of(results, [](const Result& result) { return result.peer_value > 0; });
  std::vector<std::string> headings{"workload", "> threads", "> us", "> rate", "> FLOPs", "> bytes", "> of the limit"};
  if (peers) headings.insert(headings.end(), {"> peer's us", "> ratio", "peer"});
  Table out(headings);
  for (const Result& result : results) {
    const Workload& workload = result.workload;
    std::vector<std::string> row{workload.name,
                                 text(result.threads),
                                 shown(workload, result.value),
                                 rate(result),
                                 counted(workload.flops),
                                 counted(workload.bytes),
                                 result.share > 0 && workload.group != bench::limits_group ? percent(result.share, 0)
                                                                                           : ""};
    if (result.peer_value > 0)
      row.insert(row.end(),
                 {shown(workload, result.peer_value), digits(result.peer_value / result.value), result.peer});
    out.add(std::move(row));
  }
  return out.str(palette) + softmax_ratios(results);
}

Json to_json(const Result& result) {
  const auto known = [](double value) { return value > 0 ? Json(value) : Json(); };
  const Workload& workload = result.workload;
  const bool time = workload.unit == Workload::Unit::seconds;
  return {{"workload", workload.name},
          {"threads", result.threads},
          {"microseconds", time ? known(result.value * 1e6) : Json()},
          {"flops", known(workload.flops)},
          {"bytes", known(time ? workload.bytes : result.value)},
          {"peak", known(result.peak)},
          {"bandwidth", known(result.bandwidth)},
          {"share_of_limit", workload.group == bench::limits_group ? Json() : known(result.share)},
          {"peer", result.peer.empty() ? Json() : Json(result.peer)},
          {"peer_microseconds", time ? known(result.peer_value * 1e6) : Json()},
          {"ratio", known(result.peer_value / result.value)}};
}

int list(const std::vector<Workload>& all, bool json) {
  Json array = Json::array();
  Table names({"workload", "group", "what it is"});
  for (const Workload& workload : all) {
    array.push_back({{"workload", workload.name}, {"group", workload.group}, {"what", workload.what}});
    names.add({workload.name, workload.group, workload.what});
  }
  print(json ? array.dump() + "\n" : names.str(out_stream().palette));
  return 0;
}

// "1,2": whole numbers from 1 to 256, each once, in ascending order.
std::vector<int> thread_list(const std::string& given) {
  std::vector<int> out;
  for (size_t at = 0; at <= given.size();) {
    const size_t end = std::min(given.find(',', at), given.size());
    int n = 0;
    const auto read = std::from_chars(given.data() + at, given.data() + end, n);
    if (read.ec != std::errc() || read.ptr != given.data() + end || n < 1 || n > 256)
      bad_input("--threads", text("is \"", given, "\""), "numbers from 1 to 256, with commas between: 1,2");
    out.push_back(n);
    at = end + 1;
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace

namespace {

// A table is read by one thread, typed and kept: the file's bytes per second, the fastest of a few times.
int read_often(const std::string& file, int rounds, bool json) {
  using Clock = std::chrono::steady_clock;
  double best = 0, bytes = 0;
  int64_t rows = 0, columns = 0;
  for (int round = 0; round < rounds; ++round) {
    ByteSource source = ByteSource::open(file);
    bytes = double(source.size().value_or(0));
    const Clock::time_point begin = Clock::now();
    const RawTable table = read_table(source, {}, file);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (round == 0 || seconds < best) best = seconds;
    rows = table.rows();
    columns = int64_t(table.columns.size());
  }
  if (bytes == 0) bad_input(file, "is packed or a pipe: how many bytes it has is not known", "unpack it first");
  const double rate = bytes / best / 1e6;
  if (json)
    print(Json{{"file", file},
               {"bytes", bytes},
               {"rows", rows},
               {"columns", columns},
               {"seconds", best},
               {"mb_per_s", rate}}
              .dump() +
          "\n");
  else
    print(text(thousands(rows), " rows of ", columns, " columns in ", duration(best), ": ", number(rate, 3),
               " MB/s, the best of ", rounds, "\n"));
  return 0;
}

} // namespace

int bench(Arguments& arguments) {
  std::vector<std::string> names;
  std::string threads_given, peer_path, table_file, one_step;
  std::optional<int64_t> rounds_given;
  bool json = false, quiet = false, wants_list = false;
  arguments.option("--only", names, "NAME", "this workload or group (--list); may be repeated");
  arguments.option("--threads", threads_given, "1,2", "numbers of threads (default: 1, and the cores allowed)");
  arguments.option("--rounds", rounds_given, "N", "so many samples of each, one in each round (default: 15)");
  arguments.option("--peer", peer_path, "PROGRAM", "another program to measure in the same rounds (bench/README.md)");
  arguments.option("--table", table_file, "FILE", "how fast this table is read, without learning from it");
  arguments.flag("--list", wants_list, "what can be measured");
  arguments.option("--first-step", one_step, "W1", "take a few steps of a training: what `start` and `memory` run");
  arguments.flag("--json", json, "a JSON list on standard output instead of the table");
  arguments.flag("--quiet", quiet, "no progress and no advice");
  arguments.parse(100);
  arguments.refuse_overrides();
  names.insert(names.end(), arguments.words().begin(), arguments.words().end());

  std::vector<int> threads{1};
  if (!threads_given.empty())
    threads = thread_list(threads_given);
  else if (thread_count() > 1)
    threads.push_back(thread_count());
  if (rounds_given.value_or(1) < 1 || rounds_given.value_or(1) > 100'000)
    bad_input("--rounds", text("is ", *rounds_given), "a number from 1 to 100000");
  if (!one_step.empty()) {
    set_thread_count(threads.back());
    return first_step(one_step);
  }
  if (!table_file.empty()) return read_often(table_file, int(rounds_given.value_or(3)), json);
  const std::vector<Workload> all = all_workloads();
  if (wants_list) return list(all, json);
  const std::vector<Workload> picked = bench::chosen(all, names);

  const std::string machine =
      text(processor(), ", ", plural(thread_count(), "core"), " allowed, kernels for ", bench::instruction_set());
  if (!bench::fuses_multiply_add())
    say(text("vitro bench: this processor lacks fused multiply-add (AVX2): the kernels use ", bench::instruction_set(),
             ", and are slower than they are elsewhere"));
  if (threads.back() > thread_count() && !quiet)
    say(text("vitro bench: more threads than the ", plural(thread_count(), "core"), " allowed: they take turns"));

  const double busy = load();
  if (busy > 0.5 && !quiet)
    say(text("vitro bench: other programs are running (load ", digits(busy),
             "): times are theirs too, and what runs on ",
             "several threads waits for theirs; shares and ratios hold only roughly"));

  std::unique_ptr<PeerProgram> program;
  bench::Peer peer;
  if (!peer_path.empty()) {
    program = std::make_unique<PeerProgram>(peer_path);
    peer.sample = [&](const Workload& workload, int n) { return program->sample(workload, n); };
  }
  bench::Rounds rounds;
  rounds.rounds = int(rounds_given.value_or(rounds.rounds));
  LiveLine live(!quiet);
  rounds.begins = [&](int round) { live.draw(round ? text("round ", round, " of ", rounds.rounds) : "warming up"); };
  const std::vector<Result> results = bench::run(picked, threads, rounds, program ? &peer : nullptr);
  live.clear();

  if (json) {
    Json list = Json::array();
    for (const Result& result : results) list.push_back(to_json(result));
    print(list.dump() + "\n");
    return 0;
  }
  print(text(machine, "; medians of ", plural(rounds.rounds, "round"), busy >= 0 ? text("; load ", digits(busy)) : "",
             "\n\n", table(results, out_stream().palette)));
  return 0;
}

} // namespace vitro::cli
