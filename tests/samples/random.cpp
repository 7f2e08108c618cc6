#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

Tensor fixed_dropout(Inputs x) {
  Generator generator(7);
  return dropout(x[0], 0.4, generator);
}

Tensor normal_around(Inputs x) {
  Generator generator(7);
  return normal(x[0], 2.0, generator);
}

Tensor normal_of_width(Inputs x) {
  Generator generator(7);
  return normal(0.0, x[0], generator);
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  return {
      {"mul", "dropout", fixed_dropout, {{{3, 4}}, {{0}}}, {{}}, {}, {}, false, true},
      {"where", "dropout", [](Inputs x) { return dropout(x[0], 1); }, {{{3, 4}}}, {{}}, {},
       {{{vec({inf, nan})}, vec({0, 0}), {vec({0, 0})}}}, true},
      {"add", "normal", normal_around, {{{3, 4}}, {{0}}, {{}}}, {{}}, {}, {}, false, true},
      {"add", "normal", normal_of_width, {{{3, 4}}, {{0}}, {{}}}, {{1, 2}}, {}, {}, false, true},
  };
}

ValueRows values() {
  return {
      {"", "bernoulli",
       [] {
         Generator generator(3);
         const Tensor p = vec({0, 1, 0.3}) * ones({10000, 1}, float64);
         const Tensor share = mean(bernoulli(p, generator), 0);
         return allclose(share, vec({0, 1, 0.3}), 0, 0.02);
       }},
      {"", "multinomial",
       [] {
         Generator generator(3);
         const Tensor w = vec({1, 0, 3}), drawn = multinomial(w, 10000, {.replacement = true}, generator);
         const Tensor share = mean(one_hot(drawn, 3, float64), 0);
         return allclose(share, vec({.25, 0, .75}), 0, 0.02) &&
                array_equal(sort(multinomial(w, 2, {}, generator)).values, indices({0, 2}));
       }},
  };
}

const Family family("random", rows, values);

}  // namespace
}  // namespace gradtape::testing
