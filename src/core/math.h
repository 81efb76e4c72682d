// Elementary functions in double whose bits do not depend on the machine's C library.
//
// Used on every way to the weights that is not a vector kernel: initialisers, generated data,
// schedules. Only +, -, *, / and sqrt of IEEE 754 are used, so the bits are the same everywhere
// (the build forbids contraction). Errors against the true value: below 1.5 ulp on the range given (2.5: tanh,
// and sin and cos beyond |x| = 1000, where the reduction rounds once more).
#pragma once

namespace vitro::math {

inline constexpr double pi = 3.14159265358979323846;

double sqrt(double x);
double exp(double x); // any x; overflows to infinity, underflows to 0
double log(double x); // x > 0; log(0) is -infinity, a negative x gives nan
double sin(double x); // |x| up to 2^20
double cos(double x); // |x| up to 2^20
double pow(
    double x,
    double y); // x > 0, through exp(y log x): relative error grows with |y log x|; an integer y is multiplied out
double tanh(double x);

} // namespace vitro::math
