/// What the maps of reductions, scans and sorts share: how PyTorch writes axes, dtypes and pairs of
/// values and indices.
#pragma once

#include <algorithm>

#include "../value.hpp"

namespace gradtape::conformance {

/// A position that no positional argument has, for arguments that are keywords only.
inline constexpr std::size_t keyword_only = 1000;

/// dim, as an int or a list: none and the empty list mean all. A 0-d tensor takes 0 and -1.
inline Axes dims(Call& c, std::size_t i, const Tensor& x, const std::string& name = "dim") {
  const bool numpy = name == "dim" && c.has(keyword_only, "axis");
  const Axes axes = numpy ? c.axes(keyword_only, "axis") : c.axes(i, name);
  const auto own = [](std::int64_t axis) { return axis == 0 || axis == -1; };
  const bool scalar = x.ndim() == 0 && std::all_of(axes.list.begin(), axes.list.end(), own);
  return axes.list.empty() || scalar ? Axes() : axes;
}

inline bool keepdim(Call& c, std::size_t i) {
  return c.has(keyword_only, "keepdims") ? c.flag(keyword_only, "keepdims")
                                         : c.flag(i, "keepdim", false);
}

/// x in the dtype that the call asks for.
inline Tensor in_dtype(Call& c, std::size_t i, const Tensor& x) {
  const Value& dtype = c.at(i, "dtype");
  return dtype.is<Dtype>() ? x.to(dtype.get<Dtype>()) : x;
}

/// f(x, axis) for the one axis `dim`; a 0-d x is a vector of one element meanwhile.
template <class F>
auto along(Call& c, std::size_t i, const Tensor& x, F f,
           std::optional<std::int64_t> fallback = {}) {
  const auto axis =
      c.has(keyword_only, "axis") ? c.integer(keyword_only, "axis") : c.integer(i, "dim", fallback);
  return x.ndim() == 0 ? f(reshape(x, {1}), axis) : f(x, axis);
}

inline Value named(const WithIndices& y) {
  return {List{y.values, y.indices}, {"values", "indices"}};
}

/// The same for what was computed from x as a vector where x is 0-d.
inline Value named_like(const Tensor& x, const WithIndices& y) {
  return x.ndim() ? named(y) : named({reshape(y.values, {}), reshape(y.indices, {})});
}

}  // namespace gradtape::conformance
