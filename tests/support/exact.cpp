#include "support/exact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace gradtape::testing::exact {

namespace {

/// The figures of each op, of its value and of its derivative.
struct Held {
  const char* name;
  Figures value, slope;
};

constexpr Held figures[] = {
    {"operator+", {0, 0}, {0, 0}},
    {"operator-", {0, 0}, {0, 0}},
    {"operator*", {0, 0}, {0, 0}},
    {"masked_mul", {0, 0}, {0, 0}},
    {"remainder", {0, 0}, {0, 0}},
    {"operator%", {0, 0}, {0, 0}},
    {"lerp", {4, 0.1}, {1.5, 0.1}},
    {"addcmul", {2, 0.1}, {1.5, 0.1}},
    {"addcdiv", {4, 0.5}, {2.5, 0.1}},
    {"leaky_relu", {0, 0}, {0, 0}},
    {"selu", {1.5, 0.1}, {2, 0.1}},
    {"celu", {1.5, 0.1}, {4, 0.5}},
    {"hardsigmoid", {3.5, 0.1}, {1, 0.1}},
    {"hardswish", {1.5, 0.1}, {2, 0.1}},
    {"softshrink", {0, 0}, {0, 0}},
    {"polygamma", {1, 0.1}, {1.5, 0.1}},
    {"prelu", {0, 0}, {1, 0.1}},
    {"glu", {2, 0.1}, {4, 0.1}},
    {"rbf", {4, 0.5}, {4, 0.5}},
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
    {"linear", {4, 0.2}, {4, 0.1}},
    {"bmm", {4, 0.5}, {4, 0.1}},
    {"dot", {4, 0.1}, {0, 0}},
    {"outer", {0, 0}, {4, 0.1}},
    {"tensordot", {4, 0.2}, {4, 0.1}},
    {"kron", {0, 0}, {4, 0.1}},
    {"cross", {4, 0.5}, {4, 0.2}},
    {"einsum", {4, 0.2}, {4, 0.2}},
    {"einsum, diagonal", {4, 0.2}, {4, 0.1}},
    {"index_add", {4, 0.2}, {0, 0}},
    {"scatter_add", {4, 0.2}, {0, 0}},
    {"index_put", {4, 0.2}, {0, 0}},
    {"scatter_reduce, sum", {2.5, 0.1}, {0, 0}},
    {"scatter_reduce, prod", {2, 0.1}, {2, 0.1}},
    {"scatter_reduce, mean", {4, 0.2}, {0, 0}},
    {"sum_to", {4, 0.5}, {0, 0}},
    {"index_select", {0, 0}, {1, 0.1}},
    {"gather", {0, 0}, {1, 0.1}},
    {"take_along", {0, 0}, {1, 0.1}},
    {"at", {0, 0}, {1, 0.1}},
    {"embedding", {0, 0}, {1, 0.1}},
    {"expand", {0, 0}, {1.5, 0.1}},
    {"tile", {0, 0}, {1.5, 0.1}},
    {"repeat_interleave", {0, 0}, {1.5, 0.1}},
    {"unfold", {0, 0}, {1, 0.1}},
    {"pad", {0, 0}, {1.5, 0.1}},
    {"recurrence", {4, 0.5}, {4, 0.5}},
    {"quantile", {4, 0.5}, {1.5, 0.1}},
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
    {"conv1d", {4, 0.2}, {4, 0.1}},
    {"conv1d, strided, dilated", {4, 0.5}, {4, 0.1}},
    {"conv1d, grouped", {4, 0.2}, {4, 0.1}},
    {"conv2d", {4, 0.2}, {4, 0.1}},
    {"conv2d, strided, dilated", {4, 0.2}, {4, 0.1}},
    {"conv2d, 3 x 3", {4, 0.2}, {4, 0.1}},
    {"conv2d, grouped", {4, 0.1}, {4, 0.1}},
    {"conv2d, 1 x 1", {4, 0.2}, {4, 0.1}},
    {"conv3d", {4, 0.2}, {4, 0.1}},
    {"conv3d, grouped", {4, 0.2}, {4, 0.1}},
    {"conv_transpose1d", {4, 0.5}, {4, 0.1}},
    {"conv_transpose1d, strided, dilated, grouped", {4, 0.2}, {4, 0.1}},
    {"conv_transpose2d", {4, 0.5}, {4, 0.1}},
    {"conv_transpose3d", {4, 0.2}, {4, 0.1}},
    {"conv_weight_gradient", {4, 0.5}, {4, 0.1}},
    {"im2col", {0, 0}, {1.5, 0.1}},
    {"col2im", {4, 0.2}, {0, 0}},
    {"max_pool1d", {0, 0}, {0, 0}},
    {"max_pool2d", {0, 0}, {2, 0.1}},
    {"max_pool3d", {0, 0}, {1, 0.1}},
    {"avg_pool1d", {0, 0}, {0, 0}},
    {"avg_pool1d, overlapping", {4, 0.5}, {1.5, 0.1}},
    {"avg_pool2d", {4, 0.5}, {2, 0.1}},
    {"avg_pool2d, without padding", {4, 0.5}, {1.5, 0.1}},
    {"avg_pool2d, divisor", {4, 0.5}, {2, 0.1}},
    {"avg_pool3d", {4, 0.1}, {1, 0.1}},
    {"lp_pool1d", {4, 1}, {4, 1}},
    {"lp_pool2d", {1.5, 0.1}, {2.5, 0.1}},
    {"lp_pool3d", {2.5, 0.1}, {4, 0.2}},
    {"adaptive_avg_pool1d", {4, 0.2}, {1, 0.1}},
    {"adaptive_avg_pool2d", {4, 0.5}, {1.5, 0.1}},
    {"adaptive_avg_pool3d", {4, 0.1}, {1.5, 0.1}},
    {"adaptive_max_pool1d", {0, 0}, {0, 0}},
    {"adaptive_max_pool2d", {0, 0}, {1, 0.1}},
    {"adaptive_max_pool3d", {0, 0}, {1, 0.1}},
    {"interpolate, nearest", {0, 0}, {1.5, 0.1}},
    {"interpolate, nearest-exact", {0, 0}, {1, 0.1}},
    {"interpolate, linear", {4, 0.5}, {3, 0.1}},
    {"interpolate, bilinear", {4, 0.2}, {4, 0.2}},
    {"interpolate, bilinear, scaled", {4, 0.2}, {4, 0.2}},
    {"interpolate, bilinear, aligned", {4, 0.2}, {4, 0.1}},
    {"interpolate, trilinear", {4, 0.1}, {3, 0.1}},
    {"interpolate, cubic", {4, 0.2}, {4, 0.1}},
    {"interpolate, bicubic", {4, 0.1}, {4, 0.1}},
    {"interpolate, bicubic, aligned", {4, 0.1}, {1.5, 0.1}},
    {"interpolate, area", {2.5, 0.1}, {1.5, 0.1}},
    {"resample_backward", {4, 0.5}, {2.5, 0.1}},
    {"grid_sample", {4, 0.2}, {4, 0.5}},
    {"grid_sample, border, aligned", {4, 0.5}, {4, 0.5}},
    {"grid_sample, reflection", {4, 0.2}, {4, 0.2}},
    {"grid_sample, bicubic", {4, 0.2}, {4, 0.5}},
    {"grid_sample, bicubic, reflection", {4, 0.2}, {4, 0.5}},
    {"scaled_dot_product_attention", {4, 0.1}, {4, 0.1}},
    {"scaled_dot_product_attention, causal", {4, 0.1}, {4, 0.1}},
    {"scaled_dot_product_attention, masked", {1, 0.1}, {4, 0.1}},
    {"scaled_dot_product_attention, mask added", {4, 0.1}, {4, 0.2}},
    {"multi_head_attention", {4, 0.1}, {4, 0.1}},
    {"rnn", {1, 0.1}, {4, 1}},
    {"rnn, relu", {4, 0.2}, {4, 0.5}},
    {"lstm", {4, 0.5}, {4, 0.5}},
    {"gru", {4, 0.2}, {4, 0.2}},
    {"ctc_loss", {1.5, 0.1}, {4, 0.5}},
    {"ctc_loss, repeated", {1.5, 0.1}, {4, 0.2}},
    {"mse_loss", {2.5, 0.1}, {2.5, 0.1}},
    {"half_squared_error", {3, 0.1}, {1.5, 0.1}},
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
    {"multilabel_margin_loss", {1, 0.1}, {0, 0}},
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
    {"solve_triangular", {4, 0.2}, {4, 0.1}},
    {"solve_triangular, right", {4, 0.2}, {4, 0.2}},
    {"cholesky_solve", {4, 0.1}, {4, 0.1}},
    {"lu, l", {4, 0.2}, {4, 0.2}},
    {"lu, u", {4, 0.1}, {4, 0.2}},
    {"qr, q", {4, 0.2}, {4, 0.1}},
    {"qr, r", {4, 0.1}, {4, 0.1}},
    {"svd, u", {4, 0.2}, {4, 0.1}},
    {"svd, s", {4, 0.2}, {4, 0.1}},
    {"svd, vh", {4, 0.2}, {4, 0.1}},
    {"svdvals", {4, 0.2}, {4, 0.1}},
    {"eigh, w", {4, 0.2}, {4, 0.1}},
    {"eigh, v", {4, 0.5}, {4, 0.2}},
    {"eigvalsh", {4, 0.2}, {4, 0.1}},
    {"pinv", {4, 0.2}, {4, 0.1}},
    {"lstsq", {4, 0.2}, {4, 0.2}},
    {"matrix_norm", {1.5, 0.1}, {3.5, 0.1}},
    {"matrix_norm, 1", {1, 0.1}, {0, 0}},
    {"matrix_norm, inf", {1, 0.1}, {0, 0}},
    {"matrix_norm, 2", {4, 0.1}, {4, 0.2}},
    {"matrix_norm, -2", {4, 0.1}, {4, 0.1}},
    {"matrix_norm, nuc", {4, 0.1}, {4, 0.1}},
};

const Held& figures_of(const std::string& name) {
  const auto* held = std::ranges::find_if(figures, [&](auto& row) { return row.name == name; });
  if (held == std::end(figures)) throw std::logic_error("no figures for " + name);
  return *held;
}

}  // namespace

std::vector<Row> rows() {
  std::vector<Row> all;
  for (auto& part : {elementwise_rows(), reduction_rows(), product_rows(), normalisation_rows(),
                     convolution_rows(), pooling_rows(), resample_rows(), sequence_rows(),
                     loss_rows(), linalg_rows(), factor_rows(), spectrum_rows()})
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

Numbers transposed(const Numbers& x, std::size_t columns) {
  Numbers y;
  for (std::size_t j = 0; j < columns; ++j)
    for (std::size_t i = 0; i * columns < x.size(); ++i) y.push_back(x[i * columns + j]);
  return y;
}

}  // namespace gradtape::testing::exact
