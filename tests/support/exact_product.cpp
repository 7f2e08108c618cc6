// Products of vectors and matrices, and sums over places that are named by indices.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include "gradtape/autograd/ops/detail/scan.hpp"
#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

/// All a_i b_j.
Numbers outer_product(const Numbers& a, const Numbers& b) { return matmul(a, b, 1); }

Numbers joined(Numbers a, const Numbers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Numbers cross_product(const Numbers& a, const Numbers& b) {
  const auto minor = [&](std::size_t i, std::size_t j) { return a[i] * b[j] - a[j] * b[i]; };
  return {minor(1, 2), minor(2, 0), minor(0, 1)};
}

std::vector<Row> product_rows_of_matrices() {
  return {
      {"linear",
       [](const Tensors& x) { return linear(x[0], x[1], x[2]); },
       [](const Operands& x) {
         const Numbers y = matmul(x[0], transposed(x[1], 3), 3);
         Numbers biased;
         for (std::size_t i = 0; i < y.size(); ++i) biased.push_back(y[i] + x[2][i % 4]);
         return biased;
       },
       {{{2, 3}}, {{4, 3}}, {{4}}}},
      {"bmm",
       [](const Tensors& x) { return bmm(x[0], x[1]); },
       [](const Operands& x) {
         return joined(matmul(row_of(x[0], 0, 6), row_of(x[1], 0, 6), 3),
                       matmul(row_of(x[0], 1, 6), row_of(x[1], 1, 6), 3));
       },
       {{{2, 2, 3}}, {{2, 3, 2}}}},
      {"dot",
       [](const Tensors& x) { return dot(x[0], x[1]); },
       [](const Operands& x) { return matmul(x[0], x[1], 7); },
       {{{7}}, {{7}}}},
      {"outer",
       [](const Tensors& x) { return outer(x[0], x[1]); },
       [](const Operands& x) { return outer_product(x[0], x[1]); },
       {{{3}}, {{4}}}},
      {"tensordot",
       [](const Tensors& x) { return tensordot(x[0], x[1]); },
       [](const Operands& x) { return matmul(x[0], x[1], 6); },
       {{{2, 3, 2}}, {{3, 2, 2}}}},
      {"kron",
       [](const Tensors& x) { return kron(x[0], x[1]); },
       [](const Operands& x) {  // of row vectors
         return outer_product(x[0], x[1]);
       },
       {{{1, 3}}, {{1, 4}}}},
      {"cross",
       [](const Tensors& x) { return cross(x[0], x[1]); },
       [](const Operands& x) { return cross_product(x[0], x[1]); },
       {{{3}}, {{3}}}},
      {"einsum",
       [](const Tensors& x) {
         return einsum("ab,bc,cd->ad", {x[0], x[1], x[2]});
       },
       [](const Operands& x) { return matmul(matmul(x[0], x[1], 3), x[2], 2); },
       {{{2, 3}}, {{3, 2}}, {{2, 2}}}},
      {"einsum, diagonal",
       [](const Tensors& x) {
         return einsum("iij,j->i", {x[0], x[1]});
       },
       [](const Operands& x) {
         return joined(matmul(row_of(x[0], 0, 3), x[1], 3), matmul(row_of(x[0], 3, 3), x[1], 3));
       },
       {{{2, 2, 3}}, {{3}}}},
  };
}

// ---- sums over places ----

/// base with the elements of `source` at `places` joined by f; `own` whether base's own count.
template <class F>
Numbers reduced(const Numbers& base, const Numbers& source, const std::vector<std::size_t>& places,
                bool own, F f) {
  Numbers y;
  for (std::size_t i = 0; i < base.size(); ++i) {
    Numbers terms;
    for (std::size_t k = 0; k < places.size(); ++k)
      if (places[k] == i) terms.push_back(source[k]);
    if (own || terms.empty()) terms.insert(terms.begin(), base[i]);
    y.push_back(f(terms));
  }
  return y;
}

Real50 total(const Numbers& x) { return sum(x); }
Real50 product(const Numbers& x) {
  Real50 y = 1.;
  for (const auto& v : x) y = y * v;
  return y;
}

const std::vector<std::size_t> places{2, 0, 2, 2};

Tensor place_indices() { return tensor({2, 0, 2, 2}); }

template <class F> Row scatter_row(const char* name, ScatterReduction how, bool own, F f) {
  return {name,
          [=](const Tensors& x) {
            return scatter_reduce(x[0], 0, place_indices(), x[1], how, {.include_self = own});
          },
          [=](const Operands& x) { return reduced(x[0], x[1], places, own, f); },
          {{{3}}, {{4}}}};
}

/// f(x), whose elements are some of x's, `read` says which: the gradient adds.
Row read_row(const char* name, Tensor (*f)(const Tensor&), const Shape& shape,
             const std::vector<std::size_t>& read) {
  return {name,
          [f](const Tensors& x) { return f(x[0]); },
          [read](const Operands& x) {
            Numbers y;
            for (const auto i : read) y.push_back(x[0][i]);
            return y;
          },
          {{shape}}};
}

std::vector<Row> place_rows() {
  const auto add = [](const Operands& x) { return reduced(x[0], x[1], places, true, total); };
  const std::vector<Operand> operands{{{3}}, {{4}}};
  return {
      {"index_add", [](const Tensors& x) { return index_add(x[0], 0, place_indices(), x[1]); }, add,
       operands},
      {"scatter_add", [](const Tensors& x) { return scatter_add(x[0], 0, place_indices(), x[1]); },
       add, operands},
      {"index_put",
       [](const Tensors& x) {
         return index_put(x[0], {place_indices()}, x[1], {.accumulate = true});
       },
       add, operands},
      scatter_row("scatter_reduce, sum", ScatterReduction::sum, false, total),
      scatter_row("scatter_reduce, prod", ScatterReduction::prod, true, product),
      scatter_row("scatter_reduce, mean", ScatterReduction::mean, true,
                  [](const Numbers& x) { return mean(x); }),
      {"sum_to",
       [](const Tensors& x) {
         return sum_to(x[0], {3, 1});
       },
       [](const Operands& x) {
         Numbers y;
         for (std::size_t i = 0; i < 3; ++i)
           y.push_back(
               sum(Numbers{x[0][2 * i], x[0][2 * i + 1], x[0][6 + 2 * i], x[0][6 + 2 * i + 1]}));
         return y;
       },
       {{{2, 3, 2}}}},
      read_row(
          "index_select", [](const Tensor& x) { return index_select(x, 0, place_indices()); }, {3},
          places),
      read_row(
          "gather", [](const Tensor& x) { return gather(x, 0, place_indices()); }, {3}, places),
      read_row(
          "take_along", [](const Tensor& x) { return take_along(x, 0, place_indices()); }, {3},
          places),
      read_row(
          "at", [](const Tensor& x) { return at(x, {place_indices()}); }, {3}, places),
      read_row(
          "embedding", [](const Tensor& x) { return embedding(x, place_indices()); }, {3, 1},
          places),
      read_row("expand",
               [](const Tensor& x) {
                 return expand(x, {4, 2});
               },
               {2}, {0, 1, 0, 1, 0, 1, 0, 1}),
      read_row("tile", [](const Tensor& x) { return tile(x, {3}); }, {2}, {0, 1, 0, 1, 0, 1}),
      read_row("repeat_interleave", [](const Tensor& x) { return repeat_interleave(x, 3, 0); }, {2},
               {0, 0, 0, 1, 1, 1}),
      read_row("unfold", [](const Tensor& x) { return unfold(x, 0, 3, 1); }, {5},
               {0, 1, 2, 1, 2, 3, 2, 3, 4}),
      read_row("pad",
               [](const Tensor& x) {
                 return pad(x, {2, 4}, {.mode = PadMode::replicate});
               },
               {3}, {0, 0, 0, 1, 2, 2, 2, 2, 2}),
      {"recurrence",
       [](const Tensors& x) {
         return detail::recurrence(x[0], x[1], 0, kernels::Direction::forward);
       },
       [](const Operands& x) {
         Numbers y{x[1][0]};
         for (std::size_t i = 1; i < 5; ++i) y.push_back(x[1][i] + x[0][i] * y.back());
         return y;
       },
       {{{5}}, {{5}}}},
      {"quantile",
       [](const Tensors& x) { return quantile(x[0], tensor({0.3}, float64), 0); },
       [](const Operands& x) {
         Numbers sorted = x[0];
         std::sort(sorted.begin(), sorted.end());
         const Real50 t = Real50(0.3) * 5. - Real50(1.);
         return Numbers{sorted[1] + t * (sorted[2] - sorted[1])};
       },
       {{{6}}}},
  };
}

}  // namespace

std::vector<Row> product_rows() {
  auto all = product_rows_of_matrices();
  const auto more = place_rows();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gradtape::testing::exact
