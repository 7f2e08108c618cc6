#include <gradtape/nn/loss.hpp>

#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

// A row a line, or as few as it takes.
// clang-format off

using nn::Reduction;
constexpr Reduction reductions[] = {Reduction::mean, Reduction::sum, Reduction::none,
                                    Reduction::batch_mean};

/// f(prediction, target, options) with each reduction, the target differentiated too.
template <class F, class Options>
void add(Rows& rows, const char* name, F f, Options options, Range x = {}, Range t = {},
         std::vector<EdgePoint> edges = {}) {
  for (const auto reduction : reductions) {
    options.reduction = reduction;
    std::vector<std::vector<Shape>> shapes{{{2, 3}, {2, 3}}, {{4}, {4}}};
    if (reduction == Reduction::none) shapes.insert(shapes.end(), {{{}, {}}, {{0, 3}, {0, 3}}});
    rows.push_back({name, name, [=](Inputs in) { return f(in[0], in[1], options); }, shapes,
                    {x, t}, {}, reduction == Reduction::none ? edges : std::vector<EdgePoint>{}});
  }
}

/// A loss of one differentiable input, for every reduction.
template <class F> void add_of_one(Rows& rows, const char* name, const char* function, F f, std::vector<std::vector<Shape>> shapes,
                                   Range range = {}, std::vector<double> kinks = {}) {
  for (const auto reduction : reductions)
    rows.push_back({name, function, [=](Inputs x) { return f(x[0], reduction); }, shapes, {range},
                    kinks});
}

/// Labels 1, -1, 1, 1, -1, ... in the shape and dtype of x.
Tensor labels(const Tensor& x) {
  std::vector<double> t;
  for (std::int64_t i = 0; i < x.numel(); ++i) t.push_back(i % 3 == 1 ? -1 : 1);
  return tensor(t, x.shape()).to(x.dtype());
}

Tensor class_weights(const Tensor& like) { return vec({0.5, 2, 1}).to(like.dtype()); }

EdgePoint edge(double x, double t, double value, double dx, double dt) {
  return at(x, t, value, dx, dt);
}

void regression(Rows& rows) {
  const Range low{-2, -0.2}, high{0.3, 2};  // apart, so that no difference meets a kink
  add(rows, "mse_loss", nn::mse_loss, nn::LossOptions{}, {}, {}, {edge(3, 1, 4, 4, -4)});
  for (auto& row : rows)  // only the mean is an op of its own
    if (row.name == std::string("mse_loss") && &row != &rows[0]) row.name = "";
  add(rows, "half_squared_error", nn::half_squared_error, nn::LossOptions{}, {}, {},
      {edge(3, 1, 2, 2, -2)});
  add(rows, "l1_loss", nn::l1_loss, nn::LossOptions{}, low, high,
      {edge(1, 1, 0, 0, 0), edge(1, 3, 2, -1, 1)});
  add(rows, "smooth_l1_loss", nn::smooth_l1_loss, nn::SmoothL1Options{.beta = 0.7}, {}, {},
      {edge(1, 1, 0, 0, 0), edge(3, 1, 1.65, 1, -1)});
  add(rows, "smooth_l1_loss", nn::smooth_l1_loss, nn::SmoothL1Options{.beta = 5}, {}, {},
      {edge(3, 1, .4, .4, -.4)});
  add(rows, "huber_loss", nn::huber_loss, nn::HuberOptions{.delta = 0.7}, {}, {},
      {edge(1, 1, 0, 0, 0), edge(3, 1, 1.155, .7, -.7)});
  add(rows, "poisson_nll_loss", nn::poisson_nll_loss, nn::PoissonNllOptions{}, {}, {0.2, 4},
      {edge(0, 2, 1, -1, 0), edge(-inf, 0, 0, 0, inf), edge(inf, 2, inf, inf, -1e30)});
  add(rows, "poisson_nll_loss", nn::poisson_nll_loss,
      nn::PoissonNllOptions{.log_input = false, .full = true}, {0.5, 3}, {1.2, 4});
  for (bool full : {false, true})
    for (const auto reduction : reductions)
      rows.push_back({"gaussian_nll_loss", "gaussian_nll_loss",
                      [=](Inputs x) {
                        return nn::gaussian_nll_loss(x[0], x[1], x[2],
                                                     {.full = full, .reduction = reduction});
                      },
                      {{{2, 3}, {2, 3}, {2, 3}}, {{2, 3}, {2, 3}, {2, 1}}, {{2, 3}, {2, 3}, {2}}},
                      {{}, {}, {0.3, 2}}, {},
                      reduction == Reduction::none && !full
                          ? std::vector<EdgePoint>{{{vec({1}), vec({3}), vec({1})}, vec({2}),
                                                    {vec({-2}), vec({2}), vec({-1.5})}}}
                          : std::vector<EdgePoint>{}});
}

void classification(Rows& rows) {
  add(rows, "bce_loss", nn::bce_loss, nn::BceOptions{}, {0.1, 0.9}, {0.1, 0.9},
      {edge(1, 1, 0, 0, -100), edge(0, 1, 100, -1 / double(1e-12f), 100), edge(0, 0, 0, 0, 100),
       edge(1, 0, 100, 1 / double(1e-12f), -100)});
  add(rows, "bce_with_logits", nn::bce_with_logits, nn::BceWithLogitsOptions{}, {}, {0.1, 0.9},
      {edge(0, 1, ln2, -.5, 0), edge(1000, 1, 0, 0, -1000), edge(-1000, 1, 1000, -1, 1000),
       edge(-inf, 0, 0, 0, inf), edge(inf, 1, 0, 0, -inf), edge(inf, 0, inf, 1, -inf)});
  add(rows, "kl_div", nn::kl_div, nn::KlDivOptions{}, {-2, -0.1}, {0.1, 0.9},
      {edge(-1, 0, 0, 0, 1), edge(-1, 1, 1, -1, 2), edge(-inf, 0, 0, 0, inf)});
  add(rows, "kl_div", nn::kl_div, nn::KlDivOptions{.log_target = true}, {-2, -0.1}, {-2, -0.1},
      {edge(-1, 0, 1, -1, 2), edge(-1, -inf, 0, 0, 0), edge(-inf, -inf, 0, 0, 0)});

  for (const auto reduction : reductions) {
    rows.push_back({"", "bce_loss", [=](Inputs x) {
                      return nn::bce_loss(x[0], x[1], {.weight = x[2], .reduction = reduction}); },
                    {{{2, 3}, {2, 3}, {3}}, {{2, 3}, {2, 3}, {2, 1}}}, {{0.1, 0.9}}});
    rows.push_back({"bce_with_logits", "bce_with_logits", [=](Inputs x) {
                      return nn::bce_with_logits(x[0], x[1],
                                                 {reduction, class_weights(x[0]), x[2]}); },
                    {{{2, 3}, {2, 3}, {3}}, {{2, 3}, {2, 3}, {2, 1}}}, {{}, {0.1, 0.9}, {0.5, 3}}});
    rows.push_back({"cross_entropy", "cross_entropy", [=](Inputs x) {
                      return nn::cross_entropy(x[0], x[1], {.weight = class_weights(x[0]), .label_smoothing = 0.2,
                                                            .reduction = reduction}); },
                    {{{2, 3}, {2, 3}}, {{2, 3, 2}, {2, 3, 2}}}, {{}, {0.1, 0.9}}});
  }
  const auto mean_of = [&](const Tensor& target, std::vector<std::vector<Shape>> shapes,
                           std::vector<EdgePoint> edges = {}) {
    rows.push_back({"cross_entropy", "cross_entropy",
                    [=](Inputs x) { return nn::cross_entropy(x[0], target); }, shapes, {{}}, {}, edges});
  };
  mean_of(indices({1, 0}), {{{2, 3}}});
  mean_of(tensor({{{0, 2}}, {{1, 1}}}), {{{2, 3, 1, 2}}});
  mean_of(tensor(1), {{{3}}});
  mean_of(indices({2, 0, 1}), {{{3, 4}}, {{3, 3}}});
  mean_of(indices({1}), {{{1, 2}}},
          {{{tensor({{-inf, 0.0}}, float64)}, scalar(0), {tensor({{0.0, 0.0}}, float64)}}});
  rows.push_back({"cross_entropy", "cross_entropy",
                  [](Inputs x) { return nn::cross_entropy(x[0], x[1]); },
                  {{{2, 3}, {2, 3}}, {{3}, {3}}, {{2, 3, 2}, {2, 3, 2}}}, {{-2, 2}, {0.1, 0.9}}});
  const Tensor two = indices({2, 0}), images = tensor({{{0, 2}}, {{1, 1}}});
  for (const double smoothing : {0.0, 0.3})
    for (const bool ignore : {false, true}) {
      const auto f = [=](const Tensor& target) {
        return [=](const Tensor& x, Reduction reduction) {
          const auto class_0 = ignore ? std::optional<std::int64_t>(0) : std::nullopt;
          return nn::cross_entropy(x, target, {class_weights(x), class_0, smoothing, reduction});
        };
      };
      add_of_one(rows, "cross_entropy", "cross_entropy", f(two), {{{2, 3}}});
      add_of_one(rows, "cross_entropy", "cross_entropy", f(images), {{{2, 3, 1, 2}}});
    }
  const auto unweighted = [=](const Tensor& x, Reduction reduction) {
    return nn::cross_entropy(x, two, {.reduction = reduction});
  };
  add_of_one(rows, "cross_entropy", "cross_entropy", unweighted, {{{2, 3}}});
  for (const auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
    rows.push_back({"", "cross_entropy", [=](Inputs x) {
                      return nn::cross_entropy(x[0], tensor(1), {.label_smoothing = 0.1, .reduction = reduction}); },
                    {{{3}}}});
  rows.push_back({"", "cross_entropy", [](Inputs x) {
                    return nn::cross_entropy(x[0], zeros({0}, int64), {.reduction = Reduction::none}); },
                  {{{0, 3}}}});
  add_of_one(rows, "", "nll_loss", [=](const Tensor& x, Reduction reduction) {
    return nn::nll_loss(x, two, {.reduction = reduction}); }, {{{2, 3}}}, {-3, -0.1});
  add_of_one(rows, "", "nll_loss", [=](const Tensor& x, Reduction reduction) {
    return nn::nll_loss(x, images, {class_weights(x), 1, reduction}); }, {{{2, 3, 1, 2}}}, {-3, -0.1});
}

void margins(Rows& rows) {
  using nn::MarginOptions;
  add_of_one(rows, "hinge_loss", "hinge_loss", [](const Tensor& x, Reduction reduction) {
    return nn::hinge_loss(x, labels(x), {reduction}); }, {{{2, 3}}, {{4}}}, {}, {-1, 1});
  add_of_one(rows, "soft_margin_loss", "soft_margin_loss", [](const Tensor& x, Reduction reduction) {
    return nn::soft_margin_loss(x, labels(x), {reduction}); }, {{{2, 3}}, {{4}}});
  add_of_one(rows, "", "hinge_embedding_loss", [](const Tensor& x, Reduction reduction) {
    return nn::hinge_embedding_loss(x, labels(x), {0.5, reduction}); }, {{{2, 3}}, {{4}}}, {}, {0.5});
  add_of_one(rows, "", "multi_margin_loss", [](const Tensor& x, Reduction reduction) {
    return nn::multi_margin_loss(x, indices({2, 0}), {.reduction = reduction}); }, {{{2, 3}}});
  add_of_one(rows, "", "multi_margin_loss", [](const Tensor& x, Reduction reduction) {
    return nn::multi_margin_loss(x, indices({2, 0}), {2, 0.5, class_weights(x), reduction}); },
             {{{2, 3}}});
  add_of_one(rows, "", "multilabel_margin_loss", [](const Tensor& x, Reduction reduction) {
    return nn::multilabel_margin_loss(x, tensor({{2, 0, -1}, {-1, 1, 0}}), {reduction}); },
             {{{2, 3}}});
  for (const auto reduction : {Reduction::mean, Reduction::none}) {
    rows.push_back({"", "multi_margin_loss", [=](Inputs x) {
                      return nn::multi_margin_loss(x[0], tensor(1), {.reduction = reduction}); }, {{{3}}}});
    rows.push_back({"", "multilabel_margin_loss", [=](Inputs x) {
                      return nn::multilabel_margin_loss(x[0], indices({1, 2, -1, 0}), {reduction}); },
                    {{{4}}}});
  }
  for (const auto reduction : reductions) {
    if (reduction != Reduction::batch_mean)
      rows.push_back({"multilabel_soft_margin_loss", "multilabel_soft_margin_loss", [=](Inputs x) {
                        return nn::multilabel_soft_margin_loss(x[0], x[1], {class_weights(x[0]), reduction}); },
                      {{{2, 3}, {2, 3}}, {{3}, {3}}}, {{}, {0.1, 0.9}}});
    rows.push_back({"margin_ranking_loss", "margin_ranking_loss", [=](Inputs x) {
                      return nn::margin_ranking_loss(x[0], x[1], labels(x[0]), {0.3, reduction}); },
                    {{{2, 3}, {2, 3}}, {{4}, {4}}}, {{-2, 0}, {0.5, 2}}});
    rows.push_back({"", "cosine_embedding_loss", [=](Inputs x) {
                      return nn::cosine_embedding_loss(x[0], x[1], indices({1, -1, 1}), {0.2, reduction}); },
                    {{{3, 2}, {3, 2}}}, {{0.5, 2}}});
    for (const double p : {2.0, 3.0})
      rows.push_back({"", "triplet_margin_loss", [=](Inputs x) {
                        return nn::triplet_margin_loss(x[0], x[1], x[2], {.margin = 4, .p = p, .swap = p == 3, .reduction = reduction}); },
                      {{{3, 2}, {3, 2}, {3, 2}}}, {{-2, -1}, {0, 1}, {1.5, 2.5}}});
  }
  rows.push_back({"", "hinge_loss", [](Inputs x) { return nn::hinge_loss(x[0], indices({1, -1}), {Reduction::none}); },
                  {{{2}}}, {{-0.9, 0.9}}, {}, {{{vec({1, 0})}, vec({0, 1}), {vec({0, 1})}}}});
  rows.push_back({"", "margin_ranking_loss", [](Inputs x) {
                    return nn::margin_ranking_loss(x[0], x[1], vec({1}).to(x[0].dtype()), {0, Reduction::none}); },
                  {{{1}, {1}}}, {{-2, 0}, {0.5, 2}}, {},
                  {{{vec({1}), vec({1})}, vec({0}), {vec({-1}), vec({1})}},  // a margin just met
                   {{vec({2}), vec({1})}, vec({0}), {vec({0}), vec({0})}}}});
}

void ctc(Rows& rows) {
  const auto joint = [](const Tensor& x, Reduction reduction) {
    return nn::ctc_loss(x, tensor({{1, 2}, {3, 0}}), indices({4, 3}), indices({2, 1}), {0, reduction});
  };
  add_of_one(rows, "", "ctc_loss", joint, {{{4, 2, 4}}}, {-3, -0.2});
  const auto repeated = [](const Tensor& x, Reduction reduction) {  // b blank b, and nothing
    return nn::ctc_loss(x, indices({1, 1}), indices({4, 4}), indices({2, 0}), {2, reduction});
  };
  add_of_one(rows, "", "ctc_loss", repeated, {{{4, 2, 3}}}, {-3, -0.2});
  rows.push_back({"", "ctc_loss", [](Inputs x) {
                    return nn::ctc_loss(x[0], indices({1, 2}), tensor(4), tensor(2)); },
                  {{{4, 3}}}, {{-3, -0.2}}});
}

Rows rows() {
  Rows rows;
  regression(rows);
  classification(rows);
  margins(rows);
  ctc(rows);
  return rows;
}

const Family family("loss", rows);

}  // namespace
}  // namespace gradtape::testing
