/// Values of any type out of any bytes.
#pragma once

#include <gradtape/autograd/generator.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/loss.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fuzz/fuzz.hpp"

namespace gradtape::fuzz {

/// What a tensor among an op's arguments may well be.
struct Like {
  Shape shape;
  bool integers = false;
};

/// Draws values one after the other; where the bytes are used up, their last values are all 0.
/// Small ones are frequent, so that arguments fit each other; huge and negative ones occur.
class Bytes {
 public:
  /// `tensors` are given in place of the first floating tensors that are drawn: the same bytes
  /// then make the same call of other tensors.
  explicit Bytes(Input input, std::vector<Tensor> tensors = {})
      : left_(input), given_(std::move(tensors)) {}

  /// Draws the next tensors mostly like these.
  void expect(std::vector<Like> likes) { likes_ = std::move(likes); }

  std::uint8_t byte();
  /// 0 ... n - 1
  std::size_t below(std::size_t n) { return byte() % n; }
  std::int64_t integer();
  double number();
  std::string string();
  std::vector<std::int64_t> integers();
  Shape extents();  ///< of at most 256 elements
  Tensor tensor();
  Tensor optional_tensor();
  /// One with elements far from each other and from 0, or whatever the bytes say.
  Tensor tensor(const Shape& shape, Dtype dtype);
  std::vector<Index> indices();

  /// A value of an argument's type; options are drawn field by field.
  template <class T> T draw();

  /// The floating tensors that were drawn, in their order.
  const std::vector<Tensor>& floating() const { return floating_; }
  /// Whether their elements are what a derivative can be checked at.
  bool smooth() const { return smooth_; }

 private:
  Tensor literal();
  double special();

  Input left_;
  std::vector<Tensor> given_, floating_;
  std::size_t taken_ = 0;  // of those given
  std::vector<Like> likes_;
  std::size_t drawn_ = 0;  // tensors
  Shape last_ = {2, 3};
  Dtype dtype_ = float64;
  bool smooth_ = true;
};

namespace drawing {

/// Converts to what a field needs.
struct Any {
  Bytes* bytes;
  template <class T> operator T() const {
    if constexpr (std::same_as<T, Tensor>)
      return bytes->optional_tensor();
    else
      return bytes->draw<T>();
  }
};

template <class T, std::size_t... I> constexpr bool has_fields(std::index_sequence<I...>) {
  return requires { T{((void)I, Any{})...}; };
}
/// The number of fields of an aggregate, up to 8.
template <class T, std::size_t N = 8> constexpr std::size_t field_count() {
  if constexpr (N == 0 || has_fields<T>(std::make_index_sequence<N>()))
    return N;
  else
    return field_count<T, N - 1>();
}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // GCC notes that an optional is made from its value
template <class T, std::size_t... I> T draw_fields(Bytes& bytes, std::index_sequence<I...>) {
  return T{((void)I, Any{&bytes})...};
}
#pragma GCC diagnostic pop
/// Leaves an option out in one of two cases.
template <class T> void leave_out(Bytes& bytes, std::optional<T>& option) {
  if (bytes.below(2)) option.reset();
}
inline void leave_out(Bytes&, double) {}

/// The number of values of an enum.
template <class T> inline constexpr std::size_t value_count = 2;
template <> inline constexpr std::size_t value_count<Dtype> = 4;
template <> inline constexpr std::size_t value_count<PadMode> = 4;
template <> inline constexpr std::size_t value_count<Interpolation> = 5;
template <> inline constexpr std::size_t value_count<ScatterReduction> = 5;
template <> inline constexpr std::size_t value_count<nn::Reduction> = 4;

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
template <class T> inline constexpr bool is_vector = false;
template <class T> inline constexpr bool is_vector<std::vector<T>> = true;

}  // namespace drawing

template <class T> T Bytes::draw() {
  if constexpr (std::same_as<T, Tensor>) {
    return tensor();
  } else if constexpr (std::same_as<T, bool>) {
    return below(2) == 1;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<T>(below(drawing::value_count<T>));
  } else if constexpr (std::integral<T>) {
    return static_cast<T>(integer());
  } else if constexpr (std::floating_point<T>) {
    return number();
  } else if constexpr (std::same_as<T, std::string>) {
    return string();
  } else if constexpr (std::same_as<T, Generator>) {
    return Generator(byte());
  } else if constexpr (std::same_as<T, IndexList>) {
    return indices();
  } else if constexpr (std::same_as<T, Padding>) {
    if (below(4) == 0) return string();
    return Padding(integers());
  } else if constexpr (std::same_as<T, SpatialSize>) {
    if (below(2)) return T(std::vector<std::int64_t>{integer()});
    return T(integers());
  } else if constexpr (std::same_as<T, Shape> || std::derived_from<T, IntegerList>) {
    if constexpr (std::default_initializable<T>)
      if (below(4) == 0) return T();
    return T(integers());
  } else if constexpr (drawing::is_optional<T>) {
    if (below(2)) return draw<typename T::value_type>();
    return {};
  } else if constexpr (drawing::is_vector<T>) {
    T items;
    for (auto n = below(4); n > 0; --n) items.push_back(draw<typename T::value_type>());
    return items;
  } else {
    static_assert(std::is_aggregate_v<T>);
    if constexpr (std::default_initializable<T>)
      if (below(3) == 0) return T{};
    constexpr auto fields = std::make_index_sequence<drawing::field_count<T>()>();
    T options = drawing::draw_fields<T>(*this, fields);
    if constexpr (requires { options.eps; }) drawing::leave_out(*this, options.eps);
    if constexpr (requires { options.scale; }) drawing::leave_out(*this, options.scale);
    if constexpr (requires { options.padding_idx; }) drawing::leave_out(*this, options.padding_idx);
    if constexpr (requires { options.ignore_index; })
      drawing::leave_out(*this, options.ignore_index);
    return options;
  }
}

}  // namespace gradtape::fuzz
