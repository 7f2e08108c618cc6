#include "../value.hpp"

namespace gradtape::conformance {
namespace {

/// softmax(x, dim, dtype), and its relatives.
Function along_axis(Tensor (*f)(const Tensor&, std::int64_t)) {
  return [f](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    const Value& dtype = c.at(2, "dtype");
    return f(dtype.is<Dtype>() ? x.to(dtype.get<Dtype>()) : x, c.integer(1, "dim"));
  };
}

}  // namespace

Mapping softmax_map() {
  return {
      {"softmax", along_axis(softmax)},
      {"log_softmax", along_axis(log_softmax)},
  };
}

}  // namespace gradtape::conformance
