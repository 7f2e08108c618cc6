/// Every public op, by family: each header gives signatures, formulas and shapes. Names and
/// semantics are NumPy's for arrays and PyTorch's for nn.
///
/// Elementwise ops broadcast as NumPy does. Tensors of different dtypes never mix silently
/// (DtypeError names both); C++ literals adopt the tensor's dtype. Floating ops are differentiable
/// to any order unless they say otherwise. Axes may be negative: -1 is the last.
#pragma once

#include "gradtape/autograd/ops/activation.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/arrange.hpp"
#include "gradtape/autograd/ops/attention.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/convolution.hpp"
#include "gradtape/autograd/ops/distance.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/index.hpp"
#include "gradtape/autograd/ops/linalg.hpp"
#include "gradtape/autograd/ops/matmul.hpp"
#include "gradtape/autograd/ops/normalisation.hpp"
#include "gradtape/autograd/ops/pooling.hpp"
#include "gradtape/autograd/ops/random.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/resample.hpp"
#include "gradtape/autograd/ops/scan.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/ops/softmax.hpp"
#include "gradtape/autograd/ops/sort.hpp"
