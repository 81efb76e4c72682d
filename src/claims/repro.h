// Claims re-run: every variant over every seed as a job of its own, several at once, and the verdicts.
//
// Invariant: results depend on claims and seeds alone, not on how many jobs run at once or which ends first (but for
// experiments that say that they measure time). Each job runs on one thread: nets this small gain nothing from two.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "claims/claim.h"

namespace vitro {

struct FigureResult {
  Figure figure;
  std::vector<int64_t> seeds = {};
  std::vector<double> values = {}; // one a seed
  double mean = 0;                 // not a number where it was not run
  double deviation = 0;            // of the sample (n - 1); 0 with one seed
  Verdict verdict = Verdict::differs;
};

struct ClaimResult {
  Claim claim;
  std::string not_run; // why not: what data is missing, and how to get it; "": it was
  std::vector<FigureResult> figures;
  double seconds = 0; // of all its jobs together
};

struct ReproOptions {
  int64_t seeds = 5; // 0, 1, ...
  int64_t jobs = 1;  // at once
  std::string data_dir = {};
};

struct ReproProgress {
  int64_t jobs_done = 0, jobs = 0;
  double share = 0; // of the expected time
  double seconds = 0;
  std::string running = {}; // a claim
};

/// Each may be empty; all are called on the caller's thread.
struct ReproHooks {
  std::function<bool()> stop = {};
  std::function<void(const ReproProgress& progress)> progress = {}; // about ten times a second
  std::function<void(const ClaimResult& result)> finished = {};     // in the order of the claims
};

struct Reproduction {
  std::vector<ClaimResult> claims;
  bool stopped = false; // then only the claims that were finished are there
};

/// Throws what is wrong with the options, or what a job threw.
Reproduction reproduce(std::vector<Claim> claims, const ReproOptions& options, const ReproHooks& hooks = {});

/// "" where all data of the claim is there, else what is missing and how to get it.
std::string missing_data(const Claim& claim, const std::string& data_dir);

} // namespace vitro
