#include "gradtape/nn/metric/regression.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gradtape/autograd/author.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/nn/loss/check.hpp"

namespace gradtape::nn::metric {

using namespace author;

namespace {

/// Calls see(p, t) on each pair of elements. They are taken as float64: sums over many batches need
/// it.
template <class See>
void each(const char* op, const Tensor& prediction, const Tensor& target, const See& see) {
  if (!is_floating(prediction.dtype()) || prediction.dtype() != target.dtype())
    fail<DtypeError>(op, fmt::format("needs two tensors of float32 or float64, got {} and {}",
                                     describe(prediction), describe(target)));
  nn::detail::check_shapes(op, prediction, target);
  const Tensor p = prediction.detach().to(float64), t = target.detach().to(float64);
  const auto ps = p.data<double>(), ts = t.data<double>();
  for (std::size_t i = 0; i < ps.size(); ++i) see(ps[i], ts[i]);
}

}  // namespace

void MeanSquaredError::update(const Tensor& prediction, const Tensor& target) {
  each("mean_squared_error", prediction, target,
       [&](double p, double t) { mean_.update((p - t) * (p - t)); });
}

double mean_squared_error(const Tensor& prediction, const Tensor& target) {
  MeanSquaredError metric;
  metric.update(prediction, target);
  return metric.compute();
}

void MeanAbsoluteError::update(const Tensor& prediction, const Tensor& target) {
  each("mean_absolute_error", prediction, target,
       [&](double p, double t) { mean_.update(std::abs(p - t)); });
}

double mean_absolute_error(const Tensor& prediction, const Tensor& target) {
  MeanAbsoluteError metric;
  metric.update(prediction, target);
  return metric.compute();
}

void R2::update(const Tensor& prediction, const Tensor& target) {
  constexpr const char* op = "r2";
  if (target.ndim() == 0) fail<ShapeError>(op, "needs samples along axis 0, got a 0-d target");
  const auto n = target.size(0);
  if (n == 0) return;
  const auto count = static_cast<std::size_t>(target.numel() / n);
  if (samples_ > 0 && count != outputs_.size())
    fail<ShapeError>(op, fmt::format("the samples of this batch have {} outputs, those before {}",
                                     count, outputs_.size()));
  auto outputs = outputs_;
  outputs.resize(count);
  std::size_t i = 0;
  each(op, prediction, target, [&](double p, double t) {
    auto& output = outputs[i % count];
    const auto seen = samples_ + static_cast<std::int64_t>(i++ / count) + 1;
    const double before = t - output.mean;
    output.mean += before / static_cast<double>(seen);
    output.total += before * (t - output.mean);
    output.residual += (p - t) * (p - t);
  });
  outputs_ = std::move(outputs);
  samples_ += n;
}

double R2::compute() const {
  if (samples_ < 2) return std::numeric_limits<double>::quiet_NaN();
  Mean mean;
  for (const auto& [center, total, residual] : outputs_)
    mean.update(total != 0 ? 1 - residual / total : residual == 0 ? 1 : 0);
  return mean.compute();
}

double r2(const Tensor& prediction, const Tensor& target) {
  R2 metric;
  metric.update(prediction, target);
  return metric.compute();
}

}  // namespace gradtape::nn::metric
