/// Distances and similarities. At coincident points the slope of every distance is 0.
#pragma once

#include <cstdint>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Options of pairwise_distance.
struct PairwiseDistanceOptions {
  double p = 2;          ///< The norm's exponent; >= 0 or infinity.
  double eps = 1e-6;     ///< Added to every difference; any number.
  bool keepdim = false;  ///< Keep the last axis with extent 1.
};
/// ||a - b + eps||_p along the last axis; a, b broadcast. Throws ShapeError, DtypeError,
/// ValueError.
[[nodiscard]] Tensor pairwise_distance(const Tensor& a, const Tensor& b,
                                       PairwiseDistanceOptions options = {});

/// ||a_i - b_j||_p for all pairs of rows.  a: [..., n, d], b: [..., m, d], whose batches broadcast
/// -> [..., n, m]. p >= 0 or infinity: 0 counts unequal elements; other than 2 takes memory for n m
/// d numbers. Throws ShapeError, DtypeError, ValueError.
[[nodiscard]] Tensor cdist(const Tensor& a, const Tensor& b, double p = 2);

/// Options of cosine_similarity.
struct CosineSimilarityOptions {
  std::int64_t axis = -1;  ///< The axis of the vectors, in the broadcast shape.
  double eps = 1e-8;       ///< A shorter vector counts as this long.
};
/// <a, b> / (|a| |b|) along an axis; a, b broadcast. Throws ShapeError, DtypeError.
[[nodiscard]] Tensor cosine_similarity(const Tensor& a, const Tensor& b,
                                       CosineSimilarityOptions options = {});

/// Options of normalize.
struct NormalizeOptions {
  double p = 2;            ///< The norm's exponent; >= 0 or infinity.
  std::int64_t axis = -1;  ///< Of the vectors.
  double eps = 1e-12;      ///< A smaller norm counts as this.
};
/// x / max(||x||_p, eps) along an axis. Throws ShapeError, ValueError.
[[nodiscard]] Tensor normalize(const Tensor& x, NormalizeOptions options = {});

}  // namespace gradtape
