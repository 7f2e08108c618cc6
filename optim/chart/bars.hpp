/// Where the bars of a chart stand. For charts only.
#pragma once

#include <cstddef>

#include "gradtape/optim/chart.hpp"

namespace gradtape::optim::detail {

/// The bars of all series of a chart, those at the same x side by side.
class Bars {
 public:
  explicit Bars(const Chart& chart);

  /// How many series have bars.
  std::size_t count() const { return count_; }
  /// Of the x axis: what all bars at one x have, the least distance of two different ones.
  double slot() const { return slot_; }
  /// Of the x axis: the width of one bar.
  double width() const { return 0.8 * slot_ / static_cast<double>(count_); }
  /// Of the x axis: from x to the middle of the bar of the series at a place.
  double offset(const Chart& chart, std::size_t place) const;

 private:
  std::size_t count_ = 0;
  double slot_ = 1;
};

}  // namespace gradtape::optim::detail
