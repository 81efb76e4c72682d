#include "explain/address.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"

namespace vitro {
namespace {

// What an address may look like, for a state of that shape.
std::string model_address(const std::string& state, const Shape& shape) {
  return text("write it like ", to_text(ElementAddress{state, shape.elements() - 1}, shape, true));
}

int64_t whole_number(std::string_view digits, std::string_view whole) {
  while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
  while (!digits.empty() && digits.back() == ' ') digits.remove_suffix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size())
    bad_input("address", text("\"", digits, "\" in \"", whole, "\" is no whole number"),
              "an address looks like fc1.weight:3,17");
  return value;
}

} // namespace

std::vector<int64_t> coordinates(int64_t element, const Shape& shape) {
  std::vector<int64_t> out(size_t(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    out[size_t(axis)] = element % shape[axis];
    element /= shape[axis];
  }
  return out;
}

std::string bracketed(const std::vector<int64_t>& coordinates) {
  if (coordinates.empty()) return "";
  std::vector<std::string> pieces;
  for (const int64_t at : coordinates) pieces.push_back(std::to_string(at));
  return "[" + join(pieces, ",") + "]";
}

std::string to_text(const ElementAddress& address, const Shape& shape, bool shell) {
  std::string index = bracketed(coordinates(address.element, shape));
  if (shell && !index.empty()) {
    index.front() = ':';
    index.pop_back();
  }
  return address.state + index;
}

std::string to_text(const ElementAddress& address, const States& states, bool shell) {
  return to_text(address, states.at(address.state).type.shape, shell);
}

ElementAddress parse_address(std::string_view whole, const States& states) {
  std::string_view name = whole, list;
  bool indexed = false;
  if (const size_t open = whole.find('['); open != whole.npos) {
    if (whole.back() != ']')
      bad_input("address", text("\"", whole, "\" opens a bracket and does not close it"),
                "an address looks like fc1.weight[3,17] or fc1.weight:3,17");
    name = whole.substr(0, open);
    list = whole.substr(open + 1, whole.size() - open - 2);
    indexed = true;
  } else if (const size_t colon = whole.find(':'); colon != whole.npos) {
    name = whole.substr(0, colon);
    list = whole.substr(colon + 1);
    indexed = true;
  }
  const std::string state(name);
  if (!states.has(state)) {
    const auto known = states.names(true);
    bad_input("address", text("no parameter \"", state, "\"", did_you_mean(state, known)),
              "there is " + join(known, ", "));
  }
  const Type& type = states.at(state).type;
  if (!is_float(type.dtype)) bad_input("address", text("\"", state, "\" is ", type, ": integers have no derivative"));

  std::vector<int64_t> index;
  while (indexed && !list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    index.push_back(whole_number(list.substr(0, comma), whole));
    if (comma + 1 == list.size())
      bad_input("address", text("\"", whole, "\" ends with a comma"), model_address(state, type.shape));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  if (int(index.size()) != type.shape.rank())
    bad_input("address",
              text("\"", whole, "\" has ", index.size(), index.size() == 1 ? " index" : " indices", ", ", state,
                   " has the shape ", type.shape),
              type.shape.elements() ? model_address(state, type.shape) : "it has no elements");
  int64_t element = 0;
  for (int axis = 0; axis < type.shape.rank(); ++axis) {
    const int64_t at = index[size_t(axis)], extent = type.shape[axis];
    if (at < 0 || at >= extent)
      bad_input("address",
                text("index ", at, " on axis ", axis, " of ", state, " is outside of its shape ", type.shape),
                text("that axis goes from 0 to ", extent - 1));
    element = element * extent + at;
  }
  return {state, element};
}

std::vector<ElementAddress> parse_addresses(std::string_view whole, const States& states, uint64_t seed) {
  constexpr std::string_view word = "random:";
  if (!whole.starts_with(word) || states.has("random")) return {parse_address(whole, states)};
  const int64_t count = whole_number(whole.substr(word.size()), whole);
  const int64_t all = states.parameters();
  if (count < 1 || count > all)
    bad_input("address", text("\"", whole, "\" asks for ", count, " parameters, there are ", all),
              text("ask for 1 to ", all));
  // Floyd's way of drawing without repetition, then in the order of the states.
  const Stream stream(seed, "explain");
  std::set<int64_t> drawn;
  for (int64_t last = all - count; last < all; ++last) {
    const auto pick = int64_t(stream.below(uint64_t(last) + 1, 0, uint64_t(last)));
    drawn.insert(drawn.contains(pick) ? last : pick);
  }
  std::vector<ElementAddress> out;
  int64_t start = 0;
  auto next = drawn.begin();
  for (const auto& name : states.names(true)) {
    const int64_t end = start + states.at(name).type.shape.elements();
    for (; next != drawn.end() && *next < end; ++next) out.push_back({name, *next - start});
    start = end;
  }
  return out;
}

} // namespace vitro
