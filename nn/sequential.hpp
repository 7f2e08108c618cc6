/// Sequential: layers one after another.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/author.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// What Sequential takes: a module, function or lambda that maps one tensor to another.
template <class F>
concept TensorCallable = std::is_invocable_r_v<Tensor, const F&, const Tensor&>;

/// f_n(... f_2(f_1(x))): calls its layers in turn.
///
///     nn::Sequential net(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1));
///
/// Modules among the layers become children named after their position: "0", "1".
class Sequential : public Layer {
 public:
  Sequential() = default;
  template <TensorCallable... Layers>
    requires(sizeof...(Layers) > 1 || !(std::derived_from<Layers, Sequential> && ...))
  explicit Sequential(Layers... layers) {
    (add(std::move(layers)), ...);
  }

  /// Appends a layer; every copy of this handle sees it.
  template <TensorCallable L> Sequential& add(L layer) {
    if constexpr (std::derived_from<L, Module>)
      layers_->push_back(child(std::to_string(size()), std::move(layer)));
    else if (Function function = std::move(layer); function)
      layers_->push_back(std::move(function));
    else
      fail<ValueError>("Sequential", "got an empty function as a layer");
    return *this;
  }

  /// A lambda, or anything that maps a tensor to a tensor.
  using Function = std::function<Tensor(const Tensor&)>;
  /// The number of layers.
  [[nodiscard]] std::size_t size() const { return layers_->size(); }
  /// Layer i. Throws ValueError for an index out of range.
  const Function& operator[](std::size_t i) const {
    return (*layers_)[author::require_index("Sequential", "layer", i, size())];
  }

 protected:
  Tensor forward(const Tensor& x) const override {
    Tensor y = x;
    for (const auto& layer : *layers_) y = layer(y);
    return y;
  }

 private:
  using Layers = std::vector<Function>;
  author::Shared<Layers> layers_ = author::Shared<Layers>::make();
};

}  // namespace gradtape::nn
