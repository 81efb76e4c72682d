// How the processor rounds on this thread, and what it makes of subnormal numbers (below 2^-126 in a float).
//
// Some processors take 150 cycles for one of them, and a saturated net is full of them. A planned run
// counts them as zero; the mode is the caller's again afterwards, and a thread of the pool takes its caller's
// over for every job, so that no bit depends on which thread ran a task.
#pragma once

#include <cstdint>

namespace vitro {

#if defined(__x86_64__) || defined(__i386__)
inline constexpr uint64_t flushing = 0x8040; // MXCSR: results (FTZ, bit 15) and operands (DAZ, bit 6)
inline uint64_t floating_mode() { return __builtin_ia32_stmxcsr(); }
inline void set_floating_mode(uint64_t mode) { __builtin_ia32_ldmxcsr(uint32_t(mode)); }
#elif defined(__aarch64__)
inline constexpr uint64_t flushing = uint64_t{1} << 24; // FPCR: FZ
inline uint64_t floating_mode() {
  uint64_t mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
inline void set_floating_mode(uint64_t mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else // WebAssembly has one mode only
inline constexpr uint64_t flushing = 0;
inline uint64_t floating_mode() { return 0; }
inline void set_floating_mode(uint64_t) {}
#endif

/// Subnormal numbers count as zero on this thread while it lives.
class SubnormalsFlushed {
public:
  SubnormalsFlushed() : before_(floating_mode()) { set_floating_mode(before_ | flushing); }
  ~SubnormalsFlushed() { set_floating_mode(before_); }
  SubnormalsFlushed(const SubnormalsFlushed&) = delete;
  SubnormalsFlushed& operator=(const SubnormalsFlushed&) = delete;

private:
  uint64_t before_;
};

} // namespace vitro
