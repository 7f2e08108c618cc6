#include "gradtape/optim/average.hpp"

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

ExponentialAverage::ExponentialAverage(std::vector<Parameter> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  detail::require_share("ExponentialAverage", "decay", decay);
  for (const auto& parameter : parameters_) averages_.push_back(parameter.tensor().detach());
}

void ExponentialAverage::update() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& parameter = parameters_[i];
    gradtape::detail::visit_floating(parameter.dtype(), "ExponentialAverage", [&](auto zero) {
      using T = decltype(zero);
      const T rest = static_cast<T>(1 - decay_);
      T* a = detail::writable<T>(averages_[i], parameter);
      const T* w = parameter.tensor().data<T>().data();
      const auto part = [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) a[k] += rest * (w[k] - a[k]);
      };
      gradtape::detail::parallel_for(parameter.numel(), gradtape::detail::elementwise_grain, part);
    });
  }
}

void ExponentialAverage::swap() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor value = parameters_[i].tensor().detach();
    parameters_[i].set(averages_[i].to(value.dtype()));
    averages_[i] = value;
  }
}

}  // namespace gradtape::optim
