/// FunctionLayer: a function of a tensor, with its options fixed, as a layer.
#pragma once

#include <tuple>
#include <utility>

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

namespace detail {

/// Of the functions of one name, the op of a tensor and these options: formula.hpp has templates of
/// the names of ops.
template <class... Options> constexpr auto op(Tensor (*function)(const Tensor&, Options...)) {
  return function;
}

}  // namespace detail

/// The layer y = function(x, options...) without parameters.
///
///     struct Scale : nn::FunctionLayer<scale, double> {
///       explicit Scale(double factor = 2) : FunctionLayer(factor) {}
///     };
template <auto function, class... Options> class FunctionLayer : public Layer {
 public:
  explicit FunctionLayer(Options... options) : options_(std::move(options)...) {}

 protected:
  Tensor forward(const Tensor& x) const override {
    return of(x, std::index_sequence_for<Options...>());
  }

 private:
  template <std::size_t... I>
  [[nodiscard]] Tensor of(const Tensor& x, std::index_sequence<I...>) const {
    return function(x, std::get<I>(options_)...);
  }

  std::tuple<Options...> options_;
};

}  // namespace gradtape::nn
