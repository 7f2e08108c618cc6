/// Copies between strided layouts: what permute, expand, slice, concat, flip, diagonal
/// and unfold do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gradtape::kernels {

/// One axis of a copy: its extent, and its strides on both sides in elements.
struct CopyAxis {
  std::int64_t extent, from, to;
};

/// to[sum_k i_k axes[k].to] = from[sum_k i_k axes[k].from] for every index i; at most 8 axes,
/// outermost first. No element is written twice. An element has 1, 4 or 8 bytes.
void copy(const void* from, void* to, std::size_t element_bytes, std::span<const CopyAxis> axes);
/// The same with += for =, where an element may be written any number of times. T: float, double,
/// std::int64_t, or bool, for which + is or.
template <class T> void add(const T* from, T* to, std::span<const CopyAxis> axes);

}  // namespace gradtape::kernels
