/// Shared: what handles hold, and how a handle is copied deeply.
#pragma once

#include <memory>
#include <utility>

namespace gradtape::detail {

/// While one is alive, handles that its thread copies come to hold copies of what the originals
/// hold. One original has one copy, so what was shared among the handles is shared among their
/// copies.
class DeepCopy {
 public:
  DeepCopy();
  ~DeepCopy();
  DeepCopy(const DeepCopy&) = delete;
  DeepCopy& operator=(const DeepCopy&) = delete;

  using Copier = std::shared_ptr<void> (*)(const void*);
  /// What a copy of a handle to `original` holds: the same, unless a DeepCopy is alive.
  static std::shared_ptr<void> held(const std::shared_ptr<void>& original, Copier copier);

 private:
  struct Copies;
  std::unique_ptr<Copies> copies_;
  DeepCopy* outer_;
};

/// A std::shared_ptr that takes part in deep copies. T may be incomplete but where one is made.
template <class T> class Shared {
 public:
  Shared() = default;
  template <class... Args> static Shared make(Args&&... args) {
    Shared made;
    made.held_ = std::make_shared<T>(std::forward<Args>(args)...);
    made.copier_ = [](const void* original) -> std::shared_ptr<void> {
      return std::make_shared<T>(*static_cast<const T*>(original));
    };
    return made;
  }
  Shared(const Shared& other)
      : held_(DeepCopy::held(other.held_, other.copier_)), copier_(other.copier_) {}
  /// Shares too: a handle that was moved from holds what it held.
  // NOLINTNEXTLINE(performance-move-constructor-init): as it says
  Shared(Shared&& other) noexcept : held_(other.held_), copier_(other.copier_) {}
  Shared& operator=(Shared other) noexcept {
    held_.swap(other.held_);
    std::swap(copier_, other.copier_);
    return *this;
  }
  ~Shared() = default;

  T* get() const { return static_cast<T*>(held_.get()); }
  T& operator*() const { return *get(); }
  T* operator->() const { return get(); }
  explicit operator bool() const { return static_cast<bool>(held_); }
  /// For those who must not keep it alive.
  std::weak_ptr<void> weak() const { return held_; }
  friend bool operator==(const Shared& a, const Shared& b) { return a.held_ == b.held_; }

 private:
  std::shared_ptr<void> held_;
  DeepCopy::Copier copier_ = nullptr;
};

}  // namespace gradtape::detail
