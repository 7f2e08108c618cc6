#include "gradtape/autograd/kernels/strided.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/transpose.hpp"
#include "gradtape/autograd/runtime/work.hpp"

namespace gradtape::kernels {
namespace {

using std::int64_t;

/// The axes of a copy without those of extent 1, and with neighbours that step alike joined into
/// one.
struct Axes {
  explicit Axes(std::span<const CopyAxis> all) {
    for (const auto& axis : all) {
      empty = empty || axis.extent == 0;
      if (axis.extent == 1) continue;
      auto* outer = count ? &list[count - 1] : nullptr;
      if (outer && outer->from == axis.from * axis.extent && outer->to == axis.to * axis.extent)
        *outer = {outer->extent * axis.extent, axis.from, axis.to};
      else
        list[count++] = axis;
    }
    if (count == 0) list[count++] = {1, 1, 1};
  }

  std::array<CopyAxis, 8> list;
  std::size_t count = 0;
  bool empty = false;
};

/// A position in the index space of some axes, with its offset on both sides.
class Walk {
 public:
  Walk(std::span<const CopyAxis> axes, int64_t position) : axes_(axes) {
    for (auto k = axes.size(); k-- > 0;) {
      index_[k] = position % axes[k].extent;
      position /= axes[k].extent;
      from += index_[k] * axes[k].from;
      to += index_[k] * axes[k].to;
    }
  }
  void next() {
    for (auto k = axes_.size(); k-- > 0;) {
      const auto& axis = axes_[k];
      from += axis.from;
      to += axis.to;
      if (++index_[k] < axis.extent) return;
      index_[k] = 0;
      from -= axis.extent * axis.from;
      to -= axis.extent * axis.to;
    }
  }

  int64_t from = 0, to = 0;

 private:
  std::span<const CopyAxis> axes_;
  std::array<int64_t, 8> index_{};
};

int64_t count(std::span<const CopyAxis> axes) {
  int64_t n = 1;
  for (const auto& axis : axes) n *= axis.extent;
  return n;
}

template <class T> void copy_row(const T* from, T* to, CopyAxis row) {
  if (row.from == 1 && row.to == 1)
    detail::copy_run(from, to, row.extent);
  else if (row.from == 0 && row.to == 1)
    std::fill_n(to, row.extent, *from);
  else
    for (int64_t i = 0; i < row.extent; ++i) to[i * row.to] = from[i * row.from];
}

template <class T>
void copy_rows(const T* from, T* to, std::span<const CopyAxis> outer, CopyAxis row) {
  if (outer.empty()) {
    detail::parallel_for(
        row.extent, 4 * detail::elementwise_grain, [=](int64_t begin, int64_t end) {
          copy_row(from + begin * row.from, to + begin * row.to, {end - begin, row.from, row.to});
        });
    return;
  }
  detail::parallel_for(count(outer), detail::elementwise_grain / row.extent + 1,
                       [=](int64_t begin, int64_t end) {
                         Walk at(outer, begin);
                         for (auto i = begin; i < end; ++i, at.next())
                           copy_row(from + at.from, to + at.to, row);
                       });
}

/// Transposes: `a` is contiguous on the side written, `b` on the side read.
template <class T>
void copy_blocks(const T* from, T* to, std::span<const CopyAxis> outer, CopyAxis a, CopyAxis b) {
  const detail::Transposition blocks(a.extent, b.extent, sizeof(T));
  detail::parallel_for(
      count(outer) * blocks.count(), blocks.grain(), [=](int64_t begin, int64_t end) {
        for (auto unit = begin; unit < end; ++unit) {
          const Walk at(outer, unit / blocks.count());
          blocks.copy(unit % blocks.count(), from + at.from, a.from, to + at.to, b.to);
        }
      });
}

template <class T> void copy_elements(const T* from, T* to, Axes& axes) {
  const std::span list(axes.list.data(), axes.count);
  const CopyAxis row = list.back();
  const auto outer = list.first(list.size() - 1);
  const auto contiguous =
      std::find_if(outer.begin(), outer.end(), [](const CopyAxis& axis) { return axis.from == 1; });
  if (row.to != 1 || row.from <= 1 || contiguous == outer.end())
    return copy_rows<T>(from, to, outer, row);
  std::rotate(contiguous, contiguous + 1, outer.end());
  copy_blocks<T>(from, to, outer.first(outer.size() - 1), row, outer.back());
}

template <class T> void copy_as(const void* from, void* to, Axes& axes) {
  copy_elements(static_cast<const T*>(from), static_cast<T*>(to), axes);
}

}  // namespace

void copy(const void* from, void* to, std::size_t element_bytes, std::span<const CopyAxis> all) {
  Axes axes(all);
  if (axes.empty) return;
  detail::count_work(
      0, 2 * count({axes.list.data(), axes.count}) * static_cast<int64_t>(element_bytes));
  switch (element_bytes) {
    case 1:
      return copy_as<std::uint8_t>(from, to, axes);
    case 4:
      return copy_as<std::uint32_t>(from, to, axes);
    default:
      return copy_as<std::uint64_t>(from, to, axes);
  }
}

template <class T> void add(const T* from, T* to, std::span<const CopyAxis> all) {
  Axes axes(all);
  if (axes.empty) return;
  const std::span list(axes.list.data(), axes.count);
  const auto outer = list.first(list.size() - 1);
  const CopyAxis row = list.back();
  const auto rows = count(outer);
  detail::count_work(rows * row.extent, 3 * rows * row.extent * static_cast<int64_t>(sizeof(T)));
  Walk at(outer, 0);
  for (int64_t i = 0; i < rows; ++i, at.next())
    for (int64_t j = 0; j < row.extent; ++j) {
      T& target = to[at.to + j * row.to];
      target = static_cast<T>(target + from[at.from + j * row.from]);
    }
}

template void add(const float*, float*, std::span<const CopyAxis>);
template void add(const double*, double*, std::span<const CopyAxis>);
template void add(const int64_t*, int64_t*, std::span<const CopyAxis>);
template void add(const bool*, bool*, std::span<const CopyAxis>);

}  // namespace gradtape::kernels
