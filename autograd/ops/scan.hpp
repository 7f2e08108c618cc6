/// Scans: results that accumulate along an axis.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {}  // namespace gradtape
