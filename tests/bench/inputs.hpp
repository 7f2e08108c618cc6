/// What workloads compute with: numbers made by a formula, so that both libraries get the same.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using Extents = std::vector<std::int64_t>;

/// A well mixed number for each counter (Steele, Lea and Flood 2014: SplitMix64).
inline std::uint64_t mix(std::uint64_t counter) {
  std::uint64_t z = (counter + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// In [-1, 1).
inline double uniform_number(std::uint64_t counter) {
  return static_cast<double>(static_cast<std::int64_t>(mix(counter))) / 9223372036854775808.0;
}

/// Nearly normal, of mean 0 and variance 1: the sum of four uniform numbers.
inline double normal_number(std::uint64_t counter) {
  const std::uint64_t bits = mix(counter);
  double sum = 0;
  for (int shift = 0; shift < 64; shift += 16)
    sum += static_cast<double>((bits >> shift) & 0xffff) / 65536.0;
  return (sum - 2 + 2.0 / 65536) * std::sqrt(3.0);
}

/// In [-2, 2), and another number for each counter below 2^22, exact in float32: what sorts in one
/// way.
inline double distinct_number(std::uint64_t counter) {
  constexpr std::uint64_t bits = (1u << 22) - 1;
  std::uint64_t x = counter * 0x9e3779b1u & bits;
  x = (x ^ (x >> 11)) * 0x85ebca6bu & bits;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u & bits;
  return static_cast<double>(x) / 1048576.0 - 2;
}

/// FNV-1a, to give every variable numbers of its own by its name.
inline std::uint64_t hash(const std::string& text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

/// A tensor that a workload starts from.
struct Input {
  enum class Kind { normal, symmetric, index, distinct } kind = Kind::normal;
  Extents shape = {};
  bool variable = true;    ///< Its gradient is asked for.
  bool wide = false;       ///< float64, not float32.
  double scale = 1;        ///< What normal and symmetric numbers are multiplied with.
  double diagonal = 0;     ///< What is added to the diagonal of matrices.
  std::int64_t below = 1;  ///< An index is in [0, below).
};

inline Input normal(const Extents& shape, double scale = 1) {
  return {.shape = shape, .scale = scale};
}
inline Input constant(const Extents& shape, double scale = 1) {
  return {.shape = shape, .variable = false, .scale = scale};
}
/// The weights of a layer of `fan_in` inputs.
inline Input weight(const Extents& shape, std::int64_t fan_in) {
  return normal(shape, 1 / std::sqrt(static_cast<double>(fan_in)));
}
inline Input indices(const Extents& shape, std::int64_t below) {
  return {.kind = Input::Kind::index, .shape = shape, .variable = false, .below = below};
}
/// A matrix that is far from singular, as its diagonal is heavy.
inline Input regular(const Extents& shape) {
  return {.shape = shape, .diagonal = 3 * std::sqrt(static_cast<double>(shape.back()))};
}
/// Numbers of which no two are equal.
inline Input distinct(const Extents& shape) {
  return {.kind = Input::Kind::distinct, .shape = shape};
}
inline Input symmetric(const Extents& shape) {
  return {.kind = Input::Kind::symmetric, .shape = shape};
}
inline Input positive_definite(const Extents& shape) {
  Input input = regular(shape);
  input.kind = Input::Kind::symmetric;
  return input;
}
inline Input wide(Input input) {
  input.wide = true;
  return input;
}

inline std::int64_t count(const Extents& shape) {
  std::int64_t n = 1;
  for (const auto extent : shape) n *= extent;
  return n;
}

/// The elements of an input that is no index, row by row.
template <class T> std::vector<T> numbers(const Input& input, std::uint64_t seed) {
  std::vector<T> values(static_cast<std::size_t>(count(input.shape)));
  const bool matrix = input.diagonal != 0 || input.kind == Input::Kind::symmetric;
  const std::uint64_t columns = matrix ? static_cast<std::uint64_t>(input.shape.back()) : 1;
  const std::uint64_t rows =
      matrix ? static_cast<std::uint64_t>(input.shape[input.shape.size() - 2]) : 1;
  for (std::uint64_t i = 0; i < values.size(); ++i) {
    const std::uint64_t column = i % columns, row = i / columns % rows;
    std::uint64_t counter = i;
    if (input.kind == Input::Kind::symmetric && row > column)
      counter = i - row * columns - column + column * columns + row;
    const double shift = matrix && row == column ? input.diagonal : 0;
    const double number =
        input.kind == Input::Kind::distinct ? distinct_number(i) : normal_number(seed + counter);
    values[i] = static_cast<T>(number * input.scale + shift);
  }
  return values;
}

inline std::vector<std::int64_t> index_numbers(const Input& input, std::uint64_t seed) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count(input.shape)));
  for (std::uint64_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int64_t>(mix(seed + i) % static_cast<std::uint64_t>(input.below));
  return values;
}

/// A sum of the elements with weights by the formula: two tensors whose norm and this agree are
/// taken to be equal.
template <class T> double probe(const T* values, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(values[i]) * uniform_number(i);
  return sum;
}

template <class T> double norm(const T* values, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i)
    sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return std::sqrt(sum);
}

}  // namespace bench
