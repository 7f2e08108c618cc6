#include "gradtape/optim/clip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/optim/update.hpp"

namespace gradtape::optim {
namespace {

/// The p-norm of one gradient over `size_of_one`, in double precision; summed in pieces of a fixed
/// size, so that the number of threads does not change it.
template <class T> double norm_over(double size_of_one, const T* g, std::int64_t n, double p) {
  constexpr std::int64_t size = author::elementwise_grain;
  const bool largest = std::isinf(p);
  std::vector<double> parts(static_cast<std::size_t>((n + size - 1) / size), 0.0);
  const auto sum = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      double total = 0;
      for (std::int64_t i = part * size; i < std::min(n, (part + 1) * size); ++i) {
        const double x = std::abs(static_cast<double>(g[i])) / size_of_one;
        if (largest)
          total = x > total || std::isnan(x) ? x : total;  // NaN stays: no x exceeds it
        else
          total += p == 2 ? x * x : std::pow(x, p);
      }
      parts[static_cast<std::size_t>(part)] = total;
    }
  };
  author::parallel_for(static_cast<std::int64_t>(parts.size()), 1, sum);
  double total = 0;
  for (const double x : parts)
    total = !largest ? total + x : x > total || std::isnan(x) ? x : total;
  return largest ? total : std::pow(total, 1 / p);
}

/// The p-norm of one gradient; where powers may have left the range, by way of its largest element.
template <class T> double norm_of(const T* g, std::int64_t n, double p) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double norm = norm_over(1, g, n, p);
  if (std::isinf(p) || (norm > 0 && std::pow(norm, p) > 1e-290 && norm < infinity)) return norm;
  const double largest = norm_over(1, g, n, infinity);
  if (!(largest > 0 && largest < infinity)) return norm;
  return largest * norm_over(largest, g, n, p);
}

/// Replaces the gradient of each parameter by f(gradient), elementwise, with f(0) = 0. Never in
/// place: other parameters, or the caller, may hold the same elements.
template <class F> void replace_gradients(const std::vector<Parameter>& parameters, const F& f) {
  for (const auto& parameter : parameters)
    parameter.map_grad([&](const Tensor& old) {
      const Tensor fresh = author::empty(old.shape(), old.dtype());
      author::visit_floating(old.dtype(), "clip", [&](auto zero) {
        using T = decltype(zero);
        const T* from = old.data<T>().data();
        T* to = author::mutable_data<T>(fresh);
        const auto part = [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) to[i] = f(from[i]);
        };
        author::parallel_for(old.numel(), author::elementwise_grain, part);
      });
      return fresh;
    });
}

}  // namespace

double clip_grad_norm(const std::vector<Parameter>& parameters, double max_norm,
                      const ClipNormOptions& options) {
  constexpr const char* op = "clip_grad_norm";
  author::require(op, "max_norm", max_norm, author::at_least(0).or_infinity());
  author::require(op, "p", options.p, author::above(0).or_infinity());
  std::vector<double> norms;
  for (const auto& parameter : parameters) {
    const Tensor g = detail::slice_of(parameter, true).gradient();
    if (!g.defined()) continue;
    author::visit_floating(g.dtype(), op, [&](auto zero) {
      norms.push_back(norm_of(g.data<decltype(zero)>().data(), g.numel(), options.p));
    });
  }
  const double norm = norm_of(norms.data(), static_cast<std::int64_t>(norms.size()), options.p);
  if (options.error_if_nonfinite && !std::isfinite(norm))
    fail<ValueError>(op, fmt::format("the norm of the gradients is {}", norm));
  const double scale = max_norm / (norm + 1e-6);
  if (!(scale >= 1))  // NaN spreads to all gradients, as in PyTorch
    replace_gradients(parameters, [=](auto g) { return static_cast<decltype(g)>(scale) * g; });
  return norm;
}

void clip_grad_value(const std::vector<Parameter>& parameters, double limit) {
  author::require("clip_grad_value", "limit", limit, author::at_least(0).or_infinity());
  replace_gradients(parameters, [=](auto g) {
    const auto most = static_cast<decltype(g)>(limit);
    return g > most ? most : g < -most ? -most : g;
  });
}

}  // namespace gradtape::optim
