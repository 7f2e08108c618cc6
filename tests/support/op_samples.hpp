/// The table of all ops: where op_property_test.cpp tests which properties.
#pragma once

#include <gradtape/autograd/tensor.hpp>

#include <functional>
#include <vector>

namespace gradtape::testing {

/// The interval that the elements of a sample are spread over.
struct Range {
  double low = -2, high = 2;
};

/// A point where the op is infinite, has a kink or a tie, with what is documented there.
struct EdgePoint {
  std::vector<Tensor> inputs;
  Tensor value;
  std::vector<Tensor> gradients;  ///< of the sum of the value
};

/// A differentiable op, or an interesting variant of one.
struct OpSample {
  const char* name;      ///< as given to `record`; "" for a composition of other ops
  const char* function;  ///< in the headers; "" for an op that only vjps use
  std::function<Tensor(const std::vector<Tensor>&)> f;
  std::vector<std::vector<Shape>>
      shapes;  ///< of the inputs, one list a call; size 0 included where it may be
  std::vector<Range> ranges = {{}};  ///< of each input; the last one holds for the rest
  std::vector<double> kinks = {};    ///< no sample comes near these
  std::vector<EdgePoint> edges = {};
  bool flat = false;    ///< slope 0 everywhere
  bool random = false;  ///< draws numbers, which differ between the dtypes
  /// All results that differentiate, of an op with several; f combines them or is one of them.
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> results = {};
};

/// An op without a gradient, or one that needs a check of its own.
struct ValueSample {
  const char* name;      ///< as given to `record`; "" for one that records nothing
  const char* function;  ///< in ops.hpp
  std::function<bool()> holds;
};

const std::vector<OpSample>& op_samples();
const std::vector<ValueSample>& value_samples();

/// Tensors for a call of `sample` with `shapes`: float64, spread over the ranges without ties.
std::vector<Tensor> sample_inputs(const OpSample& sample, const std::vector<Shape>& shapes);

}  // namespace gradtape::testing
