/// Opt-in: images to and from OpenCV. Needs <opencv2/core.hpp> (Debian: libopencv-core-dev) and its
/// library opencv_core. OpenCV has a global `int64`, too: beside `using namespace gradtape` write
/// Dtype::int64.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <opencv2/core.hpp>
#include <string>

#include "gradtape/autograd/tensor/strided.hpp"

namespace gradtape {

namespace detail {

inline std::string opencv_depth(int depth) {
  constexpr const char* names[] = {"CV_8U",  "CV_8S",  "CV_16U", "CV_16S",
                                   "CV_32S", "CV_32F", "CV_64F", "CV_16F"};
  return depth >= 0 && depth < 8 ? names[depth] : "of depth " + std::to_string(depth);
}

/// [rows, columns] or as many axes as there are, and the channels last where there are several.
inline Strided opencv_layout(const cv::Mat& m) {
  Strided layout;
  layout.data = m.data;
  if (m.dims == 0) layout.shape = {0, 0};  // a matrix without elements
  for (int axis = 0; axis < m.dims; ++axis)
    layout.push_back(m.size[axis], static_cast<std::int64_t>(m.step[axis]));
  if (m.channels() > 1) layout.push_back(m.channels(), static_cast<std::int64_t>(m.elemSize1()));
  return layout;
}

}  // namespace detail

/// An image or matrix of CV_32F or CV_64F as a tensor [rows, columns], with several channels
/// [rows, columns, channels]; blue comes first in OpenCV's images. It shares the elements, without
/// a copy, where the matrix owns them and they lie side by side; a part of a larger matrix, and one
/// over the memory of somebody else, are copied. What is shared must not change meanwhile, as
/// borrow() says. Throws DtypeError for another depth, ShapeError for more than 8 axes.
[[nodiscard]] inline Tensor from_opencv(const cv::Mat& m) {
  constexpr const char* op = "from_opencv";
  const auto layout = detail::opencv_layout(m);
  const auto in = [&]<class T>(T) {
    return m.u ? detail::borrow_strided<T>(layout, cv::Mat(m), op)
               : detail::copy_strided<T>(layout, op);
  };
  if (m.depth() == CV_32F) return in(float{});
  if (m.depth() == CV_64F) return in(double{});
  fail<DtypeError>(op, "the elements are " + detail::opencv_depth(m.depth()) +
                           ", and only CV_32F and CV_64F are shared; copy them as another dtype, "
                           "from_opencv(image, float32)");
}

/// A copy of an image or matrix of any depth but CV_16F, converted to `dtype`; the numbers stay, so
/// bytes become 0 to 255. Throws DtypeError for CV_16F, ValueError for numbers that int64 does not
/// hold, ShapeError for more than 8 axes.
[[nodiscard]] inline Tensor from_opencv(const cv::Mat& m, Dtype dtype) {
  constexpr const char* op = "from_opencv";
  const auto layout = detail::opencv_layout(m);
  switch (m.depth()) {
    case CV_8U:
      return detail::copy_strided<std::uint8_t>(layout, dtype, op);
    case CV_8S:
      return detail::copy_strided<std::int8_t>(layout, dtype, op);
    case CV_16U:
      return detail::copy_strided<std::uint16_t>(layout, dtype, op);
    case CV_16S:
      return detail::copy_strided<std::int16_t>(layout, dtype, op);
    case CV_32S:
      return detail::copy_strided<std::int32_t>(layout, dtype, op);
    case CV_32F:
      return detail::copy_strided<float>(layout, dtype, op);
    case CV_64F:
      return detail::copy_strided<double>(layout, dtype, op);
    default:
      fail<DtypeError>(op, "the elements are " + detail::opencv_depth(m.depth()) +
                               "; convert them before, as by m.convertTo(m, CV_32F)");
  }
}

/// A copy of a tensor [rows, columns] or [rows, columns, channels] as a matrix of CV_32F or CV_64F,
/// of bool as CV_8U with 255 for true, as OpenCV's masks are. Throws DtypeError for int64,
/// ShapeError for another number of axes, over 512 channels or 2^31 - 1 rows or columns.
[[nodiscard]] inline cv::Mat to_opencv(const Tensor& x) {
  constexpr const char* op = "to_opencv";
  const Shape shape = x.shape();
  const std::int64_t channels = shape.ndim() == 3 ? shape[2] : 1;
  if (shape.ndim() < 2 || shape.ndim() > 3 || channels < 1 || channels > CV_CN_MAX)
    fail<ShapeError>(op,
                     "needs [rows, columns] or [rows, columns, channels] with 1 to 512 channels, "
                     "got " +
                         shape.str());
  if (std::max(shape[0], shape[1]) > std::numeric_limits<int>::max())
    fail<ShapeError>(
        op, "OpenCV's matrices have at most 2^31 - 1 rows and columns, got " + shape.str());
  if (x.dtype() == int64)
    fail<DtypeError>(op, "OpenCV has no matrices of int64; convert with to(float32)");
  const int depth = x.dtype() == float32 ? CV_32F : x.dtype() == float64 ? CV_64F : CV_8U;
  cv::Mat m(static_cast<int>(shape[0]), static_cast<int>(shape[1]),
            CV_MAKETYPE(depth, static_cast<int>(channels)));
  if (x.dtype() == bool_) {
    const auto elements = x.data<bool>();
    for (std::size_t i = 0; i < elements.size(); ++i) m.data[i] = elements[i] ? 255 : 0;
  } else if (x.numel()) {
    std::memcpy(m.data, x.raw(), static_cast<std::size_t>(x.numel()) * size_of(x.dtype()));
  }
  return m;
}

}  // namespace gradtape
