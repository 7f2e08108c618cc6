/// LeNet-5, for pictures of 28 x 28.
#pragma once

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>

/// LeCun et al. 1998, "Gradient-based learning applied to document recognition", figure 2, with
/// relu and max pooling.  images: [n, 1, 28, 28] -> logits [n, 10]
struct LeNet : gradtape::nn::Module {
  gradtape::nn::Conv2d conv1 = child("conv1", gradtape::nn::Conv2d(1, 6, 5, {.padding = 2}));
  gradtape::nn::Conv2d conv2 = child("conv2", gradtape::nn::Conv2d(6, 16, 5));
  gradtape::nn::Linear fc1 = child("fc1", gradtape::nn::Linear(16 * 5 * 5, 120));
  gradtape::nn::Linear fc2 = child("fc2", gradtape::nn::Linear(120, 84));
  gradtape::nn::Linear fc3 = child("fc3", gradtape::nn::Linear(84, 10));

  gradtape::Tensor operator()(const gradtape::Tensor& images) const {
    const gradtape::Tensor edges = max_pool2d(relu(conv1(images)), 2);  // [n, 6, 14, 14]
    const gradtape::Tensor parts = max_pool2d(relu(conv2(edges)), 2);   // [n, 16, 5, 5]
    return fc3(relu(fc2(relu(fc1(flatten(parts, 1))))));
  }
};
