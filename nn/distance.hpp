/// Distances and similarities of two tensors as modules.
#pragma once

#include "gradtape/autograd/ops/distance.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// <a, b> / (|a| |b|) along an axis (op cosine_similarity).
class CosineSimilarity : public Module {
 public:
  explicit CosineSimilarity(CosineSimilarityOptions options = {}) : options_(options) {}
  Tensor operator()(const Tensor& a, const Tensor& b) const {
    return call(a, [&](const Tensor& x) { return cosine_similarity(x, b, options_); });
  }

 private:
  CosineSimilarityOptions options_;
};

/// ||a - b + eps||_p along the last axis (op pairwise_distance).
class PairwiseDistance : public Module {
 public:
  explicit PairwiseDistance(PairwiseDistanceOptions options = {}) : options_(options) {}
  Tensor operator()(const Tensor& a, const Tensor& b) const {
    return call(a, [&](const Tensor& x) { return pairwise_distance(x, b, options_); });
  }

 private:
  PairwiseDistanceOptions options_;
};

}  // namespace gradtape::nn
