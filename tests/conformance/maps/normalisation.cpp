#include "../value.hpp"

namespace gradtape::conformance {
namespace {

Shape shape_of(const std::vector<std::int64_t>& extents) {
  return Shape(std::span<const std::int64_t>(extents));
}

/// Ours refuse a negative eps, which some of PyTorch's samples have.
double eps(Call& c) {
  const double given = c.number(4, "eps", 1e-5);
  return given >= 0 ? given : throw Unsupported("a negative eps");
}

Value layer(Call& c) {
  return layer_norm(c.tensor(0, "input"), shape_of(c.integers(1, "normalized_shape")),
                    {c.tensor_or_none(2, "weight"), c.tensor_or_none(3, "bias"), eps(c)});
}

Value group(Call& c) {
  return group_norm(c.tensor(0, "input"), c.integer(1, "num_groups"),
                    {c.tensor_or_none(2, "weight"), c.tensor_or_none(3, "bias"), eps(c)});
}

Value local_response(Call& c) {
  return local_response_norm(
      c.tensor(0, "input"), c.integer(1, "size"),
      {c.number(2, "alpha", 1e-4), c.number(3, "beta", 0.75), c.number(4, "k", 1.0)});
}

/// The positions of the statistics and of the parameters.
struct Order {
  std::size_t running, affine;
};

/// norm(input, ..., training, momentum, eps); PyTorch writes the running statistics in place.
template <class Norm>
Value by_channel(Call& c, Norm norm, Order order, const char* training, bool trains) {
  const Tensor x = c.tensor(0, "input");
  const BatchNormOptions options{.weight = c.tensor_or_none(order.affine, "weight"),
                                 .bias = c.tensor_or_none(order.affine + 1, "bias"),
                                 .running_mean = c.tensor_or_none(order.running, "running_mean"),
                                 .running_var = c.tensor_or_none(order.running + 1, "running_var"),
                                 .training = c.flag(5, training, trains),
                                 .momentum = c.number(6, "momentum", 0.1),
                                 .eps = c.number(7, "eps", 1e-5)};
  if (x.numel() == 0 && x.ndim() == 1) return x;  // PyTorch's loose end
  const BatchNormResult result = norm(x, options);
  if (options.training && options.running_mean.defined()) {
    c.at(order.running, "running_mean").update(result.running_mean);
    c.at(order.running + 1, "running_var").update(result.running_var);
  }
  return result.y;
}

Value batch(Call& c) { return by_channel(c, batch_norm, {1, 3}, "training", false); }

Value torch_batch(Call& c) {
  c.ignore(8, "cudnn_enabled");
  return by_channel(c, batch_norm, {3, 1}, "training", false);
}

Value instance(Call& c) { return by_channel(c, instance_norm, {1, 3}, "use_input_stats", true); }

/// Mean and 1 / sqrt(var + eps) of x over axes.
std::pair<Tensor, Tensor> moments(const Tensor& x, const Axes& axes, bool keepdim, double eps) {
  return {mean(x, axes, {.keepdim = keepdim}),
          rsqrt(var(x, axes, {.keepdim = keepdim, .correction = 0}) + eps)};
}

Value native_layer(Call& c) {
  const Tensor x = c.tensor(0, "input");
  std::vector<std::int64_t> axes;
  for (std::size_t i = c.integers(1, "normalized_shape").size(); i > 0; --i)
    axes.push_back(-static_cast<std::int64_t>(i));
  const auto [mean, scale] = moments(x, axes, true, c.number(4, "eps"));
  return List{layer(c), mean, scale};
}

Value native_batch(Call& c) {
  const Tensor x = c.tensor(0, "input");
  Value y = by_channel(c, batch_norm, {3, 1}, "training", false);
  if (!c.flag(5, "training")) return List{y, zeros({0}, x.dtype()), zeros({0}, x.dtype())};
  std::vector<std::int64_t> axes{0};
  for (std::int64_t axis = 2; axis < x.ndim(); ++axis) axes.push_back(axis);
  const auto [mean, scale] = moments(x, axes, false, c.number(7, "eps"));
  return List{y, mean, scale};
}

Mapping functions() {
  return {
      {"layer_norm", layer},
      {"group_norm", group},
      {"nn.functional.local_response_norm", local_response},
      {"nn.functional.batch_norm", batch},
      {"batch_norm", torch_batch},
      {"nn.functional.instance_norm", instance},
      {"native_layer_norm", native_layer},
      {"native_batch_norm", native_batch},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
