/// What the cases of several ranks share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/distributed.hpp>
#include <gradtape/optim/optim.hpp>

#include "support/bits.hpp"

namespace gradtape::testing {

/// All ranks.
distributed::World& world();

/// The values of a model's parameters.
inline std::vector<Tensor> values(const std::vector<Parameter>& parameters) {
  std::vector<Tensor> all;
  for (const auto& parameter : parameters) all.push_back(parameter.tensor().detach());
  return all;
}

/// Whether both hold the same bits.
inline bool equal_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal_bits(a[i], b[i])) return false;
  return true;
}

/// Rows [begin, end) of shard r of x, as the loader divides a batch.
inline Tensor rows_of(const Tensor& x, int r) {
  const Shard shard{r, world().size()};
  const auto n = x.size(0);
  return narrow(x, 0, shard.begin(n), shard.end(n) - shard.begin(n));
}

}  // namespace gradtape::testing
