// vitro list: everything that is built in, by kind, and the runs so far.
#include <filesystem>
#include <functional>

#include <nlohmann/json.hpp>

#include "cli/catalogues.h"
#include "cli/console.h"
#include "cli/results.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"

namespace vitro::cli {
namespace {

std::string table_of(const Catalogue& catalogue, int width) {
  Table table({"", ""});
  int names = 0;
  const std::vector<Entry> entries = catalogue.entries();
  for (const Entry& entry : entries) names = std::max(names, columns(entry.name));
  for (const Entry& entry : entries) table.add({entry.name, cut(entry.doc, std::max(30, width - names - 4))});
  return table.str({}, 2);
}

Json json_of(const Catalogue& catalogue) {
  Json list = Json::array();
  for (const Entry& entry : catalogue.entries()) list.push_back(Json{{"name", entry.name}, {"doc", entry.doc}});
  return list;
}

} // namespace

int list(Arguments& arguments) {
  Common common;
  common.declare(arguments);
  arguments.parse(1);
  arguments.refuse_overrides();
  const std::string kind = arguments.word(0);
  const Palette& palette = out_stream().palette;
  // On a terminal long sentences are cut to its width; a pipe gets them whole.
  const int width = out_stream().terminal ? out_stream().width : 10000;
  std::vector<std::string> kinds, first_spellings;
  for (const Catalogue& catalogue : catalogues()) {
    first_spellings.push_back(catalogue.kinds[0]);
    kinds.insert(kinds.end(), catalogue.kinds.begin(), catalogue.kinds.end());
    if (kind.empty() || std::find(catalogue.kinds.begin(), catalogue.kinds.end(), kind) == catalogue.kinds.end())
      continue;
    print(common.json ? json_of(catalogue).dump() + "\n" : table_of(catalogue, width));
    return 0;
  }
  if (!kind.empty())
    bad_input("vitro list", text("unknown kind \"", kind, "\"", did_you_mean(kind, kinds)),
              "there are " + join(first_spellings, ", "));
  Json object;
  std::string out;
  std::vector<std::string> others;
  for (const Catalogue& catalogue : catalogues()) {
    const std::string name = catalogue.kinds[0];
    if (common.json) object[name] = json_of(catalogue);
    if (!catalogue.in_overview) {
      others.push_back(name);
      continue;
    }
    const std::string table = table_of(catalogue, width);
    out += palette.strong(name) + "\n" + (table.empty() ? "  none yet\n" : table) + "\n";
  }
  print(common.json ? object.dump() + "\n" : out + text("vitro list KIND for more: ", join(others, ", "), "\n"));
  return 0;
}

} // namespace vitro::cli
