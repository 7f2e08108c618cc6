#include "gradtape/optim/optimizer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "gradtape/optim/update.hpp"

namespace gradtape::optim {

void Optimizer::add_parameters(const char* op, const std::vector<Parameter>& parameters) {
  if (parameters.empty())
    fail<ValueError>(op,
                     "got no parameters; register them with parameter() and child() in the model");
  std::vector<Parameter> all = parameters_;
  all.insert(all.end(), parameters.begin(), parameters.end());
  std::unordered_map<const void*, std::size_t> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].defined()) fail<ValueError>(op, fmt::format("parameter {} is undefined", i));
    const auto [first, is_new] = seen.emplace(all[i].id(), i);
    if (!is_new)
      fail<ValueError>(op, fmt::format("parameters {} and {} are the same variable, '{}'; "
                                       "it would be updated twice a step",
                                       first->second, i, all[i].name()));
  }
  parameters_ = std::move(all);
  group_.resize(parameters_.size(), num_groups_++);
}

void Optimizer::zero_grad() {
  for (const auto& parameter : parameters_) parameter.zero_grad();
}

namespace detail {

double shortfall(double beta, std::int64_t t) {
  return 1 - std::pow(beta, static_cast<double>(t));
}

void require(bool ok, const char* op, const char* option, double value, const char* range) {
  if (!ok) fail<ValueError>(op, fmt::format("{} = {}, but it must be {}", option, value, range));
}

void require_non_negative(const char* op, const char* option, double value) {
  require(value >= 0 && std::isfinite(value), op, option, value, "finite and at least 0");
}

void require_share(const char* op, const char* option, double value) {
  require(value >= 0 && value < 1, op, option, value, "in [0, 1)");
}

}  // namespace detail
}  // namespace gradtape::optim
