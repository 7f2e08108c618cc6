#include "gradtape/autograd/ops/index.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/comparison.hpp"
#include "gradtape/autograd/ops/detail/index.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

constexpr const char* op = "scatter_reduce";

/// For each of `places` elements the product of the values that `target` sends there, 1 where there
/// are none. Pairs of one target are multiplied until every target has one value: O(n log n), and
/// right at zeros in every derivative, as no division is.
Tensor products(Tensor values, std::vector<std::int64_t> target, std::int64_t places) {
  for (;;) {
    std::vector<std::int64_t> open(static_cast<std::size_t>(places), -1), first, second, partner;
    for (std::size_t i = 0; i < target.size(); ++i) {
      auto& waiting = open[static_cast<std::size_t>(target[i])];
      if (waiting < 0) {
        waiting = static_cast<std::int64_t>(first.size());
        first.push_back(static_cast<std::int64_t>(i));
      } else {
        second.push_back(static_cast<std::int64_t>(i));
        partner.push_back(waiting);
        waiting = -1;
      }
    }
    const Tensor ones_for_first = ones({static_cast<std::int64_t>(first.size())}, values.dtype());
    if (second.empty()) return scatter(ones({places}, values.dtype()), 0, tensor(target), values);
    const Tensor factors =
        scatter(ones_for_first, 0, tensor(partner), index_select(values, 0, tensor(second)));
    values = index_select(values, 0, tensor(first)) * factors;
    std::vector<std::int64_t> left;
    for (auto i : first) left.push_back(target[static_cast<std::size_t>(i)]);
    target = std::move(left);
  }
}

/// The extreme of an element of base and of the values for its place; NaN wins.
Tensor extremes(const Tensor& base, const Tensor& places, const Tensor& values, bool largest) {
  const Tensor y = empty(base.shape(), base.dtype());
  const auto to_place = places.data<std::int64_t>();
  visit_floating(base.dtype(), op, [&](auto zero) {
    using T = decltype(zero);
    const auto from = base.data<T>(), source = values.data<T>();
    T* const to = mutable_data<T>(y);
    std::copy(from.begin(), from.end(), to);
    for (std::size_t k = 0; k < source.size(); ++k) {
      T& best = to[to_place[k]];
      const T x = source[k];
      if (x != x || (largest ? x > best : x < best)) best = x;
    }
    count_work(values.numel(),
               (2 * base.numel() + 3 * values.numel()) * static_cast<std::int64_t>(sizeof(T)));
  });
  return y;
}

/// The recorded extremes of vectors: those that are equal to the extreme share its gradient.
/// `joins` says which elements of base count.
Tensor extreme(const Tensor& base, const Tensor& joins, const Tensor& places, const Tensor& values,
               bool largest) {
  const auto equals = [=](const Tensor& y) {
    return std::pair(logical_and(base.detach() == y.detach(), joins),
                     values.detach() == index_select(y.detach(), 0, places));
  };
  const auto shares = [=](const Tensor& g, const Tensor& y) {
    const auto [own, sent] = equals(y);
    const Tensor count = index_add(own.to(g.dtype()), 0, places, sent.to(g.dtype()));
    return g / maximum(count, 1);
  };
  return record(
      op, extremes(base, places, values, largest), {base, values},
      {[=](const Tensor& g, const Tensor& y) { return where(equals(y).first, shares(g, y), 0); },
       [=](const Tensor& g, const Tensor& y) {
         return where(equals(y).second, index_select(shares(g, y), 0, places), 0);
       }});
}

}  // namespace

Tensor scatter_reduce(const Tensor& given, std::int64_t axis, const Tensor& index,
                      const Tensor& sources, ScatterReduction reduction,
                      ScatterReduceOptions options) {
  Tensor x = given, source = sources;
  promote_literals(x, source, op);
  if (!is_floating(x.dtype())) needs_floating(op, x.dtype());
  const Tensor touched = scatter_as(op, zeros(x.shape(), bool_), axis, index, true);
  source = scatter_source(op, source, index);
  const bool largest = reduction == ScatterReduction::amax,
             smallest = reduction == ScatterReduction::amin;
  const double infinity = std::numeric_limits<double>::infinity();
  const double neutral = largest                               ? -infinity
                         : smallest                            ? infinity
                         : reduction == ScatterReduction::prod ? 1
                                                               : 0;
  const Tensor base = options.include_self ? x : where(touched, neutral, x);
  if (reduction == ScatterReduction::sum) return scatter_add_as(op, base, axis, index, source);
  if (reduction == ScatterReduction::mean) {
    const Tensor self = options.include_self ? ones_like(x) : logical_not(touched).to(x.dtype());
    return scatter_add_as(op, base, axis, index, source) /
           scatter_add(self, axis, index, ones_like(source.detach()));
  }
  const Shape flat{x.numel()};
  const Tensor all = gather(reshape(arange(x.numel()), x.shape()), axis, index);
  const Tensor places = reshape(all, {all.numel()}), values = reshape(source, places.shape());
  if (reduction == ScatterReduction::prod) {
    const auto targets = places.data<std::int64_t>();
    const std::vector<std::int64_t> target(targets.begin(), targets.end());
    return base * reshape(products(values, target, x.numel()), x.shape());
  }
  const Tensor joins =
      options.include_self ? ones(flat, bool_) : reshape(logical_not(touched), flat);
  return reshape(extreme(reshape(base, flat), joins, places, values, largest), x.shape());
}

}  // namespace gradtape
