#include "gradtape/nn/embedding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops.hpp"
#include "gradtape/nn/detail/layer.hpp"

namespace gradtape::nn {

using namespace author;

namespace {

/// The first values of a table; throws ValueError for options out of range.
template <class Options>
Tensor first_table(const char* layer, std::int64_t n, std::int64_t d, const Options& options) {
  require(layer, "n", n, at_least(1));
  require(layer, "d", d, at_least(1));
  const auto padding = options.padding_idx.value_or(0);
  if (padding < -n || padding >= n)
    fail<ValueError>(layer, fmt::format("padding_idx {} is out of range for {} rows", padding, n));
  const auto positive = above(0).or_infinity();
  if (options.max_norm) require(layer, "max_norm", *options.max_norm, positive);
  require(layer, "norm_type", options.norm_type, positive);
  if (options.weight_init)
    return detail::drawn(options.weight_init, {n, d}, options.dtype, options.generator);
  const Tensor table = randn({n, d}, options.dtype, options.generator);
  if (!options.padding_idx) return table;
  return index_put(table, {padding}, full({}, 0, options.dtype));
}

/// The distinct rows that `index` looks up. Throws ValueError for an index out of range.
Tensor different(const char* layer, const Tensor& index, std::int64_t n) {
  const auto given = index.data<std::int64_t>();
  std::vector<std::int64_t> rows(given.begin(), given.end());
  for (const auto row : rows) {
    if (row < 0 || row >= n)
      fail<ValueError>(layer, fmt::format("index {} is out of range for {} rows", row, n));
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return tensor(rows);
}

/// Scales the rows of the table that are looked up and longer than `most` to that length.
void shorten(const char* layer, const Parameter& table, const Tensor& index, double most,
             double p) {
  const NoGrad no_grad;
  const Tensor which = different(layer, index, table.shape()[0]);
  const Tensor rows = index_select(table, 0, which);
  const Tensor lengths = norm(rows, p, 1, {.keepdim = true});
  // The small number, PyTorch's, keeps the new length from exceeding `most` by rounding.
  const Tensor shorter = where(lengths > most, rows * (most / (lengths + 1e-7)), rows);
  const auto size = static_cast<std::size_t>(table.shape()[1]) * size_of(table.dtype());
  auto* const to = static_cast<char*>(table.mutable_raw());
  const auto* const from = static_cast<const char*>(shorter.raw());
  const auto at = which.data<std::int64_t>();
  for (std::size_t i = 0; i < at.size(); ++i)
    std::memcpy(to + static_cast<std::size_t>(at[i]) * size, from + i * size, size);
}

void check_index(const char* layer, const Tensor& index) {
  need_defined(layer, index, "index");
  if (index.dtype() != int64)
    fail<DtypeError>(layer, fmt::format("index must be int64, got {}", name(index.dtype())));
}

}  // namespace

// ---- Embedding ----

Embedding::Embedding(std::int64_t n, std::int64_t d, const EmbeddingOptions& options)
    : weight(parameter("weight", first_table("Embedding", n, d, options))), options_(options) {
  options_.weight_init = nullptr;  // frees what it captured
}

Embedding Embedding::from_pretrained(const Tensor& table, bool freeze,
                                     const EmbeddingOptions& options) {
  if (table.ndim() != 2)
    fail<ShapeError>("Embedding",
                     fmt::format("the table must be [n, d], got {}", table.shape().str()));
  EmbeddingOptions with_table = options;
  with_table.dtype = table.dtype();
  with_table.weight_init = [&](const Shape&, Dtype, const Generator&) { return table.detach(); };
  Embedding layer(table.size(0), table.size(1), with_table);
  layer.weight.freeze(freeze);
  return layer;
}

Tensor Embedding::forward(const Tensor& index) const {
  check_index("Embedding", index);
  if (options_.max_norm)
    shorten("Embedding", weight, index, *options_.max_norm, options_.norm_type);
  return embedding(weight, index,
                   {options_.padding_idx, options_.scale_grad_by_freq, options_.sparse});
}

// ---- EmbeddingBag ----

/// The indices without padding, bag after bag.
struct EmbeddingBag::Bags {
  std::vector<std::int64_t> index;   ///< Rows of the table.
  std::vector<std::int64_t> place;   ///< Where they are among all indices.
  std::vector<std::int64_t> starts;  ///< Where each bag starts among them, and their number.

  std::int64_t count() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

EmbeddingBag::EmbeddingBag(std::int64_t n, std::int64_t d, const EmbeddingBagOptions& options)
    : weight(parameter("weight", first_table("EmbeddingBag", n, d, options))), options_(options) {
  if (options.scale_grad_by_freq && options.mode == BagMode::max)
    fail<ValueError>("EmbeddingBag", "scale_grad_by_freq is not for the mode max");
  options_.weight_init = nullptr;  // frees what it captured
}

Tensor EmbeddingBag::operator()(const Tensor& index, const Tensor& offsets,
                                const Tensor& factors) const {
  constexpr const char* layer = "EmbeddingBag";
  check_index(layer, index);
  if (factors.defined() && options_.mode != BagMode::sum)
    fail<ValueError>(layer, "factors are for the mode sum only");
  if (factors.defined() && factors.shape() != index.shape())
    fail<ShapeError>(layer, fmt::format("factors must have the shape of index, {}, got {}",
                                        index.shape().str(), factors.shape().str()));
  return call(index, [&](const Tensor& x) {
    const Bags all = bags(x, offsets);
    if (options_.max_norm) shorten(layer, weight, x, *options_.max_norm, options_.norm_type);
    return options_.mode == BagMode::max ? largest(all) : summed(all, factors);
  });
}

EmbeddingBag::Bags EmbeddingBag::bags(const Tensor& index, const Tensor& offsets) const {
  constexpr const char* layer = "EmbeddingBag";
  const auto total = index.numel();
  std::vector<std::int64_t> starts;
  if (offsets.defined()) {
    if (index.ndim() != 1 || offsets.ndim() != 1)
      fail<ShapeError>(layer, fmt::format("index and offsets must be [total] and [bags], got {} "
                                          "and {}",
                                          index.shape().str(), offsets.shape().str()));
    check_index(layer, offsets);
    const auto given = offsets.data<std::int64_t>();
    starts.assign(given.begin(), given.end());
    if (!options_.include_last_offset) starts.push_back(total);
    if (starts.empty() || starts.front() != 0 || !std::ranges::is_sorted(starts) ||
        starts.back() > total)
      fail<ValueError>(layer,
                       fmt::format("offsets must ascend from 0 to at most {} indices", total));
  } else {
    if (index.ndim() != 2)
      fail<ShapeError>(layer, fmt::format("index must be [bags, length], or [total] with offsets, "
                                          "got {}",
                                          index.shape().str()));
    for (std::int64_t bag = 0; bag <= index.size(0); ++bag) starts.push_back(bag * index.size(1));
  }
  const auto n = weight.shape()[0];
  auto padding = options_.padding_idx.value_or(-1);
  if (options_.padding_idx && padding < 0) padding += n;
  const auto given = index.data<std::int64_t>();
  Bags result;
  for (std::size_t bag = 0; bag + 1 < starts.size(); ++bag) {
    result.starts.push_back(static_cast<std::int64_t>(result.index.size()));
    for (auto i = starts[bag]; i < starts[bag + 1]; ++i) {
      const auto looked_up = given[static_cast<std::size_t>(i)];
      if (looked_up == padding && options_.padding_idx) continue;
      result.index.push_back(looked_up);
      result.place.push_back(i);
    }
  }
  result.starts.push_back(static_cast<std::int64_t>(result.index.size()));
  return result;
}

Tensor EmbeddingBag::rows(const Tensor& index) const {
  return embedding(weight, index, {{}, options_.scale_grad_by_freq, options_.sparse});
}

Tensor EmbeddingBag::summed(const Bags& bags, const Tensor& factors) const {
  const auto d = weight.shape()[1];
  Tensor terms = rows(tensor(bags.index));
  if (factors.defined()) {
    const Tensor flat = reshape(factors, {factors.numel(), 1});
    terms = terms * index_select(flat, 0, tensor(bags.place));
  }
  std::vector<std::int64_t> bag_of;
  std::vector<double> counts;
  for (std::int64_t bag = 0; bag < bags.count(); ++bag) {
    const auto b = static_cast<std::size_t>(bag);
    const auto size = bags.starts[b + 1] - bags.starts[b];
    bag_of.insert(bag_of.end(), static_cast<std::size_t>(size), bag);
    counts.push_back(static_cast<double>(std::max<std::int64_t>(size, 1)));
  }
  const Tensor sums = index_add(zeros({bags.count(), d}, weight.dtype()), 0, tensor(bag_of), terms);
  if (options_.mode == BagMode::sum) return sums;
  return sums / tensor(counts, {bags.count(), 1}).to(weight.dtype());
}

/// Bags are filled up with their first index to one length, which changes no maximum; the first of
/// equal ones gets the gradient. An empty bag is filled with row 0 and set to 0.
Tensor EmbeddingBag::largest(const Bags& bags) const {
  std::int64_t length = 1;
  for (std::size_t bag = 0; bag + 1 < bags.starts.size(); ++bag)
    length = std::max(length, bags.starts[bag + 1] - bags.starts[bag]);
  std::vector<std::int64_t> filled;
  std::vector<double> empty;
  for (std::size_t bag = 0; bag + 1 < bags.starts.size(); ++bag) {
    const auto start = bags.starts[bag], size = bags.starts[bag + 1] - start;
    for (std::int64_t i = 0; i < length; ++i)
      filled.push_back(size ? bags.index[static_cast<std::size_t>(start + (i < size ? i : 0))] : 0);
    empty.push_back(size == 0);
  }
  const auto d = weight.shape()[1];
  if (empty.empty()) return zeros({0, d}, weight.dtype());
  const Tensor all = rows(tensor(filled, {bags.count(), length}));
  return where(tensor(empty, {bags.count(), 1}) > 0.0, 0.0, max(all, 1));
}

}  // namespace gradtape::nn
