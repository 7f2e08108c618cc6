/// Convolutions and what they are made of.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {}  // namespace gradtape
