#include "data/sentences.h"

#include <array>
#include <set>
#include <string_view>

#include "core/random.h"

namespace vitro {
namespace {

using Word = std::string_view;

struct Noun {
  Word one, many;
};
struct Verb {
  Word one, many; // the fox sees, the foxes see
};
constexpr std::array<Noun, 10> nouns = {{{"fox", "foxes"},
                                         {"farmer", "farmers"},
                                         {"child", "children"},
                                         {"river", "rivers"},
                                         {"old dog", "old dogs"},
                                         {"grey bird", "grey birds"},
                                         {"king", "kings"},
                                         {"miller", "millers"},
                                         {"young queen", "young queens"},
                                         {"black horse", "black horses"}}};
constexpr std::array<Verb, 8> verbs = {{{"sees", "see"},
                                        {"follows", "follow"},
                                        {"waits for", "wait for"},
                                        {"knows", "know"},
                                        {"likes", "like"},
                                        {"jumps over", "jump over"},
                                        {"asks", "ask"},
                                        {"forgets", "forget"}}};
constexpr std::array<Word, 6> places = {"in the garden", "behind the mill", "at night",
                                        "on the bridge", "by the fire",     "every morning"};
constexpr std::array<Word, 6> people = {"Anna", "Ben", "Clara", "David", "Emma", "Felix"};
constexpr std::array<Word, 4> said = {"said", "asked", "answered", "cried"};
constexpr Word marks = "\"().,?!";
constexpr size_t line_length = 48;

template <class List> const auto& one_of(const List& list, Draws& draws) {
  return list[size_t(draws.below(list.size()))];
}
bool happens(double probability, Draws& draws) { return draws.uniform() < probability; }

std::string noun(bool many, Draws& draws) {
  const Noun& found = one_of(nouns, draws);
  return std::string(many ? "the " : happens(0.5, draws) ? "a " : "the ") + std::string(many ? found.many : found.one);
}

std::string clause(Draws& draws) {
  const bool many = happens(0.4, draws);
  std::string out = noun(many, draws) + " ";
  const Verb& verb = one_of(verbs, draws);
  out += std::string(many ? verb.many : verb.one) + " ";
  out += noun(happens(0.4, draws), draws);
  if (happens(0.4, draws)) out += " " + std::string(one_of(places, draws));
  return out;
}

std::string capitalised(std::string words) {
  if (words[0] >= 'a' && words[0] <= 'z') words[0] = char(words[0] - 'a' + 'A');
  return words;
}

std::string sentence(Draws& draws) {
  if (happens(0.4, draws)) { // speech, of one to three clauses
    std::string out = "\"" + capitalised(clause(draws));
    while (happens(0.35, draws)) out += ". " + capitalised(clause(draws));
    out += happens(0.3, draws) ? "?" : happens(0.2, draws) ? "!" : ",";
    return out + "\" " + std::string(one_of(said, draws)) + " " + std::string(one_of(people, draws)) + ".";
  }
  std::string out = capitalised(clause(draws));
  if (happens(0.25, draws)) out += " (" + clause(draws) + ")";
  if (happens(0.25, draws)) out += ", and " + clause(draws);
  return out + ".";
}

} // namespace

std::string sentences(uint64_t seed, Part part, int64_t symbols) {
  const Stream stream(seed, "sentences", uint64_t(part));
  std::string out;
  size_t line = 0; // where the present one begins
  for (uint64_t i = 0; int64_t(out.size()) < symbols; ++i) {
    Draws draws(stream, i);
    for (const char c : sentence(draws) + " ") {
      const bool ends = c == ' ' && out.size() - line >= line_length;
      out += ends ? '\n' : c;
      if (ends) line = out.size();
    }
  }
  out.resize(size_t(symbols));
  return out;
}

std::string letters_of_sentences() {
  std::set<char> found(marks.begin(), marks.end());
  found.insert({' ', '\n', 'A', 'T'}); // a sentence begins with an article
  const auto add = [&](Word word) { found.insert(word.begin(), word.end()); };
  for (const Noun& one : nouns) add(one.one), add(one.many);
  for (const Verb& one : verbs) add(one.one), add(one.many);
  for (const auto* list : {&places, &people})
    for (const Word word : *list) add(word);
  for (const Word word : said) add(word);
  for (const Word word : {"the", "a", "and"}) add(word);
  return {found.begin(), found.end()};
}

} // namespace vitro
