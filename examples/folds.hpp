/// Cross-validation: every sample is predicted by a model that has not seen it.
#pragma once

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/data/data.hpp>
#include <gradtape/nn/metric.hpp>

#include <vector>

/// Fits a model on all folds but one and predicts the samples of that one, for each fold in turn.
/// Fold k holds the samples k, k + folds, k + 2 folds ...
///
/// fit(train) returns a function of inputs [m, ...]; the result holds its predictions for all
/// samples of `all`, in their order.
template <class Fit>
gradtape::Tensor held_out_predictions(const gradtape::nn::data::Dataset& all, const Fit& fit,
                                      std::int64_t folds = 5) {
  const auto size = static_cast<double>(all.size());
  const auto fold = remainder(gradtape::arange(0, size, 1, gradtape::float64), folds);
  std::vector<gradtape::Tensor> predictions, samples;
  for (std::int64_t k = 0; k < folds; ++k) {
    samples.push_back(flatten(nonzero(fold == k)));
    const auto predict = fit(all.select(flatten(nonzero(fold != k))));
    const gradtape::NoGrad no_grad;
    predictions.push_back(predict(all.select(samples.back()).inputs()));
  }
  return index_select(concat(predictions), 0, argsort(concat(samples)));
}

/// Least squares with an intercept, by linear algebra: what a network has to match.
inline auto fit_linear(const gradtape::nn::data::Dataset& train) {
  using gradtape::Tensor;
  const auto with_one = [](const Tensor& x) { return pad(x, {0, 1}, {.value = 1}); };
  const Tensor weights = lstsq(with_one(train.inputs()), train.targets());
  return [=](const Tensor& x) { return matmul(with_one(x), weights); };
}

/// The share of the targets' variance that held-out predictions explain: R^2, the mean over as many
/// seeds.
template <class Fit>
double held_out_r_squared(const gradtape::nn::data::Dataset& all, const Fit& fit, int seeds = 5) {
  double r_squared = 0;
  for (int s = 1; s <= seeds; ++s) {
    gradtape::seed(static_cast<std::uint64_t>(s));
    r_squared += gradtape::nn::metric::r2(held_out_predictions(all, fit), all.targets()) / seeds;
  }
  return r_squared;
}
