/// Tensor: an immutable array value and its place in the graph.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/memory.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/shape.hpp"

namespace gradtape {

class Index;

/// Element types. float32 and float64 differentiate.
enum class Dtype : std::uint8_t { float32, float64, int64, bool_ };
/// The names under which dtypes are written: `zeros({3}, float64)`.
inline constexpr Dtype float32 = Dtype::float32;
inline constexpr Dtype float64 = Dtype::float64;
inline constexpr Dtype int64 = Dtype::int64;
inline constexpr Dtype bool_ = Dtype::bool_;

/// "float32", "float64", "int64" or "bool".
const char* name(Dtype dtype);
std::ostream& operator<<(std::ostream& out, Dtype dtype);
/// Bytes of one element.
[[nodiscard]] constexpr std::size_t size_of(Dtype dtype) {
  return dtype == float32 ? 4 : dtype == bool_ ? 1 : 8;
}
/// Whether tensors of this dtype can be differentiated.
[[nodiscard]] constexpr bool is_floating(Dtype dtype) { return dtype <= float64; }

/// The dtype of the C++ element type `T`: float, double, std::int64_t or bool.
template <class T>
inline constexpr Dtype dtype_of = [] {
  using U = std::remove_cv_t<T>;
  static_assert(std::is_same_v<U, float> || std::is_same_v<U, double> ||
                    std::is_same_v<U, std::int64_t> || std::is_same_v<U, bool>,
                "gradtape: the element types are float, double, std::int64_t and bool");
  return std::is_same_v<U, float>    ? float32
         : std::is_same_v<U, double> ? float64
         : std::is_same_v<U, bool>   ? bool_
                                     : int64;
}();

namespace detail {

/// A block of elements that several values may share (reshape, leading slices); or what keeps
/// borrowed elements alive, which lie elsewhere (borrow.hpp).
struct Storage {
  RefCount refs;
  std::size_t bytes = 0;                           // of the whole block
  void (*give_back)(Storage*) noexcept = nullptr;  // of a borrowed one: destroys it and the owner
  char* data() { return reinterpret_cast<char*>(this) + header; }
  [[nodiscard]] bool is_writable() const { return !give_back; }
  void destroy() noexcept {
    if (give_back) return give_back(this);
    held_bytes -= static_cast<std::int64_t>(bytes);
    deallocate(this, bytes);
  }
  static constexpr std::size_t header = 64;  // keeps the data on a cache line of its own
};

/// Shape, dtype and elements. Small values live in the block itself, behind the extents.
/// `data` is null while a transposed value has not been needed as an array; see `materialise`.
struct Value {
  RefCount refs;
  Dtype dtype;
  std::uint8_t ndim;
  bool weak = false;  // made from a C++ literal: adopts the dtype of what it meets
  std::uint32_t bytes;
  std::int64_t numel;
  std::atomic<void*> data{nullptr};
  Ref<Storage> buffer;
  Ref<Value> transposed_from;  // the value whose last two axes this one swaps

  std::int64_t* extents() { return reinterpret_cast<std::int64_t*>(this + 1); }
  Shape shape() { return Shape::trusted(extents(), ndim); }
  void destroy() noexcept;
};

/// Fills in the elements of a transposed value. Safe from several threads.
void* materialise(Value& value);

/// What a node stands for. The last three have an extension of their own; see tape/node.hpp.
enum class NodeKind : std::uint8_t {
  op,      // an op with a vjp for each tracked input
  leaf,    // a tensor that accumulates a gradient
  joint,   // an op with one vjp for all its inputs
  output,  // one of several outputs of a joint op
};

/// One recorded op, or a leaf. Behind it in the same block: its edges, the extents of its output,
/// and its work and growth of memory unless those are small. It points to the nodes of its inputs
/// and to what its vjps captured, never to the data of anything else.
struct Node {
  RefCount refs;
  std::atomic<std::uint32_t> slot{0};  // position in the tape being built
  std::uint64_t order;                 // recording order: larger than that of every input
  const char* name;
  std::uint32_t edge_count;
  std::uint8_t flops = 0, bytes = 0;  // the work of a single small kernel; see work()
  std::uint8_t ndim;
  Dtype dtype : 4;
  NodeKind kind : 2 = NodeKind::op;
  bool released : 1 = false;
  bool has_work : 1 = false;  // more than flops and bytes hold: it lies behind the extents
  struct Extension* extension = nullptr;  // what few nodes have: hooks, a leaf's gradient, ...
  Value* output = nullptr;                // held where a vjp asks for the op's result

  [[nodiscard]] bool is_leaf() const { return kind == NodeKind::leaf; }
  struct Edge* edges() { return reinterpret_cast<Edge*>(this + 1); }
  Shape shape();
  /// The work of computing the output, and by how many bytes the memory of values grew with it.
  Work work();
  std::int64_t held();
  void destroy() noexcept;
};

}  // namespace detail

/// How a tensor is printed.
struct PrintOptions {
  std::int64_t threshold = 1000;  ///< Of more elements the first and last 3 of an axis are shown.
  int precision = 8;              ///< Digits behind the point, at most; from 0 to 17.
};

/// Options of Tensor::backward.
struct BackwardOptions {
  bool retain_graph = false;  ///< Keep the graph for a second pass.
};

/// Ops whose names are everybody's for variables: found by their argument alone, `mode(x)`, so that
/// `using namespace gradtape` does not bring them in.
namespace by_argument {
/// Base of what these ops are found by.
struct Base {};
}  // namespace by_argument

/// An immutable n-dimensional array, contiguous and row-major, with its place in the graph.
///
/// Copying is cheap (two reference counts); no public function writes into a tensor. A
/// default-constructed tensor is undefined: it stands for "no tensor", such as the gradient of a
/// leaf before `backward`.
class Tensor : by_argument::Base {
 public:
  Tensor() = default;

  /// A 0-d constant that adopts the dtype of the tensor it meets: `2.0 * x` has the dtype of `x`.
  template <class T>
    requires std::is_arithmetic_v<T>
  Tensor(T literal) : Tensor(from_literal(literal)) {}

  /// Whether this is a tensor at all (a default-constructed one is not).
  [[nodiscard]] bool defined() const { return static_cast<bool>(value_); }

  // These throw GraphError for an undefined tensor.

  /// The extents, outermost first.
  [[nodiscard]] Shape shape() const { return value("shape").shape(); }
  /// The element type.
  [[nodiscard]] Dtype dtype() const { return value("dtype").dtype; }
  /// The number of axes, 0 to 8.
  [[nodiscard]] int ndim() const { return value("ndim").ndim; }
  /// The number of elements.
  [[nodiscard]] std::int64_t numel() const { return value("numel").numel; }
  /// The extent of one axis, negative axes counted from the end. Throws ShapeError.
  [[nodiscard]] std::int64_t size(std::int64_t axis) const;

  /// The elements, row-major, as long as a tensor with this value lives. Throws DtypeError unless
  /// `T` is the C++ type of the dtype.
  template <class T> [[nodiscard]] std::span<const T> data() const& {
    auto& v = value("data");
    if (v.dtype != dtype_of<T>) wrong_type("data", dtype_of<T>);
    return {static_cast<const T*>(raw()), static_cast<std::size_t>(v.numel)};
  }
  /// The elements of a temporary would be gone at once: name the tensor first, or use values().
  template <class T> std::span<const T> data() const&& = delete;
  /// A copy of the elements, row-major. Throws DtypeError as data().
  template <class T> [[nodiscard]] std::vector<T> values() const {
    const auto elements = data<T>();
    return {elements.begin(), elements.end()};
  }

  /// The only element, converted to `T`; a fraction is cut off where `T` is an integer. Throws
  /// ShapeError unless there is exactly one, ValueError where it lies outside the range of `T`.
  template <class T = double> [[nodiscard]] T item() const {
    static_assert(std::is_arithmetic_v<T>);
    using Limits = std::numeric_limits<T>;
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if constexpr (std::is_same_v<T, bool>)
      return item_as_double() != 0;
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(sizeof(T) < sizeof(double) ? item_as_float() : item_as_double());
    else if constexpr (sizeof(T) < sizeof most || Limits::is_signed)
      return static_cast<T>(item_as_integer(Limits::min(), Limits::max()));
    else
      return static_cast<T>(item_as_integer(0, most));
  }

  /// x[i] along axis 0, or x[range(1, 3)], x[mask], ...; as at(x, {index}), of <ops/index.hpp>.
  /// Two of them are x[i][j]; C++20 takes x[i, j] for x[j].
  [[nodiscard]] Tensor operator[](const Index& index) const;

  /// Returns this value as a leaf, and leaves this tensor as it is: `x = x.requires_grad()`.
  /// Gradients of what is computed from the leaf accumulate in its `grad()`. The name appears in
  /// error messages. Throws DtypeError unless floating.
  [[nodiscard]] Tensor requires_grad(std::string name = {}) const;
  /// Whether operations on this tensor are recorded.
  [[nodiscard]] bool is_tracked() const { return static_cast<bool>(node_); }
  /// Whether this is a leaf: made by requires_grad(), with a gradient of its own.
  [[nodiscard]] bool is_leaf() const;
  /// This value outside any graph.
  [[nodiscard]] Tensor detach() const { return Tensor(value_, {}); }

  /// The accumulated gradient of a leaf; undefined before the first `backward`. Throws GraphError
  /// on other tensors.
  [[nodiscard]] Tensor grad() const;
  /// Drops the accumulated gradient of a leaf.
  void zero_grad() const;
  /// Calls `hook` with this tensor's whole gradient during every backward pass; a defined result
  /// replaces it.
  void register_hook(std::function<Tensor(const Tensor&)> hook) const;

  /// Accumulates d(this)/d(leaf) into every leaf's `grad()`. Without a seed this tensor must have
  /// one element. seed: the cotangent, broadcastable to this shape. Throws GraphError, ShapeError,
  /// DtypeError.
  void backward(const Tensor& seed = {}, BackwardOptions options = {}) const;
  /// The same without a seed.
  void backward(BackwardOptions options) const { backward({}, options); }

  /// A copy in another dtype; differentiable between floats.
  [[nodiscard]] Tensor to(Dtype dtype) const;

  /// NumPy-like text: `x.str({.precision = 3})`; with shape and dtype where elements are left out.
  [[nodiscard]] std::string str(const PrintOptions& options = {}) const;
  /// The same behind shape and dtype, "[2, 3] float32", and the name of a leaf.
  [[nodiscard]] std::string repr(const PrintOptions& options = {}) const;

  // For ops and kernels.
  Tensor(detail::Ref<detail::Value> value, detail::Ref<detail::Node> node) noexcept
      : value_(std::move(value)), node_(std::move(node)) {}
  /// The elements, row-major; null where there are none.
  const void* raw() const {
    auto& v = *value_;
    void* data = v.data.load(std::memory_order_acquire);
    return data ? data : v.numel ? detail::materialise(v) : nullptr;
  }
  /// This value as the output of `node`.
  Tensor tracked_by(detail::Ref<detail::Node> node) && noexcept {
    return Tensor(std::move(value_), std::move(node));
  }
  const detail::Ref<detail::Value>& value_ref() const { return value_; }
  const detail::Ref<detail::Node>& node_ref() const { return node_; }
  /// Whether it was made from a C++ literal, and adopts the dtype of what it meets.
  [[nodiscard]] bool is_weak() const { return value_ && value_->weak; }

 private:
  template <class T> static Tensor from_literal(T literal) {
    if constexpr (std::is_same_v<T, bool>)
      return literal_bool(literal);
    else if constexpr (detail::AnyInteger<T>)
      return literal_integer(detail::to_int64(literal));
    else if constexpr (std::is_integral_v<T>)
      return literal_integer(static_cast<std::int64_t>(literal));
    else
      return literal_floating(static_cast<double>(literal));
  }
  static Tensor literal_bool(bool literal);
  static Tensor literal_integer(std::int64_t literal);
  static Tensor literal_floating(double literal);

  detail::Value& value(const char* op) const {
    if (!value_) undefined(op);
    return *value_;
  }
  [[noreturn]] static void undefined(const char* op);
  [[noreturn]] void wrong_type(const char* op, Dtype asked) const;
  [[nodiscard]] double item_as_double() const;
  [[nodiscard]] float item_as_float() const;
  [[nodiscard]] std::int64_t item_as_integer(std::int64_t low, std::int64_t high) const;

  detail::Ref<detail::Value> value_;
  detail::Ref<detail::Node> node_;
};

/// Writes `tensor.str()`.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

namespace detail {

/// A fresh value with uninitialised elements, and the pointer to write them through. Throws
/// ShapeError in the name of `op` for a negative extent or too many elements, and std::bad_alloc
/// with op and shape in its text where memory does not suffice.
[[nodiscard]] Tensor empty(const Shape& shape, Dtype dtype, const char* op = "Tensor");
template <class T> T* mutable_data(const Tensor& fresh) {
  return static_cast<T*>(const_cast<void*>(fresh.raw()));
}
/// The same elements under another shape, sharing the buffer; `offset` in elements. Small values
/// are copied.
[[nodiscard]] Tensor alias(const Tensor& x, const Shape& shape, std::int64_t offset = 0);
/// The last two axes swapped; large values are not moved until somebody reads them as an array.
[[nodiscard]] Tensor transposed(const Tensor& x);
/// A value of the elements at `data`, which nobody keeps alive yet; see borrow.hpp. Throws
/// ShapeError for a negative extent or too many elements, ValueError for a null pointer and for an
/// address that is no multiple of the size of an element.
[[nodiscard]] Tensor borrowed(const void* data, const Shape& shape, Dtype dtype, const char* op);
/// Whether nobody else can see the elements, so they may be overwritten; never those of borrowed
/// memory. With 2 holders: whether they may be once `x`, or the one other tensor that holds them,
/// is gone.
[[nodiscard]] bool is_unique(const Tensor& x, std::uint32_t holders = 1);

/// Throws GraphError: "matmul: b is undefined: default-constructed, ...".
[[noreturn]] void undefined_operand(std::string_view op, std::string_view operand);
/// Throws that unless x is defined.
inline void need_defined(std::string_view op, const Tensor& x, std::string_view operand) {
  if (!x.defined()) undefined_operand(op, operand);
}
/// Throws DtypeError: "exp: needs float32 or float64, got int64".
[[noreturn]] void needs_floating(const char* op, Dtype got);
/// Calls `f` with a value of the C++ type of `dtype`; throws DtypeError for dtypes outside `Ts`.
template <class F> decltype(auto) visit_floating(Dtype dtype, const char* op, F&& f) {
  if (dtype == float32) return f(float{});
  if (dtype == float64) return f(double{});
  needs_floating(op, dtype);
}
template <class F> decltype(auto) visit_dtype(Dtype dtype, F&& f) {
  switch (dtype) {
    case Dtype::float32:
      return f(float{});
    case Dtype::float64:
      return f(double{});
    case Dtype::int64:
      return f(std::int64_t{});
    default:
      return f(bool{});
  }
}

}  // namespace detail
}  // namespace gradtape

// tensor(), zeros(), ...
#include "gradtape/autograd/creation.hpp"
