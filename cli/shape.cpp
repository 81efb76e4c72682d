// vitro shape: what numpy's dot, matmul, * and + make of two shapes, or in plain words why they can't.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/verb.h"
#include "core/error.h"
#include "core/text.h"
#include "ops/ops.h"

namespace vitro::cli {
namespace {

struct Question {
  Shape a, b;
  std::string op; // the one that is answered first; "": none
};

// Reads "(64, 3) @ (3, 5)": shapes in round or square brackets, or a bare number, with an operator between.
class Reader {
public:
  explicit Reader(const std::string& source) : source_(source) {}

  Question question() {
    Question out;
    out.a = shape();
    skip();
    const size_t begin = at_;
    while (at_ < source_.size() && !std::isspace(static_cast<unsigned char>(source_[at_])) &&
           std::string_view("([0123456789").find(source_[at_]) == std::string_view::npos)
      ++at_;
    out.op = source_.substr(begin, at_ - begin);
    out.b = shape();
    skip();
    if (at_ != source_.size()) wrong("the end");
    return out;
  }

private:
  void skip() {
    while (at_ < source_.size() && std::isspace(static_cast<unsigned char>(source_[at_]))) ++at_;
  }

  Shape shape() {
    skip();
    if (at_ == source_.size()) wrong("a shape such as (64, 3)");
    const char open = source_[at_];
    if (open != '(' && open != '[') return Shape({extent()});
    const char close = open == '(' ? ')' : ']';
    ++at_;
    std::vector<int64_t> extents;
    for (;;) {
      skip();
      if (at_ < source_.size() && source_[at_] == close) break;
      extents.push_back(extent());
      skip();
      if (at_ < source_.size() && source_[at_] == ',') {
        ++at_;
        continue;
      }
      if (at_ < source_.size() && source_[at_] == close) break;
      wrong(text("a comma or '", close, "'"));
    }
    ++at_;
    if (extents.size() > size_t(Shape::max_rank))
      bad_input("vitro shape",
                text("a shape has ", extents.size(), " axes, at most ", Shape::max_rank, " are supported"));
    return Shape(extents);
  }

  int64_t extent() {
    int64_t value = 0;
    const char* const begin = source_.data() + at_;
    const auto read = std::from_chars(begin, source_.data() + source_.size(), value);
    if (read.ec != std::errc() || value < 0) wrong("an extent, a whole number from 0 on");
    at_ += size_t(read.ptr - begin);
    return value;
  }

  [[noreturn]] void wrong(const std::string& expected) const {
    const std::string found = at_ < source_.size() ? text("\"", source_.substr(at_), "\"") : "the end";
    bad_input("vitro shape", text("found ", found, " where ", expected, " was expected"),
              "write two shapes and what is between them: \"(64,3) @ (3,5)\"");
  }

  std::string source_;
  size_t at_ = 0;
};

std::string as_numpy(const Shape& shape) {
  std::string out = "(";
  for (int i = 0; i < shape.rank(); ++i) out += text(i ? ", " : "", shape[i]);
  return out + (shape.rank() == 1 ? ",)" : ")");
}

struct Rule {
  const char* name;
  const char* meaning;
  Shape (*shape)(const Shape&, const Shape&);
};
const Rule rules[] = {
    {"matmul", "a @ b: rows by columns, leading axes broadcast", matmul_shape},
    {"dot", "numpy.dot(a, b): the last axis of a with the last but one of b", dot_shape},
    {"*", "a * b: element by element, broadcast", broadcast},
    {"+", "a + b: element by element, broadcast", broadcast},
};

} // namespace

int shape(Arguments& arguments) {
  Common common;
  common.declare(arguments);
  arguments.parse(100);
  arguments.refuse_overrides();
  if (arguments.words().empty()) bad_input("vitro shape", "two shapes are missing", "vitro shape \"(64,3) @ (3,5)\"");
  Question question = Reader(join(arguments.words(), " ")).question();
  if (question.op == "@") question.op = "matmul";
  std::vector<std::string> known;
  for (const Rule& rule : rules) known.emplace_back(rule.name);
  if (!question.op.empty() && std::find(known.begin(), known.end(), question.op) == known.end())
    bad_input("vitro shape", text("unknown operator \"", question.op, "\"", did_you_mean(question.op, known)),
              "there are @ (or matmul), dot, * and +");

  nlohmann::ordered_json object = {{"a", question.a.list()}, {"b", question.b.list()}};
  // What was asked for first, then what the same shapes give under the others: they are easily mixed up.
  std::vector<const Rule*> order;
  for (const Rule& rule : rules) order.push_back(&rule);
  std::stable_partition(order.begin(), order.end(), [&](const Rule* rule) { return question.op == rule->name; });
  std::string out, refusal;
  for (const Rule* const each : order) {
    const Rule& rule = *each;
    try {
      const Shape result = rule.shape(question.a, question.b);
      object[rule.name] = result.list();
      out += text(as_numpy(question.a), " ", rule.name, " ", as_numpy(question.b), " = ", as_numpy(result), "   ",
                  out_stream().palette.faint(rule.meaning), "\n");
    } catch (const Error& error) {
      refusal = error.what();
      object[rule.name] = nullptr;
      object[text(rule.name, "_error")] = refusal;
      out += text(as_numpy(question.a), " ", rule.name, " ", as_numpy(question.b), ": ", refusal, "\n");
    }
  }
  print(common.json ? object.dump() + "\n" : out);
  return 0;
}

} // namespace vitro::cli
