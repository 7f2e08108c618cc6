#include "gradtape/autograd/state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <span>
#include <string>

#include "gradtape/autograd/error.hpp"

namespace gradtape {

Tensor state_entry(std::int64_t value) {
  return tensor(std::span<const std::int64_t>(&value, 1), Shape{});
}

Tensor state_entry(double value) { return tensor(std::span<const double>(&value, 1), Shape{}); }

std::ostream& operator<<(std::ostream& out, const StateDict& state) {
  std::size_t width = 0;
  for (const auto& [name, value] : state) width = std::max(width, name.size());
  for (const auto& [name, value] : state) {
    out << name << std::string(width - name.size() + 2, ' ');
    if (!value.defined())
      out << "undefined\n";
    else if (value.ndim() == 0)
      out << value << " " << value.dtype() << "\n";
    else
      out << value.shape() << " " << value.dtype() << "\n";
  }
  return out;
}

void add_part(StateDict& whole, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, value] : part) whole.insert_or_assign(prefix + "." + name, value);
}

StateDict part_of(const StateDict& whole, const std::string& prefix) {
  const auto start = prefix + ".";
  StateDict part;
  for (auto at = whole.lower_bound(start); at != whole.end() && at->first.starts_with(start); ++at)
    part.emplace(at->first.substr(start.size()), at->second);
  return part;
}

namespace detail {

Tensor StateReader::tensor(const std::string& name) {
  const auto at = state_.find(name);
  if (at == state_.end() || !at->second.defined())
    fail<ValueError>(owner_, fmt::format("the state has no '{}'", name));
  read_.push_back(name);
  return at->second;
}

Tensor StateReader::tensor(const std::string& name, const Shape& shape, Dtype dtype) {
  const Tensor value = tensor(name);
  if (value.shape() != shape || value.dtype() != dtype)
    fail<ValueError>(owner_, fmt::format("'{}' must be {} {}, the state has {} {}", name,
                                         shape.str(), gradtape::name(dtype), value.shape().str(),
                                         gradtape::name(value.dtype())));
  return value;
}

std::int64_t StateReader::integer(const std::string& name) {
  return tensor(name, {}, int64).item<std::int64_t>();
}

double StateReader::real(const std::string& name) {
  return tensor(name, {}, float64).item<double>();
}

void StateReader::finish() const {
  for (const auto& [name, value] : state_)
    if (std::find(read_.begin(), read_.end(), name) == read_.end())
      fail<ValueError>(owner_, fmt::format("the state has an unknown entry '{}'", name));
}

}  // namespace detail
}  // namespace gradtape
