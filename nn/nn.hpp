/// All of nn: modules, layers, losses, metrics, initializers, data.
#pragma once

#include "gradtape/nn/activation.hpp"
#include "gradtape/nn/containers.hpp"
#include "gradtape/nn/data/data.hpp"
#include "gradtape/nn/dropout.hpp"
#include "gradtape/nn/init.hpp"
#include "gradtape/nn/io.hpp"
#include "gradtape/nn/linear.hpp"
#include "gradtape/nn/loss.hpp"
#include "gradtape/nn/metric.hpp"
#include "gradtape/nn/module.hpp"
#include "gradtape/nn/recurrent.hpp"
#include "gradtape/nn/recurrent_cell.hpp"
#include "gradtape/nn/sequential.hpp"
