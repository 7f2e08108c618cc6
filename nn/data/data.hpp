/// Data sets, mini-batches and their preparation.
#pragma once

#include "gradtape/nn/data/batches.hpp"
#include "gradtape/nn/data/dataset.hpp"
#include "gradtape/nn/data/loader.hpp"
#include "gradtape/nn/data/split.hpp"
#include "gradtape/nn/data/standardiser.hpp"
#include "gradtape/nn/data/text.hpp"
#include "gradtape/nn/data/transforms.hpp"
