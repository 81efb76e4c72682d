// Claims as data: every embedded one can be read, what is wrong in a file is said, and verdicts at their edges.
#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "claims/claim.h"
#include "claims/experiments.h"
#include "core/error.h"
#include "data/open.h"

namespace vitro {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Claims, EveryEmbeddedOneIsRead) {
  EXPECT_GE(claim_names().size(), 28u);
  for (const std::string& name : claim_names()) {
    const Claim claim = find_claim(name);
    EXPECT_EQ(claim.name, name);
    EXPECT_FALSE(claim.sentence.empty());
    EXPECT_FALSE(claim.source.empty());
    EXPECT_GT(claim.seconds, 0);
    EXPECT_FALSE(claim.figures.empty());
    EXPECT_EQ(claim.variants.empty(), claim.experiment != nullptr);
    for (const Variant& variant : claim.variants) EXPECT_NO_THROW(net_of(variant.recipe)) << name;
  }
}

TEST(Claims, AnUnknownOneNamesTheNearest) {
  try {
    find_claim("nielson-1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("no claim is called \"nielson-1\""), HasSubstr("did you mean \"nielsen-1\"")));
  }
}

TEST(Claims, ExperimentsGiveTheNumbersThatTheyPromise) {
  for (const Experiment& experiment : experiments()) {
    if (experiment.timed) continue;
    std::set<std::string> promised, given;
    for (const Experiment::Number& number : experiment.numbers) promised.insert(number.name);
    for (const auto& [name, value] : experiment.run(0)) given.insert(name);
    EXPECT_EQ(given, promised) << experiment.name;
  }
}

const std::string head = R"(vitro = 1
[claim]
sentence = "It bends."
source = "here"
)";
const std::string body = R"([data]
source = "spiral"
[net]
layers = [{op="dense", out=4}, {op="dense", out="classes"}]
[train]
epochs = 3
)";
const std::string figure = R"([[figure]]
name = "accuracy"
measure = "accuracy"
part = "train"
published = 0.5
)";

std::string wrong(const std::string& toml) {
  try {
    parse_claim(toml, "test", "test.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::input);
    return error.what();
  }
  return "";
}

TEST(Claims, AFileIsARecipeAndWhatIsClaimed) {
  const Claim claim = parse_claim(head + body +
                                      "[variant.a]\nset = [\"lr=0.5\"]\n[variant.b.net]\nlayers = "
                                      "[{op=\"dense\", out=\"classes\"}]\n" +
                                      figure + "variant = \"a\"\nminus = \"b\"\nat = 2\nseed = 7\ntolerance = 0.1\n",
                                  "test", "test.toml");
  ASSERT_EQ(claim.variants.size(), 2u);
  EXPECT_EQ(claim.variant("a").recipe.train.optimizer.args.real("lr"), 0.5);
  EXPECT_EQ(claim.variant("a").recipe.net.spec.layers.size(), 2u);
  EXPECT_EQ(claim.variant("b").recipe.net.spec.layers.size(), 1u);
  EXPECT_EQ(claim.data(), std::vector<std::string>{"spiral"});
  const Figure& read = claim.figures.at(0);
  EXPECT_EQ(read.minus, "b");
  EXPECT_EQ(read.at.kind, Instant::after);
  EXPECT_EQ(read.at.epoch, 2);
  EXPECT_EQ(read.seed, 7);
  EXPECT_EQ(read.tolerance, 0.1);
}

TEST(Claims, WhatIsWrongInAFileIsSaid) {
  EXPECT_EQ(wrong(head + body + figure), "");
  EXPECT_THAT(wrong("vitro = "), HasSubstr("test.toml:1"));
  EXPECT_THAT(wrong(body + figure), HasSubstr("vitro = 1"));
  EXPECT_THAT(wrong("vitro = 1\n" + body + figure), HasSubstr("states no claim"));
  EXPECT_THAT(wrong(head + body), HasSubstr("has no figure"));
  EXPECT_THAT(wrong(head + "sentense = \"x\"\n" + body + figure), HasSubstr("did you mean \"sentence\""));
  EXPECT_THAT(wrong(head + "[dta]\n" + body + figure), HasSubstr("unknown key \"dta\""));
  EXPECT_THAT(wrong(head + "recipe = \"nielsen-2\"\n" + figure), HasSubstr("did you mean \"nielsen-1\""));
  EXPECT_EQ(wrong(head + "shows = [\"op relu\", \"schedule step\"]\n" + body + figure), "");
  EXPECT_THAT(wrong(head + "shows = [\"relu\"]\n" + body + figure), HasSubstr("write the kind and the name"));
  EXPECT_THAT(wrong(head + "shows = [\"op rellu\"]\n" + body + figure),
              AllOf(HasSubstr("test.toml:5"), HasSubstr("did you mean \"op relu\"")));
  EXPECT_THAT(wrong(head + "experiment = \"slop\"\n" + figure), HasSubstr("did you mean \"slope\""));
  EXPECT_THAT(wrong(head + "experiment = \"slope\"\n" + body + figure), HasSubstr("takes no [data]"));
  EXPECT_THAT(wrong(head + "set = [\"lrr=1\"]\n" + body + figure),
              AllOf(HasSubstr("test.toml:5"), HasSubstr("did you mean \"lr\"")));
  const std::string start = head + body + "[[figure]]\nname = \"f\"\n";
  EXPECT_THAT(wrong(start), HasSubstr("has no measure"));
  EXPECT_THAT(wrong(start + "measure = \"acuracy\"\n published = 1"), HasSubstr("did you mean \"accuracy\""));
  EXPECT_THAT(wrong(start + "measure = \"accuracy\"\npublished = 1"), HasSubstr("needs a part"));
  EXPECT_THAT(wrong(start + "measure = \"accuracy\"\npart = \"train\""), HasSubstr("states 0 of published"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\npublished = 1\nat_least = 2"), HasSubstr("states 2 of"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\nat_least = 2\ntolerance = 1"), HasSubstr("no tolerance"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\npart = \"test\"\npublished = 1"), HasSubstr("takes no part"));
  EXPECT_THAT(wrong(start + "measure = \"row_difference\"\nparameter = \"fc1.wight\"\npublished = 1"),
              HasSubstr("did you mean \"fc1.weight\""));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\nat = 4\npublished = 1"), HasSubstr("the recipe has 3 epochs"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\nat = \"top\"\npublished = 1"), HasSubstr("one of end, peak"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\nvariant = \"a\"\npublished = 1"), HasSubstr("unknown variant"));
  EXPECT_THAT(wrong(start + "measure = \"parameters\"\npublished = \"x\""), HasSubstr("a finite number"));
  EXPECT_THAT(wrong(head + body + "[variant.a]\n" + figure), HasSubstr("names no variant"));
  EXPECT_THAT(wrong(head + body + figure + figure), HasSubstr("two figures are called"));
  EXPECT_THAT(wrong(head + "experiment = \"slope\"\n" + figure), HasSubstr("unknown number of the experiment"));
}

TEST(Verdicts, HoldWithinTwoDeviationsOrTheTolerance) {
  Figure figure{.published = 1.0, .tolerance = 0.25};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(judge(figure, 1.25, 0), Verdict::holds); // these are exact in binary
  EXPECT_EQ(judge(figure, std::nextafter(1.25, 2), 0), Verdict::differs);
  EXPECT_EQ(judge(figure, 0.75, 0), Verdict::holds);
  EXPECT_EQ(judge(figure, std::nextafter(0.75, 0), 0), Verdict::differs);
  EXPECT_EQ(judge(figure, 1.5, 0.25), Verdict::holds);
  EXPECT_EQ(judge(figure, std::nextafter(1.5, 2), 0.25), Verdict::differs);
  EXPECT_EQ(judge(figure, 1.25, 0.0625), Verdict::holds) << "the larger of the two counts";
  EXPECT_EQ(judge(figure, nan, 0), Verdict::differs);
  EXPECT_EQ(judge(figure, 1, nan), Verdict::holds) << "an unknown deviation leaves the tolerance";
  figure.tolerance = 0;
  EXPECT_EQ(judge(figure, 1, 0), Verdict::holds);
  EXPECT_EQ(judge(figure, std::nextafter(1.0, 2), 0), Verdict::differs);
}

TEST(Verdicts, OfInequalitiesIncludeTheirEdge) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Figure least{.at_least = 2}, most{.at_most = 2};
  EXPECT_EQ(judge(least, 2, 9), Verdict::holds);
  EXPECT_EQ(judge(least, std::nextafter(2.0, 1), 9), Verdict::differs) << "the deviation is no excuse";
  EXPECT_EQ(judge(most, 2, 9), Verdict::holds);
  EXPECT_EQ(judge(most, std::nextafter(2.0, 3), 9), Verdict::differs);
  EXPECT_EQ(judge(least, nan, 0), Verdict::differs);
  EXPECT_EQ(judge(most, nan, 0), Verdict::differs);
}

} // namespace
} // namespace vitro
