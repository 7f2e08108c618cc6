/// The axes of charts: where values lie, and which of them are written. For charts only.
#pragma once

#include <string>
#include <vector>

namespace gradtape::optim::detail {

/// The ends of some values.
struct Range {
  double low = 0, high = 0;
  bool any = false, whole = true;  ///< Whether there is a value, and all of them are integers.
  void add(double value);
};

/// A round value on an axis.
struct Tick {
  double at;          ///< From 0 to 1 along the axis.
  std::string label;  ///< As SVG text; empty for the lines in between.
};

/// Maps values to 0 ... 1 along an axis.
class Scale {
 public:
  /// Over the range and a margin of this share of it at each end. Where values reach down to near
  /// 0, a linear scale with a margin starts there.
  Scale(const Range& range, bool logarithmic, double margin);

  /// Whether there is a place for the value: finite, and above 0 on a logarithmic axis.
  bool has(double value) const;
  double operator()(double value) const;
  /// From one end to the other; of logarithms, to base 10, on a logarithmic axis.
  double length() const { return high_ - low_; }
  /// Round values, about `count` of them with a label.
  std::vector<Tick> ticks(double count) const;

 private:
  double within(double value) const;
  std::vector<Tick> linear_ticks(double low, double high, double count) const;
  std::vector<Tick> decades(double count) const;

  double low_ = 0, high_ = 1;  // logarithms on a logarithmic axis
  bool logarithmic_, whole_;
};

/// A number in so many digits at most, or as an integer, with a true minus sign.
std::string short_number(double value, int digits = 4);

}  // namespace gradtape::optim::detail
