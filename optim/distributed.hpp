/// All of gradtape::distributed: training over several processes, by MPI. Link the target
/// gradtape::distributed; docs/distributed.md is its guide.
#pragma once

#ifndef GRADTAPE_DISTRIBUTED
#error \
    "gradtape::distributed is not linked; it is built where CMake finds MPI, such as libopenmpi-dev or libmpich-dev"
#endif

#include "gradtape/optim/distributed/checkpoint.hpp"
#include "gradtape/optim/distributed/collectives.hpp"
#include "gradtape/optim/distributed/data_parallel.hpp"
#include "gradtape/optim/distributed/layers.hpp"
#include "gradtape/optim/distributed/sharded_optimizer.hpp"
#include "gradtape/optim/distributed/world.hpp"
