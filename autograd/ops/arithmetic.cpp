#include "gradtape/autograd/ops/arithmetic.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>

#include "gradtape/autograd/ops/detail/map.hpp"
#include "gradtape/autograd/ops/detail/summed_products.hpp"

namespace gradtape {

using namespace detail;

namespace detail {

namespace {
/// The one that keeps what both hold: a float before an integer, float64 before float32.
Dtype common_dtype(Dtype a, Dtype b) {
  if (is_floating(a) && is_floating(b)) return float64;
  return is_floating(a) ? a : is_floating(b) ? b : int64;
}
}  // namespace

void promote_literals(Tensor* operands, std::size_t count, const char* op) {
  const Tensor* model = nullptr;  // the first operand with a dtype of its own
  for (std::size_t i = 0; i < count; ++i) {
    const Tensor& x = operands[i];
    if (!x.defined()) undefined_operand(op, count == 1 ? "x" : fmt::format("operand {}", i));
    if (x.is_weak()) continue;
    if (!model) model = &x;
    if (x.dtype() != model->dtype())
      fail<DtypeError>(
          op, fmt::format("dtypes do not mix: {} is {}, {} is {}; convert one with to({}) (see "
                          "docs/errors.md#dtypes)",
                          describe(*model), name(model->dtype()), describe(x), name(x.dtype()),
                          name(common_dtype(model->dtype(), x.dtype()))));
  }
  Dtype dtype = model ? model->dtype() : operands[0].dtype();
  for (std::size_t i = 0; i < count; ++i) {
    if (!operands[i].is_weak() || operands[i].dtype() == dtype) continue;
    if (model && !is_floating(dtype) && is_floating(operands[i].dtype()))
      fail<DtypeError>(
          op, fmt::format(
                  "the literal {} does not fit a tensor of {}; convert the tensor with to(float32)",
                  operands[i].item<double>(), name(dtype)));
    if (!model) dtype = float64;  // literals among themselves
  }
  for (std::size_t i = 0; i < count; ++i)
    if (operands[i].dtype() != dtype) operands[i] = operands[i].to(dtype);
}

void promote_literals(Tensor& a, Tensor& b, const char* op) {
  Tensor operands[] = {a, b};
  promote_literals(operands, 2, op);
  a = operands[0];
  b = operands[1];
}

Tensor add_reusing(Tensor&& sum, const Tensor& g) {
  const bool scalars = sum.ndim() == 0 && g.ndim() == 0;
  const bool in_place = is_unique(sum) && sum.dtype() == g.dtype() &&
                        (scalars || broadcasts_to(g.shape(), sum.shape()));
  if (!in_place) {
    const NoGrad no_grad;
    return sum + g;
  }
  const Tensor* const in[] = {&sum, &g};
  const auto add = std::plus<>();
  const Elementwise f{floating_kernels<2, decltype(add)>, &add, 1};
  map_into(sum.shape(), f, in, 2, &sum, 1);
  return std::move(sum);
}

}  // namespace detail

// std::plus and its kin are both the kernel, on packs, and the op itself, on tensors of one dtype.

namespace {
constexpr elementwise_vjp pass{[](const Tensor& g) { return g; }};
constexpr elementwise_vjp pass_negative{[](const Tensor& g) { return -g; }};

/// The vjp of x in a product with `other`.
Vjp product_vjp(const Tensor& x, const Tensor& other) {
  constexpr auto large = 2 * elementwise_grain;  // looked at first: most are small
  if (other.numel() > large && repeats_rows(other, x))
    return elementwise_vjp{
        [other, shape = x.shape()](const Tensor& g) { return summed_products(g, other, shape); }};
  return elementwise_vjp{[other](const Tensor& g) { return masked_mul(g, other); }};
}

// Nobody calls the vjp of a constant, and a vjp costs the tensors that it captures: ops of two make
// them for what is tracked.
using Vjps = std::array<Vjp, 2>;
}  // namespace

Tensor operator+(const Tensor& a, const Tensor& b) {
  if (differ(a, b)) return with_one_dtype("add", std::plus<>(), a, b);
  return record_lazily("add", map_numeric("add", std::plus<>(), a, b), {a, b}, [] {
    return Vjps{pass, pass};
  });
}

Tensor operator-(const Tensor& a, const Tensor& b) {
  if (differ(a, b)) return with_one_dtype("sub", std::minus<>(), a, b);
  return record_lazily("sub", map_numeric("sub", std::minus<>(), a, b), {a, b}, [] {
    return Vjps{pass, pass_negative};
  });
}

Tensor operator*(const Tensor& a, const Tensor& b) {
  if (differ(a, b)) return with_one_dtype("mul", std::multiplies<>(), a, b);
  return record_lazily("mul", map_numeric("mul", std::multiplies<>(), a, b), {a, b}, [&] {
    Vjps vjps;
    if (a.is_tracked()) vjps[0] = product_vjp(a, b);
    if (b.is_tracked()) vjps[1] = product_vjp(b, a);
    return vjps;
  });
}

Tensor operator/(const Tensor& a, const Tensor& b) {
  if (differ(a, b)) return with_one_dtype("div", std::divides<>(), a, b);
  return record_lazily("div", map_floating("div", std::divides<>(), a, b), {a, b}, [&] {
    Vjps vjps;
    if (a.is_tracked())
      vjps[0] = elementwise_vjp{[b](const Tensor& g) {
        return times_slope(
            g, [](const auto& q) { return 1.0 / q; }, b);
      }};
    if (b.is_tracked())
      vjps[1] = elementwise_vjp{[b](const Tensor& g, const Tensor& y) {
        return times_slope(
            g, [](const auto& r, const auto& q) { return -(r / q); }, y, b);
      }};
    return vjps;
  });
}

Tensor operator-(const Tensor& x) {
  return record_lazily("neg", map_numeric("neg", std::negate<>(), x), {x},
                       [] { return std::array<Vjp, 1>{pass_negative}; });
}

Tensor masked_mul(const Tensor& g, const Tensor& d) {
  const auto product = [](const auto& p, const auto& q) { return masked_mul(p, q); };
  if (differ(g, d)) return with_one_dtype("masked_mul", product, g, d);
  return record_lazily("masked_mul", map_numeric("masked_mul", product, g, d), {g, d}, [&] {
    Vjps vjps;
    if (g.is_tracked())
      vjps[0] = elementwise_vjp{[d](const Tensor& c) { return masked_mul(c, d); }};
    if (d.is_tracked())
      vjps[1] = elementwise_vjp{[g](const Tensor& c) { return masked_mul(c, g); }};
    return vjps;
  });
}

// ---- with a C++ number ----

namespace detail {

// Tools that look at every op find the number among its operands: for them it becomes a tensor.
bool takes_numbers(const Tensor& x) {
  return x.defined() && is_floating(x.dtype()) && !x.is_weak() && !watched();
}

namespace {

/// The op `name` of x alone, f of its elements.
template <class F, class MakeVjp>
Tensor with_number(const char* name, const F& f, const Tensor& x, const MakeVjp& vjp) {
  return record_lazily(name, map_floating(name, f, x), {x},
                       [&] { return std::array<Vjp, 1>{vjp()}; });
}

/// g c, and 0 where g is 0.
Tensor times_number(const Tensor& g, double c) {
  return times_slope(g, [c] { return c; });
}

}  // namespace

Tensor add_number(const Tensor& x, double c) {
  return with_number(
      "add", [c](const auto& p) { return p + c; }, x, [] { return pass; });
}

Tensor subtract_number(const Tensor& x, double c) {
  return with_number(
      "sub", [c](const auto& p) { return p - c; }, x, [] { return pass; });
}

Tensor subtract_from_number(double c, const Tensor& x) {
  return with_number(
      "sub", [c](const auto& p) { return c - p; }, x, [] { return pass_negative; });
}

Tensor multiply_by_number(const Tensor& x, double c) {
  return with_number(
      "mul", [c](const auto& p) { return p * c; }, x,
      [c] { return elementwise_vjp{[c](const Tensor& g) { return times_number(g, c); }}; });
}

Tensor divide_by_number(const Tensor& x, double c) {
  return with_number(
      "div", [c](const auto& p) { return p / c; }, x,
      [c] { return elementwise_vjp{[c](const Tensor& g) { return times_number(g, 1 / c); }}; });
}

Tensor divide_number(double c, const Tensor& x) {
  return with_number(
      "div", [c](const auto& p) { return c / p; }, x,
      [&] {
        return elementwise_vjp{[x](const Tensor& g, const Tensor& y) {
          return times_slope(
              g, [](const auto& r, const auto& q) { return -(r / q); }, y, x);
        }};
      });
}

}  // namespace detail

Tensor pow(const Tensor& a, const Tensor& b) {
  if (!a.defined() || (a.dtype() == int64 && (!a.is_weak() || b.is_weak())))
    return binary<primitive::Pow>(a, b);
  if (b.is_weak() &&
      b.ndim() == 0) {  // no logarithm, and no general power, where the exponent is a literal
    const double n = b.item<double>();
    if (!is_floating(a.dtype()) && !a.is_weak()) needs_floating("pow", a.dtype());
    if (n == 2) return square(a);
    if (n == 1) return a;
    return record("pow",
                  map_floating(
                      "pow", [n](const auto& p) { return pow(p, n); }, a),
                  {a}, {elementwise_vjp{[a, n](const Tensor& g) {
                    return times_slope(
                        g, [n](const auto& p) { return power_slope(p, n); }, a);
                  }}});
  }
  return binary<primitive::Pow>(a, b);
}

}  // namespace gradtape
