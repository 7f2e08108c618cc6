#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/parameters.hpp"
#include "support/tensors.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Vector = std::vector<double>;

/// Gradients of step t that change sign and size, so that every term of an update matters.
Vector gradient_at(int t, std::size_t n) {
  Vector g(n);
  for (std::size_t i = 0; i < n; ++i)
    g[i] =
        std::sin(1.3 * t + 0.7 * static_cast<double>(i)) * (1 + 0.2 * static_cast<double>(i % 5));
  return g;
}

/// torch.optim.SGD's documentation, line by line, in double precision.
void reference_sgd(Vector& w, Vector& v, const Vector& g, const optim::SGDOptions& o) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    double d = g[i] + o.weight_decay * w[i];
    if (o.momentum != 0) {
      v[i] = o.momentum * v[i] + d;
      d = o.nesterov ? d + o.momentum * v[i] : v[i];
    }
    w[i] = w[i] - o.lr * d;
  }
}

/// Kingma and Ba 2015, Algorithm 1, in double precision.
void reference_adam(Vector& w, Vector& m, Vector& v, const Vector& g, int t,
                    const optim::AdamOptions& o) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double d = g[i] + o.weight_decay * w[i];
    m[i] = o.beta1 * m[i] + (1 - o.beta1) * d;
    v[i] = o.beta2 * v[i] + (1 - o.beta2) * d * d;
    const double m_hat = m[i] / (1 - std::pow(o.beta1, t));
    const double v_hat = v[i] / (1 - std::pow(o.beta2, t));
    w[i] = w[i] - o.lr * m_hat / (std::sqrt(v_hat) + o.eps);
  }
}

void check_close(const Tensor& got, const Vector& want, double tolerance) {
  const auto actual = values(got);
  REQUIRE(actual.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i)
    worst = std::max(worst, std::abs(actual[i] - want[i]) / (1 + std::abs(want[i])));
  CHECK(worst <= tolerance);
}

double tolerance_for(Dtype dtype) { return dtype == float64 ? 1e-14 : 2e-6; }

}  // namespace

TEST_CASE("SGD follows the definition with and without momentum, Nesterov and weight decay") {
  const std::vector<optim::SGDOptions> settings = {
      {.lr = 0.1},
      {.lr = 0.05, .momentum = 0.9},
      {.lr = 0.05, .momentum = 0.8, .nesterov = true},
      {.lr = 0.1, .weight_decay = 0.3},
      {.lr = 0.02, .momentum = 0.7, .weight_decay = 0.1},
      {.lr = 0.02, .momentum = 0.7, .weight_decay = 0.1, .nesterov = true}};
  for (const auto dtype : {float32, float64}) {
    for (const auto& options : settings) {
      for (const std::size_t n : {1, 8, 37}) {
        Vector want = gradient_at(17, n), velocity(n, 0.0);
        const Parameter w(tensor(want).to(dtype), "w");
        optim::SGD sgd({w}, options);
        for (int t = 1; t <= 20; ++t) {
          set_gradient(w, gradient_at(t, n));
          sgd.step();
          reference_sgd(want, velocity, gradient_at(t, n), options);
        }
        check_close(w, want, tolerance_for(dtype));
        if (options.momentum > 0)
          check_close(sgd.state(0).velocity, velocity, tolerance_for(dtype));
        else
          CHECK_FALSE(sgd.state(0).velocity.defined());
      }
    }
  }
}

TEST_CASE("Adam follows Algorithm 1 of Kingma and Ba") {
  const std::vector<optim::AdamOptions> settings = {{.lr = 0.1},
                                                    {.lr = 0.05, .beta1 = 0.5, .beta2 = 0.9},
                                                    {.lr = 0.05, .eps = 0.1},
                                                    {.lr = 0.05, .weight_decay = 0.3},
                                                    {.lr = 0.05, .beta1 = 0, .beta2 = 0}};
  for (const auto dtype : {float32, float64}) {
    for (const auto& options : settings) {
      for (const std::size_t n : {1, 8, 37}) {
        Vector want = gradient_at(17, n), first(n, 0.0), second(n, 0.0);
        const Parameter w(tensor(want).to(dtype), "w");
        optim::Adam adam({w}, options);
        for (int t = 1; t <= 20; ++t) {
          set_gradient(w, gradient_at(t, n));
          adam.step();
          reference_adam(want, first, second, gradient_at(t, n), t, options);
        }
        check_close(w, want, tolerance_for(dtype));
        check_close(adam.state(0).first_moment, first, tolerance_for(dtype));
        check_close(adam.state(0).second_moment, second, tolerance_for(dtype));
        CHECK(adam.state(0).steps == 20);
      }
    }
  }
}

TEST_CASE("an update of a large parameter does not depend on the number of threads") {
  const std::size_t n = 200'001;
  const auto train = [&] {
    const Parameter a(tensor(gradient_at(1, n)).to(float32)),
        b(tensor(gradient_at(2, n)).to(float32));
    optim::SGD sgd({a}, {.lr = 0.1, .momentum = 0.9});
    optim::Adam adam({b});
    for (int t = 1; t <= 3; ++t) {
      set_gradient(a, gradient_at(t, n));
      set_gradient(b, gradient_at(t, n));
      sgd.step();
      adam.step();
    }
    return std::pair(a.tensor().detach(), b.tensor().detach());
  };
  const auto [a1, b1] = with_threads(1, train);
  const auto [a2, b2] = with_threads(2, train);
  CHECK(array_equal(a1, a2));
  CHECK(array_equal(b1, b2));
  Vector want = gradient_at(1, n), velocity(n, 0.0);
  for (int t = 1; t <= 3; ++t)
    reference_sgd(want, velocity, gradient_at(t, n), {.lr = 0.1, .momentum = 0.9});
  check_close(a1, want, 1e-6);
}

TEST_CASE("a step leaves alone what has no gradient or is frozen, and what others still hold") {
  const Parameter used(tensor({1.0, 2.0}), "used"), unused(tensor({3.0}), "unused"),
      frozen(tensor({4.0}), "frozen");
  optim::Adam adam({used, unused, frozen}, {.lr = 0.5});
  sum(used * frozen).backward();
  frozen.freeze();
  const Tensor before = used.tensor().detach();
  const auto seen = values(before);
  adam.step();
  CHECK(values(before) == seen);
  CHECK(values(used) != seen);
  CHECK(unused.tensor().item<float>() == 3);
  CHECK(frozen.tensor().item<float>() == 4);
  CHECK(adam.state(0).steps == 1);
  CHECK(adam.state(1).steps == 0);
  CHECK(adam.state(2).steps == 0);
}

TEST_CASE("a graph recorded before a step still differentiates with the old values") {
  const Parameter w(tensor({2.0, 3.0}), "w");
  const Tensor x = tensor({1.0, 1.0}).requires_grad();
  const Tensor y = sum(x * w * w);
  set_gradient(w, {1, 1});
  optim::SGD({w}, {.lr = 1}).step();
  CHECK(values(w) == Vector{1, 2});
  y.backward();
  CHECK(values(x.grad()) == Vector{4, 9});
}

TEST_CASE("optimizer state that was handed out does not change under its holder") {
  const Parameter w(tensor({1.0, 2.0}), "w");
  optim::SGD sgd({w}, {.lr = 0.1, .momentum = 0.9});
  set_gradient(w, {1, -1});
  sgd.step();
  const Tensor held = sgd.state(0).velocity;
  sgd.step();
  CHECK(values(held) == Vector{1, -1});
  check_close(sgd.state(0).velocity, {1.9, -1.9}, 1e-6);
}

TEST_CASE("an update in place keeps the buffer of a parameter that nobody else holds") {
  const Parameter w(ones({1000}), "w");
  const Parameter copy = w;
  set_gradient(w, Vector(1000, 1.0));
  const void* before = w.tensor().raw();
  optim::SGD({w}, {.lr = 1}).step();
  CHECK(w.tensor().raw() == before);
  CHECK(values(copy) == Vector(1000, 0.0));
}

TEST_CASE("the learning rate may change between steps, and the dtype of the parameters too") {
  const Parameter w(tensor({1.0}), "w");
  optim::Adam adam({w}, {.lr = 0.1});
  Vector want{1}, m{0}, v{0};
  for (int t = 1; t <= 4; ++t) {
    adam.options().lr = 0.1 * t;
    if (t == 3) w.to(float64);
    set_gradient(w, gradient_at(t, 1));
    adam.step();
    reference_adam(want, m, v, gradient_at(t, 1), t, {.lr = 0.1 * t});
  }
  CHECK(adam.state(0).first_moment.dtype() == float64);
  check_close(w, want, 1e-6);
}

TEST_CASE("gradients accumulated over small batches are those of one large batch") {
  const Tensor x = reshape(tensor(gradient_at(3, 24)), {8, 3}), y = tensor(gradient_at(4, 8));
  const auto loss = [&](const Parameter& w, std::int64_t from, std::int64_t to) {
    const Tensor error = matmul(slice(x, 0, from, to), w) - slice(y, 0, from, to);
    return mean(error * error * error * error);
  };
  const Parameter large(tensor(gradient_at(5, 3))), small(tensor(gradient_at(5, 3)));
  optim::Adam a({large}, {.lr = 0.1}), b({small}, {.lr = 0.1});
  for (int t = 0; t < 5; ++t) {
    a.zero_grad();
    loss(large, 0, 8).backward();
    a.step();
    b.zero_grad();
    for (std::int64_t k = 0; k < 4; ++k) (loss(small, 2 * k, 2 * k + 2) / 4.0).backward();
    CHECK(allclose(small.grad(), large.grad(), 1e-12));
    b.step();
  }
  check_close(small, values(large), 1e-12);
}

TEST_CASE("zero_grad drops the gradients of all parameters") {
  const Parameter a(tensor({1.0})), b(tensor({2.0}));
  optim::SGD sgd({a, b});
  sum(a * b).backward();
  CHECK(a.grad().defined());
  sgd.zero_grad();
  CHECK_FALSE(a.grad().defined());
  CHECK_FALSE(b.grad().defined());
}

TEST_CASE("optimizers refuse parameter lists that make no sense") {
  const Parameter w(tensor({1.0}), "layer.weight"), b(tensor({1.0}), "layer.bias");
  CHECK_THROWS_WITH_AS(
      optim::SGD(std::vector<Parameter>()),
      "SGD: got no parameters; register them with parameter() and child() in the model",
      ValueError);
  CHECK_THROWS_WITH_AS(optim::Adam({w, b, w}),
                       "Adam: parameters 0 and 2 are the same variable, 'layer.weight'; "
                       "it would be updated twice a step",
                       ValueError);
  CHECK_THROWS_WITH_AS(optim::SGD({w, Parameter()}), "SGD: parameter 1 is undefined", ValueError);
}

TEST_CASE("optimizers refuse options out of range, when made and when changed") {
  const std::vector<Parameter> w = {Parameter(tensor({1.0}), "w")};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(optim::SGD(w, {.lr = -1}),
                       "SGD: lr = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::SGD(w, {.lr = nan}),
                       "SGD: lr = nan, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::SGD(w, {.momentum = -0.5}),
                       "SGD: momentum = -0.5, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::SGD(w, {.weight_decay = -2}),
                       "SGD: weight_decay = -2, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::SGD(w, {.nesterov = true}),
                       "SGD: momentum = 0, but it must be positive with nesterov", ValueError);
  CHECK_THROWS_WITH_AS(optim::Adam(w, {.beta1 = 1}), "Adam: beta1 = 1, but it must be in [0, 1)",
                       ValueError);
  CHECK_THROWS_WITH_AS(optim::Adam(w, {.beta2 = -0.1}),
                       "Adam: beta2 = -0.1, but it must be in [0, 1)", ValueError);
  CHECK_THROWS_WITH_AS(optim::Adam(w, {.eps = -1}),
                       "Adam: eps = -1, but it must be finite and at least 0", ValueError);

  optim::SGD sgd(w);
  sgd.options().lr = -3;
  CHECK_THROWS_WITH_AS(sgd.step(), "SGD: lr = -3, but it must be finite and at least 0",
                       ValueError);
}
