#include "../value.hpp"

#include <algorithm>

namespace gradtape::conformance {
namespace {

using Integers = std::vector<std::int64_t>;

/// Index tensors of PyTorch may be uint8 masks, which our corpus reads as int64: those stay
/// indices.
Index index_of(const Value& value) {
  if (value.is<bool>()) return full({}, value.get<bool>(), bool_);
  if (value.is<std::int64_t>()) return value.get<std::int64_t>();
  if (value.is_none()) return newaxis;
  if (value.is<Ellipsis>()) return ellipsis;
  if (value.is<Tensor>()) return value.get<Tensor>();
  if (value.is<Slice>()) {
    const Slice& slice = value.get<Slice>();
    return range(slice.start.value_or(0), slice.stop.value_or(to_end), slice.step.value_or(1));
  }
  if (value.is<List>()) return call_function("tensor", {value}).tensor("an index");
  throw Unsupported("an index of this kind: " + value.kind());
}

/// What stands between the brackets: one index or a tuple of them.
std::vector<Index> indices_of(const Value& value) {
  if (!value.is<List>()) return {index_of(value)};
  std::vector<Index> out;
  for (const auto& item : value.get<List>()) out.push_back(index_of(item));
  return out;
}

Value subscript(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Value& index = c.at(1, "index");
  if (index.is<Slice>() || !index.is<List>()) return at(x, {index_of(index)});
  return at(x, indices_of(index));
}

/// index_put takes tensors, with None for a whole axis.
Value put_at(Call& c) {
  const Tensor x = c.tensor(0, "input");
  std::vector<Index> indices;
  const Value& given = c.at(1, "indices");
  if (!given.is<List>()) throw Unsupported("index_put: indices must be a tuple");
  for (const auto& item : given.get<List>())
    indices.push_back(item.is_none() ? Index(range()) : index_of(item));
  const Tensor values = c.tensor(2, "values");
  return index_put(x, indices, values, {.accumulate = c.flag(3, "accumulate", false)});
}

/// Ops along an axis take a scalar as a vector of one element, as PyTorch does.
struct Vector {
  explicit Vector(const Tensor& x) : shape(x.shape()), x(at_least(x)) {}
  static Tensor at_least(const Tensor& x) { return x.ndim() ? x : reshape(x, {1}); }
  Tensor restored(const Tensor& y) const { return shape.ndim() ? y : reshape(y, {}); }

  Shape shape;
  Tensor x;
};

Value gathered(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim");
  const Tensor index = c.tensor(2, "index");
  c.ignore(3, "sparse_grad");
  if (index.numel() == 0 && index.ndim() != x.ndim()) return gather(x, axis, index);
  if (x.ndim() == 0 && index.ndim() == 0)
    return reshape(gather(reshape(x, {1}), axis, reshape(index, {1})), {});
  return gather(Vector::at_least(x), axis, Vector::at_least(index));
}

Value selected(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim");
  const Tensor index = c.tensor(2, "index");
  return Vector(x).restored(index_select(Vector::at_least(x), axis, Vector::at_least(index)));
}

Value added(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  const Tensor source = Vector::at_least(c.tensor(3, "source"));
  const double alpha = c.number(4, "alpha", 1.0);
  return v.restored(index_add(v.x, axis, index, alpha == 1 ? source : source * alpha));
}

/// The index of rows as one for scatter, of the shape of `like`.
Tensor along(const Tensor& index, std::int64_t axis, const Tensor& like) {
  Shape shape = like.shape();
  const int a = shape.axis(axis, "index");
  Shape own;
  for (int i = 0; i < shape.ndim(); ++i) own.push_back(i == a ? index.numel() : 1);
  shape[a] = index.numel();
  return expand(reshape(index, own), shape);
}

Value copied(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  const Tensor source = Vector::at_least(c.tensor(3, "source"));
  return v.restored(scatter(v.x, axis, along(index, axis, v.x), source));
}

Value filled(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  return v.restored(scatter(v.x, axis, along(index, axis, v.x), c.tensor(3, "value")));
}

Value select_scatter(Call& c) {
  const Tensor x = c.tensor(0, "input"), source = c.tensor(1, "src");
  const auto axis = c.integer(2, "dim");
  const auto i = c.integer(3, "index");
  return scatter(x, axis, along(tensor(Integers{i}), axis, x), unsqueeze(source, axis));
}

Value slice_scatter(Call& c) {
  const Tensor x = c.tensor(0, "input"), source = c.tensor(1, "src");
  const auto axis = c.integer(2, "dim", 0);
  const auto start = c.integer(3, "start", 0), stop = c.integer(4, "end", to_end);
  const Tensor rows = slice(arange(x.size(axis)), 0, start, stop, c.integer(5, "step", 1));
  return scatter(x, axis, along(rows, axis, x), source);
}

Tensor reduced(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source,
               const std::string& how, bool include_self) {
  static const std::map<std::string, ScatterReduction> reductions = {
      {"sum", ScatterReduction::sum},
      {"prod", ScatterReduction::prod},
      {"mean", ScatterReduction::mean},
      {"amax", ScatterReduction::amax},
      {"amin", ScatterReduction::amin}};
  if (!reductions.contains(how)) throw Unsupported("scatter_reduce: " + how);
  return scatter_reduce(x, axis, index, source, reductions.at(how), {.include_self = include_self});
}

Value scattered(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  const std::string name = c.kwargs.contains("value") ? "value" : "src";
  Tensor source = c.tensor(3, name);
  if (source.ndim() == 0 && !source.is_weak()) source = Vector::at_least(source);
  const Value& reduce = c.at(4, "reduce");
  if (!reduce.is_none()) {
    const std::string how = reduce.text("scatter: reduce");
    if (source.ndim() == 0) source = expand(source.to(v.x.dtype()), index.shape());
    if (how == "add") return v.restored(scatter_add(v.x, axis, index, source));
    if (how != "multiply") throw Unsupported("scatter: reduce=" + how);
    return v.restored(reduced(v.x, axis, index, source, "prod", true));
  }
  return v.restored(scatter(v.x, axis, index, source));
}

Value scatter_added(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  return v.restored(scatter_add(v.x, axis, index, Vector::at_least(c.tensor(3, "src"))));
}

Value scatter_reduced(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  const Tensor source = Vector::at_least(c.tensor(3, "src"));
  const std::string how = c.text(4, "reduce");
  return v.restored(reduced(v.x, axis, index, source, how, c.flag(5, "include_self", true)));
}

Value index_reduced(Call& c) {
  const Vector v(c.tensor(0, "input"));
  const auto axis = c.integer(1, "dim");
  const Tensor index = Vector::at_least(c.tensor(2, "index"));
  const Tensor source = Vector::at_least(c.tensor(3, "source"));
  const std::string how = c.text(4, "reduce");
  return v.restored(
      reduced(v.x, axis, along(index, axis, v.x), source, how, c.flag(5, "include_self", true)));
}

Value take_along_dim(Call& c) {
  const Tensor x = c.tensor(0, "input"), index = c.tensor(1, "indices");
  if (c.has(2, "dim")) return take_along(x, c.integer(2, "dim"), index);
  return take_along(reshape(x, {x.numel()}), 0, reshape(index, {index.numel()}));
}

/// x as a vector, at positions of any shape.
Value taken(Call& c) {
  const Tensor x = c.tensor(0, "input"), index = c.tensor(1, "index");
  const Tensor flat = reshape(index, {index.numel()});
  return reshape(index_select(reshape(x, {x.numel()}), 0, flat), index.shape());
}

Value put_flat(Call& c) {
  const Tensor x = c.tensor(0, "input"), index = c.tensor(1, "index");
  const Tensor flat = reshape(index, {index.numel()});
  const Tensor source = reshape(c.tensor(2, "source"), {index.numel()});
  const IndexPutOptions options{.accumulate = c.flag(3, "accumulate", false)};
  return reshape(index_put(reshape(x, {x.numel()}), {flat}, source, options), x.shape());
}

Value mask_filled(Call& c) {
  const Tensor x = c.tensor(0, "input"), mask = c.tensor(1, "mask");
  return masked_fill(x, mask, c.tensor(2, "value"));
}

Value mask_scattered(Call& c) {
  Tensor x = c.tensor(0, "input"), mask = c.tensor(1, "mask");
  const Tensor source = c.tensor(2, "source");
  const Shape shape = broadcast(x.shape(), mask.shape(), "masked_scatter");
  x = expand(x, shape);
  mask = expand(mask, shape);
  const auto count = nonzero(mask).size(0);
  return index_put(x, {mask}, slice(reshape(source, {source.numel()}), 0, 0, count));
}

Value mask_selected(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return masked_select(x, c.tensor(1, "mask"));
}

Value positions(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (!c.flag(1, "as_tuple", false)) return nonzero(x);
  return unbind(nonzero(x.ndim() ? x : reshape(x, {1})), 1);
}

Value hot(Call& c) {
  const Tensor index = c.tensor(0, "tensor");
  auto classes = c.integer(1, "num_classes", -1);
  if (classes == -1) classes = amax(index).item<std::int64_t>() + 1;
  return one_hot(index, classes, int64);
}

EmbeddingOptions embedding_options(Call& c, std::size_t padding, std::size_t first) {
  EmbeddingOptions options;
  if (c.has(padding, "padding_idx")) options.padding_idx = c.integer(padding, "padding_idx");
  if (c.has(first, "max_norm")) throw Unsupported(c.function + ": max_norm");
  c.ignore(first + 1, "norm_type");
  options.scale_grad_by_freq = c.flag(first + 2, "scale_grad_by_freq", false);
  return options;
}

Value embedded(Call& c) {
  // torch.nn.functional.embedding(input, weight); torch's own samples give the weight first.
  const Tensor first = c.tensor(0, "input"), second = c.tensor(1, "weight");
  const auto options = embedding_options(c, 2, 3);
  c.ignore(6, "sparse");
  return is_floating(first.dtype()) ? embedding(first, second, options)
                                    : embedding(second, first, options);
}

/// The first largest element of each column of the rows of each bag, 0 for an empty bag.
Tensor largest(const Tensor& rows, const std::vector<Tensor>& bags) {
  std::vector<Tensor> out;
  for (const auto& bag : bags)
    out.push_back(bag.numel() ? max(index_select(rows, 0, bag), 0)
                              : zeros({rows.size(1)}, rows.dtype()));
  return out.empty() ? zeros({0, rows.size(1)}, rows.dtype()) : stack(out);
}

Value embedded_bags(Call& c) {
  Tensor index = c.tensor(0, "input"), table = c.tensor(1, "weight");
  if (is_floating(index.dtype())) std::swap(index, table);
  const Tensor offsets = c.tensor_or_none(2, "offsets");
  if (c.has(3, "max_norm")) throw Unsupported("embedding_bag: max_norm");
  c.ignore(4, "norm_type");
  EmbeddingOptions options{.scale_grad_by_freq = c.flag(5, "scale_grad_by_freq", false)};
  const std::string mode = c.text(6, "mode", "mean");
  c.ignore(7, "sparse");
  Tensor weights = c.tensor_or_none(8, "per_sample_weights");
  const bool last_included = c.flag(9, "include_last_offset", false);
  if (c.has(10, "padding_idx")) options.padding_idx = c.integer(10, "padding_idx");

  Integers starts;
  if (offsets.defined())
    starts.assign(offsets.data<std::int64_t>().begin(), offsets.data<std::int64_t>().end());
  else
    for (std::int64_t i = 0; i < index.size(0); ++i) starts.push_back(i * index.size(1));
  index = reshape(index, {index.numel()});
  if (!last_included || !offsets.defined()) starts.push_back(index.numel());
  std::vector<Tensor> bags;
  std::vector<double> counts;
  Integers bag_of, kept;
  const auto padding =
      options.padding_idx.value_or(-1) + (options.padding_idx.value_or(0) < 0 ? table.size(0) : 0);
  for (std::size_t b = 0; b + 1 < starts.size(); ++b) {
    Integers rows;
    for (auto i = starts[b]; i < starts[b + 1]; ++i) {
      const auto row = index.data<std::int64_t>()[static_cast<std::size_t>(i)];
      if (options.padding_idx && row == padding) continue;
      rows.push_back(i);
      kept.push_back(i);
      bag_of.push_back(static_cast<std::int64_t>(b));
    }
    counts.push_back(std::max<double>(1, static_cast<double>(rows.size())));
    bags.push_back(tensor(rows));
  }
  const auto count = static_cast<std::int64_t>(bags.size());
  Tensor rows = embedding(table, index, options);
  if (mode == "max") return largest(rows, bags);
  if (weights.defined()) rows = rows * reshape(weights, {index.numel(), 1});
  const Tensor sums = index_add(zeros({count, table.size(1)}, table.dtype()), 0, tensor(bag_of),
                                index_select(rows, 0, tensor(kept)));
  if (mode == "sum") return sums;
  return sums / tensor(counts, {count, 1}).to(table.dtype());
}

Mapping functions() {
  return {
      {"__getitem__", subscript},
      {"index_put", put_at},
      {"gather", gathered},
      {"index_select", selected},
      {"index_add", added},
      {"index_copy", copied},
      {"index_fill", filled},
      {"index_reduce", index_reduced},
      {"select_scatter", select_scatter},
      {"slice_scatter", slice_scatter},
      {"scatter", scattered},
      {"scatter_add", scatter_added},
      {"scatter_reduce", scatter_reduced},
      {"take_along_dim", take_along_dim},
      {"take", taken},
      {"put", put_flat},
      {"masked_fill", mask_filled},
      {"masked_scatter", mask_scattered},
      {"masked_select", mask_selected},
      {"nonzero", positions},
      {"argwhere", positions},
      {"nn.functional.one_hot", hot},
      {"nn.functional.embedding", embedded},
      {"nn.functional.embedding_bag", embedded_bags},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
