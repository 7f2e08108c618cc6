// A model file as users write it: it includes what it uses, a network, its loss and an optimizer.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/convolution.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/loss.hpp>
#include <gradtape/optim/adam.hpp>

using namespace gradtape;

struct Model : nn::Module {
  nn::Conv2d conv = child("conv", nn::Conv2d(1, 8, 3));
  nn::Linear head = child("head", nn::Linear(8 * 13 * 13, 10));
  Tensor operator()(const Tensor& images) const {
    return head(flatten(max_pool2d(relu(conv(images)), 2), 1));
  }
};

double step(const Model& model, optim::Adam& adam, const Tensor& images, const Tensor& labels) {
  const Tensor loss = nn::cross_entropy(model(images), labels);
  adam.zero_grad();
  loss.backward();
  adam.step();
  return loss.item<double>();
}
