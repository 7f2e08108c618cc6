#include "../value.hpp"

namespace gradtape::conformance {
namespace {

/// dropout(x, p, training, inplace)
Value dropped(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const double p = c.number(1, "p", 0.5);
  c.ignore(3, "inplace");
  return c.flag(2, "training", true) ? dropout(x, p) : x;
}

Mapping functions() {
  return {
      {"dropout", dropped},
      {"bernoulli", [](Call& c) -> Value { return bernoulli(c.tensor(0, "input")); }},
      {"normal", [](Call& c) -> Value { return normal(c.tensor(0, "mean"), c.tensor(1, "std")); }},
      {"multinomial",
       [](Call& c) -> Value {
         return multinomial(c.tensor(0, "input"), c.integer(1, "num_samples"),
                            {.replacement = c.flag(2, "replacement", false)});
       }},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
