// einsum: a string is parsed into one list of labels an operand; operands are then joined pair by
// pair, each pair by one batched matmul.

#include "gradtape/autograd/ops/matmul.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <string>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/reduce.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {

using namespace detail;

namespace {

/// The axes of an operand or a result: a letter each. The axes of an ellipsis, counted from the
/// last, are the characters '0', '1', ... '7'.
using Labels = std::string;

bool has(const Labels& labels, char label) { return labels.find(label) != Labels::npos; }

struct Operand {
  Tensor x;
  Labels labels;
};

class Equation {
 public:
  Equation(std::string_view text, const std::vector<Tensor>& tensors) : text_(text) {
    std::string letters;
    std::copy_if(text.begin(), text.end(), std::back_inserter(letters),
                 [](char c) { return c != ' '; });
    const auto arrow = letters.find("->");
    const std::string inputs = letters.substr(0, arrow);
    const auto parts = split(inputs);
    if (parts.size() != tensors.size())
      malformed(fmt::format("names {} operand{}, but {} given", parts.size(),
                            parts.size() == 1 ? "" : "s", tensors.size()));
    for (std::size_t i = 0; i < parts.size(); ++i) operands.push_back(read(parts[i], tensors[i]));
    output = arrow == std::string::npos ? implied() : stated(letters.substr(arrow + 2));
    drop_broadcast_axes();
  }

  std::vector<Operand> operands;
  Labels output;

 private:
  [[noreturn]] void malformed(const std::string& cause) const {
    fail<ValueError>("einsum", fmt::format("'{}' {}", text_, cause));
  }

  static std::vector<std::string> split(const std::string& inputs) {
    std::vector<std::string> parts(1);
    for (char c : inputs)
      if (c == ',')
        parts.emplace_back();
      else
        parts.back() += c;
    return parts;
  }

  /// The letters of `part`, with `axes` labels in the place of an ellipsis (-1: there may be none).
  Labels expand_part(const std::string& part, int axes) const {
    const auto dots = part.find("...");
    Labels labels;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (i == dots) {
        for (int axis = axes; axis-- > 0;) labels += static_cast<char>('0' + axis);
        i += 2;
      } else if (std::isalpha(static_cast<unsigned char>(part[i]))) {
        labels += part[i];
      } else {
        malformed(part[i] == '.' ? "has a '.' that is no part of one '...'"
                  : part[i] == '-' || part[i] == '>'
                      ? std::string("has more than one arrow, or half of one")
                      : fmt::format("has '{}', which is no letter", part[i]));
      }
    }
    return labels;
  }

  /// An operand with the diagonal taken of every letter that it has twice.
  Operand read(const std::string& part, const Tensor& x) {
    const bool dots = part.find("...") != std::string::npos;
    const int letters = static_cast<int>(part.size()) - (dots ? 3 : 0);
    const int rest = x.ndim() - letters;
    Labels labels = expand_part(part, dots ? std::max(0, rest) : 0);
    if (dots ? rest < 0 : rest != 0)
      fail<ShapeError>("einsum", fmt::format("'{}' does not fit an operand of {} axes, {}", part,
                                             x.ndim(), describe(x)));
    if (dots) ellipsis_axes_ = std::max(ellipsis_axes_, rest);
    Operand operand{x, std::move(labels)};
    for (std::size_t i = 0; i < operand.labels.size(); ++i)
      for (auto j = operand.labels.find(operand.labels[i], i + 1); j != Labels::npos;
           j = operand.labels.find(operand.labels[i], i + 1))
        operand = diagonal(operand, static_cast<int>(i), static_cast<int>(j), x);
    for (std::size_t i = 0; i < operand.labels.size(); ++i) {
      auto& extent = extents_[static_cast<std::size_t>(operand.labels[i])];
      const auto own = operand.x.size(static_cast<std::int64_t>(i));
      if (extent > 1 && own > 1 && own != extent)
        fail<ShapeError>("einsum", fmt::format("'{}' is {} in {}, but {} before",
                                               spell(operand.labels[i]), own, describe(x), extent));
      if (extent < 0 || extent == 1) extent = own;
      if (own == 0 || extent == 0) check_empty(operand.labels[i], own, extent, x);
    }
    return operand;
  }

  /// An extent of 0 meets 0 or 1 only.
  void check_empty(char label, std::int64_t own, std::int64_t extent, const Tensor& x) const {
    if (own > 1 || extent > 1)
      fail<ShapeError>("einsum", fmt::format("'{}' is {} in {}, but {} before", spell(label), own,
                                             describe(x), extent));
  }

  static std::string spell(char label) {
    return std::isdigit(static_cast<unsigned char>(label)) ? "..." : std::string(1, label);
  }

  /// Axes i < j of one extent replaced by their diagonal, at i.
  static Operand diagonal(const Operand& operand, int i, int j, const Tensor& given) {
    const Tensor& x = operand.x;
    const auto n = x.size(i);
    if (x.size(j) != n)
      fail<ShapeError>("einsum", fmt::format("'{}' is both {} and {} in {}",
                                             spell(operand.labels[static_cast<std::size_t>(i)]), n,
                                             x.size(j), describe(given)));
    std::vector<std::int64_t> order;
    Shape others;
    Labels labels;
    for (int axis = 0; axis < x.ndim(); ++axis)
      if (axis != i && axis != j) {
        order.push_back(axis);
        others.push_back(x.size(axis));
        labels += operand.labels[static_cast<std::size_t>(axis)];
      }
    order.push_back(i);
    order.push_back(j);
    Shape joined = others;
    joined.push_back(n * n);
    const Tensor y = slice(reshape(permute(x, order), joined), -1, 0, to_end, n + 1);
    // The diagonal is the last axis: its label moves there.
    labels += operand.labels[static_cast<std::size_t>(i)];
    return {y, labels};
  }

  /// Without an arrow: the ellipsis, then the letters that occur once.
  Labels implied() const {
    Labels found;
    for (int axis = ellipsis_axes_; axis-- > 0;) found += static_cast<char>('0' + axis);
    for (int label = 'A'; label <= 'z'; ++label) {
      std::ptrdiff_t count = 0;
      for (char c : text_) count += c == label;
      if (std::isalpha(label) && count == 1) found += static_cast<char>(label);
    }
    return found;
  }

  Labels stated(const std::string& part) const {
    const Labels labels = expand_part(part, ellipsis_axes_);
    for (char label : labels) {
      if (std::count(labels.begin(), labels.end(), label) > 1)
        malformed(fmt::format("has '{}' twice in the output", spell(label)));
      if (extents_[static_cast<std::size_t>(label)] < 0)
        malformed(fmt::format("has '{}' in the output only", spell(label)));
    }
    return labels;
  }

  /// Drops the axes of extent 1 that another operand has longer.
  void drop_broadcast_axes() {
    for (auto& operand : operands) {
      Shape shape;
      Labels labels;
      for (std::size_t i = 0; i < operand.labels.size(); ++i) {
        const char label = operand.labels[i];
        const auto own = operand.x.size(static_cast<std::int64_t>(i));
        if (own == 1 && extents_[static_cast<std::size_t>(label)] != 1) continue;
        shape.push_back(own);
        labels += label;
      }
      if (labels == operand.labels) continue;
      operand = {reshape(operand.x, shape), labels};
    }
  }

  std::string text_;
  int ellipsis_axes_ = 0;
  std::array<std::int64_t, 128> extents_ = [] {
    std::array<std::int64_t, 128> none{};
    none.fill(-1);
    return none;
  }();
};

/// x with its axes in the order of `labels`.
Tensor ordered(const Operand& operand, const Labels& labels) {
  std::vector<std::int64_t> order;
  bool moved = false;
  for (char label : labels) {
    order.push_back(static_cast<std::int64_t>(operand.labels.find(label)));
    moved = moved || order.back() + 1 != static_cast<std::int64_t>(order.size());
  }
  return moved ? permute(operand.x, order) : operand.x;
}

/// Sums over the axes whose labels `keep` does not accept.
template <class Keep> Operand summed(const Operand& operand, Keep keep) {
  std::vector<std::int64_t> axes;
  Labels labels;
  for (std::size_t i = 0; i < operand.labels.size(); ++i)
    if (keep(operand.labels[i]))
      labels += operand.labels[i];
    else
      axes.push_back(static_cast<std::int64_t>(i));
  return axes.empty() ? operand : Operand{sum(operand.x, axes), labels};
}

std::int64_t extent_of(const Operand& operand, char label) {
  return operand.x.size(static_cast<std::int64_t>(operand.labels.find(label)));
}

std::int64_t numel(const Operand& operand, const Labels& labels) {
  std::int64_t n = 1;
  for (char label : labels) n *= extent_of(operand, label);
  return n;
}

/// How the labels of two operands meet: in batches, summed over, or of one alone.
struct Meeting {
  /// `later`: labels that the output or another operand still needs.
  Meeting(const Operand& a, const Operand& b, const Labels& later) {
    for (char label : a.labels)
      (!has(b.labels, label) ? left : has(later, label) ? batch : inner) += label;
    for (char label : b.labels)
      if (!has(a.labels, label)) right += label;
  }
  Labels batch, left, right, inner;
};

/// The two operands joined by one product.
Operand joined(const Operand& given_a, const Operand& given_b, const Labels& later) {
  const auto needed_with = [&](const Operand& other) {
    return [&](char label) { return has(other.labels, label) || has(later, label); };
  };
  const Operand a = summed(given_a, needed_with(given_b)),
                b = summed(given_b, needed_with(given_a));
  const Meeting at(a, b, later);
  const auto n = numel(a, at.batch), i = numel(a, at.left), j = numel(b, at.right),
             k = numel(a, at.inner);
  const Tensor x = reshape(ordered(a, at.batch + at.left + at.inner), {n, i, k});
  Tensor product;
  if (at.inner.empty())
    product = x * reshape(ordered(b, at.batch + at.right), {n, 1, j});
  else  // the second as it is stored where that is its transpose: matmul takes it so
    product =
        matmul(x, has(b.labels.substr(b.labels.size() - at.inner.size()), at.inner.back())
                      ? transpose(reshape(ordered(b, at.batch + at.right + at.inner), {n, j, k}))
                      : reshape(ordered(b, at.batch + at.inner + at.right), {n, k, j}));
  Shape shape;
  for (char label : at.batch + at.left) shape.push_back(extent_of(a, label));
  for (char label : at.right) shape.push_back(extent_of(b, label));
  return {reshape(product, shape), at.batch + at.left + at.right};
}

/// The labels that the output or an operand other than i and j has.
Labels needed_without(const Equation& equation, std::size_t i, std::size_t j) {
  Labels labels = equation.output;
  for (std::size_t k = 0; k < equation.operands.size(); ++k)
    if (k != i && k != j) labels += equation.operands[k].labels;
  return labels;
}

/// The number of elements that joining two operands leaves.
double joined_size(const Operand& a, const Operand& b, const Labels& later) {
  double n = 1;
  for (char label : a.labels)
    if (has(later, label)) n *= static_cast<double>(extent_of(a, label));
  for (char label : b.labels)
    if (has(later, label) && !has(a.labels, label)) n *= static_cast<double>(extent_of(b, label));
  return n;
}

}  // namespace

Tensor einsum(std::string_view text, const std::vector<Tensor>& given) {
  if (given.empty()) fail<ValueError>("einsum", "needs at least one operand");
  auto tensors = given;
  promote_literals(tensors.data(), tensors.size(), "einsum");
  Equation equation(text, tensors);
  auto& operands = equation.operands;
  while (operands.size() > 1) {
    std::size_t left = 0, right = 1;
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; operands.size() > 2 && i < operands.size(); ++i)
      for (std::size_t j = i + 1; j < operands.size(); ++j) {
        const double n = joined_size(operands[i], operands[j], needed_without(equation, i, j));
        if (n < smallest) smallest = n, left = i, right = j;
      }
    operands[left] = joined(operands[left], operands[right], needed_without(equation, left, right));
    operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(right));
  }
  const auto in_output = [&](char label) { return has(equation.output, label); };
  return ordered(summed(operands[0], in_output), equation.output);
}

}  // namespace gradtape
