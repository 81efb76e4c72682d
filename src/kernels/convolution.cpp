// Which way a convolution goes: see convolution.h.
#include "kernels/convolution.h"

#include "kernels/convolution_axis.h"

namespace vitro::kernels {
namespace {

int64_t bytes(int64_t floats) { return floats * int64_t(sizeof(float)); }
float* floats(void* workspace) { return static_cast<float*>(workspace); }

// Whether the lanes of a weight's gradient are output channels: dy in rows is turned for that.
bool sums_in_blocks(const Convolution& c) { return c.groups == 1 && lanes_used(c.out) >= worth_blocks; }

} // namespace

bool in_blocks(const Convolution& c) {
  if (c.groups != 1 || lanes_used(c.out) < worth_blocks) return false;
  return c.in <= few_channels ? c.out % 16 == 0 : lanes_used(c.in) >= worth_blocks;
}
bool reads_blocks(const Convolution& c) { return in_blocks(c) && c.in > few_channels; }

int64_t convolve_workspace(const Convolution& c) {
  return bytes((in_blocks(c) ? by_blocks : by_rows).forward_floats(c));
}
void convolve(const Convolution& c, const float* x, const float* weight, float* y, void* workspace, Epilogue epilogue) {
  (in_blocks(c) ? by_blocks : by_rows).forward(c, x, weight, y, floats(workspace), epilogue);
}

int64_t convolve_input_gradient_workspace(const Convolution& c) {
  return bytes((reads_blocks(c) ? by_blocks : by_rows).input_gradient_floats(c));
}
void convolve_input_gradient(const Convolution& c, const float* dy, const float* weight, float* dx, void* workspace,
                             Epilogue epilogue) {
  (reads_blocks(c) ? by_blocks : by_rows).input_gradient(c, dy, weight, dx, floats(workspace), epilogue);
}

int64_t convolve_weight_gradient_workspace(const Convolution& c) {
  return bytes((sums_in_blocks(c) ? by_blocks : by_rows).weight_gradient_floats(c));
}
void convolve_weight_gradient(const Convolution& c, const float* x, const float* dy, float* dweight, void* workspace,
                              Epilogue epilogue) {
  (sums_in_blocks(c) ? by_blocks : by_rows).weight_gradient(c, x, dy, dweight, floats(workspace), epilogue);
}

} // namespace vitro::kernels
