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

void map_rows(const Shape& shape, const Tensor* const* in, std::size_t in_count, const Tensor* out,
              std::size_t out_count, std::size_t element_bytes, int operations, const void* f,
              RowKernel kernel) {
  const auto n = shape.numel();
  if (n == 0) return;
  std::array<const void*, Loop::max_operands> from;
  std::array<void*, Loop::max_operands> to;
  std::array<std::int64_t, Loop::max_operands> step;
  bool alike = true;
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < in_count; ++i) {
    const auto numel = in[i]->numel();
    from[i] = in[i]->raw();
    step[i] = numel == n;
    alike = alike && (numel == n || numel == 1);
    elements += numel;
  }
  for (std::size_t o = 0; o < out_count; ++o) {
    to[o] = out[o].defined() ? mutable_data<void>(out[o]) : nullptr;
    elements += to[o] ? n : 0;
  }
  count_work(n * operations, elements * static_cast<std::int64_t>(element_bytes));
  if (alike && n <= elementwise_grain) return kernel(f, from.data(), step.data(), to.data(), n);

  std::array<Shape, Loop::max_operands> shapes;
  for (std::size_t i = 0; i < in_count; ++i) shapes[i] = in[i]->shape();
  const Loop loop(shape, shapes.data(), in_count);
  for (std::size_t i = 0; i < in_count; ++i) step[i] = loop.step(i);
  loop.run([&](const std::int64_t* offsets, std::int64_t out_offset, std::int64_t count) {
    auto row_in = from;
    auto row_out = to;
    const auto bytes = [&](std::int64_t elements) {
      return elements * static_cast<std::int64_t>(element_bytes);
    };
    for (std::size_t i = 0; i < in_count; ++i)
      row_in[i] = static_cast<const char*>(row_in[i]) + bytes(offsets[i]);
    for (std::size_t o = 0; o < out_count; ++o)
      if (row_out[o]) row_out[o] = static_cast<char*>(row_out[o]) + bytes(out_offset);
    kernel(f, row_in.data(), step.data(), row_out.data(), count);
  });
}

}  // namespace gradtape::detail
