#include "support/exact.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gradtape::testing::exact {

namespace {

/// The figures of each op, of its value and of its derivative.
struct Held {
  const char* name;
  Figures value, slope;
};

constexpr Held figures[] = {
    {"sum", {2.5, 0.1}, {0, 0}},
    {"mean", {2, 0.1}, {1, 0.1}},
    {"prod", {1, 0.1}, {2, 0.1}},
    {"var", {2, 0.1}, {4, 0.1}},
    {"stddev", {1.5, 0.1}, {3, 0.1}},
    {"norm, p = 1", {1.5, 0.1}, {0, 0}},
    {"norm", {1.5, 0.1}, {3, 0.1}},
    {"norm, p = 3", {1.5, 0.1}, {4, 0.1}},
    {"norm, p = 1.5", {1, 0.1}, {3, 0.1}},
    {"norm, p = 0.5", {3, 0.1}, {2, 0.1}},
    {"norm, p = -1", {2, 0.1}, {4, 0.5}},
    {"logsumexp", {1, 0.1}, {2.5, 1}},
    {"softmax", {4, 1}, {4, 0.5}},
    {"log_softmax", {1.5, 0.1}, {4, 0.2}},
    {"softmin", {4, 1}, {4, 0.5}},
    {"cumsum", {4, 0.5}, {1.5, 0.1}},
    {"cumprod", {2, 0.1}, {2, 0.1}},
    {"logcumsumexp", {2, 0.5}, {3, 1}},
    {"diff", {2.5, 1}, {0, 0}},
    {"trace", {2.5, 0.1}, {0, 0}},
    {"matmul", {4, 0.5}, {4, 0.1}},
    {"layer_norm", {4, 0.1}, {4, 0.1}},
    {"group_norm", {3.5, 0.1}, {4, 0.1}},
    {"instance_norm", {2.5, 0.1}, {4, 0.1}},
    {"rms_norm", {2, 0.1}, {4, 0.1}},
    {"batch_norm", {4, 0.2}, {4, 0.1}},
    {"local_response_norm", {1.5, 0.1}, {4, 1}},
    {"normalize", {2, 0.1}, {4, 0.1}},
    {"pairwise_distance", {1.5, 0.1}, {2.5, 0.1}},
    {"cdist", {2, 0.1}, {4, 0.1}},
    {"cdist, p = 1", {2, 0.1}, {2.5, 0.1}},
    {"cdist, p = 3", {2, 0.1}, {4, 0.2}},
    {"cosine_similarity", {4, 0.1}, {4, 0.2}},
    {"mse_loss", {2.5, 0.1}, {2.5, 0.1}},
    {"l1_loss", {2.5, 0.1}, {1.5, 0.1}},
    {"huber_loss", {2.5, 0.1}, {2.5, 0.1}},
    {"smooth_l1_loss", {2.5, 0.1}, {2.5, 0.1}},
    {"poisson_nll_loss", {1.5, 0.1}, {2.5, 0.1}},
    {"bce_loss", {2, 0.1}, {3, 0.2}},
    {"bce_with_logits", {2, 0.1}, {2, 0.1}},
    {"kl_div", {1.5, 0.1}, {2.5, 0.1}},
    {"soft_margin_loss", {2, 0.1}, {2.5, 0.1}},
    {"hinge_loss", {1.5, 0.1}, {1.5, 0.1}},
    {"hinge_embedding_loss", {1.5, 0.1}, {1.5, 0.1}},
    {"cross_entropy", {1.5, 0.1}, {4, 0.5}},
    {"cross_entropy, weighted", {1, 0.1}, {4, 0.5}},
    {"cross_entropy, smoothed", {1.5, 0.1}, {3.5, 0.2}},
    {"nll_loss", {0, 0}, {0, 0}},
    {"multi_margin_loss", {1.5, 0.1}, {0, 0}},
    {"multilabel_soft_margin_loss", {2, 0.1}, {3, 0.1}},
    {"gaussian_nll_loss", {1.5, 0.1}, {4, 0.1}},
    {"cosine_embedding_loss", {2, 0.1}, {4, 0.1}},
    {"triplet_margin_loss", {2.5, 0.1}, {4, 0.1}},
    {"margin_ranking_loss", {1, 0.1}, {0, 0}},
    {"solve", {4, 0.2}, {4, 0.1}},
    {"inv", {4, 0.2}, {4, 0.1}},
    {"det", {2, 0.1}, {4, 0.1}},
    {"slogdet", {1.5, 0.1}, {4, 0.2}},
    {"cholesky", {4, 0.5}, {4, 0.1}},
    {"matrix_exp", {4, 0.1}, {4, 0.1}},
    {"matrix_power", {4, 0.1}, {4, 0.1}},
};

const Held& figures_of(const std::string& name) {
  return *std::ranges::find_if(figures, [&](const Held& held) { return held.name == name; });
}

}  // namespace

std::vector<Row> rows() {
  std::vector<Row> all;
  for (auto& part : {reduction_rows(), normalisation_rows(), loss_rows(), linalg_rows()})
    all.insert(all.end(), part.begin(), part.end());
  for (auto& row : all) {
    row.value = figures_of(row.name).value;
    row.slope = figures_of(row.name).slope;
  }
  return all;
}

std::string table() {
  std::string text =
      "| op | value | of the bound | derivative | of the bound |\n"
      "| --- | --- | --- | --- | --- |\n";
  const auto ulp = [](double x) { return x == 0 ? "exact" : fmt::format("{:g}", x); };
  const auto part = [](double x) { return x == 0 ? "" : fmt::format("{:g}", x); };
  for (const auto& row : figures)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", row.name, ulp(row.value.ulp),
                        part(row.value.part), ulp(row.slope.ulp), part(row.slope.part));
  return text;
}

Real50 largest(const Numbers& x) { return std::max_element(x.begin(), x.end())->constant(); }

Numbers map(const Numbers& x, const std::function<Real50(const Real50&)>& f) {
  Numbers y;
  for (const auto& element : x) y.push_back(f(element));
  return y;
}

Numbers map(const Numbers& a, const Numbers& b,
            const std::function<Real50(const Real50&, const Real50&)>& f) {
  Numbers y;
  for (std::size_t i = 0; i < a.size(); ++i) y.push_back(f(a[i], b[i]));
  return y;
}

Real50 mean(const Numbers& x) { return sum(x) / static_cast<double>(x.size()); }

Numbers row_of(const Numbers& x, std::size_t i, std::size_t n) {
  return {x.begin() + static_cast<std::ptrdiff_t>(i * n),
          x.begin() + static_cast<std::ptrdiff_t>((i + 1) * n)};
}

Real50 logsumexp(const Numbers& x) {
  const Real50 most = largest(x);
  return most + log(sum(map(x, [&](const Real50& v) { return exp(v - most); })));
}

Real50 norm(const Numbers& x, double p) {
  const Real50 scale = largest(map(x, [](const Real50& v) { return abs(v); }));
  return scale * pow(sum(map(x, [&](const Real50& v) { return pow(abs(v) / scale, p); })), 1 / p);
}

Numbers matmul(const Numbers& a, const Numbers& b, std::size_t k) {
  const std::size_t n = a.size() / k, m = b.size() / k;
  Numbers y;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      Numbers terms;
      for (std::size_t l = 0; l < k; ++l) terms.push_back(a[i * k + l] * b[l * m + j]);
      y.push_back(sum(terms));
    }
  return y;
}

}  // namespace gradtape::testing::exact
