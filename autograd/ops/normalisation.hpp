/// Normalisation.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {}  // namespace gradtape
