#include "gradtape/autograd/ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gradtape/autograd/kernels/matmul/gemm.hpp"
#include "gradtape/autograd/kernels/reduce.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/matrix.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// The last two axes of x as a matrix; a transposed value that nobody has read as an array stays
/// unmoved.
template <class T> kernels::Matrix<T> matrix(const Tensor& x) {
  const auto [data, transposed] = stored(x);
  return {static_cast<const T*>(data), x.size(-2), x.size(-1), transposed};
}

void check(const char* op, const Tensor& a, const Tensor& b, std::int64_t m, std::int64_t n,
           std::int64_t k, std::int64_t k_of_b) {
  if (k != k_of_b)
    fail<ShapeError>(
        op, fmt::format("inner dimensions differ: a is {}, b {}", describe(a), describe(b)));
  if (!kernels::fits_blas(m, n, k))
    fail<ShapeError>(op, fmt::format("extents over 2^31 - 1 are not supported: a is {}, b {}",
                                     describe(a), describe(b)));
}

template <class F> decltype(auto) visit_numeric(Dtype dtype, const char* op, F&& f) {
  return dtype == int64 ? f(std::int64_t{}) : visit_floating(dtype, op, f);
}

/// Both operands have at least two axes.
Tensor product(const Tensor& a, const Tensor& b) {
  const Shape as = a.shape(), bs = b.shape();
  const auto m = as[as.ndim() - 2], k = as.back(), n = bs.back();
  check("matmul", a, b, m, n, k, bs[bs.ndim() - 2]);
  const bool flat = as.ndim() == 2 && bs.ndim() == 2;
  Shape shape = flat ? Shape{} : broadcast(batch_shape(a), batch_shape(b), "matmul");
  const Shape batch = shape;
  shape.push_back(m);
  shape.push_back(n);
  const Tensor y = empty(shape, a.dtype(), "matmul");
  visit_numeric(a.dtype(), "matmul", [&](auto zero) {
    using T = decltype(zero);
    const auto p = matrix<T>(a), q = matrix<T>(b);
    auto* const out = mutable_data<T>(y);
    if (flat) return kernels::gemm(p, q, out);
    const auto a_at = batch_offsets(batch_shape(a), batch),
               b_at = batch_offsets(batch_shape(b), batch);
    parallel_items(batch.numel(), elementwise_grain / (m * n * k / 8 + 1) + 1, [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      kernels::gemm<T>({p.data + a_at[at] * m * k, m, k, p.transposed},
                       {q.data + b_at[at] * k * n, k, n, q.transposed}, out + i * m * n);
    });
  });
  return record("matmul", y, {a, b},
                {[b](const Tensor& g) { return matmul(g, transpose(b)); },
                 [a](const Tensor& g) { return matmul(transpose(a), g); }});
}

/// The number of rows when all axes but the last are joined.
std::int64_t row_count(const Shape& shape) {
  std::int64_t rows = 1;
  for (int axis = 0; axis + 1 < shape.ndim(); ++axis) rows *= shape[axis];
  return rows;
}

Tensor rows_of(const Tensor& x) {
  return x.ndim() == 2 ? x : reshape(x, {row_count(x.shape()), x.shape().back()});
}

// The gradients of linear: straight from kernels, or by public ops while the backward pass is
// itself recorded.

/// g: [..., out], weight: [out, in] -> [..., in]
Tensor linear_x_gradient(const Tensor& g, const Tensor& weight) {
  if (recording()) return matmul(g, weight);
  Shape shape = g.shape();
  const auto rows = row_count(shape), out = shape.back();
  shape[shape.ndim() - 1] = weight.size(1);
  const Tensor y = empty(shape, g.dtype());
  visit_floating(g.dtype(), "linear", [&](auto zero) {
    using T = decltype(zero);
    kernels::gemm<T>({static_cast<const T*>(g.raw()), rows, out}, matrix<T>(weight),
                     mutable_data<T>(y));
  });
  return y;
}

/// g: [..., out], x: [..., in] -> [out, in]
Tensor linear_weight_gradient(const Tensor& g, const Tensor& x) {
  if (recording()) return matmul(transpose(rows_of(g)), rows_of(x));
  const Shape shape = g.shape();
  const auto rows = row_count(shape), out = shape.back(), in = x.size(-1);
  const Tensor y = empty({out, in}, g.dtype());
  visit_floating(g.dtype(), "linear", [&](auto zero) {
    using T = decltype(zero);
    kernels::gemm<T>({static_cast<const T*>(g.raw()), out, rows, true},
                     {static_cast<const T*>(x.raw()), rows, in}, mutable_data<T>(y));
  });
  return y;
}

/// g: [..., out] -> [out]
Tensor linear_bias_gradient(const Tensor& g) {
  if (recording()) return g;  // the engine sums it
  const Shape shape = g.shape();
  const Tensor y = empty({shape.back()}, g.dtype());
  visit_floating(g.dtype(), "linear", [&](auto zero) {
    using T = decltype(zero);
    kernels::sum(static_cast<const T*>(g.raw()), mutable_data<T>(y),
                 {1, row_count(shape), shape.back()});
  });
  return y;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  need_defined("matmul", a, "a");
  need_defined("matmul", b, "b");
  if (a.dtype() != b.dtype()) {
    Tensor x = a, y = b;
    promote_literals(x, y, "matmul");
    return matmul(x, y);
  }
  if (a.ndim() == 0 || b.ndim() == 0)
    fail<ShapeError>("matmul", "a 0-d operand has no inner dimension; use * to scale");
  const Shape as = a.shape(), bs = b.shape();
  check("matmul", a, b, 1, 1, as.back(), bs[std::max(0, bs.ndim() - 2)]);
  if (a.ndim() == 1 || b.ndim() == 1) {  // a vector is a matrix of one row, or of one column
    Shape shape;
    for (int i = 0; i + 1 < as.ndim(); ++i) shape.push_back(as[i]);
    if (bs.ndim() > 1) {
      for (int i = 0; i + 2 < bs.ndim(); ++i) shape.push_back(bs[i]);
      shape.push_back(bs.back());
    }
    return reshape(
        matmul(a.ndim() == 1 ? reshape(a, {1, -1}) : a, b.ndim() == 1 ? reshape(b, {-1, 1}) : b),
        shape);
  }
  if (a.ndim() > 2 && b.ndim() == 2) {  // one large product instead of a batch of small ones
    Shape shape = as;
    shape[shape.ndim() - 1] = bs.back();
    return reshape(product(rows_of(a), b), shape);
  }
  return product(a, b);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  need_defined("linear", x, "x");
  need_defined("linear", weight, "weight");
  const bool fits = x.ndim() >= 1 && weight.ndim() == 2 && x.size(-1) == weight.size(1);
  if (!fits)
    fail<ShapeError>("linear",
                     fmt::format("x must be [..., in] and weight [out, in]: x is {}, weight {}",
                                 describe(x), describe(weight)));
  const auto in = weight.size(1), out = weight.size(0), rows = row_count(x.shape());
  if (bias.defined() && (bias.ndim() != 1 || bias.size(0) != out))
    fail<ShapeError>("linear", fmt::format("bias must be [{}] for weight {}, got {}", out,
                                           describe(weight), describe(bias)));
  if (x.dtype() != weight.dtype() || (bias.defined() && bias.dtype() != weight.dtype()))
    fail<DtypeError>(
        "linear",
        fmt::format("dtypes do not mix: x is {}, weight {} is {}{}; convert x or the model with "
                    "to()",
                    name(x.dtype()), describe(weight), name(weight.dtype()),
                    bias.defined() ? fmt::format(", bias {}", name(bias.dtype())) : ""));
  check("linear", x, weight, rows, out, in, in);
  Shape shape = x.shape();
  shape[shape.ndim() - 1] = out;
  const Tensor y = empty(shape, x.dtype());
  visit_floating(x.dtype(), "linear", [&](auto zero) {
    using T = decltype(zero);
    auto* const to = mutable_data<T>(y);
    if (bias.defined()) {
      const auto* const b = static_cast<const T*>(bias.raw());
      if (out == 1)
        std::fill_n(to, rows, *b);
      else
        for (std::int64_t i = 0; i < rows; ++i) std::copy_n(b, out, to + i * out);
    }
    const auto w = matrix<T>(weight);
    const auto* const from = static_cast<const T*>(x.raw());
    kernels::gemm<T>({from, rows, in, false}, {w.data, in, out, !w.transposed}, to, bias.defined());
  });
  const auto for_x = [weight](const Tensor& g) { return linear_x_gradient(g, weight); };
  const auto for_weight = [x](const Tensor& g) { return linear_weight_gradient(g, x); };
  if (!bias.defined()) return record("linear", y, {x, weight}, {for_x, for_weight});
  return record("linear", y, {x, weight, bias}, {for_x, for_weight, linear_bias_gradient});
}

}  // namespace gradtape
