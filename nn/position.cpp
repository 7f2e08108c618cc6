#include "gradtape/nn/position.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/ops.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

void check(const char* op, std::int64_t first, double base) {
  require(op, "first", first, at_least(0));
  require(op, "base", base, above(0));
}

void check_width(const char* op, std::int64_t d) { require(op, "d", d, at_least(1)); }

/// Angles p base^(-2 i / d) of rows p = first, ... and pairs i, float64: [length, pairs]. Computed
/// in float64 whatever they are used for: float32 loses the phase of late positions.
Tensor angles(std::int64_t length, std::int64_t pairs, std::int64_t d, std::int64_t first,
              double base) {
  const Tensor p = (arange(length) + first).to(float64);
  const Tensor exponent = arange(pairs).to(float64) * (-2.0 / static_cast<double>(d));
  return outer(p, exp(exponent * std::log(base)));
}

}  // namespace

Tensor sinusoidal_positions(std::int64_t length, std::int64_t d, std::int64_t first, double base,
                            Dtype dtype) {
  constexpr const char* op = "sinusoidal_positions";
  check(op, first, base);
  check_width(op, d);
  require(op, "length", length, at_least(0));
  if (dtype != float32 && dtype != float64)
    fail<DtypeError>(op, fmt::format("needs float32 or float64, got {}", gradtape::name(dtype)));
  const Tensor a = angles(length, (d + 1) / 2, d, first, base);
  return slice(flatten(stack({sin(a), cos(a)}, -1), 1), 1, 0, d).to(dtype);
}

SinusoidalPositions::SinusoidalPositions(std::int64_t d, const SinusoidalPositionsOptions& options)
    : d_(d), options_(options) {
  check("SinusoidalPositions", 0, options.base);
  check_width("SinusoidalPositions", d);
}

Tensor SinusoidalPositions::forward(const Tensor& x) const {
  if (x.ndim() < 2 || x.ndim() > 3 || x.size(-1) != d_)
    fail<ShapeError>("SinusoidalPositions",
                     fmt::format("needs x [{0}, {1}] or [L, {1}], got {2}",
                                 options_.batch_first ? "N, L" : "L, N", d_, describe(x)));
  const bool time_first = x.ndim() == 3 && !options_.batch_first;
  const auto length = x.size(time_first ? 0 : -2);
  const Tensor table = sinusoidal_positions(length, d_, 0, options_.base, x.dtype());
  return x + (time_first ? unsqueeze(table, 1) : table);
}

Tensor rotary_positions(const Tensor& x, const RotaryPositionsOptions& options) {
  constexpr const char* op = "rotary_positions";
  check(op, options.first, options.base);
  if (x.ndim() < 2 || x.ndim() >= max_ndim || x.size(-1) % 2 != 0)
    fail<ShapeError>(op,
                     fmt::format("needs x [..., L, d] with an even d and at most {} axes, got {}",
                                 max_ndim - 1, describe(x)));
  if (x.dtype() != float32 && x.dtype() != float64)
    fail<DtypeError>(op, fmt::format("needs float32 or float64, got {}", describe(x)));
  if (x.numel() == 0) return x;
  const auto d = x.size(-1);
  const Tensor angle = angles(x.size(-2), d / 2, d, options.first, options.base);
  const Tensor c = cos(angle).to(x.dtype()), s = sin(angle).to(x.dtype());
  const auto pair = unbind(unflatten(x, -1, {d / 2, 2}), -1);
  return flatten(stack({pair[0] * c - pair[1] * s, pair[1] * c + pair[0] * s}, -1), -2);
}

RotaryPositions::RotaryPositions(const RotaryPositionsOptions& options) : options_(options) {
  check("RotaryPositions", options.first, options.base);
}

}  // namespace gradtape::nn
