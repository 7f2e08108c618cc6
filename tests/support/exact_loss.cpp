// Losses. Means over the elements.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/loss.hpp>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

using Element = std::function<Real50(const Real50&, const Real50&)>;
using Loss = std::function<Tensor(const Tensor&, const Tensor&)>;

/// The mean of f of two operands, element by element.
Row mean_row(const char* name, const Loss& loss, const Element& f, Kind first = Kind::real,
             Kind second = Kind::real, const std::vector<Size>& unlike = {}) {
  return {name,
          [loss](const Tensors& x) { return loss(x[0], x[1]); },
          [f](const Operands& x) { return Numbers{mean(map(x[0], x[1], f))}; },
          {{{5}, first}, {{5}, second}},
          unlike};
}

const Real50 one = 1.;

Real50 at_least_0(const Real50& x) { return x.value > 0 ? x : Real50(0.); }

/// log(1 + e^x)
Real50 softplus(const Real50& x) { return x.value > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

/// With the slope that nn::bce_loss documents: that of logarithms without a limit.
Real50 binary_cross_entropy(const Real50& p, const Real50& t) {
  const auto limited = [](const Real50& x) { return x.value < -100 ? Real50(-100.) : x; };
  const Real50 at = p.constant(), to = t.constant();
  const Real50 yes = limited(log(at)), no = limited(log1p(-at));
  const Real50 of_p = (at - to) / (at * (one - at)), of_t = no - yes;
  Real50 y = -(to * yes + (one - to) * no);
  y.slope = of_p.value * p.slope + of_t.value * t.slope;
  y.slope_bound = (of_p.value_bound + 2 * abs(of_p.value)) * abs(p.slope) +
                  (of_t.value_bound + 2 * abs(of_t.value)) * abs(t.slope);
  return y;
}

/// -log softmax(x)_c for each c: what each class would cost.
Numbers costs(const Numbers& x) {
  const Real50 most = largest(x);
  const Real50 rest = log(sum(map(x, [&](const Real50& v) { return exp(v - most); })));
  return map(x, [&](const Real50& v) { return rest - (v - most); });
}

Real50 huber(const Real50& x, const Real50& t) {
  const Real50 d = abs(x - t);
  return d.value < 1 ? square(d) / 2 : d - Real50(0.5);
}

/// f(costs of row i, its class) for two rows of four with the classes 1 and 3.
template <class F> Numbers of_rows(const Numbers& x, F f) {
  return {f(costs(row_of(x, 0, 4)), 1), f(costs(row_of(x, 1, 4)), 3)};
}

const std::vector<double> class_weight{0.5, 1.25, 2, 0.75};

Real50 cosine(const Numbers& a, const Numbers& b) {
  const Real50 size_a = norm(a, 2), size_b = norm(b, 2);
  return sum(
      map(a, b, [&](const Real50& p, const Real50& q) { return p / size_a * (q / size_b); }));
}

Real50 distance(const Numbers& a, const Numbers& b) {
  return norm(map(a, b, [](const Real50& p, const Real50& q) { return p - q + Real50(1e-6); }), 2);
}

std::vector<Row> pair_rows() {
  return {
      mean_row(
          "mse_loss", [](auto& x, auto& t) { return nn::mse_loss(x, t); },
          [](auto& x, auto& t) { return square(x - t); }),
      {"half_squared_error",
       [](const Tensors& x) { return nn::half_squared_error(x[0], x[1]); },
       [](const Operands& x) {
         return Numbers{sum(map(x[0], x[1], [](auto& a, auto& b) { return square(a - b); })) / 2};
       },
       {{{5}}, {{5}}}},
      mean_row(
          "l1_loss", [](auto& x, auto& t) { return nn::l1_loss(x, t); },
          [](auto& x, auto& t) { return abs(x - t); }),
      mean_row(
          "huber_loss", [](auto& x, auto& t) { return nn::huber_loss(x, t); }, huber),
      mean_row(
          "smooth_l1_loss", [](auto& x, auto& t) { return nn::smooth_l1_loss(x, t); }, huber),
      mean_row(
          "poisson_nll_loss", [](auto& x, auto& t) { return nn::poisson_nll_loss(x, t); },
          [](auto& x, auto& t) { return exp(x) - t * x; }, Kind::real, Kind::positive,
          {Size::huge, Size::mixed}),
      mean_row(
          "bce_loss", [](auto& p, auto& t) { return nn::bce_loss(p, t); }, binary_cross_entropy,
          Kind::probability, Kind::probability),
      mean_row(
          "bce_with_logits", [](auto& x, auto& t) { return nn::bce_with_logits(x, t); },
          [](auto& x, auto& t) { return t * softplus(-x) + (one - t) * softplus(x); }, Kind::real,
          Kind::probability),
      mean_row(
          "kl_div", [](auto& x, auto& t) { return nn::kl_div(x, t); },
          [](auto& x, auto& t) { return t * (log(t) - x); }, Kind::logarithm, Kind::probability),
      mean_row(
          "soft_margin_loss", [](auto& x, auto& t) { return nn::soft_margin_loss(x, t); },
          [](auto& x, auto& t) { return softplus(-t * x); }, Kind::real, Kind::label),
      mean_row(
          "hinge_loss", [](auto& x, auto& t) { return nn::hinge_loss(x, t); },
          [](auto& x, auto& t) { return at_least_0(one - t * x); }, Kind::real, Kind::label),
      mean_row(
          "hinge_embedding_loss", [](auto& x, auto& t) { return nn::hinge_embedding_loss(x, t); },
          [](auto& x, auto& t) { return t.value > 0 ? x : at_least_0(one - x); }, Kind::real,
          Kind::label),
  };
}

std::vector<Row> class_rows() {
  const Tensor target = tensor({1, 3}), weight = tensor(class_weight);
  return {
      {"cross_entropy",
       [=](const Tensors& x) { return nn::cross_entropy(x[0], target); },
       [](const Operands& x) {
         return Numbers{mean(of_rows(x[0], [](const Numbers& c, std::size_t k) { return c[k]; }))};
       },
       {{{2, 4}}}},
      {"cross_entropy, weighted",
       [=](const Tensors& x) { return nn::cross_entropy(x[0], target, {.weight = weight}); },
       [](const Operands& x) {
         const auto cost = [](const Numbers& c, std::size_t k) { return class_weight[k] * c[k]; };
         return Numbers{sum(of_rows(x[0], cost)) / Real50(class_weight[1] + class_weight[3])};
       },
       {{{2, 4}}}},
      {"cross_entropy, smoothed",
       [=](const Tensors& x) {
         return nn::cross_entropy(x[0], target, {.label_smoothing = 0.125});
       },
       [](const Operands& x) {
         const auto cost = [](const Numbers& c, std::size_t k) {
           return 0.875 * c[k] + 0.125 * mean(c);
         };
         return Numbers{mean(of_rows(x[0], cost))};
       },
       {{{2, 4}}}},
      {"nll_loss",
       [=](const Tensors& x) { return nn::nll_loss(x[0], target); },
       [](const Operands& x) {
         return Numbers{mean(Numbers{-x[0][1], -x[0][7]})};
       },
       {{{2, 4}, Kind::logarithm}}},
      {"multi_margin_loss",
       [=](const Tensors& x) { return nn::multi_margin_loss(x[0], target); },
       [](const Operands& x) {
         Numbers terms;
         for (const std::size_t at : {1U, 7U})
           for (std::size_t c = at / 4 * 4; c < at / 4 * 4 + 4; ++c)
             if (c != at) terms.push_back(at_least_0(one - x[0][at] + x[0][c]));
         return Numbers{sum(terms) / 8};
       },
       {{{2, 4}}}},
      {"multilabel_margin_loss",
       [](const Tensors& x) {
         return nn::multilabel_margin_loss(x[0], tensor({3, 1, -1, -1}));
       },
       [](const Operands& x) {
         Numbers terms;
         for (const std::size_t target : {3U, 1U})
           for (const std::size_t other : {0U, 2U})
             terms.push_back(at_least_0(one - x[0][target] + x[0][other]));
         return Numbers{sum(terms) / 4};
       },
       {{{4}}}},
      {"multilabel_soft_margin_loss",
       [](const Tensors& x) { return nn::multilabel_soft_margin_loss(x[0], x[1]); },
       [](const Operands& x) {
         return Numbers{mean(map(x[0], x[1], [](const Real50& v, const Real50& t) {
           return t * softplus(-v) + (one - t) * softplus(v);
         }))};
       },
       {{{1, 4}}, {{1, 4}, Kind::probability}}},
  };
}

std::vector<Row> vector_rows() {
  return {
      {"gaussian_nll_loss",
       [](const Tensors& x) { return nn::gaussian_nll_loss(x[0], x[1], x[2], {.eps = 0}); },
       [](const Operands& x) {
         Numbers terms;
         for (std::size_t i = 0; i < x[0].size(); ++i) {
           const Real50 d = x[0][i] - x[1][i];
           terms.push_back((log(x[2][i]) + d / x[2][i] * d) / 2);
         }
         return Numbers{mean(terms)};
       },
       {{{4}}, {{4}}, {{4}, Kind::positive}}},
      {"cosine_embedding_loss",
       [](const Tensors& x) {
         return nn::cosine_embedding_loss(x[0], x[1], tensor({1, -1}));
       },
       [](const Operands& x) {
         return Numbers{mean(Numbers{one - cosine(row_of(x[0], 0, 3), row_of(x[1], 0, 3)),
                                     at_least_0(cosine(row_of(x[0], 1, 3), row_of(x[1], 1, 3)))})};
       },
       {{{2, 3}}, {{2, 3}}}},
      {"triplet_margin_loss",
       [](const Tensors& x) { return nn::triplet_margin_loss(x[0], x[1], x[2]); },
       [](const Operands& x) {
         return Numbers{at_least_0(one + distance(x[0], x[1]) - distance(x[0], x[2]))};
       },
       {{{4}}, {{4}}, {{4}}}},
      {"margin_ranking_loss",
       [](const Tensors& x) { return nn::margin_ranking_loss(x[0], x[1], x[2]); },
       [](const Operands& x) {
         Numbers terms;
         for (std::size_t i = 0; i < x[0].size(); ++i)
           terms.push_back(at_least_0(-x[2][i] * (x[0][i] - x[1][i])));
         return Numbers{mean(terms)};
       },
       {{{4}}, {{4}}, {{4}, Kind::label}}},
  };
}

}  // namespace

std::vector<Row> loss_rows() {
  std::vector<Row> all;
  for (auto& part : {pair_rows(), class_rows(), vector_rows()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace gradtape::testing::exact
