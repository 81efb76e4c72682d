// mistakes.csv: the worst first, as people wrote it, in quotes where it must be.
#include "train/mistakes.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"

namespace vitro {
namespace {

using testing::ElementsAre;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor filled(DType dtype, const Shape& shape, const std::vector<double>& values) {
  Tensor out(Type{dtype, shape});
  for (size_t i = 0; i < values.size(); ++i) out.set(int64_t(i), values[i]);
  return out;
}

// Four passengers, whom three probabilities a class are said of.
struct Passengers {
  Dataset part;
  Tensor predictions = filled(DType::f32, {4, 2}, {0.25, 0.75, /**/ 0.9, 0.1, /**/ 0.125, 0.875, /**/ 0.4, 0.6});

  Passengers() {
    Schema schema;
    schema.goal = Goal::classes;
    schema.sample = {4};
    schema.features = {"age", "born", "name", "port"};
    schema.classes = {"lost", "saved, \"at last\""};
    schema.targets = {"fate"};
    schema.columns = {{.name = "age", .role = Role::number},
                      {.name = "born", .role = Role::date},
                      {.name = "name", .role = Role::embedding, .categories = {"", " Zürich", "Owen, \"Bob\""}},
                      {.name = "port", .role = Role::category, .categories = {"C", "S"}, .others = true}};
    part = empty_like(schema);
    part.samples =
        filled(DType::f32, {4, 4}, {0.1, 0, 2, 0, /**/ 22, 1, 1, 1, /**/ nan, nan, 0, 2, /**/ 1e6, -1, 1, 1});
    part.labels = filled(DType::i32, {4}, {0, 0, 0, 1});
    part.origin = {"ship, 1912.csv", "line", {2, 3, 5, 8}};
  }
};

TEST(Mistakes, OfClassesAreTheWrongOnesByTheProbabilityOfTheTruth) {
  const Passengers ship;
  EXPECT_THAT(mistakes_of(ship.predictions, ship.part), ElementsAre(2, 0));
}

TEST(Mistakes, AreWrittenAsPeopleWrote) {
  const Passengers ship;
  EXPECT_EQ(mistakes_csv(ship.predictions, ship.part),
            "file,line,age,born,name,port,truth,prediction,probability,of truth\n"
            "\"ship, 1912.csv\",5,,,,another,lost,\"saved, \"\"at last\"\"\",0.875,0.125\n"
            "\"ship, 1912.csv\",2,0.1,1970-01-01,\"Owen, \"\"Bob\"\"\",C,lost,\"saved, \"\"at last\"\"\",0.75,0.25\n");
  EXPECT_EQ(written(ship.part, 3, 0), "1000000");
  EXPECT_EQ(written(ship.part, 3, 1), "1969-12-31");
}

TEST(Mistakes, ANameThatTheDataHasAlreadyIsNotTakenTwice) {
  Passengers ship;
  ship.part.schema.features = {"line", "truth", "line_", "prediction"};
  const std::string csv = mistakes_csv(ship.predictions, ship.part);
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "file,line__,line,truth,line_,prediction,truth_,prediction_,probability,of truth");
}

TEST(Mistakes, WhereThereIsNoneTheNamesStandAlone) {
  Passengers ship;
  ship.predictions = filled(DType::f32, {4, 2}, {1, 0, 1, 0, 1, 0, 0, 1});
  EXPECT_EQ(mistakes_csv(ship.predictions, ship.part),
            "file,line,age,born,name,port,truth,prediction,probability,of truth\n");
}

TEST(Mistakes, OfNumbersAreTheWorstTenthInTheTargetsUnits) {
  Schema schema;
  schema.goal = Goal::numbers;
  schema.sample = {1};
  schema.features = {"x"};
  schema.targets = {"price"};
  schema.target = {1, {100}, {10}};
  Dataset part = empty_like(schema);
  std::vector<double> x, price, learned;
  for (int i = 0; i < 11; ++i) { // row i is i off, above and below in turn
    x.push_back(i + 0.5);
    price.push_back(100 + i);
    learned.push_back((i + (i % 2 ? i : -i)) / 10.0);
  }
  part.samples = filled(DType::f32, {11, 1}, x);
  part.targets = filled(DType::f32, {11, 1}, price);
  const Tensor predictions = filled(DType::f32, {11, 1}, learned);
  EXPECT_THAT(mistakes_of(predictions, part), ElementsAre(10, 9));
  EXPECT_EQ(mistakes_csv(predictions, part), "sample,x,truth,prediction,residual\n"
                                             "10,10.5,110,100,-10\n"
                                             "9,9.5,109,118,9\n");
}

TEST(Mistakes, OfPicturesArePlacesAlone) {
  Schema schema;
  schema.goal = Goal::classes;
  schema.raw = DType::u8;
  schema.sample = {1, 2, 2};
  schema.classes = {"0", "1"};
  Dataset part = empty_like(schema);
  part.samples = Tensor(Type{DType::u8, {2, 1, 2, 2}});
  part.labels = filled(DType::i32, {2}, {0, 1});
  part.origin = {"images.gz", "sample", {}};
  EXPECT_EQ(mistakes_csv(filled(DType::f32, {2, 1}, {0.25, 0.25}), part), // a single output: of class 1
            "file,sample,truth,prediction,probability,of truth\n"
            "images.gz,1,1,0,0.75,0.25\n");
}

} // namespace
} // namespace vitro
