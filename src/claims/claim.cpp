#include "claims/claim.h"

#include <algorithm>
#include <cmath>

#include "claims/experiments.h"
#include "core/error.h"
#include "core/text.h"
#include "recipe/embedded.h"
#include "recipe/fields.h"

namespace vitro {
namespace {

const std::vector<std::string> recipe_tables = {"data", "net", "block", "train"};

bool among(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> names_of(const Experiment& experiment) {
  std::vector<std::string> out;
  for (const Experiment::Number& number : experiment.numbers) out.emplace_back(number.name);
  return out;
}

std::vector<std::string> parameters_of(const Recipe& recipe) {
  std::vector<std::string> out;
  for (const ResolvedLayer& layer : resolve(net_of(recipe), 2))
    for (const std::string own : layer.layer->parameters)
      out.push_back(text(layer.parameters, ".", own.substr(0, own.find(' '))));
  return out;
}

// What a claim may be about, each with its kind: "op relu", "schedule step".
std::vector<std::string> named_things() {
  std::vector<std::string> out;
  for (const Layer* layer : layers()) out.push_back(text(layer->op ? "op " : "layer ", layer->name));
  for (const Loss& loss : losses()) out.push_back(text("loss ", loss.name));
  for (const Optimizer& optimizer : optimizers()) out.push_back(text("optimiser ", optimizer.name));
  for (const Schedule& schedule : schedules()) out.push_back(text("schedule ", schedule.name));
  for (const Initializer& initializer : initializers()) out.push_back(text("initialiser ", initializer.name));
  for (const NetKind& net : nets()) out.push_back(text("net ", net.name));
  return out;
}

class ClaimReader {
public:
  ClaimReader(const Value& file, std::string name, std::string origin) : file_(file), origin_(std::move(origin)) {
    claim_.name = std::move(name);
  }

  Claim read() {
    std::vector<std::string> known = {"vitro", "claim", "variant", "figure"};
    known.insert(known.end(), recipe_tables.begin(), recipe_tables.end());
    only(item(file_, "a claim"), known);
    if (!file_.find("vitro"))
      bad_input(origin_, "has no line `vitro = 1`", "is it a claim? Then write that line first");
    read_head();
    if (!claim_.experiment) read_variants();
    const Value* figures = file_.find("figure");
    if (!figures) bad_input(origin_, "has no figure", "write [[figure]] and below it what is measured");
    for (const Value& figure : item(*figures, "figure").list()) read_figure(item(figure, "figure"));
    return std::move(claim_);
  }

private:
  Item item(const Value& value, std::string key) const { return {value, std::move(key), origin_}; }

  [[noreturn]] void unknown(const Item& at, const char* what, const std::string& word,
                            const std::vector<std::string>& known) const {
    bad_input(at.where(), text("unknown ", what, " \"", word, "\"", did_you_mean(word, known)),
              known.empty() ? "there is none" : "there are " + join(known, ", "));
  }

  void only(const Item& table, const std::vector<std::string>& known) const {
    for (const auto& [key, value] : table.table())
      if (!among(known, key)) unknown(item(value, key), "key", key, known);
  }

  std::vector<std::string> words(const Value& list, const std::string& key) const {
    std::vector<std::string> out;
    for (const Value& element : item(list, key).list()) out.push_back(item(element, key).word());
    return out;
  }

  // Calls read(item) where the table has the key; says whether it has.
  template <class Read> bool with(const Item& table, const char* key, Read read) const {
    const Value* value = table.value.find(key);
    if (value) read(item(*value, key));
    return value != nullptr;
  }

  void read_head() {
    const Value* section = file_.find("claim");
    if (!section) bad_input(origin_, "states no claim", "write [claim] and below it sentence and source");
    const Item head = item(*section, "claim");
    only(head, {"sentence", "source", "remarks", "shows", "seconds", "recipe", "experiment", "set"});
    if (!with(head, "sentence", [&](const Item& at) { claim_.sentence = at.word(); }))
      bad_input(head.where(), "[claim] has no sentence");
    if (!with(head, "source", [&](const Item& at) { claim_.source = at.word(); }))
      bad_input(head.where(), "[claim] has no source");
    with(head, "remarks", [&](const Item& at) { claim_.remarks = words(at.value, "remarks"); });
    with(head, "shows", [&](const Item& at) {
      claim_.shows = words(at.value, "shows");
      const std::vector<std::string> known = named_things();
      for (const std::string& word : claim_.shows)
        if (!among(known, word))
          bad_input(at.where(), text("shows \"", word, "\", which is not there", did_you_mean(word, known)),
                    "write the kind and the name: \"op relu\", \"schedule step\"");
    });
    with(head, "seconds", [&](const Item& at) { claim_.seconds = at.real(0); });
    with(head, "experiment", [&](const Item& at) {
      claim_.experiment = find_experiment(at.word());
      std::vector<std::string> known;
      for (const Experiment& one : experiments()) known.emplace_back(one.name);
      if (!claim_.experiment) unknown(at, "experiment", at.word(), known);
      for (const std::string& table : recipe_tables)
        if (const Value* stray = file_.find(table))
          bad_input(item(*stray, table).where(), text("an experiment takes no [", table, "]"));
    });
  }

  void read_variants() {
    const Item head = item(*file_.find("claim"), "claim");
    const Value* variants = file_.find("variant");
    if (!variants) {
      add_variant(head, "", nullptr);
      return;
    }
    std::vector<std::string> known = {"set"};
    if (!head.value.find("recipe")) known.insert(known.end(), recipe_tables.begin(), recipe_tables.end());
    for (const auto& [name, value] : item(*variants, "variant").table()) {
      only(item(value, "variant." + name), known);
      add_variant(head, name, &value);
    }
  }

  // The named recipe, or the claim's own tables, each replaced by the variant's where it states one; then what the
  // claim sets, then what the variant sets.
  void add_variant(const Item& head, const std::string& name, const Value* variant) {
    Recipe recipe;
    if (!with(head, "recipe", [&](const Item& at) { recipe = embedded(at); })) {
      Value own{Value::Table{}, file_.line};
      auto& tables = std::get<Value::Table>(own.held);
      tables.emplace_back("vitro", *file_.find("vitro"));
      for (const std::string& table : recipe_tables) {
        const Value* stated = variant ? variant->find(table) : nullptr;
        if (!stated) stated = file_.find(table);
        if (stated) tables.emplace_back(table, *stated);
      }
      recipe = parse_recipe(own, origin_);
    }
    with(head, "set", [&](const Item& at) { change(recipe, at); });
    if (variant) with(item(*variant, "variant." + name), "set", [&](const Item& at) { change(recipe, at); });
    if (!among(data_names(), recipe.data.source)) unknown(head, "data set", recipe.data.source, data_names());
    claim_.variants.push_back({name, std::move(recipe)});
  }

  Recipe embedded(const Item& at) const {
    std::vector<std::string> known;
    for (const EmbeddedFile& file : embedded_recipes()) {
      if (file.name == at.word()) return parse_recipe(std::string(file.text), text("recipe ", file.name));
      known.emplace_back(file.name);
    }
    unknown(at, "recipe", at.word(), known);
  }

  void change(Recipe& recipe, const Item& at) const {
    try {
      set_all(recipe, words(at.value, at.key));
    } catch (const Error& error) { relocate(error, at.where()); }
  }

  void read_figure(const Item& table) {
    only(table, {"name", "measure", "part", "parameter", "samples", "batch", "at", "variant", "minus", "seed",
                 "published", "at_least", "at_most", "tolerance", "percent", "exact"});
    Figure figure;
    if (!with(table, "name", [&](const Item& at) { figure.name = at.word(); }))
      bad_input(table.where(), "the figure has no name");
    for (const Figure& other : claim_.figures)
      if (other.name == figure.name) bad_input(table.where(), text("two figures are called \"", figure.name, "\""));
    if (!with(table, "measure", [&](const Item& at) { figure.measure = at.word(); }))
      bad_input(table.where(), text("figure \"", figure.name, "\" has no measure"));
    with(table, "seed", [&](const Item& at) { figure.seed = at.whole(0); });
    with(table, "percent", [&](const Item& at) { figure.percent = at.flag(); });
    with(table, "exact", [&](const Item& at) { figure.exact = at.flag(); });
    with(table, "tolerance", [&](const Item& at) { figure.tolerance = at.real(0); });
    const double any = -std::numeric_limits<double>::infinity();
    const int numbers = with(table, "published", [&](const Item& at) { figure.published = at.real(any); }) +
                        with(table, "at_least", [&](const Item& at) { figure.at_least = at.real(any); }) +
                        with(table, "at_most", [&](const Item& at) { figure.at_most = at.real(any); });
    if (numbers != 1)
      bad_input(table.where(),
                text("figure \"", figure.name, "\" states ", numbers, " of published, at_least, at_most"),
                "state one of them");
    if (!figure.published && figure.tolerance != 0)
      bad_input(table.where(), text("figure \"", figure.name, "\": an inequality has no tolerance"));
    if (claim_.experiment)
      read_number(table, figure);
    else
      read_measure(table, figure);
    claim_.figures.push_back(std::move(figure));
  }

  void read_number(const Item& table, const Figure& figure) const {
    if (!among(names_of(*claim_.experiment), figure.measure))
      unknown(table, "number of the experiment", figure.measure, names_of(*claim_.experiment));
    for (const char* key : {"part", "parameter", "samples", "batch", "at", "variant", "minus"})
      if (const Value* stray = table.value.find(key))
        bad_input(item(*stray, key).where(), text("an experiment's figure takes no ", key));
  }

  void read_measure(const Item& table, Figure& figure) const {
    const Measure* measure = find_measure(figure.measure);
    std::vector<std::string> known;
    for (const Measure& one : measures()) known.emplace_back(one.name);
    if (!measure) unknown(table, "measure", figure.measure, known);

    std::vector<std::string> variants;
    for (const Variant& variant : claim_.variants) variants.push_back(variant.name);
    const auto read_variant = [&](const char* key, std::string& name) {
      return with(table, key, [&](const Item& at) {
        name = at.word();
        if (!among(variants, name)) unknown(at, "variant", name, variants);
      });
    };
    if (!read_variant("variant", figure.variant) && !variants[0].empty())
      bad_input(table.where(), text("figure \"", figure.name, "\" names no variant"),
                "there are " + join(variants, ", "));
    read_variant("minus", figure.minus);
    const Recipe& recipe = claim_.variant(figure.variant).recipe;

    const auto taken = [&](const char* key, auto read) {
      return with(table, key, [&](const Item& at) {
        if (std::none_of(measure->takes.begin(), measure->takes.end(),
                         [&](const std::string& one) { return one == key; }))
          bad_input(at.where(), text("the measure ", measure->name, " takes no ", key));
        read(at);
      });
    };
    const auto wanted = [&](const char* key, bool given) {
      if (!given &&
          std::any_of(measure->takes.begin(), measure->takes.end(), [&](const std::string& one) { return one == key; }))
        bad_input(table.where(), text("figure \"", figure.name, "\": the measure ", measure->name, " needs a ", key));
    };
    wanted("part", taken("part", [&](const Item& at) {
             const std::string part = at.one_of({"train", "validation", "test"});
             figure.args.part = part == "train" ? Part::train : part == "test" ? Part::test : Part::validation;
           }));
    wanted("parameter", taken("parameter", [&](const Item& at) {
             figure.args.parameter = at.word();
             for (const std::string& variant : {figure.variant, figure.minus}) {
               const std::vector<std::string> parameters = parameters_of(claim_.variant(variant).recipe);
               if (!among(parameters, figure.args.parameter))
                 unknown(at, "parameter", figure.args.parameter, parameters);
               if (figure.minus.empty()) break;
             }
           }));
    wanted("batch", taken("batch", [&](const Item& at) { figure.args.batch = at.whole(1); }));
    taken("samples", [&](const Item& at) { figure.args.samples = at.whole(1); });
    with(table, "at", [&](const Item& at) {
      if (at.value.as<std::string>()) {
        figure.at.kind = at.one_of({"end", "peak"}) == "end" ? Instant::end : Instant::peak;
        return;
      }
      figure.at = {Instant::after, at.whole(0)};
      if (figure.at.epoch > recipe.train.epochs)
        bad_input(at.where(), text("at is ", figure.at.epoch, ", the recipe has ", recipe.train.epochs, " epochs"));
    });
  }

  const Value& file_;
  std::string origin_;
  Claim claim_;
};

const EmbeddedFile* find_file(const std::string& name) {
  for (const EmbeddedFile& file : embedded_claims())
    if (file.name == name) return &file;
  return nullptr;
}

} // namespace

const Variant& Claim::variant(const std::string& name) const {
  for (const Variant& one : variants)
    if (one.name == name) return one;
  bad_input(this->name, text("has no variant \"", name, "\""));
}

std::vector<std::string> Claim::data() const {
  std::vector<std::string> out;
  for (const Variant& variant : variants)
    if (!among(out, variant.recipe.data.source)) out.push_back(variant.recipe.data.source);
  return out;
}

Claim parse_claim(const std::string& toml, const std::string& name, const std::string& origin) {
  const Value file = read_toml(toml, origin);
  return ClaimReader(file, name, origin).read();
}

std::vector<std::string> claim_names() {
  std::vector<std::string> out;
  for (const EmbeddedFile& file : embedded_claims()) out.emplace_back(file.name);
  return out;
}

Claim find_claim(const std::string& name) {
  const EmbeddedFile* file = find_file(name);
  if (!file)
    bad_input("vitro repro", text("no claim is called \"", name, "\"", did_you_mean(name, claim_names())),
              "`vitro repro --list` shows them");
  return parse_claim(std::string(file->text), name, text("claim ", name));
}

const char* name(Verdict verdict) { return verdict == Verdict::holds ? "holds" : "differs"; }

Verdict judge(const Figure& figure, double mean, double deviation) {
  const bool holds = figure.at_least ? mean >= *figure.at_least
                     : figure.at_most
                         ? mean <= *figure.at_most
                         : std::fabs(mean - *figure.published) <= std::max(figure.tolerance, 2 * deviation);
  return holds ? Verdict::holds : Verdict::differs;
}

} // namespace vitro
