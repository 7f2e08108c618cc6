/// The options of convolutions, pooling and resampling that say something for each spatial axis.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace gradtape {

/// One integer for every spatial axis, or one for all of them: `3`, `{3}`, `{3, 5}` or a vector.
class Extents {
 public:
  Extents() = default;
  template <std::integral I> Extents(I all) : list{static_cast<std::int64_t>(all)} {}
  Extents(std::initializer_list<std::int64_t> each) : list(each) {}
  Extents(std::vector<std::int64_t> each) : list(std::move(each)) {}

  std::vector<std::int64_t> list;
};

/// The zeros before and after every spatial axis, in numbers or by name: "valid" for none, "same"
/// for as many as make the output as large as the input (one more after than before where they are
/// odd).
class Padding : public Extents {
 public:
  using Extents::Extents;
  Padding(const char* mode) : mode(mode) {}
  Padding(std::string mode) : mode(std::move(mode)) {}

  std::string mode;  ///< Empty where numbers are given.
};

}  // namespace gradtape
