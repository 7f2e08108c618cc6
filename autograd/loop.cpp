#include "gradtape/autograd/loop.hpp"

namespace gradtape::detail {

Loop::Loop(const Shape& out, const Shape* shapes, std::size_t count) : count_(count) {
  std::array<std::int64_t, max_operands>
      contiguous;  // elements of each operand behind the current axis
  contiguous.fill(1);
  int last = -1;  // the joined axis under construction
  for (int axis = out.ndim() - 1; axis >= 0; --axis) {
    if (out[axis] == 1) continue;
    std::array<std::int64_t, max_operands> stride{};
    for (std::size_t i = 0; i < count; ++i) {
      const int own = axis - (out.ndim() - shapes[i].ndim());
      if (own < 0 || shapes[i][own] == 1) continue;
      stride[i] = contiguous[i];
      contiguous[i] *= shapes[i][own];
    }
    bool joins = last >= 0;
    for (std::size_t i = 0; i < count && joins; ++i)
      joins = stride[i] == strides_[last][i] * extents_[last];
    if (joins) {
      extents_[last] *= out[axis];
    } else {
      ++last;
      extents_[last] = out[axis];
      strides_[last] = stride;
    }
  }
  if (last < 0) {  // one element
    last = 0;
    extents_[0] = 1;
  }
  ndim_ = last + 1;
  for (int axis = 1; axis < ndim_; ++axis) rows_ *= extents_[axis];
}

Loop::Position::Position(const Loop& loop, std::int64_t row) : loop(loop), row(row) {
  for (int axis = 1; axis < loop.ndim_; ++axis) {
    index[axis] = row % loop.extents_[axis];
    row /= loop.extents_[axis];
    for (std::size_t i = 0; i < loop.count_; ++i)
      offsets[i] += index[axis] * loop.strides_[axis][i];
  }
}

void Loop::Position::next() {
  ++row;
  for (int axis = 1; axis < loop.ndim_; ++axis) {
    for (std::size_t i = 0; i < loop.count_; ++i) offsets[i] += loop.strides_[axis][i];
    if (++index[axis] < loop.extents_[axis]) return;
    index[axis] = 0;
    for (std::size_t i = 0; i < loop.count_; ++i)
      offsets[i] -= loop.extents_[axis] * loop.strides_[axis][i];
  }
}

void Loop::run_pieces(const void* f, Piece piece) const {
  if (rows_ == 1) {
    parallel_for(row(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
      std::array<std::int64_t, max_operands> offsets;
      for (std::size_t i = 0; i < count_; ++i) offsets[i] = begin * step(i);
      piece(f, offsets.data(), begin, end - begin);
    });
  } else {
    parallel_for(rows_, elementwise_grain / (row() + 1) + 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (Position at(*this, begin); at.row < end; at.next())
                     piece(f, at.offsets.data(), at.row * row(), row());
                 });
  }
}

}  // namespace gradtape::detail
