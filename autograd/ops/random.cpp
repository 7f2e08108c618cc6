#include "gradtape/autograd/ops/random.hpp"

#include <fmt/format.h>

#include <limits>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/elementwise.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/scan.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/ops/sort.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

void need_floating(const char* op, const Tensor& x) {
  if (!is_floating(x.dtype())) needs_floating(op, x.dtype());
}

bool holds(const Tensor& condition) { return all(condition).item<bool>(); }

}  // namespace

Tensor dropout(const Tensor& x, double p, const Generator& generator) {
  if (!(p >= 0 && p <= 1))
    fail<ValueError>("dropout", fmt::format("p must be in [0, 1], got {}", p));
  need_floating("dropout", x);
  if (p == 0) return x;
  if (p == 1) return where(zeros(x.shape(), bool_), x, 0.0);
  return x * (bernoulli(1 - p, x.shape(), x.dtype(), generator) * (1 / (1 - p)));
}

Tensor bernoulli(const Tensor& p, const Generator& generator) {
  need_floating("bernoulli", p);
  const Tensor given = p.detach();
  if (!holds(logical_and(given >= 0, given <= 1)))
    fail<ValueError>("bernoulli",
                     fmt::format("{} holds probabilities outside [0, 1]", describe(p)));
  return (rand(p.shape(), p.dtype(), generator) < given).to(p.dtype());
}

Tensor normal(const Tensor& mean, const Tensor& std, const Generator& generator) {
  Tensor centre = mean, spread = std;
  promote_literals(centre, spread, "normal");
  need_floating("normal", centre);
  if (!holds(spread.detach() >= 0))
    fail<ValueError>("normal", fmt::format("std {} holds elements below 0 or NaN", describe(std)));
  const Shape shape = broadcast(mean.shape(), std.shape(), "normal");
  return centre + spread * randn(shape, centre.dtype(), generator);
}

Tensor multinomial(const Tensor& weights, std::int64_t count, MultinomialOptions options,
                   const Generator& generator) {
  need_defined("multinomial", weights, "weights");
  need_floating("multinomial", weights);
  if (weights.ndim() == 0 || weights.size(-1) == 0)
    fail<ShapeError>("multinomial",
                     fmt::format("needs weights along a last axis, got {}", describe(weights)));
  if (count < 0)
    fail<ValueError>("multinomial", fmt::format("count must not be negative, got {}", count));
  const Tensor w = weights.detach().to(float64);
  if (!holds(logical_and(w >= 0, w < std::numeric_limits<double>::infinity())))
    fail<ValueError>("multinomial", fmt::format("weights {} are not all finite and at least 0",
                                                describe(weights)));
  const auto least = options.replacement ? 1 : count;
  if (!holds(count_nonzero(w, -1) >= least))
    fail<ValueError>("multinomial",
                     fmt::format("{} draws need {} weights above 0, and some row of {} has fewer",
                                 count, least, describe(weights)));
  if (!options.replacement)  // the first of exponential clocks that run at the weights' rates
    return topk(-log1p(-rand(w.shape(), float64, generator)) / w, count, {.largest = false})
        .indices;
  const Tensor sums = cumsum(w, -1);
  Shape shape = w.shape();
  shape[shape.ndim() - 1] = count;
  // A little less than the total, which no product with a number below 1 may round up to.
  const Tensor total = slice(sums, -1, w.size(-1) - 1) * (1 - 0x1p-52);
  return searchsorted(sums, rand(shape, float64, generator) * total, {.right = true});
}

}  // namespace gradtape
