/// All of gradtape: tensors and their derivatives, layers and losses, data, optimizers, training.
/// Formulas have a header of their own, gradtape/autograd/formula.hpp, which compiles more slowly.
#pragma once

#include "gradtape/autograd/autograd.hpp"
#include "gradtape/nn/nn.hpp"
#include "gradtape/optim/optim.hpp"
