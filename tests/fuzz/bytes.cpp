#include "fuzz/bytes.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace gradtape::fuzz {

std::uint8_t Bytes::byte() {
  if (left_.empty()) return 0;
  const auto value = static_cast<std::uint8_t>(left_[0]);
  left_ = left_.subspan(1);
  return value;
}

std::int64_t Bytes::integer() {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr std::array<std::int64_t, 20> rare{most,
                                              -most - 1,
                                              most - 1,
                                              -most,
                                              std::int64_t{1} << 62,
                                              -(1LL << 62),
                                              1LL << 58,
                                              (1LL << 58) - 1,
                                              1LL << 53,
                                              1LL << 40,
                                              -(1LL << 40),
                                              1LL << 32,
                                              (1LL << 32) - 1,
                                              (1LL << 31) - 1,
                                              -(1LL << 31),
                                              1LL << 31,
                                              65536,
                                              1000,
                                              -1000,
                                              100};
  const auto value = byte();
  if (value >= 256 - rare.size()) return rare[value - (256 - rare.size())];
  if (value < 150) return value % 4;
  return value < 190 ? value % 8 : -(value % 4) - 1;
}

double Bytes::special() {
  using Limits = std::numeric_limits<double>;
  constexpr std::array values{0.0,    -0.0,   1.0,    -1.0,
                              0.5,    2.0,    1e-5,   Limits::infinity(),
                              1e300,  1e-30,  1e-310, -1e20,
                              3.0e38, 5.0,    0.1,    -Limits::infinity(),
                              1e18,   9.3e18, 255.0,  Limits::quiet_NaN()};
  return values[below(values.size())];
}

double Bytes::number() { return below(4) ? (byte() % 64) / 8.0 - 2 : special(); }

std::string Bytes::string() {
  constexpr std::array words{"nearest", "linear", "bilinear", "bicubic",      "trilinear",
                             "area",    "zeros",  "border",   "reflection",   "same",
                             "valid",   "fro",    "nuc",      "nearest-exact"};
  const auto which = below(words.size() + 2);
  if (which < words.size()) return words[which];
  std::string raw;
  for (auto n = below(12); n > 0; --n) raw += static_cast<char>(byte());
  return raw;
}

std::vector<std::int64_t> Bytes::integers() {
  std::vector<std::int64_t> list(below(20) < 19 ? below(5) : below(12));
  for (auto& i : list) i = integer();
  return list;
}

/// Often the last shape, or one that broadcasts to it or shares some extents.
Shape Bytes::extents() {
  std::vector<std::int64_t> shape(last_.begin(), last_.end());
  switch (below(8)) {
    case 0:
    case 1:
    case 2:
      break;
    case 3:
      if (!shape.empty()) shape[below(shape.size())] = static_cast<std::int64_t>(below(4));
      break;
    case 4:
      if (!shape.empty()) shape.erase(shape.begin());
      break;
    case 5:
      if (!shape.empty()) shape.pop_back();
      break;
    default:
      shape.assign(below(20) < 19 ? below(6) : below(9), 0);
      for (auto& extent : shape) extent = static_cast<std::int64_t>(byte() % 11 + 1) / 2;
  }
  std::int64_t elements = 1;
  for (auto& extent : shape) {
    if (elements * extent > 256) extent = 1;
    elements *= extent ? extent : 1;
  }
  return last_ = Shape(shape);
}

Tensor Bytes::tensor(const Shape& shape, Dtype dtype) {
  const auto how = below(8);
  if (dtype == bool_ || dtype == int64 || how < 4) {
    // Distinct and generic, from -2 to 2; or small integers, such as indices.
    const Tensor places = arange(shape.numel());
    const Tensor k = places.to(float64), generic = 2.0 * sin(1.0 + 1.3 * k + 0.37 * k * k);
    if (dtype == int64) {
      if (how >= 6) return full(shape, 0, int64) + integer();
      return reshape(remainder(places * 7 + integer(),
                               gradtape::tensor(static_cast<std::int64_t>(below(8) + 1))) -
                         static_cast<std::int64_t>(how == 5),
                     shape);
    }
    const Tensor x = how == 1 ? abs(generic) + 0.1 : how == 2 ? sigmoid(generic) : generic;
    return reshape(dtype == bool_ ? generic > 0.0 : x.to(dtype), shape);
  }
  smooth_ = false;
  std::vector<double> elements(static_cast<std::size_t>(shape.numel()));
  std::vector<double> some(below(8) + 1);
  for (auto& element : some) element = how < 6 ? special() : number();
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = some[i % some.size()];
  return gradtape::tensor(elements, shape).to(dtype);
}

Tensor Bytes::literal() {
  switch (below(4)) {
    case 0:
      return Tensor();
    case 1:
      return Tensor(integer());
    case 2:
      return Tensor(below(2) == 1);
    default:
      return Tensor(number());
  }
}

Tensor Bytes::tensor() {
  const auto kind = byte();
  const auto place = drawn_++;
  if (kind >= 240) return literal();
  if (kind < 16) dtype_ = static_cast<Dtype>(kind % 4);  // from here on
  const bool expected = place < likes_.size() && kind % 5 != 0;
  const Dtype dtype = expected     ? (likes_[place].integers ? int64 : dtype_)
                      : kind < 190 ? dtype_
                      : kind < 220 ? int64
                                   : bool_;
  const Shape shape = expected ? last_ = likes_[place].shape : extents();
  Tensor x = tensor(shape, dtype);
  if (!is_floating(dtype)) return x;
  if (kind % 8 == 7 && shape.ndim() > 1)
    x = transpose(transpose(x) * 1.0);  // which has not moved its elements yet
  if (taken_ < given_.size()) x = given_[taken_++];
  floating_.push_back(x);
  return x;
}

Tensor Bytes::optional_tensor() {
  if (below(2)) return tensor();
  ++drawn_;
  return {};
}

std::vector<Index> Bytes::indices() {
  std::vector<Index> list;
  const auto bound = [&] { return below(3) ? integer() : to_end; };
  for (auto n = below(6); n > 0; --n) switch (below(7)) {
      case 0:
      case 1:
        list.push_back(integer());
        break;
      case 2:
      case 3: {
        const auto start = below(3) ? integer() : 0, stop = bound();
        list.push_back(range(start, stop, below(2) ? integer() : 1));
        break;
      }
      case 4:
        list.push_back(newaxis);
        break;
      case 5:
        list.push_back(ellipsis);
        break;
      default: {
        const Shape shape = extents();
        list.push_back(tensor(shape, below(2) ? int64 : bool_));
      }
    }
  return list;
}

}  // namespace gradtape::fuzz
