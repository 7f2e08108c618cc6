/// Linear algebra by LAPACK: the last two axes are matrices, the leading ones batches.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {}  // namespace gradtape
