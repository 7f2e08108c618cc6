#include "support/op_samples.hpp"

#include <gradtape/autograd/error.hpp>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

/// By name, so that the table has one order whatever the linker's is.
auto& families() {
  static std::map<std::string, std::pair<Rows (*)(), ValueRows (*)()>> all;
  return all;
}

/// Whether this build lacks LAPACK, and the row asks for it.
bool needs_absent_lapack(const OpSample& row) {
  static const bool absent = [] {
    try {
      return (void)qr(ones({3, 3})), false;
    } catch (const Error&) {
      return true;
    }
  }();
  if (!absent) return false;
  try {
    for (const auto& shapes : row.shapes) (void)row.f(sample_inputs(row, shapes));
  } catch (const Error& error) {
    return std::string(error.what()).find("built without LAPACK") != std::string::npos;
  }
  return false;
}

}  // namespace

Family::Family(const char* name, Rows (*rows)(), ValueRows (*values)()) {
  if (!families().emplace(name, std::pair(rows, values)).second)
    throw std::logic_error(std::string("two families of rows are called ") + name);
}

const std::vector<OpSample>& op_samples() {
  static const Rows all = [] {
    Rows joined;
    for (const auto& [name, family] : families())
      for (auto& row : family.first())
        if (!needs_absent_lapack(row)) joined.push_back(std::move(row));
    return joined;
  }();
  return all;
}

const std::vector<ValueSample>& value_samples() {
  static const ValueRows all = [] {
    ValueRows joined;
    for (const auto& [name, family] : families())
      if (family.second)
        for (auto& row : family.second()) joined.push_back(std::move(row));
    return joined;
  }();
  return all;
}

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
