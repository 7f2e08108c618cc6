#include "gradtape/autograd/kernels/linalg/triangle.hpp"

#include <algorithm>
#include <cstring>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {

void triangle(const void* x, void* y, std::size_t element_bytes, const Triangle& t) {
  using std::int64_t;
  const auto bytes = static_cast<int64_t>(element_bytes);
  const auto diagonal = std::clamp(t.diagonal, -t.rows, t.cols);
  detail::count_work(0, 2 * t.count * t.rows * t.cols * bytes);
  detail::parallel_for(
      t.count * t.rows, detail::elementwise_grain / (t.cols + 1) + 1,
      [&](int64_t begin, int64_t end) {
        for (auto row = begin; row < end; ++row) {
          // The first element past the diagonal, where the lower triangle ends.
          const auto past = row % t.rows + diagonal + (t.lower ? 1 : 0);
          const auto border = std::clamp<int64_t>(past, 0, t.cols);
          const auto first = t.lower ? 0 : border, last = t.lower ? border : t.cols;
          const char* from = static_cast<const char*>(x) + row * t.cols * bytes;
          char* to = static_cast<char*>(y) + row * t.cols * bytes;
          std::memset(to, 0, static_cast<std::size_t>(first * bytes));
          std::memcpy(to + first * bytes, from + first * bytes,
                      static_cast<std::size_t>((last - first) * bytes));
          std::memset(to + last * bytes, 0, static_cast<std::size_t>((t.cols - last) * bytes));
        }
      });
}

}  // namespace gradtape::kernels
