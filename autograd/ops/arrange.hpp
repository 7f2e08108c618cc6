/// Rearranging: flip, roll, pad, repeat, diagonals and triangles.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {}  // namespace gradtape
