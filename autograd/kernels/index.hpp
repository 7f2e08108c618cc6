/// Indexed reads and their transposes, indexed additions, on raw pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gradtape/autograd/tensor/axis_view.hpp"

namespace gradtape::kernels {

/// An array [outer, extent, inner], and indices into its middle axis that make it [outer, n,
/// inner]. Indices are in [-extent, extent); negative ones count from the end.
struct Indexing : detail::AxisView {
  std::int64_t extent;
  const std::int64_t* index;
};

/// y[o, i, :] = x[o, index[i], :]; index: [n]. An element has 1, 4 or 8 bytes.
void index_select(const void* x, void* y, std::size_t element_bytes, const Indexing& at);
/// y[o, index[i], :] += x[o, i, :]; index: [n]. T: float, double or std::int64_t.
template <class T> void index_add(const T* x, T* y, const Indexing& at);
/// y = 0, then index_add; y need not be initialised.
template <class T> void index_sum(const T* x, T* y, const Indexing& at);
/// y[o, i, j] = x[o, index[o, i, j], j]; index: [outer, n, inner]. An element has 1, 4 or 8 bytes.
void gather(const void* x, void* y, std::size_t element_bytes, const Indexing& at);
/// y[o, index[o, i, j], j] = x[o, i, j], the last one where several meet; index: [outer, n, inner].
/// An element has 1, 4 or 8 bytes.
void scatter(const void* x, void* y, std::size_t element_bytes, const Indexing& at);
/// y[o, index[o, i, j], j] += x[o, i, j]; index: [outer, n, inner]. T: float, double or
/// std::int64_t.
template <class T> void scatter_add(const T* x, T* y, const Indexing& at);
/// y = 0, then scatter_add; y need not be initialised.
template <class T> void scatter_sum(const T* x, T* y, const Indexing& at);

}  // namespace gradtape::kernels
