/// What a convolution sums, and the kernels that sum it; for the sources of kernels only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gradtape/autograd/elementwise/simd.hpp"
#include "gradtape/autograd/kernels/scratch.hpp"
#include "gradtape/autograd/kernels/spatial/convolution_planes.hpp"

namespace gradtape::kernels::direct {

template <class T> constexpr std::int64_t lanes = xsimd::batch<T>::size;

/// out[m] = bias[m] + the sum over channels n and taps of weight[m, n, tap] source[n], shifted: a
/// convolution, or its gradient with respect to x. These differ in the copies and weights that they
/// take; for a stride above 1 the latter computes every stride-th element at a time.
struct Sum {
  using Spatial = ConvShape::Spatial;

  /// Outputs i of an axis that lie at start + i step.
  struct Target {
    std::int64_t extent, step;
  };
  struct Tap {
    std::int64_t number, offset;  // in the weight; within a channel's copy
    Spatial at;                   // what output 0 reads is source element origin + at, an axis
  };
  /// The outputs of one phase, and the taps that they read.
  struct Phase {
    Spatial start;
    std::vector<Tap> taps;
  };

  std::int64_t groups, outs, ins, taps;              // channels: those of one group
  std::int64_t group_stride, out_stride, in_stride;  // of weight
  Planes planes;
  std::size_t band_axis;  // bands of outputs along it fit into the cache
  std::int64_t bands;
  std::array<Target, 3> target;
  std::vector<Phase> phases;

  std::int64_t channels() const { return groups * ins; }  ///< of the source
  std::int64_t out_pixels() const { return target[0].extent * target[1].extent * target[2].extent; }
  std::int64_t source_pixels() const {
    return planes.axes[0].source * planes.axes[1].source * planes.axes[2].source;
  }
  /// The planes of a band.
  Planes planes_of(std::int64_t band) const;
  /// Where the outputs of a band lie, that of its first one.
  Spatial start_of(const Phase& phase, std::int64_t band) const;
};

/// The sums for y and dx, in bands whose copies, of elements of so many bytes, stay in the cache.
Sum forward_sum(const ConvShape& s, std::size_t element_bytes);
Sum transposed_sum(const ConvShape& s, std::size_t element_bytes);

/// One term of a sum: where x and the weights of a block of channels are.
struct Term {
  std::int64_t x, weight;
};

/// The sums of a block of channels over `columns` registers of outputs side by side: out[b * pitch
/// + i] is the sum over the terms of weight[term.weight + b] x[term.x + i], and bias[b] or, where
/// bias is null, what out held.
template <class T>
using SumShifted = void (*)(const T* weight, const T* x, const Term* terms, std::int64_t count,
                            const T* bias, T* out, std::int64_t pitch);

constexpr std::int64_t most_terms = 512;  ///< in one sum; sums of sums have smaller errors
/// Registers that one call of a kernel may take beyond the first.
constexpr std::int64_t most_columns = 8;

/// The kernels for blocks of so many output channels, for ever fewer registers of outputs.
template <class T> struct Kernels {
  struct Width {
    std::int64_t columns;
    SumShifted<T> sum;
  };
  std::int64_t block;
  void (*pack)(const T*, T*, const Sum&, const Sum::Phase&);
  std::array<Width, 3> widths;

  /// The outputs of `registers` registers from x on: out [block, pitch].
  void sum(const T* weight, const T* x, const std::vector<Term>& terms, const T* bias,
           std::int64_t registers, T* out, std::int64_t pitch) const;
};

/// Those that divide so many channels into the fewest blocks with the least left over.
template <class T> const Kernels<T>& kernels_for(std::int64_t channels);

/// The weights of a sum as its kernels read them, and the biases, 0 where there are none.
template <class T> class Packed {
 public:
  Packed(const Sum& sum, const Kernels<T>& kernels, const T* weight, const T* bias);

  std::int64_t blocks() const { return blocks_; }  ///< of output channels, in a group
  const T* weight(std::size_t phase, std::int64_t block) const {
    return weights_ + starts_[phase] + block * sizes_[phase];
  }
  const T* bias(std::int64_t block) const { return biases_ + block * kernels_.block; }

 private:
  const Kernels<T>& kernels_;
  std::int64_t blocks_;
  std::vector<std::int64_t> sizes_, starts_;  // of a phase's block, of the phase
  Scratch<T> biases_, weights_;
};

/// Outputs along an image in the lanes of a register: y for a batch.
template <class T>
void sum_along_images(const Sum& sum, const T* source, const T* weight, const T* bias, T* y,
                      std::int64_t batch);
/// An output of as many images as a register has lanes: y for a batch of a multiple of them. Where
/// a tap reads padding alone, in a line of outputs, it is left out.
template <class T>
void sum_across_images(const Sum& sum, const T* source, const T* weight, const T* bias, T* y,
                       std::int64_t batch);

}  // namespace gradtape::kernels::direct
