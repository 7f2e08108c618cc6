#include "gradtape/autograd/ops/resample.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gradtape/autograd/ops/detail/cubic.hpp"
#include "gradtape/autograd/ops/detail/windows.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

enum class Mode { nearest, nearest_exact, linear, cubic, area };

Mode mode_of(const std::string& name, int axes, bool align_corners) {
  static constexpr const char* linear_names[] = {"linear", "bilinear", "trilinear"};
  const bool linear = name == "linear" || name == linear_names[axes - 1];
  const bool cubic = name == "cubic" || (name == "bicubic" && axes == 2);
  if (align_corners && !linear && !cubic)
    fail<ValueError>("interpolate", fmt::format("align_corners is for the linear and cubic modes, "
                                                "not for \"{}\"",
                                                name));
  if (linear) return Mode::linear;
  if (cubic) return Mode::cubic;
  if (name == "nearest") return Mode::nearest;
  if (name == "nearest-exact") return Mode::nearest_exact;
  if (name == "area") return Mode::area;
  fail<ValueError>("interpolate",
                   fmt::format("there is no mode \"{}\" over {} spatial axes", name, axes));
}

/// One axis: `step` positions of x from one output to the next.
struct Axis {
  std::int64_t in, out;
  double step;
  bool align_corners;

  double position(std::int64_t o) const {
    const auto i = static_cast<double>(o);
    return align_corners ? i * step : (i + 0.5) * step - 0.5;
  }
  std::int64_t inside(double position) const {
    return std::clamp(
        static_cast<std::int64_t>(std::clamp(position, -2.0, static_cast<double>(in) + 2)),
        std::int64_t{0}, in - 1);
  }
};

kernels::Windows windows(const Axis& axis, Mode mode) {
  if (mode == Mode::area) return adaptive_windows(axis.in, axis.out);
  kernels::Windows w{.inputs = axis.in};
  for (std::int64_t o = 0; o < axis.out; ++o) {
    if (mode == Mode::nearest) {
      w.add(axis.inside(std::floor(static_cast<double>(o) * axis.step)), 1);
    } else if (mode == Mode::nearest_exact) {
      w.add(axis.inside(std::floor((static_cast<double>(o) + 0.5) * axis.step)), 1);
    } else if (mode == Mode::linear) {
      const double at = std::max(0.0, axis.position(o));
      const auto left = axis.inside(std::floor(at)), right = std::min(left + 1, axis.in - 1);
      const double t = std::clamp(at - static_cast<double>(left), 0.0, 1.0);
      if (t < 1) w.add(left, 1 - t);
      if (t > 0) w.add(right, t);
    } else {
      const double at = axis.position(o), left = std::floor(at);
      const auto weights = cubic_weights(at - left);
      for (int k = 0; k < 4; ++k)
        w.add(axis.inside(left + k - 1), weights[static_cast<std::size_t>(k)]);
    }
    w.end_row();
  }
  return w;
}

/// scale_factor for each of three spatial axes; 0 where it does not say the positions.
std::array<double, 3> factors(const InterpolateOptions& options, int axes) {
  const auto& list = options.scale_factor;
  const auto count = static_cast<std::size_t>(axes);
  if (list.empty() == options.size.list.empty())
    fail<ValueError>("interpolate", "needs size or scale_factor, one of the two");
  std::array<double, 3> result{0, 0, 0};
  if (list.empty()) return result;
  const bool fits = list.size() == 1 || list.size() == count;
  const bool positive = std::ranges::all_of(list, [](double f) { return f > 0 && f < 0x1p31; });
  if (!fits || !positive)
    fail<ValueError>("interpolate",
                     fmt::format("scale_factor takes one positive number, or one for each of the "
                                 "{} spatial axes; got [{}]",
                                 axes, fmt::join(list, ", ")));
  for (std::size_t i = 0; i < count; ++i) result[3 - count + i] = list[list.size() == 1 ? 0 : i];
  return result;
}

Spatial output_extents(const Tensor& x, const InterpolateOptions& options, int axes,
                       const std::array<double, 3>& factor) {
  if (options.scale_factor.empty()) return spatial("interpolate", "size", options.size, axes, 1);
  Spatial out = spatial_of(x.shape(), axes);
  for (auto i = static_cast<std::size_t>(3 - axes); i < 3; ++i) {
    const double extent = std::floor(static_cast<double>(out[i]) * factor[i]);
    if (extent < 1 || extent > std::numeric_limits<std::int32_t>::max())
      fail<ShapeError>("interpolate",
                       fmt::format("scale_factor {} makes an axis of extent {} out of x {}",
                                   factor[i], extent, describe(x)));
    out[i] = static_cast<std::int64_t>(extent);
  }
  return out;
}

double step(std::int64_t in, std::int64_t out, double factor, bool align_corners) {
  if (align_corners)
    return out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
  return factor > 0 ? 1 / factor : static_cast<double>(in) / static_cast<double>(out);
}

}  // namespace

Tensor interpolate(const Tensor& x, const InterpolateOptions& options) {
  need_defined("interpolate", x, "x");
  const int axes = x.ndim() - 2;
  if (axes < 1 || axes > 3)
    fail<ShapeError>("interpolate", fmt::format("needs x [n, channels, one to three spatial "
                                                "extents], got {}",
                                                describe(x)));
  check_pixels("interpolate", x, axes);
  const Mode mode = mode_of(options.mode, axes, options.align_corners);
  const auto factor = factors(options, axes);
  const Spatial in = spatial_of(x.shape(), axes), out = output_extents(x, options, axes, factor);
  check_memory("interpolate", x, axes, out);
  return resample("interpolate", x, axes, windows_of(in, axes, [&](std::size_t i) {
                    const double given = options.recompute_scale_factor ? 0 : factor[i];
                    const double s = step(in[i], out[i], given, options.align_corners);
                    return windows({in[i], out[i], s, options.align_corners}, mode);
                  }));
}

}  // namespace gradtape
