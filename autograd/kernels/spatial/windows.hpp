/// Windows over one to three spatial axes on raw pointers: weighted sums axis by axis, and maxima.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace gradtape::kernels {

/// What every output of one axis reads of its inputs: a sparse matrix [outputs, inputs] by rows.
struct Windows {
  std::int64_t inputs = 0;
  std::vector<std::int64_t> starts{0};  ///< Row o is starts[o] ... starts[o + 1] of the others.
  std::vector<std::int64_t> taps{};     ///< In [0, inputs).
  std::vector<double> weights{};

  std::int64_t outputs() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  void add(std::int64_t tap, double weight) {
    taps.push_back(tap);
    weights.push_back(weight);
  }
  void end_row() { starts.push_back(static_cast<std::int64_t>(taps.size())); }
  /// The transposed matrix.
  Windows transposed() const;
};

/// The windows of three spatial axes; those that an op does not have map one input to one output.
using WindowsOfAxes = std::array<Windows, 3>;

/// y[a, o, b] = sum_i windows[o, i] x[a, i, b]; x: [outer, inputs, inner]. T: float or double.
template <class T>
void window_sum(const T* x, T* y, std::int64_t outer, std::int64_t inner, const Windows& windows);

/// The largest element of every window of every plane, and its position in the plane; of equal
/// ones, or of NaNs, the first. x: [planes, inputs...], y and index: [planes, outputs...]. No
/// window is empty. T: float or double.
template <class T>
void window_max(const T* x, T* y, std::int64_t* index, std::int64_t planes,
                const WindowsOfAxes& windows);

}  // namespace gradtape::kernels
