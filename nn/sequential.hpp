/// Sequential: layers one after another.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// What Sequential takes: a module, activation, function or lambda that maps one tensor to another.
template <class L>
concept Layer = std::is_invocable_r_v<Tensor, const L&, const Tensor&>;

/// f_n(... f_2(f_1(x))): calls its layers in turn.
///
///     nn::Sequential net(nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1));
///
/// Modules among the layers become children named after their position: "0", "2".
class Sequential : public Module {
 public:
  Sequential() = default;
  template <Layer... Layers>
    requires(sizeof...(Layers) > 1 || !(std::derived_from<Layers, Sequential> && ...))
  explicit Sequential(Layers... layers) {
    (add(std::move(layers)), ...);
  }

  /// Appends a layer; every copy of this handle sees it.
  template <Layer L>
  Sequential& add(L layer) {
    if constexpr (std::derived_from<L, Module>)
      layers_->push_back(child(std::to_string(size()), std::move(layer)));
    else
      layers_->push_back(std::move(layer));
    return *this;
  }

  /// The number of layers.
  std::size_t size() const { return layers_->size(); }

  Tensor operator()(const Tensor& x) const {
    Tensor y = x;
    for (const auto& layer : *layers_) y = layer(y);
    return y;
  }

 private:
  using Function = std::function<Tensor(const Tensor&)>;
  std::shared_ptr<std::vector<Function>> layers_ = std::make_shared<std::vector<Function>>();
};

}  // namespace gradtape::nn
