#include "../layers.hpp"

namespace gradtape::conformance {
namespace {

using Names = std::vector<std::string>;

/// The functional loss, with the arguments of the constructor, in this order, as keywords.
std::function<MadeLayer(Call&)> loss(const std::string& function, const Names& names) {
  return [=](Call& c) {
    std::map<std::string, Value> options;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (c.has(i, names[i])) options.emplace(names[i], c.at(i, names[i]));
    return made(nn::Module(), [=](Call& inputs) {
      List given;
      for (std::size_t i = 0; i < inputs.args.size(); ++i)
        given.push_back(inputs.at(i, "input" + std::to_string(i)));
      return call_function("nn.functional." + function, given, options);
    });
  };
}

LayerMap family_layers() {
  const Names reduction{"size_average", "reduce", "reduction"};
  const auto and_reduction = [&](Names first) {
    first.insert(first.end(), reduction.begin(), reduction.end());
    return first;
  };
  const Names weighted = and_reduction({"weight"}), margin = and_reduction({"margin"});
  const Names classes{"weight", "size_average", "ignore_index", "reduce", "reduction"};
  return {
      {"BCELoss", loss("binary_cross_entropy", weighted)},
      {"BCEWithLogitsLoss", loss("binary_cross_entropy_with_logits",
                                 {"weight", "size_average", "reduce", "reduction", "pos_weight"})},
      {"CTCLoss", loss("ctc_loss", {"blank", "reduction", "zero_infinity"})},
      {"CosineEmbeddingLoss", loss("cosine_embedding_loss", margin)},
      {"CrossEntropyLoss", loss("cross_entropy", {"weight", "size_average", "ignore_index",
                                                  "reduce", "reduction", "label_smoothing"})},
      {"GaussianNLLLoss", loss("gaussian_nll_loss", {"full", "eps", "reduction"})},
      {"HingeEmbeddingLoss", loss("hinge_embedding_loss", margin)},
      {"HuberLoss", loss("huber_loss", {"reduction", "delta"})},
      {"KLDivLoss", loss("kl_div", {"size_average", "reduce", "reduction", "log_target"})},
      {"L1Loss", loss("l1_loss", reduction)},
      {"MSELoss", loss("mse_loss", reduction)},
      {"MarginRankingLoss", loss("margin_ranking_loss", margin)},
      {"MultiLabelMarginLoss", loss("multilabel_margin_loss", reduction)},
      {"MultiLabelSoftMarginLoss", loss("multilabel_soft_margin_loss", weighted)},
      {"MultiMarginLoss", loss("multi_margin_loss", and_reduction({"p", "margin", "weight"}))},
      {"NLLLoss", loss("nll_loss", classes)},
      {"NLLLoss2d", loss("nll_loss", classes)},
      {"PoissonNLLLoss", loss("poisson_nll_loss",
                              {"log_input", "full", "size_average", "eps", "reduce", "reduction"})},
      {"SmoothL1Loss", loss("smooth_l1_loss", {"size_average", "reduce", "reduction", "beta"})},
      {"SoftMarginLoss", loss("soft_margin_loss", reduction)},
      {"TripletMarginLoss",
       loss("triplet_margin_loss", and_reduction({"margin", "p", "eps", "swap"}))},
  };
}

const LayerFamily family(family_layers);

}  // namespace
}  // namespace gradtape::conformance
