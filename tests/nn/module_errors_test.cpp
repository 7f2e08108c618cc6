// What the errors of a layer say about its place in a model.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/convolution.hpp>
#include <gradtape/nn/embedding.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/normalisation.hpp>
#include <gradtape/nn/pooling.hpp>
#include <gradtape/nn/sequential.hpp>
#include <gradtape/nn/shape.hpp>

#include <doctest/doctest.h>

using namespace gradtape;

TEST_CASE("errors of a layer name its path in the model") {
  struct Encoder : nn::Module {
    nn::Sequential layers =
        child("layers", nn::Sequential(nn::Conv2d(1, 2, 3), nn::MaxPool2d(4), nn::LayerNorm(5)));
    nn::Linear head = child("head", nn::Linear(2, 1));
    nn::Embedding table = child("table", nn::Embedding(3, 2));
  };
  struct Model : nn::Module {
    Encoder enc = child("enc", Encoder());
  };
  const Model model;
  const auto& layers = model.enc.layers;
  CHECK_THROWS_WITH_AS(
      layers(zeros({1, 28, 28, 3})),
      "Conv2d 'enc.layers.0': x must be [N, 1, H, W] or [1, H, W], got [1, 28, 28, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(layers(zeros({1, 4, 4})), doctest::Contains("; in MaxPool2d 'enc.layers.1'"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(layers(zeros({1, 26, 26})),
                       doctest::Contains("LayerNorm 'enc.layers.2': x must be"), ShapeError);
  CHECK_THROWS_WITH_AS(model.enc.table(tensor({7})), doctest::Contains("'enc.table"), ValueError);
  CHECK_THROWS_WITH_AS(model.enc.head(zeros({3})),
                       doctest::Contains("weight 'enc.head.weight' [1, 2]"), ShapeError);
  CHECK_THROWS_WITH_AS(nn::Conv2d(1, 2, 3)(zeros({3})), doctest::Contains("Conv2d: x must"),
                       ShapeError);  // one that stands alone has no path
}

TEST_CASE("errors of a layer without variables name its path, in a clone too") {
  struct Pools : nn::Module {
    nn::Sequential layers = child("layers", nn::Sequential(nn::Flatten(), nn::MaxPool1d(2)));
    Tensor operator()(const Tensor& x) const { return layers(x); }
  };
  const auto copied = [] {
    const Pools original;
    return nn::clone(original);
  }();
  CHECK_THROWS_WITH_AS(copied(zeros({2, 1, 1})), doctest::Contains("; in MaxPool1d 'layers.1'"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(nn::MaxPool1d(2)(zeros({1, 1, 1})), doctest::Contains("max_pool1d: "),
                       ShapeError);
}
