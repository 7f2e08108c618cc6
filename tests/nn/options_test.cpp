// Options are values: they can be copied, and one can be assigned to another.
#include <gradtape/gradtape.hpp>

#include <doctest/doctest.h>

#include <type_traits>

using namespace gradtape;

namespace {

template <class... Options>
constexpr bool copyable =
    ((std::is_copy_constructible_v<Options> && std::is_copy_assignable_v<Options>)&&...);

static_assert(
    copyable<AttentionOptions, AvgPoolOptions, BackwardOptions, BatchNormOptions, ColumnOptions,
             ConvOptions, ConvTransposeOptions, CosineSimilarityOptions, CsvOptions,
             CsvTableOptions, EmbeddingOptions, FunctionalOptions, GradOptions, GradcheckOptions,
             GridSampleOptions, IdxOptions, IndexPutOptions, InterpolateOptions, JacobianOptions,
             LocalResponseNormOptions, LpPoolOptions, MatrixNormOptions, MaxPoolOptions,
             MultinomialOptions, NanToNumOptions, NormOptions, NormalizeOptions, NpzOptions,
             PadOptions, PairwiseDistanceOptions, QuantileOptions, ReduceOptions, RmsNormOptions,
             SafetensorsOptions, ScatterReduceOptions, SearchOptions, SortOptions, TopkOptions,
             TriangularOptions, VarOptions>);
static_assert(
    copyable<nn::BatchNormOptions, nn::BceOptions, nn::BceWithLogitsOptions, nn::ConvOptions,
             nn::ConvTransposeOptions, nn::CrossEntropyOptions, nn::CtcOptions, nn::DropoutOptions,
             nn::EmbeddingBagOptions, nn::EmbeddingOptions, nn::GRUCellOptions, nn::GRUOptions,
             nn::GaussianNllOptions, nn::GroupNormOptions, nn::HuberOptions,
             nn::InstanceNormOptions, nn::KlDivOptions, nn::LSTMCellOptions, nn::LSTMOptions,
             nn::LayerNormOptions, nn::LinearOptions, nn::LoadOptions, nn::LossOptions,
             nn::MarginOptions, nn::MultiMarginOptions, nn::MultiheadAttentionOptions,
             nn::MultilabelSoftMarginOptions, nn::NllOptions, nn::PReLUOptions,
             nn::PoissonNllOptions, nn::RBFOptions, nn::RMSNormOptions, nn::RNNCellOptions,
             nn::RNNOptions, nn::RReLUOptions, nn::RotaryPositionsOptions,
             nn::SinusoidalPositionsOptions, nn::SmoothL1Options, nn::TransformerLayerOptions,
             nn::TransformerOptions, nn::TripletMarginOptions>);
static_assert(
    copyable<nn::data::BatchOptions, nn::data::GaussianNoiseOptions, nn::data::KFoldOptions,
             nn::data::LoaderOptions, nn::data::RandomCropOptions, nn::data::WindowOptions>);
static_assert(copyable<nn::metric::AccuracyOptions, nn::metric::ConfusionOptions,
                       nn::metric::PerplexityOptions, nn::metric::ScoreOptions>);
static_assert(copyable<optim::ASGDOptions, optim::AdadeltaOptions, optim::AdafactorOptions,
                       optim::AdagradOptions, optim::AdamOptions, optim::AdamWOptions,
                       optim::AdamaxOptions, optim::ChartOptions, optim::CheckpointOptions,
                       optim::ClipNormOptions, optim::CyclicOptions, optim::EarlyStoppingOptions,
                       optim::LBFGSOptions, optim::LearningCurveOptions, optim::LionOptions,
                       optim::NAdamOptions, optim::OneCycleOptions, optim::PlateauOptions,
                       optim::ProgressOptions, optim::RAdamOptions, optim::RMSpropOptions,
                       optim::RpropOptions, optim::SGDOptions, optim::SparseAdamOptions>);

}  // namespace

TEST_CASE("options that are copied or assigned draw from the same generator") {
  const Generator generator(3), same(3);
  nn::LinearOptions options{.generator = generator}, other;
  other = options;
  const nn::Linear first(4, 3, options), second(4, 3, other);
  const nn::Linear want(4, 3, {.generator = same}), want_next(4, 3, {.generator = same});
  CHECK(array_equal(first.weight, want.weight));
  CHECK(array_equal(second.weight, want_next.weight));
  CHECK(!array_equal(first.weight, second.weight));

  nn::RNNOptions recurrent{.dropout = 0.5, .dropout_generator = generator};
  recurrent = nn::RNNOptions{.dropout_generator = same};
  CHECK(recurrent.dropout == 0);
  CHECK(recurrent.dropout_generator.position() == same.position());
}
