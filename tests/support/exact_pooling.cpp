// Pooling.
#include <gradtape/autograd/ops.hpp>

#include <functional>

#include "support/exact.hpp"
#include "support/exact_windows.hpp"

namespace gradtape::testing::exact {

namespace {

using Pool = std::function<Tensor(const Tensor&)>;
using Reduce = std::function<Real50(const Numbers&)>;
using Parts = std::vector<std::vector<std::size_t>>;  // what each output of an image reads

Parts parts_of(const Windows& windows) {
  Parts parts(count(windows.outputs()));
  for (const auto& read : windows.reads()) parts[read.output].push_back(read.input);
  return parts;
}

/// Window i of an axis runs from floor(i in / out) to ceil((i + 1) in / out).
Parts adaptive_parts(const Extents& in, const Extents& out) {
  Parts parts(count(out));
  for (std::size_t o = 0; o < parts.size(); ++o)
    for (std::size_t i = 0; i < count(in); ++i) {
      const Extents at = Windows::place(o, out), from = Windows::place(i, in);
      bool inside = true;
      for (std::size_t a = 0; a < 3; ++a)
        inside = inside && from[a] >= at[a] * in[a] / out[a] &&
                 from[a] < ((at[a] + 1) * in[a] + out[a] - 1) / out[a];
      if (inside) parts[o].push_back(i);
    }
  return parts;
}

/// x: channels of one sample, each an image that `parts` divides.
Row row(const char* name, const Shape& shape, const Pool& pool, const Parts& parts,
        const Reduce& reduce, Kind kind = Kind::real) {
  return {name,
          [=](const Tensors& x) { return pool(x[0]); },
          [=](const Operands& x) {
            const auto channels = static_cast<std::size_t>(shape[1]);
            const std::size_t pixels = x[0].size() / channels;
            Numbers y;
            for (std::size_t c = 0; c < channels; ++c)
              for (const auto& part : parts) {
                Numbers seen;
                for (const auto i : part) seen.push_back(x[0][c * pixels + i]);
                y.push_back(reduce(seen));
              }
            return y;
          },
          {{shape, kind}}};
}

Real50 most(const Numbers& x) { return *std::max_element(x.begin(), x.end()); }

/// The mean of a window of `size` elements, of which those that x leaves out are 0.
Reduce mean_over(double size) {
  return [size](const Numbers& x) { return sum(x) / size; };
}

/// (sum x^p)^(1/p), by powers that may leave the range; `size` as mean_over, and scaled up to it.
Reduce power_mean(double p, double size) {
  return [=](const Numbers& x) {
    const Numbers powers = map(x, [&](const Real50& v) { return p == 2 ? v * v : pow(v, p); });
    return root(sum(powers) / static_cast<double>(x.size()) * size, p);
  };
}

std::vector<Row> window_rows() {
  const Windows line{{1, 1, 5}, {1, 1, 2}, {1, 1, 2}};
  const Windows overlapping{{1, 1, 7}, {1, 1, 3}, {1, 1, 2}, {0, 0, 1}};
  const Windows image{{1, 4, 5}, {1, 3, 2}, {1, 1, 2}, {0, 1, 1}};
  const Windows spread{{1, 4, 5}, {1, 3, 2}, {1, 1, 2}, {0, 1, 1}, {1, 1, 2}};
  const Windows volume{{2, 3, 3}, {2, 2, 2}};
  const Windows hanging{{1, 3, 4}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}, {0, 1, 0}};
  return {
      row(
          "max_pool1d", {1, 2, 7},
          [](const Tensor& x) { return max_pool1d(x, 3, {.stride = 2, .padding = 1}); },
          parts_of(overlapping), most),
      row(
          "max_pool2d", {1, 1, 4, 5},
          [](const Tensor& x) {
            return max_pool2d(x, {3, 2}, {.stride = {1, 2}, .padding = 1, .dilation = {1, 2}});
          },
          parts_of(spread), most),
      row(
          "max_pool3d", {1, 1, 2, 3, 3},
          [](const Tensor& x) { return max_pool3d(x, 2, {.stride = 1}); }, parts_of(volume), most),
      row(
          "avg_pool1d", {1, 2, 5}, [](const Tensor& x) { return avg_pool1d(x, 2); }, parts_of(line),
          mean_over(2)),
      row(
          "avg_pool1d, overlapping", {1, 2, 7},
          [](const Tensor& x) { return avg_pool1d(x, 3, {.stride = 2, .padding = 1}); },
          parts_of(overlapping), mean_over(3)),
      row(
          "avg_pool2d", {1, 1, 4, 5},
          [](const Tensor& x) {
            return avg_pool2d(x, {3, 2}, {.stride = {1, 2}, .padding = 1});
          },
          parts_of(image), mean_over(6)),
      row(
          "avg_pool2d, without padding", {1, 1, 4, 5},
          [](const Tensor& x) {
            return avg_pool2d(x, {3, 2},
                              {.stride = {1, 2}, .padding = 1, .count_include_pad = false});
          },
          parts_of(image), [](const Numbers& x) { return mean(x); }),
      row(
          "avg_pool2d, divisor", {1, 1, 4, 5},
          [](const Tensor& x) {
            return avg_pool2d(x, {3, 2}, {.stride = {1, 2}, .padding = 1, .divisor_override = -7});
          },
          parts_of(image), mean_over(-7)),
      row(
          "avg_pool3d", {1, 1, 2, 3, 3},
          [](const Tensor& x) { return avg_pool3d(x, 2, {.stride = 1}); }, parts_of(volume),
          mean_over(8)),
      row(
          "lp_pool1d", {1, 2, 5}, [](const Tensor& x) { return lp_pool1d(x, 3, 2); },
          parts_of(line), power_mean(3, 2), Kind::positive),
      row(
          "lp_pool2d", {1, 1, 3, 4},
          [](const Tensor& x) { return lp_pool2d(x, 2, 2, {.ceil_mode = true}); },
          parts_of(hanging), power_mean(2, 4)),
      row(
          "lp_pool3d", {1, 1, 2, 3, 3},
          [](const Tensor& x) { return lp_pool3d(x, 1.5, 2, {.stride = 1}); }, parts_of(volume),
          power_mean(1.5, 8), Kind::positive),
  };
}

std::vector<Row> adaptive_rows() {
  const Extents line{1, 1, 5}, image{1, 3, 4}, volume{2, 3, 2};
  const auto average = [](const Numbers& x) { return mean(x); };
  return {
      row(
          "adaptive_avg_pool1d", {1, 2, 5},
          [](const Tensor& x) { return adaptive_avg_pool1d(x, 3); },
          adaptive_parts(line, {1, 1, 3}), average),
      row(
          "adaptive_avg_pool2d", {1, 1, 3, 4},
          [](const Tensor& x) {
            return adaptive_avg_pool2d(x, {2, 3});
          },
          adaptive_parts(image, {1, 2, 3}), average),
      row(
          "adaptive_avg_pool3d", {1, 1, 2, 3, 2},
          [](const Tensor& x) {
            return adaptive_avg_pool3d(x, {1, 2, 3});
          },
          adaptive_parts(volume, {1, 2, 3}), average),
      row(
          "adaptive_max_pool1d", {1, 2, 5},
          [](const Tensor& x) { return adaptive_max_pool1d(x, 3); },
          adaptive_parts(line, {1, 1, 3}), most),
      row(
          "adaptive_max_pool2d", {1, 1, 3, 4},
          [](const Tensor& x) {
            return adaptive_max_pool2d(x, {2, 3});
          },
          adaptive_parts(image, {1, 2, 3}), most),
      row(
          "adaptive_max_pool3d", {1, 1, 2, 3, 2},
          [](const Tensor& x) {
            return adaptive_max_pool3d(x, {1, 2, 3});
          },
          adaptive_parts(volume, {1, 2, 3}), most),
  };
}

}  // namespace

std::vector<Row> pooling_rows() {
  auto all = window_rows();
  const auto more = adaptive_rows();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gradtape::testing::exact
