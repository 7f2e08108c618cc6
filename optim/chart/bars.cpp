#include "gradtape/optim/chart/bars.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace gradtape::optim::detail {

Bars::Bars(const Chart& chart) {
  std::vector<double> xs;
  for (const auto& series : chart.series) {
    if (series.mark != Mark::bars) continue;
    ++count_;
    for (const double x : series.x)
      if (std::isfinite(x)) xs.push_back(x);
  }
  std::sort(xs.begin(), xs.end());
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < xs.size(); ++i)
    if (xs[i] > xs[i - 1]) least = std::min(least, xs[i] - xs[i - 1]);
  if (std::isfinite(least)) slot_ = least;
}

double Bars::offset(const Chart& chart, std::size_t place) const {
  const auto before =
      std::count_if(chart.series.begin(), chart.series.begin() + static_cast<std::ptrdiff_t>(place),
                    [](const Series& s) { return s.mark == Mark::bars; });
  return width() * (static_cast<double>(before) - (static_cast<double>(count_) - 1) / 2);
}

}  // namespace gradtape::optim::detail
