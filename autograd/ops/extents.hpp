/// The options of convolutions, pooling and resampling that say something for each spatial axis.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "gradtape/autograd/integer_list.hpp"

namespace gradtape {

/// One integer for every spatial axis, or one for all of them: `3`, `{3}`, `{3, 5}` or a vector.
class SpatialSize : public IntegerList {
 public:
  SpatialSize() = default;
  template <std::same_as<IntegerList> List> SpatialSize(List each) : IntegerList(std::move(each)) {}
  using IntegerList::IntegerList;
};

/// The zeros before and after every spatial axis, in numbers or by name: "valid" for none, "same"
/// for as many as make the output as large as the input (one more after than before where they are
/// odd).
class Padding : public SpatialSize {
 public:
  Padding() = default;
  using SpatialSize::SpatialSize;
  Padding(const char* name) : mode(name) {}
  Padding(std::string name) : mode(std::move(name)) {}

  std::string mode;  ///< Empty where numbers are given.
};

}  // namespace gradtape
