#include "gradtape/nn/data/dataset.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape::nn::data {
namespace {

Split split_by(const Dataset& dataset, const std::vector<bool>& held_out) {
  std::vector<std::int64_t> train, test;
  for (std::size_t i = 0; i < held_out.size(); ++i)
    (held_out[i] ? test : train).push_back(static_cast<std::int64_t>(i));
  return {dataset.select(tensor(train)), dataset.select(tensor(test))};
}

}  // namespace

Dataset::Dataset(Tensor inputs, Tensor targets)
    : inputs(std::move(inputs)), targets(std::move(targets)) {
  const Tensor &x = this->inputs, &y = this->targets;
  if (x.ndim() == 0 || y.ndim() == 0 || x.size(0) != y.size(0))
    fail<ShapeError>("Dataset", fmt::format("inputs {} and targets {} must have as many samples "
                                            "along axis 0",
                                            detail::describe(x), detail::describe(y)));
}

Dataset Dataset::select(const Tensor& index) const {
  return {index_select(inputs, 0, index), index_select(targets, 0, index)};
}

Split split_every(const Dataset& dataset, std::int64_t n) {
  if (n < 2) fail<ValueError>("split_every", fmt::format("n must be at least 2, got {}", n));
  std::vector<bool> held_out(static_cast<std::size_t>(dataset.size()));
  for (std::size_t i = 0; i < held_out.size(); i += static_cast<std::size_t>(n)) held_out[i] = true;
  return split_by(dataset, held_out);
}

Split split(const Dataset& dataset, double fraction, std::uint64_t seed) {
  if (!(fraction > 0 && fraction < 1))
    fail<ValueError>("split", fmt::format("fraction must be in (0, 1), got {}", fraction));
  const auto n = dataset.size();
  const auto count = std::llround(fraction * static_cast<double>(n));
  if (count == 0 || count == n)
    fail<ValueError>("split",
                     fmt::format("fraction {} of {} samples leaves a part empty", fraction, n));
  Generator generator(seed);
  const Tensor order = randperm(n, generator);
  std::vector<bool> held_out(static_cast<std::size_t>(n));
  for (const auto i : order.data<std::int64_t>().first(static_cast<std::size_t>(count)))
    held_out[static_cast<std::size_t>(i)] = true;
  return split_by(dataset, held_out);
}

}  // namespace gradtape::nn::data
