// Normalisation, distances and attention.
#include <gradtape/autograd/ops.hpp>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

/// (x - middle) / sqrt(mean of its squares + eps), scaled so that no square is too large.
Numbers by_size(const Numbers& d, double eps) {
  const Real50 scale = largest(map(d, [](const Real50& v) { return abs(v); }));
  const Real50 least = scale.value > 1 ? scale : Real50(1.);
  const Real50 size = sqrt(mean(map(d, [&](const Real50& v) { return square(v / least); })) +
                           Real50(eps) / least / least);
  return map(d, [&](const Real50& v) { return v / least / size; });
}

Numbers standardised(const Numbers& x, double eps) {
  const Real50 middle = mean(x);
  return by_size(map(x, [&](const Real50& v) { return v - middle; }), eps);
}

/// f of each row of n numbers.
template <class F> Numbers by_rows(const Numbers& x, std::size_t n, F f) {
  Numbers y;
  for (std::size_t i = 0; i * n < x.size(); ++i) {
    const Numbers part = f(row_of(x, i, n));
    y.insert(y.end(), part.begin(), part.end());
  }
  return y;
}

/// x_i w_(i mod n) + b_(i mod n)
Numbers scaled(const Numbers& x, const Numbers& w, const Numbers& b) {
  Numbers y;
  for (std::size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * w[i % w.size()] + b[i % b.size()]);
  return y;
}

Numbers minus(const Numbers& a, const Numbers& b) {
  return map(a, b, [](const Real50& p, const Real50& q) { return p - q; });
}

Real50 dot(const Numbers& a, const Numbers& b) {
  return sum(map(a, b, [](const Real50& p, const Real50& q) { return p * q; }));
}

Row cdist_row(const char* name, double p) {
  return {name,
          [p](const Tensors& x) { return cdist(x[0], x[1], p); },
          [p](const Operands& x) {
            Numbers y;
            for (std::size_t i = 0; i < 2; ++i)
              for (std::size_t j = 0; j < 3; ++j)
                y.push_back(norm(minus(row_of(x[0], i, 4), row_of(x[1], j, 4)), p));
            return y;
          },
          {{{2, 4}}, {{3, 4}}}};
}

Numbers local_response(const Numbers& x) {  // [1, n], 3 neighbours
  Numbers y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    Numbers squares;
    for (std::size_t k = i > 0 ? i - 1 : 0; k < std::min(i + 2, x.size()); ++k)
      squares.push_back(square(x[k]));
    y.push_back(x[i] * pow(Real50(1.) + Real50(1e-4 / 3) * sum(squares), -0.75));
  }
  return y;
}

}  // namespace

std::vector<Row> normalisation_rows() {
  return {
      {"layer_norm",
       [](const Tensors& x) { return layer_norm(x[0], {6}, {.weight = x[1], .bias = x[2]}); },
       [](const Operands& x) {
         const auto rows = [](const Numbers& row) { return standardised(row, 1e-5); };
         return scaled(by_rows(x[0], 6, rows), x[1], x[2]);
       },
       {{{2, 6}}, {{6}}, {{6}}}},
      {"group_norm",
       [](const Tensors& x) { return group_norm(x[0], 2); },
       [](const Operands& x) {
         return by_rows(x[0], 6, [](const Numbers& row) { return standardised(row, 1e-5); });
       },
       {{{1, 4, 3}}}},
      {"instance_norm",
       [](const Tensors& x) { return instance_norm(x[0]).y; },
       [](const Operands& x) {
         return by_rows(x[0], 5, [](const Numbers& row) { return standardised(row, 1e-5); });
       },
       {{{1, 2, 5}}}},
      {"rms_norm",
       [](const Tensors& x) { return rms_norm(x[0], {6}, {.weight = {}, .eps = 1e-5}); },
       [](const Operands& x) {
         return by_rows(x[0], 6, [](const Numbers& row) { return by_size(row, 1e-5); });
       },
       {{{2, 6}}}},
      {"batch_norm",
       [](const Tensors& x) { return batch_norm(x[0]).y; },
       [](const Operands& x) {
         const auto rows = [](const Numbers& row) { return standardised(row, 1e-5); };
         return transposed(by_rows(transposed(x[0], 2), 5, rows), 5);
       },
       {{{5, 2}}}},
      {"local_response_norm",
       [](const Tensors& x) { return local_response_norm(x[0], 3); },
       [](const Operands& x) { return local_response(x[0]); },
       {{{1, 5}}},
       {Size::mixed}},
      {"normalize",
       [](const Tensors& x) { return normalize(x[0], {.eps = 0}); },
       [](const Operands& x) {
         const Real50 size = norm(x[0], 2);
         return map(x[0], [&](const Real50& v) { return v / size; });
       },
       {{{6}}}},
      {"pairwise_distance",
       [](const Tensors& x) { return pairwise_distance(x[0], x[1]); },
       [](const Operands& x) {
         const Numbers d = map(minus(x[0], x[1]), [](const Real50& v) { return v + Real50(1e-6); });
         return Numbers{norm(d, 2)};
       },
       {{{5}}, {{5}}}},
      cdist_row("cdist", 2),
      cdist_row("cdist, p = 1", 1),
      cdist_row("cdist, p = 3", 3),
      {"cosine_similarity",
       [](const Tensors& x) { return cosine_similarity(x[0], x[1], {.eps = 0}); },
       [](const Operands& x) {
         const Real50 a = norm(x[0], 2), b = norm(x[1], 2);
         return Numbers{dot(map(x[0], [&](const Real50& v) { return v / a; }),
                            map(x[1], [&](const Real50& v) { return v / b; }))};
       },
       {{{5}}, {{5}}}},
  };
}

}  // namespace gradtape::testing::exact
