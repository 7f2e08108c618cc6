/// Random samples and masks, drawn from a Generator; those of given shapes are in generator.hpp.
#pragma once

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of multinomial.
struct MultinomialOptions {
  bool replacement = false;  ///< Whether an index may be drawn again.
};

/// x * mask / (1 - p) with a mask that is 0 with probability p (Srivastava et al. 2014). p in [0,
/// 1]; at p = 1 all is 0.
[[nodiscard]] Tensor dropout(const Tensor& x, double p, const Generator& generator = {});
/// 1 with the probability that each element of p gives, else 0; of p's dtype, without a gradient.
/// Throws ValueError for a probability outside [0, 1].
[[nodiscard]] Tensor bernoulli(const Tensor& p, const Generator& generator = {});
/// mean + std * eps with standard normal eps of the shape that mean and std broadcast to, and
/// gradients to both (the reparametrisation of Kingma and Welling 2013). Throws ValueError for a
/// negative std.
[[nodiscard]] Tensor normal(const Tensor& mean, const Tensor& std, const Generator& generator = {});
/// count indices drawn with probabilities in proportion to the weights [..., n] -> int64 [...,
/// count]. Throws ValueError for weights that are negative, not finite or all 0, and for more
/// draws without replacement than there are weights above 0.
[[nodiscard]] Tensor multinomial(const Tensor& weights, std::int64_t count,
                                 MultinomialOptions options = {}, const Generator& generator = {});

}  // namespace gradtape
