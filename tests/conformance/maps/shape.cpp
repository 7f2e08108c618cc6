#include "../value.hpp"

#include <algorithm>

namespace gradtape::conformance {
namespace {

using Integers = std::vector<std::int64_t>;

Value reshaped(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const char* name = c.function == "view" ? "size" : "shape";
  if (c.at(1, name).is<Dtype>()) throw Unsupported("view of the bits as another dtype");
  return reshape(x, Shape(c.rest(1, name)));
}

Value reshaped_as(Call& c) { return reshape(c.tensor(0, "input"), c.tensor(1, "other").shape()); }

Value flattened(Call& c) {
  const auto start = c.integer(1, "start_dim", 0);
  return flatten(c.tensor(0, "input"), start, c.integer(2, "end_dim", -1));
}

Value unflattened(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim");
  return unflatten(x, axis, Shape(c.integers(2, "sizes")));
}

/// PyTorch leaves an axis of another extent than 1 alone.
Value squeezed(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (!c.has(1, "dim")) return squeeze(x);
  Integers axes;
  for (auto axis : c.integers(1, "dim")) {
    if (x.ndim() == 0 && (axis == 0 || axis == -1)) continue;
    if (x.size(axis) == 1) axes.push_back(axis);
  }
  return squeeze(x, axes);
}

Value swapped(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const bool dims = c.kwargs.contains("dim0");
  const auto a = c.integer(1, dims ? "dim0" : "axis0"), b = c.integer(2, dims ? "dim1" : "axis1");
  return x.ndim() == 0 ? x : transpose(x, a, b);
}

Value moved(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Integers from = c.integers(1, "source"), to = c.integers(2, "destination");
  return x.ndim() == 0 ? x : movedim(x, from, to);
}

/// x.T, x.t(), x.mT and their likes on real numbers.
Value matrix_transposed(Call& c) {
  const Tensor x = c.tensor(0, "input");
  if (x.ndim() < 2) return x;
  if (c.function != "T") return transpose(x);
  Integers order;
  for (int axis = x.ndim(); axis-- > 0;) order.push_back(axis);
  return permute(x, order);
}

Value expanded(Call& c) {
  const Tensor x = c.tensor(0, "input");
  c.ignore(99, "implicit");
  return expand(x, Shape(c.rest(1, "size")));
}

Value broadcast_all(Call& c) {
  std::vector<Tensor> x =
      c.args.size() == 1 && c.args[0].is<List>() ? c.tensors(0, "tensors") : std::vector<Tensor>();
  if (x.empty())
    for (std::size_t i = 0; i < c.args.size(); ++i) x.push_back(c.tensor(i, "tensors"));
  Shape shape;
  for (const auto& tensor : x) shape = broadcast(shape, tensor.shape(), "broadcast_tensors");
  for (auto& tensor : x) tensor = expand(tensor, shape);
  return x;
}

Value sliced(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim", 0);
  const auto start = c.integer(2, "start", 0), stop = c.integer(3, "end", to_end);
  return slice(x, axis, start, stop, c.integer(4, "step", 1));
}

Value parts(Call& c) {
  const Tensor x = c.tensor(0, "tensor");
  const std::string name = c.function == "split" ? "split_size_or_sections" : "split_sizes";
  const bool sizes = c.at(1, name).is<List>();
  const auto axis = c.integer(2, "dim", 0);
  return sizes ? split(x, c.integers(1, name), axis) : split(x, c.integer(1, name), axis);
}

Value split_at(const Tensor& x, const Value& where, std::int64_t axis) {
  const auto extent = x.size(axis);
  Integers bounds;
  Value given = where;
  if (given.is<Tensor>()) {
    const Tensor t = given.get<Tensor>();
    if (t.ndim() == 0)
      given = t.item<std::int64_t>();
    else
      bounds.assign(t.data<std::int64_t>().begin(), t.data<std::int64_t>().end());
  }
  if (given.is<List>()) {
    bounds = given.integers("indices");
  } else if (!given.is<Tensor>()) {
    const auto count = given.integer("sections");
    for (std::int64_t i = 1, at = 0; i < count; ++i)
      bounds.push_back(at += extent / count + (i <= extent % count));
  }
  std::vector<Tensor> list;
  std::int64_t start = 0;
  for (auto bound : bounds) {
    list.push_back(slice(x, axis, start, bound));
    start = bound;
  }
  list.push_back(slice(x, axis, start));
  return list;
}

Value tensor_split(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const std::string name = c.kwargs.contains("sections") ? "sections"
                           : c.kwargs.contains("tensor_indices_or_sections")
                               ? "tensor_indices_or_sections"
                           : c.kwargs.contains("indices") ? "indices"
                                                          : "indices_or_sections";
  const Value where = c.at(1, name);
  return split_at(x, where, c.integer(2, "dim", 0));
}

/// hsplit, vsplit, dsplit
Function split_along(int axis) {
  return [axis](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    const std::string name = c.kwargs.contains("sections")  ? "sections"
                             : c.kwargs.contains("indices") ? "indices"
                                                            : "indices_or_sections";
    return split_at(x, c.at(1, name), axis == 1 && x.ndim() == 1 ? 0 : axis);
  };
}

Value joined(Call& c) {
  std::vector<Tensor> list = c.tensors(0, "tensors"), kept;
  const auto axis = c.integer(1, c.kwargs.contains("axis") ? "axis" : "dim", 0);
  // PyTorch skips vectors of extent 0, whatever the shape of the others.
  for (const auto& x : list)
    if (x.shape() != Shape{0}) kept.push_back(x);
  return kept.empty() ? concat(list, axis) : concat(kept, axis);
}

Value stacked(Call& c) {
  const auto list = c.tensors(0, "tensors");
  return stack(list, c.integer(1, "dim", 0));
}

Tensor with_axes(const Tensor& x, int ndim) {
  if (x.ndim() >= ndim) return x;
  if (ndim == 1) return reshape(x, {1});
  if (ndim == 2) return x.ndim() == 0 ? reshape(x, {1, 1}) : unsqueeze(x, 0);
  return x.ndim() == 2 ? unsqueeze(x, 2) : unsqueeze(with_axes(x, 2), 2);
}

/// atleast_1d, atleast_2d, atleast_3d
Function at_least(int ndim) {
  return [ndim](Call& c) -> Value {
    const bool list = c.args.size() == 1 && c.args[0].is<List>();
    if (c.args.size() == 1 && !list) return with_axes(c.tensor(0, "input"), ndim);
    std::vector<Tensor> x = list ? c.tensors(0, "tensors") : std::vector<Tensor>();
    for (std::size_t i = 0; !list && i < c.args.size(); ++i) x.push_back(c.tensor(i, "tensors"));
    for (auto& tensor : x) tensor = with_axes(tensor, ndim);
    return x;
  };
}

/// hstack, vstack, dstack: concat after atleast_<ndim>d.
Function stack_along(int ndim, int axis) {
  return [ndim, axis](Call& c) -> Value {
    auto x = c.tensors(0, "tensors");
    for (auto& tensor : x) tensor = with_axes(tensor, ndim);
    return concat(x, axis == 1 && x[0].ndim() == 1 ? 0 : axis);
  };
}

Value column_stack(Call& c) {
  auto x = c.tensors(0, "tensors");
  for (auto& tensor : x)
    if (tensor.ndim() < 2) tensor = reshape(tensor, {tensor.numel(), 1});
  return concat(x, 1);
}

Value unbound(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return unbind(x, c.integer(1, "dim", 0));
}

Value one_row(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim");
  return select(x, axis, c.integer(2, "index"));
}

Value narrowed(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dim");
  const Value& start = c.at(2, "start");
  const auto first = start.is<Tensor>() ? start.get<Tensor>().item<std::int64_t>()
                                        : start.integer("narrow: start");
  return narrow(x, axis, first, c.integer(3, "length"));
}

Value chunked(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto count = c.integer(1, "chunks");
  return chunk(x, count, c.integer(2, "dim", 0));
}

Value permuted(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return permute(x, c.rest(1, "dims"));
}

Value unsqueezed(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return unsqueeze(x, c.integer(1, "dim"));
}

Value summed_to(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return sum_to(x, Shape(c.rest(1, "size")));
}

Mapping functions() {
  Mapping map{
      {"reshape", reshaped},
      {"view", reshaped},
      {"reshape_as", reshaped_as},
      {"view_as", reshaped_as},
      {"flatten", flattened},
      {"ravel", [](Call& c) -> Value { return reshape(c.tensor(0, "input"), {-1}); }},
      {"unflatten", unflattened},
      {"squeeze", squeezed},
      {"unsqueeze", unsqueezed},
      {"permute", permuted},
      {"expand", expanded},
      {"broadcast_to", expanded},
      {"expand_as",
       [](Call& c) -> Value { return expand(c.tensor(0, "input"), c.tensor(1, "other").shape()); }},
      {"broadcast_tensors", broadcast_all},
      {"sum_to_size", summed_to},
      {"slice", sliced},
      {"select", one_row},
      {"narrow", narrowed},
      {"split", parts},
      {"split_with_sizes", parts},
      {"chunk", chunked},
      {"tensor_split", tensor_split},
      {"hsplit", split_along(1)},
      {"vsplit", split_along(0)},
      {"dsplit", split_along(2)},
      {"unbind", unbound},
      {"stack", stacked},
      {"hstack", stack_along(1, 1)},
      {"vstack", stack_along(2, 0)},
      {"row_stack", stack_along(2, 0)},
      {"dstack", stack_along(3, 2)},
      {"column_stack", column_stack},
      {"atleast_1d", at_least(1)},
      {"atleast_2d", at_least(2)},
      {"atleast_3d", at_least(3)},
  };
  for (const char* name : {"transpose", "swapaxes", "swapdims"}) map[name] = swapped;
  for (const char* name : {"movedim", "moveaxis"}) map[name] = moved;
  for (const char* name : {"t", "T", "mT", "H", "mH", "adjoint"}) map[name] = matrix_transposed;
  for (const char* name : {"cat", "concat", "concatenate"}) map[name] = joined;
  return map;
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
