#include <gradtape/autograd/autograd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/close.hpp"
#include "support/op_samples.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Tensors = std::vector<Tensor>;

Tensor random(const Shape& shape, std::uint64_t seed) {
  Generator generator(seed);
  return rand(shape, float64, generator) * 2.0 - 1.0;
}

double inner_product(const Tensor& a, const Tensor& b) { return sum(a * b).item<double>(); }

const Tensor a = tensor({{0.5, -1.0, 2.0}, {1.5, 0.25, -0.75}}, float64);
const Tensor b = tensor({{1.0, 0.5}, {-0.5, 2.0}, {0.25, -1.0}}, float64);

/// Two inputs, a result of shape [2, 2].
Tensor product(const Tensors& x) { return tanh(matmul(x[0], x[1])); }
/// Two inputs, one element.
Tensor energy(const Tensors& x) { return sum(square(product(x))); }

Tensor cube_sum(const Tensor& x) { return sum(x * x * x); }

/// A block matrix as one: blocks[i][j] of shape x_i.shape + x_j.shape.
Tensor joined(const std::vector<Tensors>& blocks, const Tensors& x) {
  Tensors rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Tensors row;
    for (std::size_t j = 0; j < x.size(); ++j)
      row.push_back(reshape(blocks[i][j], {x[i].numel(), x[j].numel()}));
    rows.push_back(concat(row, 1));
  }
  return concat(rows, 0);
}

Tensor flat(const Tensors& x) {
  Tensors parts;
  for (const auto& t : x) parts.push_back(flatten(t));
  return concat(parts, 0);
}

}  // namespace

TEST_CASE("value_and_grad gives the value and the gradients, and touches no leaf") {
  const Tensor leaf = a.requires_grad("a");
  const auto [value, grads] = value_and_grad(energy, {leaf.detach(), b});
  const Tensor y = matmul(a, b);
  CHECK(close(value, sum(square(tanh(y))), 1e-12));
  const Tensor g = 2.0 * tanh(y) * (1.0 - square(tanh(y)));
  CHECK(close(grads[0], matmul(g, transpose(b)), 1e-12));
  CHECK(close(grads[1], matmul(transpose(a), g), 1e-12));
  CHECK(!value.is_tracked());
  CHECK(!grads[0].is_tracked());
  CHECK(!leaf.grad().defined());
  CHECK(close(grad_of(energy, {a, b})[1], grads[1], 1e-12));
  CHECK(close(grad_of(cube_sum, a), 3.0 * a * a, 1e-12));
}

TEST_CASE("derivatives for parameters are those for tensors") {
  const Parameter p(a, "p"), q(b, "q");
  const auto f = [&] { return product({p, q}); };
  const auto loss = [&] { return energy({p, q}); };
  const Tensors u = {random(a.shape(), 1), random(b.shape(), 2)};
  const Tensor v = random({2, 2}, 3);
  const auto squared = [](const Tensor& y) { return sum(y * y); };
  auto equal = [](const Tensors& x, const Tensors& y) {
    return close(x[0], y[0], 1e-12) && close(x[1], y[1], 1e-12);
  };
  CHECK(equal(value_and_grad(loss, {p, q}).grads, value_and_grad(energy, {a, b}).grads));
  CHECK(equal(grad_of(loss, {p, q}), grad_of(energy, {a, b})));
  CHECK(equal(vjp(f, {p, q}, v).grads, vjp(product, {a, b}, v).grads));
  CHECK(close(jvp(f, {p, q}, u).tangent, jvp(product, {a, b}, u).tangent, 1e-12));
  CHECK(equal(jacobian(f, {p, q}), jacobian(product, {a, b})));
  CHECK(
      close(joined(hessian(loss, {p, q}), {a, b}), joined(hessian(energy, {a, b}), {a, b}), 1e-12));
  CHECK(equal(hvp(loss, {p, q}, u), hvp(energy, {a, b}, u)));
  CHECK(equal(gauss_newton_product(f, squared, {p, q}, u),
              gauss_newton_product(product, squared, {a, b}, u)));
  CHECK(!p.grad().defined());
}

TEST_CASE("for every op, <v, J u> from jvp is <J^T v, u> from vjp") {
  int nonzero = 0, zero = 0;
  for (const auto& sample : testing::op_samples())
    for (const auto& shapes : sample.shapes) {
      std::string call = sample.name;
      for (const auto& shape : shapes) call += " " + shape.str();
      CAPTURE(call);
      const Tensors x = testing::sample_inputs(sample, shapes);
      Tensors u;
      for (std::size_t i = 0; i < x.size(); ++i) u.push_back(random(x[i].shape(), 7 + i));
      seed(1);
      const auto [value, tangent] = jvp(sample.f, x, u);
      const Tensor v = random(value.shape(), 5);
      seed(1);
      const auto pulled = vjp(sample.f, x, v).grads;
      double by_vjp = 0, scale = std::abs(inner_product(v, tangent));
      for (std::size_t i = 0; i < x.size(); ++i) {
        by_vjp += inner_product(pulled[i], u[i]);
        scale += sum(abs(pulled[i] * u[i])).item<double>();
      }
      CHECK(tangent.shape() == value.shape());
      CHECK(std::abs(inner_product(v, tangent) - by_vjp) <= 1e-10 * (1 + scale));
      const bool trivial = sample.flat || value.numel() == 0 || flat(x).numel() == 0;
      if (!trivial) (scale > 0 ? nonzero : zero)++;
    }
  CHECK(nonzero > 4 * zero);
}

TEST_CASE("jacobian by rows and by columns gives the same blocks, and they are J") {
  const Tensors x = {a, b}, u = {random(a.shape(), 1), random(b.shape(), 2)};
  const auto rows = jacobian(product, x, {.mode = JacobianMode::reverse});
  const auto columns = jacobian(product, x, {.mode = JacobianMode::forward});
  const auto automatic = jacobian(product, x);
  Tensor tangent = zeros({4}, float64);
  for (int k = 0; k < 2; ++k) {
    CHECK(rows[k].shape() == Shape{2, 2, x[k].size(0), x[k].size(1)});
    CHECK(close(rows[k], columns[k], 1e-12));
    CHECK(close(rows[k], automatic[k], 1e-12));
    tangent = tangent + matmul(reshape(rows[k], {4, 6}), flatten(u[k]));
  }
  CHECK(close(reshape(tangent, {2, 2}), jvp(product, x, u).tangent, 1e-12));
  // d(A x)/dx is A; one element in gives a column, one element out a row
  const auto linear_map = [](const Tensor& v) { return matmul(a, v); };
  CHECK(close(jacobian(linear_map, tensor({1.0, 2.0, 3.0}, float64)), a, 1e-12));
  const Tensor t = tensor({0.5}, float64), ramp = arange(0, 5, 1, float64);
  CHECK(close(jacobian([&](const Tensor& s) { return exp(s * ramp); }, t),
              reshape(ramp * exp(0.5 * ramp), {5, 1}), 1e-12));
  CHECK(jacobian([](const Tensor& s) { return s * 2.0; }, zeros({0, 3}, float64)).shape() ==
        Shape{0, 3, 0, 3});
}

TEST_CASE("jacobian takes the direction with fewer passes") {
  const Tensor x = ones({2}, float64);
  const auto widen = [](const Tensor& s) { return sin(expand(s, {50, 2})); };
  int calls = 0;
  const auto counted = [&](const Tensor& s) {
    const Tensor y = widen(s);
    return record("counted", y.detach(), {y}, {[&calls](const Tensor& g) {
                    ++calls;
                    return g;
                  }});
  };
  CHECK(close(jacobian(counted, x), jacobian(widen, x, {.mode = JacobianMode::reverse}), 1e-12));
  CHECK(calls == 1);
  (void)jacobian(counted, x, {.mode = JacobianMode::reverse});
  CHECK(calls == 101);
}

TEST_CASE("hessian is symmetric, hvp is its product, and both match calculus") {
  const Tensors x = {a, b}, v = {random(a.shape(), 3), random(b.shape(), 4)};
  const auto blocks = hessian(energy, x);
  const Tensor h = joined(blocks, x);
  CHECK(blocks[0][1].shape() == Shape{2, 3, 3, 2});
  CHECK(close(h, transpose(h), 1e-12));
  CHECK(close(flat(hvp(energy, x, v)), matmul(h, flat(v)), 1e-12));
  const Tensor y = tensor({1.0, -2.0, 3.0}, float64);
  CHECK(close(hessian(cube_sum, y), 6.0 * y * eye(3, 3, float64), 1e-12));
  CHECK(close(hvp(cube_sum, y, ones({3}, float64)), 6.0 * y, 1e-12));
  // half the Hessian of x^T S x is S + S^T over two
  const Tensor s = random({3, 3}, 9);
  CHECK(close(hessian([&](const Tensor& z) { return sum(z * matmul(s, z)); }, y), s + transpose(s),
              1e-12));
}

TEST_CASE("gauss_newton_product is J^T H J v") {
  const Tensors x = {a, b}, v = {random(a.shape(), 3), random(b.shape(), 4)};
  const auto loss = [](const Tensor& y) { return sum(exp(y)) + sum(y * y * y); };
  const auto got = gauss_newton_product(product, loss, x, v);
  const auto blocks = jacobian(product, x);
  const Tensor j = concat({reshape(blocks[0], {4, 6}), reshape(blocks[1], {4, 6})}, 1);
  const Tensor h = reshape(hessian(loss, product(x)), {4, 4});
  CHECK(close(flat(got), matmul(transpose(j), matmul(h, matmul(j, flat(v)))), 1e-12));
  // for a linear f it is the Hessian itself
  const TensorFunction linear_map = [](const Tensors& z) { return matmul(z[0], b); };
  const auto whole = [&](const Tensors& z) { return loss(linear_map(z)); };
  CHECK(close(gauss_newton_product(linear_map, loss, {a}, {v[0]})[0], hvp(whole, {a}, {v[0]})[0],
              1e-12));
}

TEST_CASE("per_sample_grad gives each sample's gradient, which add up to the batch's") {
  const Parameter w(b, "w"), c(tensor({0.5, -0.5}, float64), "c");
  const Tensor x = random({5, 3}, 1), target = random({5, 2}, 2);
  const TensorFunction loss = [&](const Tensors& sample) {
    return sum(square(matmul(sample[0], w) + c - sample[1]));
  };
  const auto grads = per_sample_grad(loss, {w, c}, {x, target});
  CHECK(grads[0].shape() == Shape{5, 3, 2});
  CHECK(grads[1].shape() == Shape{5, 2});
  const Tensor error = 2.0 * (matmul(x, b) + c.tensor().detach() - target);
  CHECK(close(grads[0], reshape(x, {5, 3, 1}) * reshape(error, {5, 1, 2}), 1e-12));
  CHECK(close(grads[1], error, 1e-12));
  CHECK(per_sample_grad(loss, {w}, {zeros({0, 3}, float64), zeros({0, 2}, float64)})[0].shape() ==
        Shape{0, 3, 2});
}

TEST_CASE("derivatives nest to third order and beyond without being asked for a graph") {
  const Tensor x = tensor({0.7, -1.2}, float64);
  // x^5, one element at a time
  const auto f = [](const Tensor& t) { return sum(t * t * t * t * t); };
  const auto first = [&](const Tensor& t) { return sum(grad_of(f, t)); };
  const auto second = [&](const Tensor& t) { return sum(grad_of(first, t)); };
  const auto third = [&](const Tensor& t) { return sum(grad_of(second, t)); };
  CHECK(close(grad_of(first, x), 20.0 * x * x * x, 1e-12));
  CHECK(close(grad_of(second, x), 60.0 * x * x, 1e-12));
  CHECK(close(grad_of(third, x), 120.0 * x, 1e-12));
  // forward over reverse over forward
  const Tensor one = ones({2}, float64);
  const auto slope = [&](const Tensor& t) {
    return jvp([](const Tensor& s) { return sin(s); }, t, one);
  };
  const auto bend = [&](const Tensor& t) {
    return grad_of([&](const Tensor& s) { return sum(slope(s)); }, t);
  };
  CHECK(close(jvp(bend, x, one), -cos(x), 1e-12));
  CHECK(close(jacobian([&](const Tensor& t) { return hessian(f, t); }, x),
              60.0 * x * x * reshape(eye(2, 2, float64), {2, 1, 2}) *
                  reshape(eye(2, 2, float64), {2, 2, 1}),
              1e-12));
  // the trace of the Hessian, differentiated
  const auto trace = [&](const Tensor& t) { return sum(hvp(f, t, one)); };
  CHECK(close(grad_of(trace, x), 60.0 * x * x, 1e-12));
}

TEST_CASE("an inner derivative is that for its argument alone") {
  // x * d/dy (x + y) at y = x is x, whose slope is 1; confusing the two would give 2
  const Tensor x = tensor({3.0}, float64);
  const auto outer = [](const Tensor& t) {
    const auto inner = [&](const Tensor& s) { return sum(t * s); };
    return sum(grad_of(inner, t));
  };
  CHECK(close(grad_of(outer, x), ones({1}, float64), 1e-12));
  const auto product_rule = [](const Tensor& t) {
    return sum(t * grad_of([&](const Tensor& s) { return sum(t * s * s); }, 2.0 * t));
  };  // t * 2 t (2 t) = 4 t^3
  CHECK(close(grad_of(product_rule, x), 12.0 * x * x, 1e-12));
}

TEST_CASE("create_graph lets a plain tape differentiate what a function captured") {
  const Tensor w = tensor({2.0, 3.0}, float64).requires_grad("w");
  const Tensor x = tensor({0.5, -1.0}, float64);
  const auto f = [&](const Tensor& t) { return sum(w * w * t * t); };
  CHECK(!grad_of(f, x).is_tracked());
  const Tensor g = grad_of(f, x, {.create_graph = true});  // 2 w^2 x
  CHECK(close(grad(sum(g), {w})[0], 4.0 * w.detach() * x, 1e-12));
  const Parameter p(w.detach(), "p");
  const auto squared_norm = [&] {
    return sum(square(grad_of([&] { return sum(p * p * p); }, {p})[0]));  // 9 p^4
  };
  CHECK(close(grad_of(squared_norm, {p})[0], 36.0 * w.detach() * w.detach() * w.detach(), 1e-12));
  // a tracked input keeps its place
  const Tensor y = x.requires_grad();
  CHECK(close(grad(sum(grad_of(cube_sum, 2.0 * y)), {y})[0], 6.0 * 2.0 * y.detach() * 2.0, 1e-12));
}

TEST_CASE("functional derivatives work under NoGrad, and are not recorded there") {
  const NoGrad no_grad;
  const Tensor y = a.requires_grad();
  const Tensor g = grad_of(cube_sum, y);
  CHECK(close(g, 3.0 * a * a, 1e-12));
  CHECK(!g.is_tracked());
  CHECK(!recording());
  CHECK(close(hessian(cube_sum, tensor({2.0}, float64)), tensor({{12.0}}, float64), 1e-12));
}

TEST_CASE("where the output does not depend on an input, derivatives are zero") {
  const TensorFunction f = [](const Tensors& x) { return sum(x[0]); };
  const Tensors x = {a, b}, v = {ones_like(a), ones_like(b)};
  CHECK(array_equal(grad_of(f, x)[1], zeros_like(b)));
  CHECK(array_equal(hessian(f, x)[0][1], zeros({2, 3, 3, 2}, float64)));
  CHECK(array_equal(hvp(f, x, v)[0], zeros_like(a)));
  const TensorFunction constant = [](const Tensors&) { return ones({2}, float64); };
  CHECK(array_equal(jvp(constant, x, v).tangent, zeros({2}, float64)));
  CHECK(array_equal(vjp(constant, x, ones({2}, float64)).grads[0], zeros_like(a)));
  CHECK(array_equal(jacobian(constant, x)[1], zeros({2, 3, 2}, float64)));
  CHECK(array_equal(jacobian(constant, {a}, {.mode = JacobianMode::forward})[0],
                    zeros({2, 2, 3}, float64)));
}

TEST_CASE("functional derivatives say what is wrong with their arguments") {
  const TensorFunction f = product;
  CHECK_THROWS_WITH_AS(grad_of(f, {a, Tensor()}), "grad_of: input 1 is undefined", GraphError);
  CHECK_THROWS_WITH_AS(value_and_grad(f, {a, tensor({1, 2})}),
                       "value_and_grad: input 1 is int64; only float32 and float64 differentiate",
                       DtypeError);
  CHECK_THROWS_WITH_AS(grad_of(f, {a, b}),
                       "grad_of: the function must return one element, got shape [2, 2]; reduce it "
                       "with sum() or mean(), or use jacobian",
                       ShapeError);
  CHECK_THROWS_AS(hessian(f, {a, b}), ShapeError);
  CHECK_THROWS_AS(hvp(f, {a, b}, {a, b}), ShapeError);
  const TensorFunction nothing = [](const Tensors&) { return Tensor(); };
  CHECK_THROWS_WITH_AS(grad_of(nothing, {a}), "grad_of: the function's result is undefined",
                       GraphError);
  const TensorFunction whole = [](const Tensors& x) { return argmax(x[0]); };
  CHECK_THROWS_WITH_AS(
      jacobian(whole, {a}),
      "jacobian: the function's result is int64; only float32 and float64 differentiate",
      DtypeError);
  CHECK_THROWS_WITH_AS(vjp(f, {a, b}, ones({2}, float64)),
                       "vjp: v for the value has shape [2], which must be [2, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(vjp(f, {a, b}, ones({2, 2})),
                       "vjp: v for the value is float32, which must be float64", DtypeError);
  CHECK_THROWS_WITH_AS(vjp(f, {a, b}, Tensor()), "vjp: v for the value is undefined", ValueError);
  CHECK_THROWS_WITH_AS(jvp(f, {a, b}, {a}), "jvp: 1 directions v for 2 inputs", ValueError);
  CHECK_THROWS_WITH_AS(jvp(f, {a, b}, {a, a}),
                       "jvp: v for input 1 has shape [2, 3], which must be [3, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(hvp(energy, {a, b}, {a, b.to(float32)}),
                       "hvp: v for input 1 is float32, which must be float64", DtypeError);
  const auto loss = [](const Tensor& y) { return y; };
  CHECK_THROWS_AS(gauss_newton_product(f, loss, {a, b}, {a, b}), ShapeError);
  const Parameter frozen(a, "frozen");
  frozen.freeze();
  const ParameterFunction g = [&] { return sum(frozen.tensor()); };
  CHECK_THROWS_WITH_AS(grad_of(g, {frozen}), "grad_of: the parameter 'frozen' is frozen",
                       GraphError);
  CHECK_THROWS_WITH_AS(grad_of(g, std::vector<Parameter>{Parameter()}),
                       "grad_of: a parameter is undefined", GraphError);
  const TensorFunction loss_of = [](const Tensors& x) { return sum(x[0]); };
  const Parameter p(a, "p");
  CHECK_THROWS_WITH_AS(per_sample_grad(loss_of, {p}, {a, b}),
                       "per_sample_grad: every tensor of the batch needs the same leading extent; "
                       "the first has shape [2, 3], another [3, 2]",
                       ShapeError);
  CHECK_THROWS_AS(per_sample_grad(loss_of, {p}, {tensor(1.0)}), ShapeError);
  CHECK_THROWS_WITH_AS(per_sample_grad(loss_of, {p}, {}),
                       "per_sample_grad: the batch has no tensors", ValueError);
  const Tensor wide = zeros({1, 1, 1, 1, 1}, float64);
  CHECK_THROWS_WITH_AS(jacobian([](const Tensor& x) { return x * 2.0; }, wide),
                       "jacobian: the derivative of shape [1, 1, 1, 1, 1] for shape "
                       "[1, 1, 1, 1, 1] would have 10 axes, a tensor has at most 8",
                       ShapeError);
}

TEST_CASE("an exception in the function leaves everything as it was") {
  const TensorFunction bad = [](const Tensors&) -> Tensor { throw std::runtime_error("no"); };
  CHECK_THROWS_AS(grad_of(bad, {a}), std::runtime_error);
  const Tensor w = a.requires_grad();
  CHECK(recording());
  CHECK(!grad_of([&](const Tensor& t) { return sum(t * w); }, a).is_tracked());  // not nested
}
