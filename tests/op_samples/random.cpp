#include "rows.hpp"

namespace gradtape::testing {

namespace {

Tensor fixed_dropout(Inputs x) {
  Generator generator(7);
  return dropout(x[0], 0.4, generator);
}

}  // namespace

// clang-format off: a row a line, or as few as it takes

Rows random_rows() {
  return {
      {"mul", "dropout", fixed_dropout, {{{3, 4}}, {{0}}}, {{}}, {}, {}, false, true},
  };
}

ValueRows random_values() {
  return {};
}

}  // namespace gradtape::testing
