/// Vjps: how an op says what its derivative is.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "gradtape/autograd/row_gradient.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A vector-Jacobian product: maps the cotangent of an op's output to that of one input.
///
/// Made from any callable `Tensor(const Tensor& g)` or `Tensor(const Tensor& g, const Tensor&
/// output)`. Capture inputs by value; take the op's own result as the second argument, never by
/// capture (it would keep itself alive). Write it in public ops, and every order of derivative
/// follows. The result may have any shape that reduces or broadcasts to the input's: the engine
/// fits it. An undefined result means zero. The vjp of a lookup in a table [n, d] may return a
/// RowGradient instead, which the engine adds up.
class Vjp {
 public:
  Vjp() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Vjp>)
  Vjp(F&& f) {
    using D = std::decay_t<F>;
    static_assert(
        std::invocable<D&, const Tensor&> || std::invocable<D&, const Tensor&, const Tensor&>,
        "gradtape: a vjp is called as vjp(g) or vjp(g, output)");
    if constexpr (inline_v<D>)
      new (storage_) D(std::forward<F>(f));
    else
      *reinterpret_cast<D**>(storage_) = new D(std::forward<F>(f));
    ops_ = &table<D>;
  }
  Vjp(Vjp&& other) noexcept : ops_(std::exchange(other.ops_, nullptr)) {
    if (!ops_) return;
    if (ops_->move)
      ops_->move(storage_, other.storage_);
    else
      std::memcpy(storage_, other.storage_, capacity);
  }
  Vjp& operator=(Vjp&& other) noexcept {
    if (this != &other) {
      this->~Vjp();
      new (this) Vjp(std::move(other));
    }
    return *this;
  }
  ~Vjp() {
    if (ops_ && ops_->destroy) ops_->destroy(storage_);
  }

  /// The contribution to the input's cotangent; only for a vjp that does not give rows.
  Tensor operator()(const Tensor& g, const Tensor& output) {
    return ops_->call(storage_, g, output);
  }
  /// The contribution of a vjp that gives rows.
  RowGradient rows(const Tensor& g, const Tensor& output) {
    return ops_->rows(storage_, g, output);
  }
  explicit operator bool() const { return ops_ != nullptr; }
  /// Whether it returns a RowGradient.
  [[nodiscard]] bool gives_rows() const { return ops_->rows != nullptr; }
  /// Whether it takes the output of its op too.
  [[nodiscard]] bool needs_output() const { return ops_->needs_output; }
  [[nodiscard]] bool takes_any_shape() const { return ops_->takes_any_shape; }

 private:
  static constexpr std::size_t capacity = 4 * sizeof(void*);  // two captured tensors
  struct Ops {
    Tensor (*call)(void*, const Tensor&, const Tensor&);
    RowGradient (*rows)(void*, const Tensor&, const Tensor&);
    void (*move)(void*, void*) noexcept;  // null where copying the bytes will do
    void (*destroy)(void*) noexcept;      // null where there is nothing to do
    bool needs_output, takes_any_shape;
  };
  template <class D>
  static constexpr bool inline_v = sizeof(D) <= capacity && alignof(D) <= alignof(void*) &&
                                   std::is_nothrow_move_constructible_v<D>;
  template <class D> static D& get(void* p) {
    if constexpr (inline_v<D>)
      return *std::launder(reinterpret_cast<D*>(p));
    else
      return **reinterpret_cast<D**>(p);
  }
  template <class D> static decltype(auto) invoke(D& f, const Tensor& g, const Tensor& output) {
    if constexpr (std::invocable<D&, const Tensor&>)
      return f(g);
    else
      return f(g, output);
  }
  template <class D>
  static constexpr bool gives_rows_v =
      std::same_as<decltype(invoke(std::declval<D&>(), std::declval<const Tensor&>(),
                                   std::declval<const Tensor&>())),
                   RowGradient>;
  /// The vjp as a function that returns R; null unless it gives that.
  template <class R, class D>
  static constexpr auto caller() -> R (*)(void*, const Tensor&, const Tensor&) {
    if constexpr (std::same_as<R, RowGradient> != gives_rows_v<D>)
      return nullptr;
    else
      return [](void* p, const Tensor& g, const Tensor& output) -> R {
        return invoke(get<D>(p), g, output);
      };
  }
  template <class D> static constexpr bool takes_any_shape_v = requires { D::takes_any_shape; };
  template <class D> static constexpr auto mover() -> void (*)(void*, void*) noexcept {
    if constexpr (inline_v<D> && !std::is_trivially_copyable_v<D>)
      return [](void* to, void* from) noexcept {
        new (to) D(std::move(get<D>(from)));
        get<D>(from).~D();
      };
    else
      return nullptr;
  }
  template <class D> static constexpr auto destroyer() -> void (*)(void*) noexcept {
    if constexpr (!inline_v<D>)
      return [](void* p) noexcept { delete *reinterpret_cast<D**>(p); };
    else if constexpr (!std::is_trivially_destructible_v<D>)
      return [](void* p) noexcept { get<D>(p).~D(); };
    else
      return nullptr;
  }
  template <class D>
  static constexpr Ops table = {
      caller<Tensor, D>(), caller<RowGradient, D>(),           mover<D>(),
      destroyer<D>(),      !std::invocable<D&, const Tensor&>, takes_any_shape_v<D>};

  alignas(void*) unsigned char storage_[capacity];
  const Ops* ops_ = nullptr;
};

/// Marks a vjp of an elementwise op, which accepts a cotangent that still has to broadcast to the
/// output's shape; the engine then need not expand it.
template <class F> struct elementwise_vjp : F {
  /// Says so to record().
  static constexpr bool takes_any_shape = true;
};
template <class F> elementwise_vjp(F) -> elementwise_vjp<F>;

/// A vjp for all inputs at once: cotangents of the outputs in (undefined where nothing arrived),
/// cotangents of the inputs out.
///
/// Made from any callable `std::vector<Tensor>(std::span<const Tensor> g, const std::vector<bool>&
/// needed)`, or with a third parameter `std::span<const Tensor> outputs`: the op's own results,
/// tracked where the pass is recorded. `needed[i]` says whether input i's cotangent is used; leave
/// the others undefined.
class JointVjp {
 public:
  JointVjp() = default;
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, JointVjp>)
  JointVjp(F f)
      : needs_outputs_(std::invocable<F&, std::span<const Tensor>, const std::vector<bool>&,
                                      std::span<const Tensor>>),
        takes_any_shape_(requires { F::takes_any_shape; }) {
    if constexpr (std::invocable<F&, std::span<const Tensor>, const std::vector<bool>&>)
      call_ = [f = std::move(f)](std::span<const Tensor> g, const std::vector<bool>& needed,
                                 std::span<const Tensor>) mutable { return f(g, needed); };
    else
      call_ = std::move(f);
  }

  std::vector<Tensor> operator()(std::span<const Tensor> g, const std::vector<bool>& needed,
                                 std::span<const Tensor> outputs) const {
    return call_(g, needed, outputs);
  }
  explicit operator bool() const { return static_cast<bool>(call_); }
  /// Whether it takes the outputs of its op too.
  [[nodiscard]] bool needs_outputs() const { return needs_outputs_; }
  /// Whether it was made of an elementwise_vjp.
  [[nodiscard]] bool takes_any_shape() const { return takes_any_shape_; }

 private:
  std::function<std::vector<Tensor>(std::span<const Tensor>, const std::vector<bool>&,
                                    std::span<const Tensor>)>
      call_;
  bool needs_outputs_ = false, takes_any_shape_ = false;
};

}  // namespace gradtape
