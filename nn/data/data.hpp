/// Data sets, mini-batches and their preparation.
#pragma once

#include "gradtape/nn/data/batches.hpp"
#include "gradtape/nn/data/dataset.hpp"
#include "gradtape/nn/data/standardiser.hpp"
