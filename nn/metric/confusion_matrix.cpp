#include "gradtape/nn/metric/confusion_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <span>

#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/nn/metric/classification.hpp"
#include "gradtape/nn/metric/sums.hpp"

namespace gradtape::nn::metric {

using namespace author;

namespace {

constexpr const char* op = "ConfusionMatrix";

double ratio(std::int64_t a, std::int64_t b, double zero_division) {
  return b == 0 ? zero_division : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace

/// Of one class, or of all.
struct ConfusionMatrix::Counts {
  std::int64_t right = 0, predicted = 0, truly = 0;

  ClassScores scores(double zero_division) const {
    return {ratio(right, predicted, zero_division), ratio(right, truly, zero_division),
            ratio(2 * right, predicted + truly, zero_division), truly};
  }
};

ConfusionMatrix::ConfusionMatrix(const ConfusionOptions& options) : options_(options) {
  require(op, "classes", options.classes, at_least(0));
  reset();
}

void ConfusionMatrix::reset() {
  classes_ = options_.classes;
  cells_.assign(static_cast<std::size_t>(classes_ * classes_), 0);
}

void ConfusionMatrix::update(const Tensor& prediction, const Tensor& target) {
  const auto batch = detail::classes_of(op, prediction, target, options_.ignore_index);
  const auto predicted = batch.prediction.data<std::int64_t>();
  const auto truly = batch.target.data<std::int64_t>();
  // Indices need not be few: a stray one must not ask for a matrix of its square.
  const std::int64_t most = options_.classes > 0 ? options_.classes : 10'000;
  auto classes = std::max(classes_, batch.classes);
  const auto see = [&](std::int64_t index, const char* what) {
    if (index < 0 || index >= most)
      fail<ValueError>(
          op, fmt::format("the {} has class {}, but {} {} classes", what, index,
                          options_.classes > 0 ? "there are" : "counts are kept of", most));
    classes = std::max(classes, index + 1);
  };
  for (std::size_t i = 0; i < truly.size(); ++i) {
    if (truly[i] == options_.ignore_index) continue;
    see(truly[i], "target");
    see(predicted[i], "prediction");
  }
  grow(std::min(classes, most));
  for (std::size_t i = 0; i < truly.size(); ++i)
    if (truly[i] != options_.ignore_index)
      ++cells_[static_cast<std::size_t>(truly[i] * classes_ + predicted[i])];
}

void ConfusionMatrix::grow(std::int64_t classes) {
  if (classes == classes_) return;
  std::vector<std::int64_t> cells(static_cast<std::size_t>(classes * classes));
  for (std::int64_t row = 0; row < classes_; ++row)
    std::copy_n(cells_.begin() + row * classes_, classes_, cells.begin() + row * classes);
  cells_ = std::move(cells);
  classes_ = classes;
}

Tensor ConfusionMatrix::compute() const {
  return tensor(std::span<const std::int64_t>(cells_), Shape{classes_, classes_});
}

Tensor ConfusionMatrix::state() const {
  return reshape(compute().to(float64), {classes_ * classes_});
}

void ConfusionMatrix::set_state(const Tensor& state) {
  auto classes = options_.classes;
  if (classes == 0) classes = std::llround(std::sqrt(static_cast<double>(state.numel())));
  std::vector<std::int64_t> cells;
  for (const double count : detail::checked_sums(op, state, classes * classes)) {
    if (!(count >= 0 && count <= 0x1p53) || count != std::floor(count))
      fail<ValueError>(op, fmt::format("{} in a state is not a count", count));
    cells.push_back(static_cast<std::int64_t>(count));
  }
  cells_ = std::move(cells);
  classes_ = classes;
}

std::vector<ConfusionMatrix::Counts> ConfusionMatrix::counts() const {
  std::vector<Counts> counts(static_cast<std::size_t>(classes_));
  for (std::size_t row = 0; row < counts.size(); ++row)
    for (std::size_t column = 0; column < counts.size(); ++column) {
      const auto n = cells_[row * counts.size() + column];
      counts[row].truly += n;
      counts[column].predicted += n;
      if (row == column) counts[row].right = n;
    }
  return counts;
}

double ConfusionMatrix::accuracy() const { return recall({.average = Average::micro}); }

double ConfusionMatrix::score(double ClassScores::*which, const ScoreOptions& options) const {
  const auto counts = this->counts();
  Counts all;
  for (const auto& c : counts) {
    all.right += c.right;
    all.predicted += c.predicted;
    all.truly += c.truly;
  }
  if (options.average == Average::binary) {
    if (counts.size() > 2 || options.positive < 0 || options.positive > 1)
      fail<ValueError>(op, fmt::format("Average::binary is of two classes, 0 and 1: there are {}, "
                                       "and positive = {}; Average::macro is of any number",
                                       counts.size(), options.positive));
    const auto i = static_cast<std::size_t>(options.positive);
    return (i < counts.size() ? counts[i] : Counts()).scores(options.zero_division).*which;
  }
  if (all.truly == 0) return std::numeric_limits<double>::quiet_NaN();
  if (options.average == Average::micro) return all.scores(options.zero_division).*which;
  Mean mean;
  for (const auto& c : counts) {
    const double score = c.scores(options.zero_division).*which;
    if (c.predicted + c.truly == 0 || std::isnan(score)) continue;
    mean.update(score, options.average == Average::macro ? 1 : static_cast<double>(c.truly));
  }
  return mean.compute();
}

double ConfusionMatrix::precision(const ScoreOptions& options) const {
  return score(&ClassScores::precision, options);
}
double ConfusionMatrix::recall(const ScoreOptions& options) const {
  return score(&ClassScores::recall, options);
}
double ConfusionMatrix::f1(const ScoreOptions& options) const {
  return score(&ClassScores::f1, options);
}

std::vector<ClassScores> ConfusionMatrix::per_class(double zero_division) const {
  std::vector<ClassScores> scores;
  for (const auto& c : counts()) scores.push_back(c.scores(zero_division));
  return scores;
}

std::ostream& operator<<(std::ostream& out, const ConfusionMatrix& matrix) {
  return out << matrix.str();
}

std::string ConfusionMatrix::str() const {
  std::string out = "   class  precision  recall      f1  support\n";
  std::int64_t total = 0;
  const auto row = [&](const std::string& name, const ClassScores& s) {
    out += fmt::format("{:>8}  {:9.4f}  {:6.4f}  {:6.4f}  {:7}\n", name, s.precision, s.recall,
                       s.f1, s.support);
  };
  const auto scores = per_class();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    row(std::to_string(i), scores[i]);
    total += scores[i].support;
  }
  for (const auto& [name, average] :
       {std::pair("macro", Average::macro), std::pair("weighted", Average::weighted)})
    row(name, {precision({.average = average}), recall({.average = average}),
               f1({.average = average}), total});
  return out + fmt::format("accuracy {:.4f}\n", accuracy());
}

Tensor confusion_matrix(const Tensor& prediction, const Tensor& target,
                        const ConfusionOptions& options) {
  ConfusionMatrix matrix(options);
  matrix.update(prediction, target);
  return matrix.compute();
}

double precision(const Tensor& prediction, const Tensor& target, const ScoreOptions& options) {
  ConfusionMatrix matrix;
  matrix.update(prediction, target);
  return matrix.precision(options);
}
double recall(const Tensor& prediction, const Tensor& target, const ScoreOptions& options) {
  ConfusionMatrix matrix;
  matrix.update(prediction, target);
  return matrix.recall(options);
}
double f1(const Tensor& prediction, const Tensor& target, const ScoreOptions& options) {
  ConfusionMatrix matrix;
  matrix.update(prediction, target);
  return matrix.f1(options);
}

}  // namespace gradtape::nn::metric
