#include "gradtape/optim/chart/scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gradtape::optim::detail {
namespace {

std::string with_minus(std::string text) {
  for (auto at = text.find('-'); at != text.npos; at = text.find('-', at)) text.replace(at, 1, "−");
  return text;
}

/// Of 1, 2, 5, 10, 20 ... and their fractions, the least that is no less than `least`.
double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1., 2., 5.})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

/// A multiple of `step`, on an axis that reaches to `largest`.
std::string tick_label(double value, double step, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e9 || largest < 1e-4) return with_minus(fmt::format("{:.3g}", value));
  const double unit = largest >= 1e6 ? 1e6 : largest >= 1e4 ? 1e3 : 1;
  const double digits = std::ceil(-std::log10(step / unit) - 1e-9);
  return with_minus(fmt::format("{:.{}f}{}", value / unit,
                                std::clamp(static_cast<int>(digits), 0, 8),
                                unit == 1e6   ? "M"
                                : unit == 1e3 ? "k"
                                              : ""));
}

/// digit 10^power; the digit is 1 where this is not plain.
std::string power_label(int digit, int power, bool plain) {
  if (plain) return fmt::format("{:g}", digit * std::pow(10, power));
  if (power == 0) return "1";
  return with_minus(fmt::format("1e{}", power));  // raised digits are too small for a phone
}

}  // namespace

std::string short_number(double value, int digits) {
  if (value == 0) value = 0;  // no minus
  const double size = std::abs(value);
  return with_minus(size >= 1000 && size < 1e7 ? fmt::format("{:.0f}", value)
                                               : fmt::format("{:.{}g}", value, digits));
}

void Range::add(double value) {
  low = any ? std::min(low, value) : value;
  high = any ? std::max(high, value) : value;
  whole = whole && value == std::floor(value);
  any = true;
}

Scale::Scale(const Range& range, bool logarithmic, double margin)
    : logarithmic_(logarithmic), whole_(range.any && range.whole) {
  if (!range.any) {
    if (logarithmic) high_ = 2;
    return;
  }
  const double low = within(range.low), high = within(range.high);
  low_ = logarithmic ? std::log10(low) : low;
  high_ = logarithmic ? std::log10(high) : high;
  const bool from_zero = !logarithmic && margin > 0 && low >= 0 && low < 0.4 * high;
  const double least = logarithmic ? 0.05 : std::max(std::abs(low) * 1e-9, 1e-300);
  if (high_ - low_ < least) {  // all the same
    const double around = logarithmic ? 0.5 : std::abs(low_) < 1e-290 ? 1 : std::abs(low_) / 10;
    low_ -= around;
    high_ += around;
    return;
  }
  const double room = margin * (high_ - low_);
  low_ = from_zero ? 0 : low_ - room;
  high_ += room;
}

/// Bounds that leave differences, ratios and steps finite.
double Scale::within(double value) const {
  return std::clamp(value, logarithmic_ ? 1e-290 : -1e300, 1e300);
}

bool Scale::has(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }

double Scale::operator()(double value) const {
  value = within(value);
  return ((logarithmic_ ? std::log10(value) : value) - low_) / (high_ - low_);
}

std::vector<Tick> Scale::ticks(double count) const {
  if (!logarithmic_) return linear_ticks(low_, high_, count);
  if (high_ - low_ < 1.2) return linear_ticks(std::pow(10, low_), std::pow(10, high_), count);
  return decades(count);
}

std::vector<Tick> Scale::linear_ticks(double low, double high, double count) const {
  double step = round_step((high - low) / count);
  if (whole_) step = std::max(step, 1.0);
  const double largest = std::max(std::abs(low), std::abs(high));
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9), last = std::floor(high / step + 1e-9);
  for (double k = first; k <= last && ticks.size() < 100; ++k)
    ticks.push_back({(*this)(k * step), tick_label(k * step, step, largest)});
  return ticks;
}

std::vector<Tick> Scale::decades(double count) const {
  const int first = static_cast<int>(std::floor(low_)), last = static_cast<int>(std::floor(high_));
  const int stride = std::max(1, static_cast<int>(std::ceil((high_ - low_) / count)));
  const bool plain = first >= -4 && last <= 4, lines_between = stride == 1 && high_ - low_ < 5;
  const bool fine = 3 * (high_ - low_) <= count + 1;  // room for 2 and 5 of each decade
  std::vector<Tick> ticks;
  for (int power = first; power <= last; ++power)
    for (int digit = 1; digit <= (lines_between ? 9 : 1); ++digit) {
      const double at = (power + std::log10(digit) - low_) / (high_ - low_);
      if (at < -1e-9 || at > 1 + 1e-9) continue;
      const bool labelled =
          digit == 1 ? power % stride == 0 : fine && plain && (digit == 2 || digit == 5);
      ticks.push_back({at, labelled ? power_label(digit, power, plain) : std::string()});
    }
  return ticks;
}

}  // namespace gradtape::optim::detail
