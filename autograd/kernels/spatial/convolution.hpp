/// Convolutions over one to three spatial axes on raw pointers.
#pragma once

#include <array>
#include <cstdint>

namespace gradtape::kernels {

/// The extents of a convolution of x [batch, in_channels, in...] with weight [out_channels,
/// in_channels / groups, kernel...] to y [batch, out_channels, out...]. There are always three
/// spatial axes; the leading ones have extent 1 where fewer are needed. Tap k of output o reads
/// position o stride - padding + k dilation, which is 0 outside x.
struct ConvShape {
  using Spatial = std::array<std::int64_t, 3>;

  std::int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
  Spatial in{1, 1, 1}, kernel{1, 1, 1}, out{1, 1, 1};
  Spatial stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1};

  static std::int64_t volume(const Spatial& e) { return e[0] * e[1] * e[2]; }
  std::int64_t pixels_in() const { return volume(in); }    ///< of one channel of x
  std::int64_t pixels_out() const { return volume(out); }  ///< of one channel of y
  std::int64_t taps() const { return volume(kernel); }
  /// Rows of the matrix of columns: one for each channel and kernel element.
  std::int64_t column_rows() const { return in_channels * taps(); }
};

/// How convolutions are computed: by what is fastest for a shape, as products with a matrix of
/// columns, or wherever that is possible directly, as sums of shifted images, along each image or
/// across as many as a vector register has elements, and there by Winograd's algorithm.
enum class ConvolutionPath { automatic, columns, along, across, winograd };
/// For all threads; for tests and measurements.
void set_convolution_path(ConvolutionPath path);

// The three functions below are the gradients of one trilinear form <g, convolve(x, weight)>, so
// each is what the gradients of the other two are made of. T: float or double. The result does not
// depend on the number of threads. All extents of the products fit 32 bits; see fits_blas.

/// y = convolve(x, weight) + bias; bias: [out_channels], or nullptr for none.
template <class T>
void convolve(const T* x, const T* weight, const T* bias, T* y, const ConvShape& s);
/// dx = the gradient with respect to x for the cotangent g of y: the transposed convolution of g.
template <class T>
void convolve_transposed(const T* g, const T* weight, const T* bias, T* dx, const ConvShape& s);
/// dw = the gradient with respect to weight for the cotangent g of y.
template <class T> void convolve_weight_gradient(const T* g, const T* x, T* dw, const ConvShape& s);

/// columns[n][(c, k)][o] = what kernel element k of output o reads of channel c of image n;
/// columns: [batch, column_rows, pixels_out]. out_channels and groups are not used.
template <class T> void im2col(const T* x, T* columns, const ConvShape& s);
/// The transpose of im2col: x = 0, then every column is added to where im2col reads it.
template <class T> void col2im(const T* columns, T* x, const ConvShape& s);

}  // namespace gradtape::kernels
