#include <doctest/doctest.h>

#include <cmath>
#include <optional>

#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/normalisation.hpp>
#include <gradtape/nn/sequential.hpp>

#include "support/close.hpp"
#include "support/modules.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

void check_elements(const Tensor& x, const std::vector<double>& want) {
  const double tolerance = x.dtype() == float64 ? 1e-12 : 1e-7;
  const Tensor y = x.to(float64);
  REQUIRE(static_cast<std::size_t>(y.numel()) == want.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(y.data<double>()[i] == close(want[i], tolerance));
}

}  // namespace

TEST_CASE("BatchNorm without momentum averages all batches, and evaluates by the average") {
  auto layer = with_cosines(nn::BatchNorm2d(3, {.momentum = std::nullopt}));
  const Tensor x = sines({2, 3, 4, 2});
  CHECK(fingerprint(layer(x)) == close(9.499990870859971, 1e-12));
  CHECK(fingerprint(layer(x + 1.0)) == close(9.499990870859973, 1e-12));
  check_elements(layer.running_mean.tensor(),
                 {0.4656212282313079, 0.6661900165793403, 0.486017465706796});
  check_elements(layer.running_var.tensor(),
                 {0.5016588085971625, 0.5368666246805122, 0.500345183747185});
  CHECK(layer.num_batches_tracked.tensor().item<std::int64_t>() == 2);
  layer.eval();
  CHECK(fingerprint(layer(x)) == close(5.024067585199965, 1e-12));
  CHECK(layer.num_batches_tracked.tensor().item<std::int64_t>() == 2);
}

TEST_CASE("BatchNorm moves its running statistics by the momentum") {
  const auto layer = with_cosines(nn::BatchNorm1d(3, {.eps = 1e-3, .momentum = 0.3}));
  CHECK(fingerprint(layer(sines({4, 3}))) == close(0.9482321184553001, 1e-12));
  check_elements(layer.running_mean.tensor(),
                 {0.020536724632702345, 0.014822548299704068, -0.004519410582358383});
  check_elements(layer.running_var.tensor(),
                 {0.7249084765024777, 0.8998648997918506, 1.0724259947350734});
  const Tensor before = layer.running_mean.tensor();
  CHECK(layer(zeros({0, 3}, float64)).shape() == Shape{0, 3});
  CHECK(array_equal(layer.running_mean.tensor(), before));
  CHECK(layer.num_batches_tracked.tensor().item<std::int64_t>() == 2);
}

TEST_CASE("BatchNorm without running statistics uses those of the batch in evaluation too") {
  auto layer = with_cosines(nn::BatchNorm3d(2, {.affine = false, .track_running_stats = false}));
  const Tensor x = sines({2, 2, 1, 2, 2});
  const Tensor y = layer(x);
  layer.eval();
  CHECK(array_equal(layer(x), y));
  CHECK(layer.state_dict().empty());
  CHECK_FALSE(layer.weight.defined());
  CHECK_FALSE(layer.running_mean.defined());
}

TEST_CASE("InstanceNorm gives PyTorch's numbers, with and without a batch axis") {
  auto layer = with_cosines(nn::InstanceNorm1d(2, {.affine = true, .track_running_stats = true}));
  CHECK(fingerprint(layer(sines({3, 2, 5}))) == close(4.745220734741237, 1e-12));
  check_elements(layer.running_mean.tensor(), {0.003028179301720038, 0.005425700567379122});
  check_elements(layer.running_var.tensor(), {0.9632626412990626, 0.9492852848608679});
  CHECK(layer.num_batches_tracked.tensor().item<std::int64_t>() == 0);
  CHECK(fingerprint(layer(sines({2, 5}))) == close(2.125028611042616, 1e-12));
  layer.eval();
  CHECK(fingerprint(layer(sines({2, 5}))) == close(1.574549817602001, 1e-12));
  CHECK(nn::InstanceNorm2d(3)(ones({2, 3, 2, 2})).shape() == Shape{2, 3, 2, 2});
  CHECK(nn::InstanceNorm3d(3).state_dict().empty());
}

TEST_CASE("LayerNorm, GroupNorm and LocalResponseNorm give PyTorch's numbers, RMSNorm its own") {
  CHECK(fingerprint(with_cosines(nn::LayerNorm({2, 3}, {.eps = 1e-3}))(sines({4, 2, 3}))) ==
        close(1.7840278111269514, 1e-12));
  CHECK(fingerprint(with_cosines(nn::GroupNorm(2, 6))(sines({2, 6, 3}))) ==
        close(-2.400249786718626, 1e-12));
  CHECK(fingerprint(nn::LocalResponseNorm(3, {.alpha = 0.5, .beta = 0.6, .k = 2})(
            sines({2, 5, 3}))) == close(0.953285444476373, 1e-12));
  const Tensor x = tensor({{3.0, 4.0}}, float64);
  const nn::RMSNorm rms(2, {.eps = 0.0, .dtype = float64});
  check_elements(rms(x), {3 / std::sqrt(12.5), 4 / std::sqrt(12.5)});
}

TEST_CASE("normalisation layers have right gradients to second order") {
  const Tensor x = sines({3, 2, 3}) + 0.3 * sines({1, 2, 3});
  CHECK(checked(with_cosines(nn::BatchNorm1d(2)), x));
  CHECK(checked(with_cosines(nn::InstanceNorm1d(2, {.affine = true})), x));
  CHECK(checked(with_cosines(nn::LayerNorm(3)), x));
  CHECK(checked(with_cosines(nn::LayerNorm({2, 3}, {.bias = false})), x));
  CHECK(checked(with_cosines(nn::RMSNorm({2, 3})), x));
  CHECK(checked(with_cosines(nn::GroupNorm(1, 2)), x));
  CHECK(checked(nn::LocalResponseNorm(2, {.alpha = 0.5}), x));
  auto trained = with_cosines(nn::BatchNorm1d(2));
  trained(x);
  trained.eval();
  CHECK(checked(trained, x));
}

TEST_CASE("normalisation layers save under PyTorch's names; a clone has statistics of its own") {
  const nn::BatchNorm2d layer(3);
  CHECK(names(layer.state_dict()) == std::vector<std::string>{"bias", "num_batches_tracked",
                                                              "running_mean", "running_var",
                                                              "weight"});
  CHECK(names(nn::LayerNorm(3).state_dict()) == std::vector<std::string>{"bias", "weight"});
  CHECK(names(nn::LayerNorm(3, {.bias = false}).state_dict()) ==
        std::vector<std::string>{"weight"});
  CHECK(names(nn::GroupNorm(1, 3, {.affine = false}).state_dict()).empty());
  const nn::BatchNorm2d copy = clone(layer);
  const nn::BatchNorm2d handle = layer;
  layer(3.0 * ones({2, 3, 2, 2}));
  check_elements(handle.running_mean.tensor(), {0.3, 0.3, 0.3});
  check_elements(copy.running_mean.tensor(), {0, 0, 0});
  nn::BatchNorm2d loaded(3);
  loaded.load_state_dict(layer.state_dict());
  CHECK(array_equal(loaded.running_mean.tensor(), layer.running_mean.tensor()));
  CHECK(loaded.num_batches_tracked.tensor().item<std::int64_t>() == 1);
}

TEST_CASE("the running statistics are no part of the graph") {
  const nn::BatchNorm1d layer(2, {.dtype = float64});
  const Tensor x = sines({4, 2}).requires_grad();
  layer(x);
  CHECK_FALSE(layer.running_mean.tensor().is_tracked());
  CHECK_FALSE(layer.running_var.tensor().is_tracked());
}

TEST_CASE("normalisation layers refuse inputs that do not fit") {
  CHECK(error<ShapeError>([] {
          nn::BatchNorm1d(3)(ones({2, 4}));
        }) == "BatchNorm1d: x must be [N, 3] or [N, 3, L], got [2, 4]");
  CHECK(error<ShapeError>([] {
          nn::BatchNorm2d(3)(ones({3, 4, 4}));
        }) == "BatchNorm2d: x must be [N, 3, H, W], got [3, 4, 4]");
  CHECK(error<ShapeError>([] {
          nn::InstanceNorm2d(3)(ones({3, 4}));
        }) == "InstanceNorm2d: x must be [N, 3, H, W] or [3, H, W], got [3, 4]");
  CHECK(error<ShapeError>([] {
          nn::LayerNorm({2, 3})(ones({3, 3}));
        }) == "LayerNorm: x must be [..., 2, 3], got [3, 3]");
  CHECK(error<ShapeError>([] { nn::RMSNorm(3)(ones({})); }) ==
        "RMSNorm: x must be [..., 3], got []");
  CHECK(error<ShapeError>([] {
          nn::GroupNorm(2, 4)(ones({2, 3}));
        }) == "GroupNorm: x must be [N, 4, ...], got [2, 3]");
  const nn::BatchNorm1d layer(3);
  CHECK_THROWS_AS(layer(ones({1, 3})), ShapeError);
  CHECK(layer.num_batches_tracked.tensor().item<std::int64_t>() == 0);
  CHECK_THROWS_AS(layer(ones({2, 3}, float64)), DtypeError);
}

TEST_CASE("normalisation layers refuse options out of range when they are made") {
  CHECK(error<ValueError>([] { nn::BatchNorm2d(0); }) ==
        "BatchNorm2d: channels = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::BatchNorm2d(1, {.eps = -1}); }) ==
        "BatchNorm2d: eps = -1, but it must be finite and at least 0");
  CHECK(error<ValueError>([] { nn::InstanceNorm1d(1, {.momentum = 2}); }) ==
        "InstanceNorm1d: momentum = 2, but it must be in [0, 1]");
  CHECK(error<ValueError>([] { nn::GroupNorm(2, 3); }) ==
        "GroupNorm: groups = 2 must divide channels = 3");
  CHECK(error<ValueError>([] { nn::LayerNorm(0); }) ==
        "LayerNorm: normalized = 0, but it must be at least 1");
  CHECK(error<ValueError>([] { nn::RMSNorm(SpatialSize{}); }) ==
        "RMSNorm: needs at least one axis to normalise over");
  CHECK(error<ValueError>([] { nn::LocalResponseNorm(0); }) ==
        "LocalResponseNorm: size = 0, but it must be at least 1");
}

TEST_CASE("update_batch_norm sets running statistics to those of the data, and no mode") {
  nn::Linear linear(3, 4);
  nn::BatchNorm1d batch_norm(4, {.momentum = 0.3});
  linear.eval();
  batch_norm.running_mean.set(full({4}, 9.0));
  nn::Sequential model(linear, batch_norm);
  const Tensor x = randn({20, 3}), y = linear(x);
  nn::update_batch_norm(model, std::vector<Tensor>{slice(x, 0, 0, 10), slice(x, 0, 10, 20)});

  CHECK(allclose(batch_norm.running_mean, mean(y, 0), 1e-5, 1e-6));
  const Tensor variances = (var(slice(y, 0, 0, 10), 0) + var(slice(y, 0, 10, 20), 0)) / 2.0;
  CHECK(allclose(batch_norm.running_var, variances, 1e-5, 1e-6));
  CHECK(batch_norm.num_batches_tracked.tensor().item<std::int64_t>() == 2);
  CHECK(batch_norm.momentum() == 0.3);
  CHECK_FALSE(linear.is_training());
  CHECK(batch_norm.is_training());
  CHECK_THROWS_WITH_AS(batch_norm.set_momentum(2),
                       "BatchNorm1d: momentum = 2, but it must be in [0, 1]", ValueError);
}
