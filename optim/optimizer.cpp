#include "gradtape/optim/optimizer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

Optimizer::Optimizer(const char* op, std::vector<Parameter> parameters)
    : parameters_(std::move(parameters)) {
  if (parameters_.empty())
    fail<ValueError>(op,
                     "got no parameters; register them with parameter() and child() in the model");
  std::unordered_map<const void*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].defined())
      fail<ValueError>(op, fmt::format("parameter {} is undefined", i));
    const auto [first, is_new] = seen.emplace(parameters_[i].id(), i);
    if (!is_new)
      fail<ValueError>(op, fmt::format("parameters {} and {} are the same variable, '{}'; "
                                       "it would be updated twice a step",
                                       first->second, i, parameters_[i].name()));
  }
}

void Optimizer::zero_grad() {
  for (const auto& parameter : parameters_) parameter.zero_grad();
}

namespace detail {

void require(bool ok, const char* op, const char* option, double value, const char* range) {
  if (!ok) fail<ValueError>(op, fmt::format("{} = {}, but it must be {}", option, value, range));
}

void require_non_negative(const char* op, const char* option, double value) {
  require(value >= 0 && std::isfinite(value), op, option, value, "finite and at least 0");
}

}  // namespace detail
}  // namespace gradtape::optim
