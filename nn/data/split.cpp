#include "gradtape/nn/data/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/require.hpp"

namespace gradtape::nn::data {

using namespace author;

namespace {

Split split_by(const Dataset& dataset, const std::vector<bool>& held_out) {
  std::vector<std::int64_t> train, test;
  for (std::size_t i = 0; i < held_out.size(); ++i)
    (held_out[i] ? test : train).push_back(static_cast<std::int64_t>(i));
  return {dataset.select(tensor(train)), dataset.select(tensor(test))};
}

Split split_by(const Dataset& dataset, const Tensor& held_out) {
  std::vector<bool> mask(static_cast<std::size_t>(dataset.size()));
  for (const auto i : held_out.data<std::int64_t>()) mask[static_cast<std::size_t>(i)] = true;
  return split_by(dataset, mask);
}

}  // namespace

Split split_every(const Dataset& dataset, std::int64_t n) {
  require("split_every", "n", n, at_least(2));
  return split_by(dataset, arange(0, static_cast<double>(dataset.size()), static_cast<double>(n)));
}

Split split(const Dataset& dataset, double fraction, std::uint64_t seed) {
  require("split", "fraction", fraction, open(0, 1));
  const auto n = dataset.size();
  const auto count = std::llround(fraction * static_cast<double>(n));
  if (count == 0 || count == n)
    fail<ValueError>("split",
                     fmt::format("fraction {} of {} samples leaves a part empty", fraction, n));
  const Generator generator(seed);
  return split_by(dataset, slice(randperm(n, generator), 0, 0, count));
}

KFold::KFold(Dataset dataset, std::int64_t k, const KFoldOptions& options)
    : dataset_(std::move(dataset)), k_(k) {
  const auto n = dataset_.size();
  if (k < 2 || k > n)
    fail<ValueError>("k_fold",
                     fmt::format("k must be from 2 to the number of samples, {}, got {}", n, k));
  const Generator generator(options.seed);
  order_ = options.shuffle ? randperm(n, generator) : arange(n);
}

Split KFold::operator[](std::int64_t i) const {
  if (i < 0 || i >= k_)
    fail<ValueError>("k_fold", fmt::format("fold {} is out of range for {} folds", i, k_));
  const auto n = dataset_.size();
  const auto start = [&](std::int64_t fold) { return fold * (n / k_) + std::min(fold, n % k_); };
  return split_by(dataset_, slice(order_, 0, start(i), start(i + 1)));
}

KFold k_fold(const Dataset& dataset, std::int64_t k, const KFoldOptions& options) {
  return KFold(dataset, k, options);
}

}  // namespace gradtape::nn::data
