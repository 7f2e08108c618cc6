#include "../value.hpp"

namespace gradtape::conformance {
namespace {

/// softmax(x, dim, dtype) and its relatives, with dtype at position `dtype_at`.
Function along_axis(Tensor (*f)(const Tensor&, std::int64_t), std::size_t dtype_at) {
  return [=](Call& c) -> Value {
    Tensor x = c.tensor(0, "input");
    const auto dim = c.integer(1, "dim");
    if (dtype_at > 2) c.ignore(2, "_stacklevel");
    const Value& dtype = c.at(dtype_at, "dtype");
    if (dtype.is<Dtype>()) x = x.to(dtype.get<Dtype>());
    return x.ndim() == 0 ? reshape(f(reshape(x, {1}), dim), {}) : f(x, dim);
  };
}

Mapping functions() {
  return {
      {"softmax", along_axis(softmax, 2)},
      {"log_softmax", along_axis(log_softmax, 2)},
      {"nn.functional.softmax", along_axis(softmax, 3)},
      {"nn.functional.log_softmax", along_axis(log_softmax, 3)},
      {"nn.functional.softmin", along_axis(softmin, 3)},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
