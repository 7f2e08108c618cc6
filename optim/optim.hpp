/// All of optim: the optimizers, schedules, bounds on gradients, averages, and what training to the
/// end needs.
#pragma once

#include "gradtape/optim/adadelta.hpp"
#include "gradtape/optim/adagrad.hpp"
#include "gradtape/optim/adam.hpp"
#include "gradtape/optim/adamax.hpp"
#include "gradtape/optim/asgd.hpp"
#include "gradtape/optim/average.hpp"
#include "gradtape/optim/checkpoint.hpp"
#include "gradtape/optim/clip.hpp"
#include "gradtape/optim/early_stopping.hpp"
#include "gradtape/optim/lion.hpp"
#include "gradtape/optim/nadam.hpp"
#include "gradtape/optim/named_values.hpp"
#include "gradtape/optim/progress.hpp"
#include "gradtape/optim/radam.hpp"
#include "gradtape/optim/rmsprop.hpp"
#include "gradtape/optim/rprop.hpp"
#include "gradtape/optim/schedule.hpp"
#include "gradtape/optim/sgd.hpp"
#include "gradtape/optim/sparse_adam.hpp"
