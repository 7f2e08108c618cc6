/// All of autograd but what opts in to heavy headers: formula.hpp, xtensor.hpp, fmt.hpp.
#pragma once

#include "gradtape/autograd/checkpoint.hpp"
#include "gradtape/autograd/functional.hpp"
#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/gradcheck.hpp"
#include "gradtape/autograd/io/csv.hpp"
#include "gradtape/autograd/io/idx.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/npz.hpp"
#include "gradtape/autograd/io/safetensors.hpp"
#include "gradtape/autograd/mutate_check.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor.hpp"
#include "gradtape/autograd/test_op.hpp"
