#include "gradtape/optim/average.hpp"

#include <fmt/format.h>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {
namespace {

using Parameters = std::vector<Parameter>;
using Averages = std::vector<Tensor>;

Averages values(const Parameters& parameters) {
  Averages out;
  for (const auto& parameter : parameters) out.push_back(parameter.tensor().detach());
  return out;
}

/// a <- a + share (w - a).
void step_towards(const char* op, Averages& averages, const Parameters& parameters, double share) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& parameter = parameters[i];
    author::visit_floating(parameter.dtype(), op, [&](auto zero) {
      using T = decltype(zero);
      const T step = static_cast<T>(share);
      T* a = detail::writable<T>(averages[i], parameter);
      const T* w = parameter.tensor().data<T>().data();
      const auto part = [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) a[k] += step * (w[k] - a[k]);
      };
      author::parallel_for(parameter.numel(), author::elementwise_grain, part);
    });
  }
}

void swap_with(Averages& averages, const Parameters& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor value = parameters[i].tensor().detach();
    parameters[i].set(averages[i].to(value.dtype()));
    averages[i] = value;
  }
}

StateDict saved(const Averages& averages) {
  StateDict state;
  for (std::size_t i = 0; i < averages.size(); ++i)
    state[fmt::format("averages.{}", i)] = averages[i];
  return state;
}

Averages read(author::StateReader& state, const Averages& present) {
  Averages out;
  for (std::size_t i = 0; i < present.size(); ++i)
    out.push_back(
        state.tensor(fmt::format("averages.{}", i), present[i].shape(), present[i].dtype())
            .detach());
  return out;
}

}  // namespace

ExponentialAverage::ExponentialAverage(std::vector<Parameter> parameters, double decay)
    : parameters_(std::move(parameters)), averages_(values(parameters_)), decay_(decay) {
  author::require("ExponentialAverage", "decay", decay, author::half_open(0, 1));
}

void ExponentialAverage::update() {
  step_towards("ExponentialAverage", averages_, parameters_, 1 - decay_);
}

void ExponentialAverage::swap() { swap_with(averages_, parameters_); }

StateDict ExponentialAverage::state_dict() const { return saved(averages_); }

void ExponentialAverage::load_state_dict(const StateDict& state) {
  author::StateReader reader("ExponentialAverage", state);
  auto averages = read(reader, averages_);
  reader.finish();
  averages_ = std::move(averages);
}

StochasticWeightAverage::StochasticWeightAverage(std::vector<Parameter> parameters)
    : parameters_(std::move(parameters)), averages_(values(parameters_)) {}

void StochasticWeightAverage::update() {
  step_towards("StochasticWeightAverage", averages_, parameters_,
               1 / static_cast<double>(count_ + 1));
  ++count_;
}

void StochasticWeightAverage::swap() { swap_with(averages_, parameters_); }

StateDict StochasticWeightAverage::state_dict() const {
  StateDict state = saved(averages_);
  state["count"] = state_entry(count_);
  return state;
}

void StochasticWeightAverage::load_state_dict(const StateDict& state) {
  author::StateReader reader("StochasticWeightAverage", state);
  auto averages = read(reader, averages_);
  const auto count = reader.integer("count");
  reader.finish();
  author::require("StochasticWeightAverage", "count", count, detail::counter);
  averages_ = std::move(averages);
  count_ = count;
}

}  // namespace gradtape::optim
