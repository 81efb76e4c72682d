// Build an expression, take its gradient, print both: the derivative is a graph like any other.
#include <cstdio>

#include <vitro/ops/gradient.h>
#include <vitro/ops/ops.h>
#include <vitro/plan/interpret.h>

int main() {
  vitro::States states;
  vitro::Trace trace(states);
  const vitro::Var x = trace.input("x", {vitro::DType::f64, {3}});
  const vitro::Var y = vitro::sum(vitro::sigmoid(2 * x));
  trace.output("y", y);
  trace.output("dx", vitro::gradient(y, {x})[0]);
  const vitro::Function function = trace.finish();
  std::puts(vitro::print(*function.graph).c_str());

  const auto values = vitro::interpret(function, {}, {vitro::Tensor({3}, {-1, 0, 1}, vitro::DType::f64)});
  for (const auto& [name, edge] : function.outputs)
    for (const double value : values.at(edge).values()) std::printf("%s = %.6f\n", name.c_str(), value);
}
