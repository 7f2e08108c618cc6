#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/parameters.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Vector = std::vector<double>;

double rms(const Vector& x) {
  double total = 0;
  for (const double e : x) total += e * e;
  return std::sqrt(total / static_cast<double>(x.size()));
}

/// Algorithms 4 to 6 of Shazeer and Stern for one matrix [n, m] (n = 0: a vector of m).
struct Reference {
  std::size_t n, m;
  Vector rows = Vector(n, 0.0), columns = Vector(m, 0.0), v = Vector(m, 0.0);

  void step(Vector& w, const Vector& g, int t, const optim::AdafactorOptions& o, double eps1) {
    const double share = std::pow(t, o.beta2_decay), count = static_cast<double>(n);
    Vector u(g.size());
    if (n == 0) {
      for (std::size_t j = 0; j < m; ++j) {
        v[j] = (1 - share) * v[j] + share * g[j] * g[j];
        u[j] = g[j] / std::sqrt(std::max(v[j], eps1 * eps1));
      }
    } else {
      double mean_row = 0;
      for (std::size_t i = 0; i < n; ++i) {
        double total = 0;
        for (std::size_t j = 0; j < m; ++j) total += g[i * m + j] * g[i * m + j];
        rows[i] = (1 - share) * rows[i] + share * total / static_cast<double>(m);
        mean_row += rows[i] / count;
      }
      for (std::size_t j = 0; j < m; ++j) {
        double total = 0;
        for (std::size_t i = 0; i < n; ++i) total += g[i * m + j] * g[i * m + j];
        columns[j] = (1 - share) * columns[j] + share * total / count;
      }
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < m; ++j)
          u[i * m + j] =
              g[i * m + j] /
              std::sqrt(std::max(rows[i] * columns[j] / std::max(mean_row, eps1), eps1 * eps1));
    }
    const double size = std::min(o.lr, 1 / std::sqrt(t)) * std::max(o.eps2, rms(w)) /
                        std::max(1.0, rms(u) / o.clip);
    for (std::size_t i = 0; i < w.size(); ++i)
      w[i] = (1 - o.lr * o.weight_decay) * w[i] - size * u[i];
  }
};

Vector gradient_at(int t, std::size_t size) {
  Vector g(size);
  for (std::size_t i = 0; i < size; ++i)
    g[i] = std::sin(1.3 * t + 0.7 * static_cast<double>(i * i)) / (1 + static_cast<double>(i));
  return g;
}

void check_path(const Shape& shape, std::size_t n, std::size_t m,
                const optim::AdafactorOptions& options, Dtype dtype) {
  Vector want = gradient_at(9, n == 0 ? m : n * m);
  const Parameter w(tensor(want, shape).to(dtype), "w");
  optim::Adafactor adafactor({w}, options);
  Reference reference{n, m};
  const double eps = options.eps1 > 0   ? options.eps1
                     : dtype == float64 ? std::numeric_limits<double>::epsilon()
                                        : double{std::numeric_limits<float>::epsilon()};
  for (int t = 1; t <= 12; ++t) {
    const Vector g = gradient_at(t, want.size());
    set_gradient(w, g);
    adafactor.step();
    reference.step(want, g, t, options, eps);
  }
  const Tensor got = w.tensor().detach().to(float64);
  const double tolerance = dtype == float64 ? 1e-12 : 2e-6;
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(std::abs(got.data<double>()[i] - want[i]) <= tolerance);
}

}  // namespace

TEST_CASE("Adafactor follows its algorithms for matrices and vectors") {
  for (const auto dtype : {float32, float64})
    for (const optim::AdafactorOptions& options :
         {optim::AdafactorOptions{},
          {.lr = 0.5},
          {.lr = 0.1, .weight_decay = 0.2},
          {.lr = 0.1, .beta2_decay = -0.5, .eps1 = 1e-3, .eps2 = 10, .clip = 0.3}}) {
      check_path({4, 3}, 4, 3, options, dtype);
      check_path({1, 5}, 1, 5, options, dtype);
      check_path({6}, 0, 6, options, dtype);
      check_path({}, 0, 1, options, dtype);
    }
}

TEST_CASE("Adafactor remembers rows and columns alone, of the last two axes") {
  const Parameter w(ones({2, 4, 3}, float64), "w"), empty(zeros({0, 3}, float64), "empty");
  optim::Adafactor adafactor({w, empty});
  (sum(w * linspace(1, 2, 3, float64)) + sum(empty)).backward();
  adafactor.step();
  CHECK(adafactor.state(0).rows.shape() == Shape{2, 4, 1});
  CHECK(adafactor.state(0).columns.shape() == Shape{2, 1, 3});
  CHECK_FALSE(adafactor.state(0).second_moment.defined());
  const Tensor all = w;  // all matrices and rows had the same gradients
  CHECK(array_equal(select(all, 0, 0), select(all, 0, 1)));
  CHECK(at(all, {0, 0, 0}).item<double>() == at(all, {0, 3, 0}).item<double>());
  CHECK(at(all, {0, 0, 0}).item<double>() < 1);
}

TEST_CASE("Adafactor climbs, and goes on from its saved state") {
  const Parameter a(linspace(1, 2, 6, float64), "a"), b(linspace(1, 2, 6, float64), "b");
  optim::Adafactor up({a}, {.maximize = true}), down({b});
  set_gradient(a, gradient_at(1, 6));
  Vector opposite = gradient_at(1, 6);
  for (double& g : opposite) g = -g;
  set_gradient(b, opposite);
  up.step();
  down.step();
  CHECK(array_equal(a, b));

  const Parameter matrix(reshape(linspace(-1, 2, 6, float64), {2, 3}), "m");
  optim::Adafactor first({matrix});
  const auto train = [](optim::Adafactor& rule, const Parameter& w, int t) {
    set_gradient(w, gradient_at(t, 6));
    rule.step();
  };
  train(first, matrix, 1);
  const Parameter other(matrix.tensor().detach(), "other");
  optim::Adafactor second({other}, {.lr = 5});
  second.load_state_dict(first.state_dict());
  train(first, matrix, 2);
  train(second, other, 2);
  CHECK(array_equal(matrix, other));
  StateDict bad = first.state_dict();
  bad["state.0.rows"] = zeros({2, 3}, float64);
  CHECK_THROWS_WITH_AS(
      second.load_state_dict(bad),
      "Adafactor: 'state.0.rows' must be [2, 1] floating, the state has [2, 3] float64",
      ValueError);
}

TEST_CASE("Adafactor refuses options out of range") {
  const std::vector<Parameter> w = {Parameter(tensor({1.0}), "w")};
  CHECK_THROWS_WITH_AS(optim::Adafactor(w, {.lr = -1}),
                       "Adafactor: lr = -1, but it must be finite and at least 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::Adafactor(w, {.beta2_decay = 0}),
                       "Adafactor: beta2_decay = 0, but it must be finite and below 0", ValueError);
  CHECK_THROWS_WITH_AS(optim::Adafactor(w, {.clip = 0}),
                       "Adafactor: clip = 0, but it must be above 0", ValueError);
}
