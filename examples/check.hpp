/// The gradient check that an example begins with.
#pragma once

#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>

/// Compares the gradients of `loss` by the model's parameters and, where they are floating, by a
/// few inputs with finite differences, to second order, and says what comes out. The model is in
/// float64 meanwhile, which a check needs, and float32 after that.
template <class Model, class Loss>
bool gradients_are_right(Model& model, const gradtape::Tensor& inputs, const Loss& loss) {
  using namespace gradtape;
  model.to(float64);
  const auto result = gradcheck(loss, is_floating(inputs.dtype()) ? inputs.to(float64) : inputs,
                                {.order = 2, .parameters = model.parameters()});
  model.to(float32);
  if (result)
    fmt::print("gradients by {} parameters: {} values right, to second order\n",
               model.parameter_count(), result.comparisons);
  else
    fmt::print("{}\n", result.message);
  return static_cast<bool>(result);
}
