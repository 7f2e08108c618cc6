/// StateDict: what a model, an optimizer or a generator is saved as.
#pragma once

#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// Named tensors: all that it takes to go on as if nothing had happened. Numbers are 0-d tensors of
/// int64 or float64. Any file format of named tensors holds one.
using StateDict = std::map<std::string, Tensor>;

/// A line for each entry: its name, shape and dtype, and the value of a number.
std::ostream& operator<<(std::ostream& out, const StateDict& state);

/// What can be saved and restored. `load_state_dict` takes what `state_dict` of an object of the
/// same make has given, and throws ValueError, with nothing changed, for what does not fit.
template <class T>
concept Stateful = requires(const T& from, T& to, const StateDict& state) {
  { from.state_dict() } -> std::convertible_to<StateDict>;
  to.load_state_dict(state);
};

/// The number `value` as an entry: 0-d, int64 or float64.
[[nodiscard]] Tensor state_entry(std::int64_t value);
[[nodiscard]] Tensor state_entry(double value);
/// Copies the entries of `part` into `whole`, with their names behind "prefix.".
void add_part(StateDict& whole, const std::string& prefix, const StateDict& part);
/// The entries of `whole` behind "prefix.", without it.
[[nodiscard]] StateDict part_of(const StateDict& whole, const std::string& prefix);

namespace detail {

/// Reads a StateDict entry by entry; what is missing, of the wrong dtype or shape, or left over
/// throws ValueError with the owner's name.
class StateReader {
 public:
  StateReader(std::string owner, const StateDict& state)
      : owner_(std::move(owner)), state_(state) {}

  /// Whether there is such an entry.
  [[nodiscard]] bool has(const std::string& name) const { return state_.contains(name); }
  /// The entry, of this shape and dtype.
  Tensor tensor(const std::string& name, const Shape& shape, Dtype dtype);
  /// The entry, of whatever layout.
  Tensor tensor(const std::string& name);
  /// The number that `entry` has been given.
  std::int64_t integer(const std::string& name);
  double real(const std::string& name);
  /// Throws if an entry has not been asked for.
  void finish() const;

 private:
  std::string owner_;
  const StateDict& state_;
  std::vector<std::string> read_;
};

}  // namespace detail
}  // namespace gradtape
