#include "support/op_samples.hpp"

#include <cmath>

#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

template <class Row> std::vector<Row> join(const std::vector<std::vector<Row>>& families) {
  std::vector<Row> all;
  for (const auto& family : families) all.insert(all.end(), family.begin(), family.end());
  return all;
}

}  // namespace

// clang-format off
const std::vector<OpSample>& op_samples() {
  static const Rows all = join<OpSample>({
      activation_rows(),
      arithmetic_rows(),
      arrange_rows(),
      attention_rows(),
      comparison_rows(),
      convolution_rows(),
      distance_rows(),
      elementwise_rows(),
      index_rows(),
      linalg_rows(),
      loss_rows(),
      matmul_rows(),
      normalisation_rows(),
      pooling_rows(),
      random_rows(),
      reduce_rows(),
      resample_rows(),
      scan_rows(),
      shape_rows(),
      softmax_rows(),
      sort_rows(),
  });
  return all;
}

const std::vector<ValueSample>& value_samples() {
  static const ValueRows all = join<ValueSample>({
      activation_values(),
      arithmetic_values(),
      arrange_values(),
      attention_values(),
      comparison_values(),
      convolution_values(),
      distance_values(),
      elementwise_values(),
      index_values(),
      linalg_values(),
      loss_values(),
      matmul_values(),
      normalisation_values(),
      pooling_values(),
      random_values(),
      reduce_values(),
      resample_values(),
      scan_values(),
      shape_values(),
      softmax_values(),
      sort_values(),
  });
  return all;
}
// clang-format on

std::vector<Tensor> sample_inputs(const OpSample& sample, const std::vector<Shape>& shapes) {
  Generator generator(3);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto [low, high] = sample.ranges[std::min(i, sample.ranges.size() - 1)];
    const auto n = shapes[i].numel();
    const Tensor order = randperm(n, generator), jitter = rand({n}, float64, generator);
    std::vector<double> x;
    for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
      const double place =
          static_cast<double>(order.data<std::int64_t>()[k]) + 0.3 + 0.4 * jitter.data<double>()[k];
      x.push_back(low + (high - low) * place / static_cast<double>(n));
      for (double kink : sample.kinks)
        if (std::abs(x.back() - kink) < 0.05) x.back() = kink + (x.back() < kink ? -0.05 : 0.05);
    }
    inputs.push_back(tensor(x, shapes[i]));
  }
  return inputs;
}

}  // namespace gradtape::testing
