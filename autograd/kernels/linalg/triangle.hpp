/// Triangles of matrices.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gradtape::kernels {

/// `count` matrices [rows, cols], of which what lies on and below (lower) or above the given
/// diagonal stays.
struct Triangle {
  std::int64_t count, rows, cols, diagonal;
  bool lower;
};

/// y = x in the triangle, 0 elsewhere. An element has `element_bytes`.
void triangle(const void* x, void* y, std::size_t element_bytes, const Triangle& t);

}  // namespace gradtape::kernels
