/// Long products of floats.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gradtape::kernels {

/// A product whose powers of two are kept apart: it and its parts may leave the range of T.
template <class T> class ProductApart {
 public:
  explicit ProductApart(T first) : digits_(first) {}
  void operator*=(T x) {
    int of_factor = 0, of_product = 0;
    digits_ = std::frexp(digits_ * std::frexp(x, &of_factor), &of_product);
    exponent_ += of_factor + of_product;
  }
  /// The product as a T: 0 or infinite where it is out of range.
  T value() const {
    return std::ldexp(digits_,
                      static_cast<int>(std::clamp<std::int64_t>(exponent_, -100000, 100000)));
  }

 private:
  T digits_;
  std::int64_t exponent_ = 0;
};

}  // namespace gradtape::kernels
