#include "gradtape/autograd/elementwise/loop.hpp"

#include <cstring>
#include <string>

#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape::detail {

const std::size_t library_register_bytes = sizeof(register_of<float>::type);

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

namespace {

using Operands = std::array<const void*, Loop::max_operands>;
using Results = std::array<void*, Loop::max_operands>;
using Steps = std::array<std::int64_t, Loop::max_operands>;

constexpr std::size_t widest_register = 64;  // bytes, of AVX-512
using Spread = char[Loop::max_operands][widest_register];

/// Fills a register of `width` elements of `bytes` with the `count` ones from `from`, and with the
/// first of them behind.
template <std::size_t bytes>
void fill(char* to, const char* from, std::int64_t count, std::int64_t width) {
  for (std::int64_t k = 0; k < width; ++k)
    std::memcpy(to + k * bytes, from + (k < count ? k : 0) * bytes, bytes);
}
void fill(char* to, const void* from, std::int64_t count, const Kernel& kernel) {
  const auto width = static_cast<std::int64_t>(kernel.register_bytes / kernel.element_bytes);
  const auto* const first = static_cast<const char*>(from);
  if (kernel.element_bytes == 4)
    fill<4>(to, first, count, width);
  else
    fill<8>(to, first, count, width);
}

/// Fills a register with one element, in one store: several smaller ones could not be read as one
/// register before they have left the store buffer.
template <class Bits> void spread_element(const void* from, char* to) {
  std::array<Bits, widest_register / sizeof(Bits)> all;
  Bits bits;
  std::memcpy(&bits, from, sizeof(Bits));
  all.fill(bits);
  std::memcpy(to, all.data(), widest_register);
}
void spread_element(const void* from, char* to, const Kernel& kernel) {
  kernel.element_bytes == 4 ? spread_element<std::uint32_t>(from, to)
                            : spread_element<std::uint64_t>(from, to);
}

/// n elements of a row; operand i has step[i], 0 or 1. What does not fill a register goes through
/// one too, so that equal inputs give equal results wherever they stand.
///
/// `in` is the caller's own, and changes: a copy would read as a whole what was written
/// pointer by pointer just now, which waits until all stores before it have left the core, those of
/// the last row included.
void map_row(const Kernel& kernel, const void* f, Operands& in, std::size_t in_count,
             const Steps& step, const Results& out, std::size_t out_count, std::int64_t n) {
  alignas(widest_register) Spread spread, rest;
  Steps stride;
  const auto width = static_cast<std::int64_t>(kernel.register_bytes / kernel.element_bytes);
  for (std::size_t i = 0; i < in_count; ++i) {
    stride[i] = step[i] ? static_cast<std::int64_t>(kernel.register_bytes) : 0;
    if (step[i]) continue;
    // Spread over a register once; reading it again and again costs nothing.
    spread_element(in[i], spread[i], kernel);
    in[i] = spread[i];
  }
  const auto whole = n / width, left = n % width;
  if (whole > 0) kernel.registers(f, in.data(), stride.data(), out.data(), whole);
  if (left == 0) return;
  const auto done = static_cast<std::size_t>(whole) * kernel.register_bytes;
  for (std::size_t i = 0; i < in_count; ++i) {
    if (!step[i]) continue;
    fill(spread[i], static_cast<const char*>(in[i]) + done, left, kernel);
    in[i] = spread[i];
  }
  Results to;
  for (std::size_t o = 0; o < out_count; ++o) to[o] = out[o] ? rest[o] : nullptr;
  kernel.registers(f, in.data(), stride.data(), to.data(), 1);
  for (std::size_t o = 0; o < out_count; ++o)
    if (out[o])
      std::memcpy(static_cast<char*>(out[o]) + done, rest[o],
                  static_cast<std::size_t>(left) * kernel.element_bytes);
}

[[noreturn]] void refuse_dtype(const char* op, const Elementwise& f, Dtype dtype) {
  const bool numeric = f.kernels[static_cast<std::size_t>(int64)].registers;
  fail<DtypeError>(op, numeric
                           ? "does not take bool; convert with to(float32) or to(int64), or use "
                             "logical_and, logical_or, where"
                           : std::string("needs float32 or float64, got ") + name(dtype) +
                                 "; convert with to(float32)" +
                                 (std::string_view(op) == "div" ? ", or use floor_divide" : ""));
}

const Kernel& kernel_for(const Elementwise& f, Dtype dtype) {
  return f.kernels[static_cast<std::size_t>(dtype)];
}

/// f of 0-d tensors, by the code that computes those of many elements: compiled once more for one
/// element it might round in other places.
void map_element(const Kernel& kernel, const Elementwise& f, const Tensor* const* in,
                 std::size_t in_count, const Tensor* out, std::size_t out_count) {
  alignas(widest_register) Spread spread, result;
  Operands from;
  Results to;
  const Steps stride{};
  for (std::size_t i = 0; i < in_count; ++i) {
    spread_element(in[i]->raw(), spread[i], kernel);
    from[i] = spread[i];
  }
  for (std::size_t o = 0; o < out_count; ++o) to[o] = out[o].defined() ? result[o] : nullptr;
  kernel.registers(f.f, from.data(), stride.data(), to.data(), 1);
  auto moved = in_count;
  for (std::size_t o = 0; o < out_count; ++o) {
    if (!to[o]) continue;
    std::memcpy(mutable_data<void>(out[o]), result[o], kernel.element_bytes);
    ++moved;
  }
  count_work(f.operations, moved * kernel.element_bytes);
}

}  // namespace

Tensor map_tensors(const char* op, const Elementwise& f, const Tensor* const* x,
                   std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (!x[i]->defined()) undefined_operand(op, count == 1 ? "x" : "operand " + std::to_string(i));
  const Dtype dtype = x[0]->dtype();
  const Kernel& kernel = kernel_for(f, dtype);
  if (!kernel.registers) refuse_dtype(op, f, dtype);
  bool scalars = true;
  for (std::size_t i = 0; i < count; ++i) scalars = x[i]->ndim() == 0 && scalars;
  if (scalars) {
    Tensor y = empty_scalar(dtype);
    map_element(kernel, f, x, count, &y, 1);
    return y;
  }
  Shape shape = x[0]->shape();
  for (std::size_t i = 1; i < count; ++i) shape = broadcast(shape, x[i]->shape(), op);
  Tensor y = empty(shape, dtype, op);
  map_into(shape, f, x, count, &y, 1);
  return y;
}

void map_into(const Shape& shape, const Elementwise& f, const Tensor* const* in,
              std::size_t in_count, const Tensor* out, std::size_t out_count) {
  const auto n = shape.numel();
  if (n == 0) return;
  const Kernel& kernel = kernel_for(f, in[0]->dtype());
  if (shape.ndim() == 0) return map_element(kernel, f, in, in_count, out, out_count);
  Operands from;
  Results to;
  Steps step;
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
  const auto bytes = [&](std::int64_t count) {
    return count * static_cast<std::int64_t>(kernel.element_bytes);
  };
  count_work(n * f.operations, bytes(elements));
  if (alike && n <= elementwise_grain)
    return map_row(kernel, f.f, from, in_count, step, to, out_count, n);

  std::array<Shape, Loop::max_operands> shapes;
  for (std::size_t i = 0; i < in_count; ++i) shapes[i] = in[i]->shape();
  const Loop loop(shape, shapes.data(), in_count);
  for (std::size_t i = 0; i < in_count; ++i) step[i] = loop.step(i);
  loop.run([&](const std::int64_t* offsets, std::int64_t out_offset, std::int64_t count) {
    auto row_in = from;
    auto row_out = to;
    for (std::size_t i = 0; i < in_count; ++i)
      row_in[i] = static_cast<const char*>(row_in[i]) + bytes(offsets[i]);
    for (std::size_t o = 0; o < out_count; ++o)
      if (row_out[o]) row_out[o] = static_cast<char*>(row_out[o]) + bytes(out_offset);
    map_row(kernel, f.f, row_in, in_count, step, row_out, out_count, count);
  });
}

}  // namespace gradtape::detail
