#include "gradtape/autograd/tape/cotangents.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"

namespace gradtape {

using namespace detail;

void Cotangents::join(Tensor& sum, const Tensor& g) {
  sum = recorded_ ? sum + g : add_reusing(std::move(sum), g);
}

Tensor Cotangents::fit(std::size_t i, Tensor g, Node& from, const char* giver) const {
  Node& node = *tape_.nodes_[i];
  if (g.is_tracked() && !recorded_) g = g.detach();
  if (g.is_weak()) g = g.to(node.dtype);
  if (g.dtype() != node.dtype)
    fail<DtypeError>(label(from),
                     fmt::format("its {} returned a {} gradient for {}, which is {}", giver,
                                 name(g.dtype()), label(node), name(node.dtype)));
  const Shape want = node.shape(), have = g.shape();
  if (want == have || broadcasts_to(have, want)) return g;
  if (broadcasts_to(want, have)) return sum_to(g, want);
  fail<ShapeError>(label(from),
                   fmt::format("its {} returned a gradient of shape {} for {}, whose shape is {}",
                               giver, have.str(), label(node), want.str()));
}

Tensor Cotangents::expanded(std::size_t i, const Tensor& g) const {
  return expand(g, tape_.nodes_[i]->shape());
}

void Cotangents::scale(double factor) {
  if (factor == 1) return;
  for (auto& g : sums_)
    if (g.defined()) g = g * factor;
}

}  // namespace gradtape
