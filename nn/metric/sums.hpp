/// States of metrics: the sums that they keep, as one tensor.
#pragma once

#include <initializer_list>
#include <span>

#include "gradtape/autograd/author.hpp"

namespace gradtape::nn::metric::detail {

Tensor sums(std::initializer_list<double> values);

/// The elements of a state. Throws DtypeError, ShapeError unless it is float64 [count].
std::span<const double> checked_sums(const char* op, const Tensor& state, std::int64_t count);

}  // namespace gradtape::nn::metric::detail
