/// The model: what you change first.
#pragma once

#include <gradtape/gradtape.hpp>

/// Tells two classes of points in the plane apart.
struct Classifier : gradtape::nn::Module {
  gradtape::nn::Linear first = child("first", gradtape::nn::Linear(2, 32));
  gradtape::nn::Linear second = child("second", gradtape::nn::Linear(32, 32));
  gradtape::nn::Linear head = child("head", gradtape::nn::Linear(32, 2));

  /// points: [n, 2] -> a score for each class: [n, 2]
  gradtape::Tensor operator()(const gradtape::Tensor& points) const {
    return head(tanh(second(tanh(first(points)))));
  }
};
