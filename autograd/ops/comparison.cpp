#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// out[k] = f(inputs[k]...) with a result of another type than the operands: plain loops, which
/// compilers vectorise.
template <class Out, class... T, class F>
Tensor map_mixed(const char* op, F f, const std::array<const Tensor*, sizeof...(T)>& in) {
  constexpr std::size_t count = sizeof...(T);
  std::array<Shape, count> shapes;
  for (std::size_t i = 0; i < count; ++i) shapes[i] = in[i]->shape();
  Shape shape = shapes[0];
  for (std::size_t i = 1; i < count; ++i) shape = broadcast(shape, shapes[i], op);
  const Tensor y = empty(shape, dtype_of<Out>);
  if (y.numel() == 0) return y;
  const std::size_t sizes[] = {sizeof(T)...};
  double bytes = static_cast<double>(y.numel()) * sizeof(Out);
  for (std::size_t i = 0; i < count; ++i)
    bytes += static_cast<double>(in[i]->numel()) * static_cast<double>(sizes[i]);
  count_work(static_cast<double>(y.numel()), bytes);
  auto* const out = mutable_data<Out>(y);
  const Loop loop(shape, shapes.data(), count);
  const auto pointers = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple{static_cast<const T*>(in[I]->raw())...};
  }(std::index_sequence_for<T...>());
  loop.run([&](const std::int64_t* offsets, std::int64_t out_offset, std::int64_t n) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const std::int64_t step[] = {loop.step(I)...};
      if ((... && (step[I] == 1)))
        for (std::int64_t k = 0; k < n; ++k)
          out[out_offset + k] = f(std::get<I>(pointers)[offsets[I] + k]...);
      else
        for (std::int64_t k = 0; k < n; ++k)
          out[out_offset + k] = f(std::get<I>(pointers)[offsets[I] + k * step[I]]...);
    }(std::index_sequence_for<T...>());
  });
  return y;
}

template <class F> Tensor compare(const char* op, const Tensor& a, const Tensor& b, F f) {
  Tensor operands[] = {a, b};
  unify(operands, 2, op);
  Tensor y = visit_dtype(operands[0].dtype(), [&](auto zero) {
    using T = decltype(zero);
    return map_mixed<bool, T, T>(op, f, {&operands[0], &operands[1]});
  });
  return record(op, std::move(y), std::vector<Tensor>{}, std::vector<Vjp>{});
}

bool is_close(double a, double b, double rtol, double atol, bool equal_nan) {
  if (a == b || (equal_nan && std::isnan(a) && std::isnan(b))) return true;
  return std::isfinite(b) && std::abs(a - b) <= atol + rtol * std::abs(b);
}

void need_bool(const char* op, const Tensor& x) {
  if (x.dtype() != bool_)
    fail<DtypeError>(
        op, fmt::format("needs bool, got {}; compare first, as in x != 0", name(x.dtype())));
}

}  // namespace

Tensor operator==(const Tensor& a, const Tensor& b) {
  return compare("eq", a, b, std::equal_to<>());
}
Tensor operator!=(const Tensor& a, const Tensor& b) {
  return compare("ne", a, b, std::not_equal_to<>());
}
Tensor operator<(const Tensor& a, const Tensor& b) { return compare("lt", a, b, std::less<>()); }
Tensor operator<=(const Tensor& a, const Tensor& b) {
  return compare("le", a, b, std::less_equal<>());
}
Tensor operator>(const Tensor& a, const Tensor& b) { return compare("gt", a, b, std::greater<>()); }
Tensor operator>=(const Tensor& a, const Tensor& b) {
  return compare("ge", a, b, std::greater_equal<>());
}

Tensor logical_and(const Tensor& a, const Tensor& b) {
  need_bool("logical_and", a);
  need_bool("logical_and", b);
  return compare("logical_and", a, b, [](bool p, bool q) { return p && q; });
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  need_bool("logical_or", a);
  need_bool("logical_or", b);
  return compare("logical_or", a, b, [](bool p, bool q) { return p || q; });
}
Tensor logical_xor(const Tensor& a, const Tensor& b) {
  need_bool("logical_xor", a);
  need_bool("logical_xor", b);
  return compare("logical_xor", a, b, std::not_equal_to<>());
}
Tensor logical_not(const Tensor& x) {
  need_bool("logical_not", x);
  return compare("logical_not", x, x, [](bool p, bool) { return !p; });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  need_bool("where", condition);
  Tensor x = a, y = b;
  unify(x, y, "where");
  Tensor chosen = visit_dtype(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    return map_mixed<T, bool, T, T>("where", [](bool c, T p, T q) { return c ? p : q; },
                                    {&condition, &x, &y});
  });
  if (x.is_weak() && y.is_weak()) chosen.value_ref()->weak = true;
  return record("where", std::move(chosen), {x, y},
                {[condition](const Tensor& g) { return where(condition, g, 0.0); },
                 [condition](const Tensor& g) { return where(condition, 0.0, g); }});
}

Tensor isnan(const Tensor& x) {
  return compare("isnan", x, x, [](double p, double) { return std::isnan(p); });
}
Tensor isinf(const Tensor& x) {
  return compare("isinf", x, x, [](double p, double) { return std::isinf(p); });
}
Tensor isfinite(const Tensor& x) {
  return compare("isfinite", x, x, [](double p, double) { return std::isfinite(p); });
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return compare("isclose", a, b,
                 [=](double p, double q) { return is_close(p, q, rtol, atol, equal_nan); });
}

bool array_equal(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return visit_dtype(a.dtype(), [&](auto zero) {
    const auto p = a.data<decltype(zero)>(), q = b.data<decltype(zero)>();
    return std::equal(p.begin(), p.end(), q.begin());
  });
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  if (a.shape() != b.shape())
    fail<ShapeError>("allclose",
                     fmt::format("shapes differ: {} and {}", a.shape().str(), b.shape().str()));
  if (a.dtype() != b.dtype())
    fail<DtypeError>("allclose",
                     fmt::format("dtypes differ: {} and {}", name(a.dtype()), name(b.dtype())));
  return visit_dtype(a.dtype(), [&](auto zero) {
    const auto p = a.data<decltype(zero)>(), q = b.data<decltype(zero)>();
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (!is_close(static_cast<double>(p[i]), static_cast<double>(q[i]), rtol, atol, false))
        return false;
    }
    return true;
  });
}

}  // namespace gradtape
