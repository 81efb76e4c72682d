// Evaluates the arithmetic that explanations print, so that a test can check that what is shown is true:
// + - * / ^, parentheses, |x|, [a > b] as 1 or 0, c ? a : b, and the functions of the ops' formulas.
#pragma once

#include <cctype>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace vitro::testing {

class Arithmetic {
public:
  static double of(const std::string& text) {
    Arithmetic a(text);
    const double value = a.choice();
    if (a.at_ != text.size()) throw std::runtime_error("stray text in: " + text);
    return value;
  }

private:
  explicit Arithmetic(const std::string& text) : text_(text) {}
  void blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(const std::string& word) {
    blanks();
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void expect(const std::string& word) {
    if (!take(word)) throw std::runtime_error("expected " + word + " at " + std::to_string(at_) + " of: " + text_);
  }
  double choice() {
    const double condition = comparison();
    if (!take("?")) return condition;
    const double yes = choice();
    expect(":");
    const double no = choice();
    return condition != 0 ? yes : no;
  }
  double comparison() {
    const double a = sum();
    if (take("!=")) return a != sum();
    if (take(">=")) return a >= sum();
    if (take("<=")) return a <= sum();
    if (take(">")) return a > sum();
    if (take("<")) return a < sum();
    if (take("=")) return a == sum();
    return a;
  }
  double sum() {
    double value = product();
    while (true) {
      if (take("+"))
        value += product();
      else if (take("-"))
        value -= product();
      else
        return value;
    }
  }
  double product() {
    double value = sign();
    while (true) {
      if (take("*"))
        value *= sign();
      else if (take("/"))
        value /= sign();
      else
        return value;
    }
  }
  double sign() { return take("-") ? -sign() : power(); }
  double power() {
    const double base = atom();
    return take("^") ? std::pow(base, sign()) : base;
  }
  double atom() {
    blanks();
    if (take("(")) return closed(")");
    if (take("[")) return closed("]");
    if (take("|")) return std::fabs(closed("|"));
    if (std::isdigit(static_cast<unsigned char>(text_.at(at_)))) {
      size_t length = 0;
      const double value = std::stod(text_.substr(at_), &length);
      at_ += length;
      return value;
    }
    std::string name;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      name += text_[at_++];
    if (name == "pi") return std::acos(-1.0);
    if (name == "inf") return INFINITY;
    expect("(");
    std::vector<double> arguments{choice()};
    while (take(",")) arguments.push_back(choice());
    expect(")");
    const double x = arguments[0];
    if (name == "exp") return std::exp(x);
    if (name == "log") return std::log(x);
    if (name == "sqrt") return std::sqrt(x);
    if (name == "tanh") return std::tanh(x);
    if (name == "erf") return std::erf(x);
    if (name == "sigmoid") return 1 / (1 + std::exp(-x));
    if (name == "softplus") return std::log1p(std::exp(x));
    if (name == "sign") return (x > 0) - (x < 0);
    if (name == "max") return std::max(x, arguments.at(1));
    if (name == "min") return std::min(x, arguments.at(1));
    throw std::runtime_error("unknown function " + name + " in: " + text_);
  }
  double closed(const std::string& by) {
    const double value = choice();
    expect(by);
    return value;
  }

  const std::string& text_;
  size_t at_ = 0;
};

} // namespace vitro::testing
