#include "../value.hpp"

namespace gradtape::conformance {
namespace {

Value cosine(Call& c) {
  return cosine_similarity(c.tensor(0, "x1"), c.tensor(1, "x2"),
                           {c.integer(2, "dim", 1), c.number(3, "eps", 1e-8)});
}

Value pairwise(Call& c) {
  return pairwise_distance(
      c.tensor(0, "x1"), c.tensor(1, "x2"),
      {c.number(2, "p", 2.0), c.number(3, "eps", 1e-6), c.flag(4, "keepdim", false)});
}

Value all_pairs(Call& c) {
  c.ignore(3, "compute_mode");
  return cdist(c.tensor(0, "x1"), c.tensor(1, "x2"), c.number(2, "p", 2.0));
}

/// The distances of all pairs i < j of rows.
Value pdist(Call& c) {
  const Tensor x = c.tensor(0, "input");
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < x.size(0); ++i)
    for (std::int64_t j = i + 1; j < x.size(0); ++j) {
      first.push_back(i);
      second.push_back(j);
    }
  return pairwise_distance(index_select(x, 0, tensor(first)), index_select(x, 0, tensor(second)),
                           {.p = c.number(1, "p", 2.0), .eps = 0});
}

Value unit(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const NormalizeOptions options{c.number(1, "p", 2.0), c.integer(2, "dim", 1),
                                 c.number(3, "eps", 1e-12)};
  return x.ndim() == 0 ? reshape(normalize(reshape(x, {1}), options), {}) : normalize(x, options);
}

Mapping functions() {
  return {
      {"cosine_similarity", cosine},
      {"pairwise_distance", pairwise},
      {"cdist", all_pairs},
      {"pdist", pdist},
      {"nn.functional.normalize", unit},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
