/// All of optim: the optimizers.
#pragma once

#include "gradtape/optim/adam.hpp"
#include "gradtape/optim/sgd.hpp"
