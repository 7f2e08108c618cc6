#include "gradtape/autograd/ops/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/ops/detail/map.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// out[k] = f(in[k]...) for a row of n elements with a result of another type than the operands.
/// Operand i steps by step[i], 0 or 1.
template <class F, class Out, class... T>
void map_row(const void* f, const void* const* in, const std::int64_t* step, void* out,
             std::int64_t n) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const F& function = *static_cast<const F*>(f);
    const std::tuple from{static_cast<const T*>(in[I])...};
    auto* const to = static_cast<Out*>(out);
    const std::int64_t steps[] = {step[I]...};
    if ((... && (steps[I] == 1)))
      for (std::int64_t k = 0; k < n; ++k) to[k] = function(std::get<I>(from)[k]...);
    else
      for (std::int64_t k = 0; k < n; ++k) to[k] = function(std::get<I>(from)[k * steps[I]]...);
  }(std::index_sequence_for<T...>());
}

/// The unsigned integer of an element's size.
template <std::size_t bytes>
using bits_of = std::conditional_t<bytes == 1, std::uint8_t,
                                   std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>;

/// out[k] = in[0][k] ? in[1][k] : in[2][k], likewise. What stands still is spread over a buffer, so
/// that there is one loop to vectorise. It chooses bits, by arithmetic: of c ? p : q compilers make
/// a branch, which random conditions mispredict.
template <class Bits>
void choose_row(const void*, const void* const* in, const std::int64_t* step, void* out,
                std::int64_t n) {
  constexpr std::int64_t buffered = 256;
  const auto piece = step[0] == 1 && step[1] == 1 && step[2] == 1 ? n : std::min(n, buffered);
  std::uint8_t conditions[buffered];
  Bits left[buffered], right[buffered];
  const auto rows = [&]<class T>(std::size_t i, T* buffer) {
    const auto* const from = static_cast<const T*>(in[i]);
    if (step[i] == 1) return from;
    std::fill_n(buffer, piece, *from);
    return static_cast<const T*>(buffer);
  };
  const auto* c = rows(0, conditions);
  const auto* p = rows(1, left);
  const auto* q = rows(2, right);
  auto* to = static_cast<Bits*>(out);
  for (std::int64_t rest = n; rest > 0; rest -= piece) {
    const auto count = std::min(rest, piece);
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k)
      to[k] = static_cast<Bits>(q[k] ^ ((p[k] ^ q[k]) & (c[k] ? ~Bits(0) : Bits(0))));
    to += count;
    c += step[0] * count, p += step[1] * count, q += step[2] * count;
  }
}

using MapRow = void (*)(const void* f, const void* const* in, const std::int64_t* step, void* out,
                        std::int64_t n);

/// Runs `row` over operands that broadcast together.
Tensor map_mixed(const char* op, Dtype dtype, MapRow row, const void* f,
                 std::initializer_list<const Tensor*> operands) {
  const std::size_t count = operands.size();
  const Tensor* const* in = operands.begin();
  std::array<Shape, Loop::max_operands> shapes;
  Shape shape = in[0]->shape();
  for (std::size_t i = 0; i < count; ++i) {
    shapes[i] = in[i]->shape();
    if (i > 0) shape = broadcast(shape, shapes[i], op);
  }
  const Tensor y = empty(shape, dtype);
  const auto n = y.numel();
  if (n == 0) return y;
  const auto bytes = [](const Tensor& x, std::int64_t elements) {
    return elements * static_cast<std::int64_t>(size_of(x.dtype()));
  };
  std::int64_t traffic = bytes(y, n);
  for (std::size_t i = 0; i < count; ++i) traffic += bytes(*in[i], in[i]->numel());
  count_work(n, traffic);
  const Loop loop(shape, shapes.data(), count);
  std::array<std::int64_t, Loop::max_operands> step;
  std::array<const char*, Loop::max_operands> from;
  for (std::size_t i = 0; i < count; ++i) {
    step[i] = loop.step(i);
    from[i] = static_cast<const char*>(in[i]->raw());
  }
  loop.run([&](const std::int64_t* offsets, std::int64_t out_offset, std::int64_t length) {
    std::array<const void*, Loop::max_operands> at;
    for (std::size_t i = 0; i < count; ++i) at[i] = from[i] + bytes(*in[i], offsets[i]);
    row(f, at.data(), step.data(), mutable_data<char>(y) + bytes(y, out_offset), length);
  });
  return y;
}

/// Not recorded.
Tensor outside_graph(const char* op, Tensor y) {
  return record(op, std::move(y), std::vector<Tensor>{}, std::vector<Vjp>{});
}

template <class F> Tensor compare(const char* op, const Tensor& a, const Tensor& b, F f) {
  Tensor operands[] = {a, b};
  promote_literals(operands, 2, op);
  const MapRow row = visit_dtype(operands[0].dtype(), [](auto zero) -> MapRow {
    return map_row<F, bool, decltype(zero), decltype(zero)>;
  });
  return outside_graph(op, map_mixed(op, bool_, row, &f, {&operands[0], &operands[1]}));
}

void need_bool(const char* op, const Tensor& x) {
  need_defined(op, x, "an operand");
  if (x.dtype() != bool_)
    fail<DtypeError>(
        op, fmt::format("needs bool, got {}; compare first, as in x != 0", name(x.dtype())));
}

/// f of bools.
template <class F> Tensor combine(const char* op, const Tensor& a, const Tensor& b, F f) {
  need_bool(op, a);
  need_bool(op, b);
  return outside_graph(op, map_mixed(op, bool_, map_row<F, bool, bool, bool>, &f, {&a, &b}));
}

bool is_close(double a, double b, double rtol, double atol, bool equal_nan) {
  if (a == b || (equal_nan && std::isnan(a) && std::isnan(b))) return true;
  return std::isfinite(b) && std::abs(a - b) <= atol + rtol * std::abs(b);
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
  return combine("logical_and", a, b, [](bool p, bool q) { return p && q; });
}
Tensor logical_or(const Tensor& a, const Tensor& b) {
  return combine("logical_or", a, b, [](bool p, bool q) { return p || q; });
}
Tensor logical_xor(const Tensor& a, const Tensor& b) {
  return combine("logical_xor", a, b, std::not_equal_to<>());
}
Tensor logical_not(const Tensor& x) {
  return combine("logical_not", x, x, [](bool p, bool) { return !p; });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  need_bool("where", condition);
  Tensor x = a, y = b;
  promote_literals(x, y, "where");
  const MapRow row =
      visit_dtype(x.dtype(), []<class T>(T) -> MapRow { return choose_row<bits_of<sizeof(T)>>; });
  Tensor chosen = map_mixed("where", x.dtype(), row, nullptr, {&condition, &x, &y});
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
