#include "gradtape/autograd/tensor/shared.hpp"

#include <unordered_map>

namespace gradtape::detail {

namespace {
thread_local DeepCopy* innermost = nullptr;
}

/// Keeps the originals too: the address of one that died could come again for another.
struct DeepCopy::Copies {
  struct Pair {
    std::shared_ptr<void> original, copy;
  };
  std::unordered_map<const void*, Pair> of;
};

DeepCopy::DeepCopy() : copies_(std::make_unique<Copies>()), outer_(innermost) { innermost = this; }

DeepCopy::~DeepCopy() { innermost = outer_; }

std::shared_ptr<void> DeepCopy::held(const std::shared_ptr<void>& original, Copier copier) {
  if (!innermost || !original) return original;
  auto& copies = innermost->copies_->of;
  // Until the copy is there, the original stands for it: it may hold a handle to itself.
  const auto [at, is_new] = copies.try_emplace(original.get(), Copies::Pair{original, original});
  if (!is_new) return at->second.copy;
  auto copy = copier(original.get());
  copies[original.get()].copy = copy;
  return copy;
}

}  // namespace gradtape::detail
