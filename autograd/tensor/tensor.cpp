#include "gradtape/autograd/tensor.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>

#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/runtime/transpose.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor/value.hpp"

namespace gradtape {

const char* name(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
      return "float32";
    case Dtype::float64:
      return "float64";
    case Dtype::int64:
      return "int64";
    default:
      return "bool";
  }
}

namespace detail {
namespace {

Ref<Storage> make_buffer(std::size_t element_bytes) {
  const std::size_t bytes = Storage::header + element_bytes;
  auto* buffer = new (allocate(bytes)) Storage;
  held_bytes += static_cast<std::int64_t>(bytes);
  buffer->bytes = bytes;
  return Ref<Storage>::adopt(buffer);
}

/// The transposes of `count` matrices of rows x cols.
template <class T>
void transpose_matrices(const T* from, T* to, std::int64_t count, std::int64_t rows,
                        std::int64_t cols) {
  const Transposition blocks(rows, cols, sizeof(T));
  parallel_for(count * blocks.count(), blocks.grain(), [=](std::int64_t begin, std::int64_t end) {
    for (auto unit = begin; unit < end; ++unit) {
      const auto matrix = unit / blocks.count() * rows * cols;
      blocks.copy(unit % blocks.count(), from + matrix, cols, to + matrix, rows);
    }
  });
}

/// The number of elements, for extents that nobody has checked yet.
std::int64_t checked_numel(const Shape& shape, const char* op) {
  for (const auto extent : shape)
    if (extent < 0)
      fail<ShapeError>(op, fmt::format("shape {} has a negative extent", shape.str()));
  return shape.numel(op);
}

/// Says for what the memory did not suffice, without taking any.
class OutOfMemory : public std::bad_alloc {
 public:
  OutOfMemory(const char* op, const Shape& shape, Dtype dtype) noexcept {
    char* const end = text_ + sizeof(text_) - 1;
    char* at = put(op, text_, end);
    at = put(": out of memory for ", at, end);
    for (int axis = 0; axis < shape.ndim(); ++axis)
      at = fmt::format_to_n(at, end - at, "{}{}", axis ? ", " : "[", shape[axis]).out;
    at = put(shape.ndim() ? "] " : "[] ", at, end);
    *put(name(dtype), at, end) = 0;
  }
  const char* what() const noexcept override { return text_; }

 private:
  static char* put(const char* text, char* at, char* end) noexcept {
    while (*text && at < end) *at++ = *text++;
    return at;
  }
  char text_[320];
};

}  // namespace

void Value::destroy() noexcept {
  const std::size_t size = bytes;
  this->~Value();
  deallocate(this, size);
}

void* materialise(Value& value) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (void* done = value.data.load(std::memory_order_acquire)) return done;
  const Tensor source(value.transposed_from, {});
  const auto rows = value.extents()[value.ndim - 1], cols = value.extents()[value.ndim - 2];
  value.buffer = make_buffer(static_cast<std::size_t>(value.numel) * size_of(value.dtype));
  visit_dtype(value.dtype, [&](auto zero) {
    using T = decltype(zero);
    transpose_matrices(static_cast<const T*>(source.raw()),
                       reinterpret_cast<T*>(value.buffer->data()), value.numel / (rows * cols),
                       rows, cols);
  });
  value.data.store(value.buffer->data(), std::memory_order_release);
  return value.buffer->data();
}

void undefined_operand(std::string_view op, std::string_view operand) {
  fail<GraphError>(op, fmt::format("{} is undefined: default-constructed, moved from, a gradient "
                                   "that nothing has reached, or a Parameter that was not made by "
                                   "parameter(name, initial) (see docs/errors.md#undefined)",
                                   operand));
}

void needs_floating(const char* op, Dtype got) {
  fail<DtypeError>(
      op, fmt::format("needs float32 or float64, got {}; convert with to(float32)", name(got)));
}

Tensor empty(const Shape& shape, Dtype dtype, const char* op) try {
  const auto numel = checked_numel(shape, op);
  const std::size_t bytes = static_cast<std::size_t>(numel) * size_of(dtype);
  const bool small = bytes <= inline_bytes;
  auto value =
      Ref<Value>::adopt(make_value(shape.begin(), shape.ndim(), numel, dtype, small ? bytes : 0));
  if (!small) value->buffer = make_buffer(bytes);
  value->data.store(small ? inline_elements(*value) : value->buffer->data(),
                    std::memory_order_relaxed);
  return Tensor(std::move(value), {});
} catch (const std::bad_alloc&) {
  throw OutOfMemory(op, shape, dtype);
}

Tensor borrowed(const void* data, const Shape& shape, Dtype dtype, const char* op) {
  const auto numel = checked_numel(shape, op);
  if (numel && !data)
    fail<ValueError>(op,
                     fmt::format("shape {} has elements, but the pointer is null", shape.str()));
  if (const auto element = size_of(dtype); reinterpret_cast<std::uintptr_t>(data) % element)
    fail<ValueError>(op,
                     fmt::format("{} is no address of a {}: it is not a multiple of {}; copy the "
                                 "elements to an aligned place",
                                 data, name(dtype), element));
  auto value = Ref<Value>::adopt(make_value(shape.begin(), shape.ndim(), numel, dtype, 0));
  value->data.store(const_cast<void*>(data), std::memory_order_relaxed);
  return Tensor(std::move(value), {});
}

Tensor alias(const Tensor& x, const Shape& shape, std::int64_t offset) {
  const std::size_t element = size_of(x.dtype());
  const auto* from = static_cast<const char*>(x.raw()) + static_cast<std::size_t>(offset) * element;
  const auto numel = shape.numel();
  if (!x.value_ref()->buffer) {
    const Tensor copy = empty(shape, x.dtype());
    if (numel)
      std::memcpy(mutable_data<char>(copy), from, static_cast<std::size_t>(numel) * element);
    return copy;
  }
  auto value = Ref<Value>::adopt(make_value(shape.begin(), shape.ndim(), numel, x.dtype(), 0));
  value->buffer = x.value_ref()->buffer;
  value->data.store(const_cast<char*>(from), std::memory_order_relaxed);
  return Tensor(std::move(value), {});
}

Tensor transposed(const Tensor& x) {
  Shape shape = x.shape();
  auto& rows = shape[shape.ndim() - 2];
  auto& cols = shape[shape.ndim() - 1];
  std::swap(rows, cols);
  const auto numel = x.numel();
  // A vector in disguise is already in order, and transposing twice is nothing.
  if (rows == 1 || cols == 1 || numel == 0) return alias(x, shape);
  if (const auto& source = x.value_ref()->transposed_from) return Tensor(source, {});
  auto value = Ref<Value>::adopt(make_value(shape.begin(), shape.ndim(), numel, x.dtype(), 0));
  value->transposed_from = x.value_ref();
  return Tensor(std::move(value), {});
}

bool is_unique(const Tensor& x, std::uint32_t holders) {
  const auto& value = x.value_ref();
  return value && value->refs.at_most(holders) && !value->transposed_from &&
         (!value->buffer || (value->buffer->refs.unique() && value->buffer->is_writable()));
}

}  // namespace detail

using namespace detail;

namespace {
template <class T> Tensor literal(T element) {
  Tensor x = make_scalar(element);
  x.value_ref()->weak = true;
  return x;
}
}  // namespace

Tensor Tensor::literal_bool(bool element) { return literal(element); }
Tensor Tensor::literal_integer(std::int64_t element) { return literal(element); }
Tensor Tensor::literal_floating(double element) { return literal(element); }

void Tensor::undefined(const char* op) {
  fail<GraphError>(
      op,
      "this tensor is undefined (default-constructed, moved from, or a gradient that nothing has "
      "reached)");
}

void Tensor::wrong_type(const char* op, Dtype asked) const {
  fail<DtypeError>(op, fmt::format("{} of {} read as {}; use the element type of the dtype, or "
                                   "convert with to({})",
                                   describe(*this), name(dtype()), name(asked), name(asked)));
}

std::string Tensor::repr(const PrintOptions& options) const {
  if (!defined()) return "undefined";
  const std::string head = describe(*this) + " " + name(dtype());
  if (numel() == 0) return head;
  return head + (ndim() > 1 ? "\n" : " ") + elements_text(*this, options);
}

std::int64_t Tensor::size(std::int64_t axis) const {
  const Shape s = shape();
  return s[s.axis(axis, "size")];
}

namespace {
template <class To> To only_element(const Tensor& x) {
  if (x.numel() != 1)
    fail<ShapeError>("item",
                     fmt::format("needs exactly one element, {} has {}", describe(x), x.numel()));
  return visit_dtype(x.dtype(),
                     [&](auto zero) { return convert<To>(x.data<decltype(zero)>()[0], "item"); });
}
}  // namespace

double Tensor::item_as_double() const { return only_element<double>(*this); }

float Tensor::item_as_float() const {
  const double x = item_as_double();
  if (std::isfinite(x) && std::abs(x) > std::numeric_limits<float>::max())
    fail<ValueError>("item", fmt::format("{} does not fit float; ask for item<double>()", x));
  return static_cast<float>(x);
}

std::int64_t Tensor::item_as_integer(std::int64_t low, std::int64_t high) const {
  const auto x = only_element<std::int64_t>(*this);
  if (x < low || x > high)
    fail<ValueError>("item", fmt::format("{} does not fit the type asked for, which holds {} to {}",
                                         x, low, high));
  return x;
}

Tensor Tensor::to(Dtype target) const {
  const Dtype own = dtype();
  if (own == target && !is_weak()) return *this;
  Tensor y = empty(shape(), target);
  visit_dtype(target, [&](auto to_zero) {
    using To = decltype(to_zero);
    visit_dtype(own, [&](auto from_zero) {
      const auto* from = data<decltype(from_zero)>().data();
      auto* to = mutable_data<To>(y);
      parallel_for(y.numel(), elementwise_grain, [=](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) to[i] = convert<To>(from[i], "to");
      });
    });
  });
  if (!is_floating(target) || is_weak()) return y;
  return record("to", std::move(y), {*this}, {[own](const Tensor& g) { return g.to(own); }});
}

}  // namespace gradtape
