/// Loss functions. Prediction and target must have equal shapes unless a loss says otherwise:
/// nothing broadcasts here, but for a single number in regression.hpp, because a [32] target
/// against a [32, 1] prediction would silently compare each with all.
#pragma once

#include "gradtape/nn/loss/classification.hpp"
#include "gradtape/nn/loss/cross_entropy.hpp"
#include "gradtape/nn/loss/ctc.hpp"
#include "gradtape/nn/loss/margin.hpp"
#include "gradtape/nn/loss/regression.hpp"
