// Whether an op is recorded changes nothing of its value, and whether its gradient is, nothing of
// the gradient: also where NaN, infinities and zeros of either sign stand among the numbers.
#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/numbers.hpp"
#include "support/op_calls.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Tensors = std::vector<Tensor>;

/// The inputs with the number `planted` at one or two places of one of them.
Tensors plant(const Tensors& x, Dtype dtype, double planted, std::mt19937_64& draw) {
  Tensors y;
  const auto which = draw() % x.size();
  for (const auto& t : x) {
    std::vector<double> numbers(t.data<double>().begin(), t.data<double>().end());
    for (std::size_t k = 0; y.size() == which && !numbers.empty() && k < 1 + draw() % 2; ++k)
      numbers[draw() % numbers.size()] = planted;
    y.push_back(reshape(tensor(numbers), t.shape()).to(dtype));
  }
  return y;
}

/// What a call gave: its value and gradients, or the message of its exception.
struct Given {
  Tensor value;
  Tensors gradients;
  std::string thrown;
};

template <class F> Given given(F compute) {
  seed(7);  // ops that draw, draw the same
  try {
    return compute();
  } catch (const Error& e) {
    return {{}, {}, e.what()};
  }
}

Tensors leaves(const Tensors& x) {
  Tensors y;
  for (const auto& t : x) y.push_back(t.requires_grad());
  return y;
}

/// The numbers agree up to `tolerance`; NaN is NaN. With infinities among the inputs, what is a sum
/// of infinities may be one or NaN, by the order of the sum. For a tolerance of 0 the bits are the
/// same.
bool same(const Tensor& a, const Tensor& b, double tolerance, bool infinite = false) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = a.detach().to(float64), y = b.detach().to(float64);
  double scale = 0;
  for (const double v : y.data<double>())
    if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < x.data<double>().size(); ++i) {
    const double p = x.data<double>()[i], q = y.data<double>()[i];
    if (std::isnan(p) && std::isnan(q)) continue;
    if (tolerance > 0 && infinite && !std::isfinite(p) && !std::isfinite(q)) continue;
    if (tolerance == 0 ? std::bit_cast<std::uint64_t>(p) != std::bit_cast<std::uint64_t>(q)
                       : !(p == q || std::abs(p - q) <= tolerance * (1 + scale)))
      return false;
  }
  return true;
}

/// Calls check(f, inputs) for every call of the table with every number planted.
template <class Check> void for_each_planted(Check check) {
  std::mt19937_64 draw(2026);
  for_each_call([&](const OpSample& sample, const Tensors& x) {
    for (const auto dtype : {float32, float64})
      for (const double planted :
           {std::nan(""), infinity, -infinity, -0., 0., std::nan(""), infinity, -infinity}) {
        const Tensors at = plant(x, dtype, planted, draw);
        std::string inputs;
        for (const auto& t : at) inputs += t.str({.threshold = 40}) + " ";
        CAPTURE(inputs);
        check(sample.f, at, std::isinf(planted));
      }
  });
}

}  // namespace

TEST_CASE("an op that is not recorded gives the bits of one that is, for NaN and infinities too") {
  for_each_planted([](const auto& f, const Tensors& x, bool) {
    const Given recorded = given([&] { return Given{f(leaves(x)).detach(), {}, {}}; });
    for (const bool tracked : {false, true}) {  // nothing to record, and no recording
      const Given plain = given([&] {
        const NoGrad no_grad;
        return Given{f(tracked ? leaves(x) : x).detach(), {}, {}};
      });
      if (plain.thrown.starts_with("grad: the output is not tracked"))
        continue;  // it needs recording
      CHECK(recorded.thrown == plain.thrown);
      if (!recorded.value.defined() || !plain.value.defined()) continue;
      CAPTURE(recorded.value.str({.threshold = 40}));
      CAPTURE(plain.value.str({.threshold = 40}));
      CHECK(same(recorded.value, plain.value, 0));
    }
  });
}

TEST_CASE("a gradient that is not recorded is the one that is, for NaN and infinities too") {
  for_each_planted([](const auto& f, const Tensors& x, bool infinite) {
    const auto gradients = [&](bool create_graph) {
      return given([&] {
        const Tensors at = leaves(x);
        const Tensor y = f(at);
        const GradOptions options{.create_graph = create_graph,
                                  .allow_unused = true,
                                  .seed = op_properties::cotangent(y)};
        return Given{{}, grad(y, at, options), {}};
      });
    };
    const Given fast = gradients(false), recorded = gradients(true);
    CHECK(fast.thrown == recorded.thrown);
    if (!fast.thrown.empty()) return;
    for (std::size_t i = 0; i < fast.gradients.size(); ++i) {
      if (!fast.gradients[i].defined()) continue;
      CAPTURE(i);
      CAPTURE(fast.gradients[i].str({.threshold = 40}));
      CAPTURE(recorded.gradients[i].str({.threshold = 40}));
      const double tolerance = x[i].dtype() == float32 ? 3e-6 : 1e-13;
      CHECK(same(fast.gradients[i], recorded.gradients[i], tolerance, infinite));
    }
  });
}
