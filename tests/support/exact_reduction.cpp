// Sums, products, norms, scans and softmax.
#include <gradtape/autograd/ops.hpp>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

Numbers centred(const Numbers& x) {
  const Real50 middle = mean(x);
  return map(x, [&](const Real50& v) { return v - middle; });
}

/// sum (x - mean)^2 / (n - 1) = s^2 v for s the largest |x - mean|.
std::pair<Real50, Real50> scaled_variance(const Numbers& x) {
  const Numbers d = centred(x);
  const Real50 scale = largest(map(d, [](const Real50& v) { return abs(v); }));
  return {scale, sum(map(d, [&](const Real50& v) { return square(v / scale); })) /
                     static_cast<double>(x.size() - 1)};
}

Real50 product(const Numbers& x) {
  Real50 y = 1.;
  for (const auto& v : x) y = y * v;
  return y;
}

/// f of the first element, the first two, ...
template <class F> Numbers scan(const Numbers& x, F f) {
  Numbers y;
  for (std::size_t i = 1; i <= x.size(); ++i)
    y.push_back(f(Numbers(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(i))));
  return y;
}

Numbers softmax_of(const Numbers& x) {
  const Real50 most = largest(x);
  const Numbers e = map(x, [&](const Real50& v) { return exp(v - most); });
  const Real50 total = sum(e);
  return map(e, [&](const Real50& v) { return v / total; });
}

Numbers log_softmax_of(const Numbers& x) {
  const Real50 most = largest(x);
  const Real50 rest = log(sum(map(x, [&](const Real50& v) { return exp(v - most); })));
  return map(x, [&](const Real50& v) { return v - most - rest; });
}

Numbers negative(const Numbers& x) {
  return map(x, [](const Real50& v) { return -v; });
}

Row norm_row(const char* name, double p) {
  return {name,
          [p](const Tensors& x) { return gradtape::norm(x[0], p); },
          [p](const Operands& x) { return Numbers{norm(x[0], p)}; },
          {{{7}}}};
}

}  // namespace

std::vector<Row> reduction_rows() {
  return {
      {"sum",
       [](const Tensors& x) { return gradtape::sum(x[0]); },
       [](const Operands& x) { return Numbers{sum(x[0])}; },
       {{{23}}}},
      {"mean",
       [](const Tensors& x) { return gradtape::mean(x[0]); },
       [](const Operands& x) { return Numbers{mean(x[0])}; },
       {{{23}}}},
      {"prod",
       [](const Tensors& x) { return prod(x[0]); },
       [](const Operands& x) { return Numbers{product(x[0])}; },
       {{{5}}}},
      {"var",
       [](const Tensors& x) { return var(x[0]); },
       [](const Operands& x) {
         const auto [scale, v] = scaled_variance(x[0]);
         return Numbers{scale * scale * v};
       },
       {{{7}}}},
      {"stddev",
       [](const Tensors& x) { return stddev(x[0]); },
       [](const Operands& x) {
         const auto [scale, v] = scaled_variance(x[0]);
         return Numbers{scale * sqrt(v)};
       },
       {{{7}}}},
      norm_row("norm, p = 1", 1),
      norm_row("norm", 2),
      norm_row("norm, p = 3", 3),
      norm_row("norm, p = 1.5", 1.5),
      norm_row("norm, p = 0.5", 0.5),
      norm_row("norm, p = -1", -1),
      {"logsumexp",
       [](const Tensors& x) { return gradtape::logsumexp(x[0]); },
       [](const Operands& x) { return Numbers{logsumexp(x[0])}; },
       {{{7}}}},
      {"softmax",
       [](const Tensors& x) { return softmax(x[0]); },
       [](const Operands& x) { return softmax_of(x[0]); },
       {{{6}}}},
      {"log_softmax",
       [](const Tensors& x) { return log_softmax(x[0]); },
       [](const Operands& x) { return log_softmax_of(x[0]); },
       {{{6}}}},
      {"softmin",
       [](const Tensors& x) { return softmin(x[0]); },
       [](const Operands& x) { return softmax_of(negative(x[0])); },
       {{{6}}}},
      {"cumsum",
       [](const Tensors& x) { return cumsum(x[0], 0); },
       [](const Operands& x) { return scan(x[0], [](const Numbers& v) { return sum(v); }); },
       {{{9}}}},
      {"cumprod",
       [](const Tensors& x) { return cumprod(x[0], 0); },
       [](const Operands& x) { return scan(x[0], product); },
       {{{5}}}},
      {"logcumsumexp",
       [](const Tensors& x) { return logcumsumexp(x[0], 0); },
       [](const Operands& x) { return scan(x[0], [](const Numbers& v) { return logsumexp(v); }); },
       {{{6}}}},
      {"diff",
       [](const Tensors& x) { return diff(x[0], 0, 2); },
       [](const Operands& x) {
         Numbers y;
         for (std::size_t i = 0; i + 2 < x[0].size(); ++i)
           y.push_back((x[0][i + 2] - x[0][i + 1]) - (x[0][i + 1] - x[0][i]));
         return y;
       },
       {{{6}}}},
      {"trace",
       [](const Tensors& x) { return trace(x[0]); },
       [](const Operands& x) {
         return Numbers{sum(Numbers{x[0][0], x[0][4], x[0][8]})};
       },
       {{{3, 3}}}},
      {"matmul",
       [](const Tensors& x) { return gradtape::matmul(x[0], x[1]); },
       [](const Operands& x) { return matmul(x[0], x[1], 5); },
       {{{3, 5}}, {{5, 4}}}},
  };
}

}  // namespace gradtape::testing::exact
