/// What a backward pass has brought to each node of its tape so far. Private to autograd/tape/.
#pragma once

#include <cstddef>
#include <utility>

#include "gradtape/autograd/tape/node.hpp"

namespace gradtape {

class Cotangents {
 public:
  /// With `recorded`, sums become nodes of a graph themselves.
  Cotangents(const Tape& tape, bool recorded)
      : tape_(tape), recorded_(recorded), sums_(tape.size()) {}

  /// The cotangent of node i, undefined where nothing arrived. It may be smaller than the node, to
  /// whose shape it then broadcasts.
  Tensor& operator[](std::size_t i) { return sums_[i]; }

  /// Multiplies what the pass starts from.
  void scale(double factor);

  /// Adds what a vjp of `from` returned, if anything.
  void add(std::size_t i, Tensor&& g, detail::Node& from) {
    if (!g.defined()) return;
    if (!fits(i, g)) g = fit(i, std::move(g), from, "vjp");
    add(i, std::move(g));
  }
  /// Adds what fits.
  void add(std::size_t i, Tensor&& g) {
    if (auto& sum = sums_[i]; sum.defined())
      join(sum, g);
    else
      sum = std::move(g);
  }

  /// What a vjp or hook of `from` returned for node i, checked, and summed to the node's shape
  /// where it is larger. A smaller one that broadcasts is left so until somebody needs it whole.
  Tensor fit(std::size_t i, Tensor g, detail::Node& from, const char* giver) const;

  /// g in the shape of node i.
  Tensor whole(std::size_t i, const Tensor& g) const { return is_whole(i, g) ? g : expanded(i, g); }
  void make_whole(std::size_t i, Tensor& g) const {
    if (!is_whole(i, g)) g = expanded(i, g);
  }

 private:
  /// Whether g is as it should be: the short way.
  bool fits(std::size_t i, const Tensor& g) const {
    auto& value = *g.value_ref();
    auto& node = *tape_.nodes_[i];
    return value.dtype == node.dtype && !value.weak && (recorded_ || !g.is_tracked()) &&
           detail::same_shape(value, node);
  }
  bool is_whole(std::size_t i, const Tensor& g) const {
    return detail::same_shape(*g.value_ref(), *tape_.nodes_[i]);
  }
  Tensor expanded(std::size_t i, const Tensor& g) const;
  /// Adds g to what is there already.
  void join(Tensor& sum, const Tensor& g);

  const Tape& tape_;
  const bool recorded_;
  detail::CachedVector<Tensor> sums_;
};

}  // namespace gradtape
