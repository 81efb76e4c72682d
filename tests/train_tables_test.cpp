// Tables from file to prediction: what a net says of a file's raw rows is, bit for bit, what it said of them when it
// was trained; and cross-validation, which says how good such nets are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/input.h"
#include "train/cross_validation.h"
#include "train/measure.h"
#include "train/setup.h"
#include "train/training.h"
#include "train_place.h"

namespace vitro {
namespace {

namespace fs = std::filesystem;

class Tables : public InOwnPlace {
protected:
  std::string write(const std::string& name, const std::string& content) {
    const std::string path = (place_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
};

// Every kind of column, with what may be missing, rare or written in a way of its own. 400 rows; of class "yes" where
// the size is large, and a price that grows with it.
std::string every_kind() {
  std::ostringstream out;
  out << "id,size,share,amount,day,time,colour,town,same,price,sold\n";
  for (int i = 0; i < 400; ++i) {
    const int size = (i * 37) % 101;
    out << "row-" << i << ',';
    if (i % 11 == 0)
      out << "NA";
    else
      out << size * 0.25;
    out << ',' << i % 90 << ".5 %,\"" << 1 + i % 7 << ',' << 100 + i << ".50\"," << 1990 + i % 20 << '-'
        << (i % 12 < 9 ? "0" : "") << 1 + i % 12 << "-1" << i % 10 << ',';
    if (i % 13 != 0) out << "2020-01-" << 10 + i % 20 << "T0" << i % 10 << ":30";
    const std::string colour = i % 31 == 7   ? text("rare ", i)
                               : i % 17 == 0 ? ""
                               : i % 3 == 0  ? "red"
                                             : "\"blue, light\"";
    out << ',' << colour << ",town " << i % 60 << ",constant," << size * 3 + i % 5 + 0.125 << ','
        << (size > 50 ? "yes" : "no") << '\n';
  }
  return out.str();
}

std::vector<float> row_of(const Tensor& predictions, int64_t row, int64_t width) {
  std::vector<float> out;
  for (int64_t j = 0; j < width; ++j) out.push_back(float(predictions.at(row * width + j)));
  return out;
}

// Trains for two epochs on `path`; then each row of each part must be, read again by what the run keeps, the same
// sample, and get the same prediction.
void expect_round_trip(const std::string& path, const std::vector<std::string>& keys) {
  SCOPED_TRACE(path);
  const auto [recipe, data] = open_trainable(path, keys);
  ASSERT_FALSE(data.train.schema.columns.empty());
  Model model(model_spec(recipe, data.train.schema));
  const TrainingResult result = train(model, recipe, data);
  const Schema kept = read_schema(to_json(data.train.schema), "input.json");
  const RawFile raw = open_as(kept, path, data_options(recipe).table);
  const Tensor again = predict_all(model, raw.data);
  std::map<int64_t, int64_t> row_at;
  for (int64_t i = 0; i < raw.data.size(); ++i) row_at[raw.data.origin.place(i)] = i;
  const int64_t width = model.spec().outputs, columns = data.train.schema.sample.elements();
  int64_t rows = 0;
  for (const Dataset* part : {&data.train, &data.validation, &data.test}) {
    Tensor predictions;
    const Metrics metrics = measure(model, *part, &predictions);
    if (part == &data.test) { EXPECT_EQ(metrics.loss, result.test.loss); }
    rows += part->size();
    for (int64_t i = 0; i < part->size(); ++i) {
      const int64_t line = part->origin.place(i);
      ASSERT_TRUE(row_at.contains(line)) << "line " << line;
      const int64_t j = row_at[line];
      ASSERT_EQ(std::memcmp(part->samples.as<float>().data() + i * columns,
                            raw.data.samples.as<float>().data() + j * columns, size_t(columns) * sizeof(float)),
                0)
          << "line " << line;
      const std::vector<float> trained = row_of(predictions, i, width), read = row_of(again, j, width);
      ASSERT_EQ(std::memcmp(trained.data(), read.data(), size_t(width) * sizeof(float)), 0) << "line " << line;
    }
  }
  EXPECT_LE(rows, raw.data.size()); // rows without a target were left out
  EXPECT_GT(rows, 0);
}

using Keys = std::vector<std::string>;

TEST_F(Tables, RowsReadAgainAreTheSameBits) {
  const std::string path = write("every.csv", every_kind());
  // Each column as it is inferred; each number by its rank; what has few categories as an embedding; without scaling.
  expect_round_trip(path, {"epochs=2", "target=sold", "drop=price"});
  expect_round_trip(path, {"epochs=2", "target=price", "drop=sold"});
  expect_round_trip(path, {"epochs=2", "data.columns.size=quantile", "data.columns.colour=embedding",
                           "data.columns.town=category", "group=town"});
  expect_round_trip(path, {"epochs=1", "lr=1e-6", "target=price", "standardise=false"});
}

TEST_F(Tables, EveryKindOfColumnIsAmongThem) {
  const std::string path = write("every.csv", every_kind());
  const Schema schema = open_trainable(path, {"data.columns.size=quantile"}).data.train.schema;
  std::set<Role> roles;
  std::set<std::string> formats;
  bool clock = false, missing = false, others = false;
  for (const Column& column : schema.columns) {
    roles.insert(column.role);
    formats.insert(column.format);
    clock |= column.clock;
    missing |= column.indicator;
    others |= column.others;
  }
  EXPECT_EQ(roles.size(), 5u);
  EXPECT_TRUE(formats.contains("%") && formats.contains("1,234") && formats.contains("YYYY-MM-DD"));
  EXPECT_TRUE(clock && missing && others);
  EXPECT_EQ(schema.left_out.size(), 2u);
}

// The tables at hand, where they are.
TEST_F(Tables, PublishedTablesReadAgainAreTheSameBits) {
  const char* const root = std::getenv("VITRO_DATA");
  const fs::path folder = fs::path(root ? root : "") / "tabular";
  if (!root || !fs::is_directory(folder)) GTEST_SKIP() << "VITRO_DATA names no directory with tables";
  const std::map<std::string, Keys> targets = {
      {"titanic.csv", {"target=Survived"}}, {"student_data.csv", {"target=admit"}}, {"auto-mpg.data", {"target=1"}}};
  std::set<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() != ".names") files.insert(entry.path());
  EXPECT_GE(files.size(), 15u);
  for (const fs::path& file : files) {
    Keys keys = {"epochs=2", "batch=256"};
    if (const auto own = targets.find(file.filename().string()); own != targets.end())
      keys.insert(keys.end(), own->second.begin(), own->second.end());
    expect_round_trip(file.string(), keys);
  }
}

// ---- Cross-validation -----------------------------------------------------------------------------

TEST_F(Tables, EachRowIsPredictedOnceByANetThatHasNotSeenIt) {
  const std::string path = write("every.csv", every_kind());
  const Keys keys = {"epochs=3", "drop=price"};
  const std::optional<CrossValidated> all = cross_validate(path, keys, 4, "", 2);
  ASSERT_TRUE(all);
  const CrossValidation& estimate = all->estimate;
  ASSERT_EQ(estimate.folds.size(), 4u);
  EXPECT_EQ(estimate.rows, 400);
  ASSERT_EQ(all->rows.size(), 400u);
  int64_t right = 0;
  for (size_t i = 0; i < all->rows.size(); ++i) {
    const UnseenRow& row = all->rows[i];
    EXPECT_EQ(row.line, int64_t(i) + 2); // a header, then row by row
    EXPECT_TRUE(row.fold >= 1 && row.fold <= 4);
    EXPECT_TRUE(row.probability >= 0.5 && row.probability <= 1);
    right += row.truth == row.prediction;
  }
  EXPECT_DOUBLE_EQ(estimate.net, double(right) / 400);
  EXPECT_LT(estimate.interval.low, estimate.net);
  EXPECT_GT(estimate.interval.high, estimate.net);
  // A fold is what the recipe's keys folds and fold give.
  const auto [recipe, data] = open_trainable(path, {"epochs=3", "drop=price", "folds=4", "fold=2"});
  Model model(model_spec(recipe, data.train.schema));
  const TrainingResult alone = train(model, recipe, data);
  EXPECT_EQ(estimate.folds[1].net, alone.test.accuracy());
  EXPECT_EQ(estimate.folds[1].linear, alone.linear->value);
  EXPECT_EQ(estimate.folds[1].constant, alone.baseline.value);
  EXPECT_EQ(estimate.folds[1].rows, data.test.size());
  for (const int64_t line : data.test.origin.places) EXPECT_EQ(all->rows[size_t(line - 2)].fold, 2);
  // However many train side by side.
  EXPECT_EQ(files_of(*cross_validate(path, keys, 4, "", 1))[1].content, files_of(*all)[1].content);
}

TEST_F(Tables, FoldsOfNumbersArePooledInTheTargetsUnits) {
  const std::string path = write("every.csv", every_kind());
  const std::optional<CrossValidated> all = cross_validate(path, {"epochs=3", "target=price", "drop=sold"}, 5, "", 2);
  ASSERT_TRUE(all);
  double squares = 0, sum = 0, squared_sum = 0, mean_of_folds = 0;
  for (const UnseenRow& row : all->rows) {
    const double truth = std::stod(row.truth), away = std::stod(row.prediction) - truth;
    squares += away * away;
    sum += truth;
    squared_sum += truth * truth;
    EXPECT_TRUE(std::isnan(row.probability));
  }
  const CrossValidation& estimate = all->estimate;
  const double n = double(all->rows.size());
  EXPECT_NEAR(estimate.net, std::sqrt(squares / n), 1e-4 * estimate.net);
  EXPECT_NEAR(estimate.r2, 1 - squares / (squared_sum - sum * sum / n), 1e-4);
  EXPECT_LT(estimate.interval.low, estimate.net);
  EXPECT_GT(estimate.interval.high, estimate.net);
  for (const Fold& fold : estimate.folds) mean_of_folds += fold.net / 5;
  EXPECT_DOUBLE_EQ(estimate.mean(), mean_of_folds);
  EXPECT_GT(estimate.deviation(), 0);
  double constant = 0;
  for (const Fold& fold : estimate.folds) constant += double(fold.rows) * fold.constant * fold.constant;
  EXPECT_DOUBLE_EQ(estimate.no_learning, std::sqrt(constant / n));
}

TEST_F(Tables, GroupsStayInOneFold) {
  const std::string path = write("every.csv", every_kind());
  const std::optional<CrossValidated> all = cross_validate(path, {"epochs=1", "group=town"}, 3, "", 2);
  ASSERT_TRUE(all);
  std::map<int64_t, int64_t> fold_of_town;
  for (const UnseenRow& row : all->rows) {
    const int64_t town = (row.line - 2) % 60;
    EXPECT_EQ(fold_of_town.emplace(town, row.fold).first->second, row.fold);
  }
  EXPECT_EQ(fold_of_town.size(), 60u);
}

TEST_F(Tables, AnEstimateReadsBackAsItWasWritten) {
  const std::string path = write("every.csv", every_kind());
  for (const Keys& keys : {Keys{"epochs=1", "target=price"}, Keys{"epochs=1"}}) {
    const std::optional<CrossValidated> all = cross_validate(path, keys, 3, "", 2);
    ASSERT_TRUE(all);
    const RunDirectory run(place_.string());
    for (const FileContent& file : files_of(*all)) write_atomically((place_ / file.name).string(), file.content);
    const std::optional<CrossValidation> again = cross_validation_of(run);
    ASSERT_TRUE(again);
    EXPECT_EQ(files_of({*again, all->rows})[0].content, files_of(*all)[0].content);
    EXPECT_EQ(again->net, all->estimate.net);
    EXPECT_EQ(again->folds[2].linear, all->estimate.folds[2].linear);
    write_atomically(run.folds(), std::string_view("{\"goal\": \"classification\"}"));
    EXPECT_THROW(cross_validation_of(run), Error);
    fs::remove(run.folds());
    EXPECT_FALSE(cross_validation_of(run));
  }
}

TEST_F(Tables, FoldsThatCannotBeAreRefused) {
  const std::string path = write("every.csv", every_kind());
  const std::string few = write("few.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n");
  const auto refused = [](const std::string& what, const Keys& keys, int64_t folds, const std::string& says) {
    try {
      cross_validate(what, keys, folds, "", 1);
      ADD_FAILURE() << "not refused: " << what;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::input);
      EXPECT_THAT(error.what(), testing::HasSubstr(says));
    }
  };
  refused(path, {}, 1, "from 2 on");
  refused(path, {"test_file=other.csv"}, 3, "--test");
  refused(path, {"test=0.2"}, 3, "leave test out");
  refused(few, {}, 5, "4 rows");
  refused(path, {"group=colour"}, 100, "groups");
}

TEST_F(Tables, StoppedFoldsGiveNothing) {
  const std::string path = write("every.csv", every_kind());
  EXPECT_FALSE(cross_validate(path, {"epochs=100000", "patience=0"}, 2, "", 2, {.stop = [] { return true; }}));
}

} // namespace
} // namespace vitro
