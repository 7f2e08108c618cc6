// Linear algebra of very small and very large matrices. A function that is homogeneous of degree k,
// f(c a) = c^k f(a), has the gradient c^(k - 1) times that at a: what is right at the scale 1 says
// what is right at every other.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Homogeneous {
  const char* name;
  int degree;
  Tensor at;
  std::function<Tensor(const Tensor&)> f;
};

std::vector<Homogeneous> functions() {
  const Generator random(3);
  const auto draw = [&](const Shape& shape) { return randn(shape, float64, random); };
  const Tensor w = draw({3, 3}), v = draw({3}), tall_w = draw({4, 3});
  const Tensor a = draw({3, 3}) + 2.0 * eye(3, 3, float64), tall = draw({4, 3}),
               wide = draw({3, 4}), symmetric = matmul(a, transpose(a)) + eye(3, 3, float64);
  // The sum of x weighted with w, in the dtype of x.
  const auto with = [](const Tensor& x, const Tensor& w) { return sum(x * w.to(x.dtype())); };
  const auto as = [](const Tensor& w, const Tensor& x) { return w.to(x.dtype()); };
  return {
      {"u of svd", 0, a, [=](auto& x) { return with(square(svd(x).u), w); }},
      {"u of svd, tall", 0, tall, [=](auto& x) { return with(square(svd(x).u), tall_w); }},
      {"vh of svd", 0, a, [=](auto& x) { return with(square(svd(x).vh), w); }},
      {"vh of svd, wide", 0, wide,
       [=](auto& x) { return with(square(svd(x).vh), transpose(tall_w)); }},
      {"s of svd", 1, a, [=](auto& x) { return with(svd(x).s, v); }},
      {"svdvals", 1, a, [=](auto& x) { return with(svdvals(x), v); }},
      {"v of eigh", 0, symmetric, [=](auto& x) { return with(square(eigh(x).v), w); }},
      {"w of eigh", 1, symmetric, [=](auto& x) { return with(eigh(x).w, v); }},
      {"q of qr", 0, a, [=](auto& x) { return with(square(qr(x).q), w); }},
      {"r of qr", 1, a, [=](auto& x) { return with(abs(qr(x).r), w); }},
      {"l of lu", 0, a, [=](auto& x) { return with(lu(x).l, w); }},
      {"u of lu", 1, a, [=](auto& x) { return with(lu(x).u, w); }},
      {"cholesky", 0, symmetric, [=](auto& x) { return sum(log(diagonal(cholesky(x)))); }},
      {"slogdet", 0, a, [=](auto& x) { return slogdet(x).logabsdet; }},
      {"inv", 0, a, [=](auto& x) { return log(norm(inv(x))); }},
      {"solve", 0, a, [=](auto& x) { return log(norm(solve(x, as(v, x)))); }},
      {"solve_triangular", 0, a,
       [=](auto& x) { return with(solve_triangular(x, transpose(x)), w); }},
      {"pinv", 0, tall, [=](auto& x) { return log(norm(pinv(x))); }},
      {"pinv, wide", 0, wide, [=](auto& x) { return log(norm(pinv(x))); }},
      {"lstsq", 0, tall, [=](auto& x) { return log(norm(lstsq(x, as(tall_w, x)))); }},
      {"Frobenius norm", 1, a, [=](auto& x) { return matrix_norm(x); }},
      {"nuclear norm", 1, a, [=](auto& x) { return matrix_norm(x, "nuc"); }},
      {"spectral norm", 1, a, [=](auto& x) { return matrix_norm(x, 2); }},
      {"norm, p = 1/2", 1, a, [=](auto& x) { return sum(norm(x, 0.5, 1)); }},
      {"norm, p = 3", 1, a, [=](auto& x) { return sum(norm(x, 3, 1)); }},
      {"norm, p = 10", 1, a, [=](auto& x) { return sum(norm(x, 10, 1)); }},
  };
}

}  // namespace

TEST_CASE("gradients of linear algebra scale, from the smallest matrices to the largest") {
  for (const auto& one : functions())
    for (const Dtype dtype : {float32, float64}) {
      const bool narrow = dtype == float32;
      const Tensor unit = one.at.requires_grad("a");
      const Tensor want = grad(one.f(unit), {unit})[0];
      for (const double scale : narrow ? std::vector<double>{1e-20, 1e20}
                                       : std::vector<double>{1e-170, 1e-100, 1e100, 1e170})
        for (const bool create_graph : {false, true}) {
          CAPTURE(std::string(one.name));
          CAPTURE(scale);
          CAPTURE(create_graph);
          const Tensor a = (one.at * scale).to(dtype).requires_grad("a");
          const Tensor g = grad(one.f(a), {a}, {.create_graph = create_graph})[0];
          const Tensor have = one.degree == 0 ? g.detach().to(float64) * scale : g.to(float64);
          CHECK(amax(abs(have - want)).item<double>() <=
                (narrow ? 1e-4 : 1e-11) * amax(abs(want)).item<double>());
        }
    }
}

TEST_CASE("the determinant and its gradient, the cofactors, overflow only where they must") {
  // Diagonal matrices, by hand: the cofactor of a diagonal element is the product of the others.
  for (const Dtype dtype : {float32, float64}) {
    const double big = dtype == float32 ? 1e30 : 1e200;
    const auto diagonal_of = [&](double x, double y, double z) {
      return tensor({{x, 0.0, 0.0}, {0.0, y, 0.0}, {0.0, 0.0, z}}, dtype).requires_grad("a");
    };
    const auto check = [&](const Tensor& a, double value, const Tensor& cofactors) {
      CHECK(det(a).detach().to(float64).template item<double>() ==
            doctest::Approx(value).epsilon(1e-6));
      for (const bool create_graph : {false, true}) {
        const Tensor have = grad(det(a), {a}, {.create_graph = create_graph})[0];
        CHECK(allclose(have.detach(), cofactors.to(dtype), 1e-6, 0));
      }
    };
    const auto on_diagonal = [&](double x, double y, double z) {
      return tensor({{x, 0.0, 0.0}, {0.0, y, 0.0}, {0.0, 0.0, z}}, float64);
    };
    check(diagonal_of(big, 1, 1 / big), 1, on_diagonal(1 / big, 1, big));
    check(diagonal_of(big, big, 1 / big), big, on_diagonal(1, 1, INFINITY));
    check(diagonal_of(1 / big, 1 / big, 1), 0, on_diagonal(1 / big, 1 / big, 0));
    check(diagonal_of(1 / big, big, 0), 0, on_diagonal(0, 0, 1));
  }
  // [[a, 2 a], [2 a, 4 a]] is singular; its cofactors are [[4 a, -2 a], [-2 a, a]].
  const Tensor a = tensor({{1e30, 2e30}, {2e30, 4e30}}, float32).requires_grad("a");
  CHECK(allclose(grad(det(a), {a})[0], tensor({{4e30, -2e30}, {-2e30, 1e30}}, float32), 1e-5, 0));
}
