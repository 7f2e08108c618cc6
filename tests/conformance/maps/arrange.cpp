#include "../value.hpp"

namespace gradtape::conformance {
namespace {

using Integers = std::vector<std::int64_t>;

Value flipped(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return flip(x, c.rest(1, "dims"));
}

/// fliplr, flipud
Function flipped_along(int axis) {
  return [axis](Call& c) -> Value { return flip(c.tensor(0, "input"), axis); };
}

Value rolled(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Integers shifts = c.integers(1, "shifts"), axes = c.integers(2, "dims", Integers());
  if (axes.empty() && shifts.size() == 1) return roll(x, shifts[0]);
  return roll(x, shifts, axes);
}

Value turned(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto k = c.integer(1, "k", 1);
  const Integers axes = c.integers(2, "dims", Integers{0, 1});
  return rot90(x, k, axes.at(0), axes.at(1));
}

Value tiled(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return tile(x, c.rest(1, c.function == "tile" ? "dims" : "repeats"));
}

Value repeated(Call& c) {
  Tensor x = c.tensor(0, "input");
  const Value& repeats = c.at(1, "repeats");
  c.ignore(99, "output_size");
  if (!c.has(2, "dim")) x = reshape(x, {x.numel()});
  const auto axis = c.integer(2, "dim", 0);
  if (x.ndim() == 0) x = reshape(x, {1});
  Tensor counts = repeats.tensor("repeat_interleave: repeats");
  if (counts.numel() == 1) return repeat_interleave(x, counts.item<std::int64_t>(), axis);
  return repeat_interleave(x, counts, axis);
}

Value grid(Call& c) {
  const bool list = c.args.size() == 1 && c.args[0].is<List>();
  std::vector<Tensor> x = list ? c.tensors(0, "tensors") : std::vector<Tensor>();
  for (std::size_t i = 0; !list && i < c.args.size(); ++i) x.push_back(c.tensor(i, "tensors"));
  const std::string order = c.text(99, "indexing", "ij");
  if (order != "ij" && order != "xy") throw Unsupported("meshgrid: indexing " + order);
  return meshgrid(x, order == "xy" ? MeshOrder::xy : MeshOrder::ij);
}

Value padded(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Integers widths = c.integers(1, "pad");
  const bool constant = c.function == "constant_pad_nd";
  const std::string mode = constant ? "constant" : c.text(2, "mode", "constant");
  PadOptions options{.value = c.number(constant ? 2 : 3, "value", 0.0)};
  if (mode == "reflect")
    options.mode = PadMode::reflect;
  else if (mode == "replicate")
    options.mode = PadMode::replicate;
  else if (mode == "circular")
    options.mode = PadMode::circular;
  else if (mode != "constant")
    throw Unsupported("pad: mode " + mode);
  return pad(x, widths, options);
}

Value windows(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto axis = c.integer(1, "dimension"), size = c.integer(2, "size");
  const auto step = c.integer(3, "step");
  return x.ndim() ? unfold(x, axis, size, step) : reshape(x, {size});
}

Value diag_of(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return diag(x, c.integer(1, "diagonal", 0));
}

Value diagonal_of(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const bool linalg = c.function == "linalg.diagonal";
  const auto offset = c.integer(1, "offset", 0), a = c.integer(2, "dim1", linalg ? -2 : 0);
  return diagonal(x, offset, a, c.integer(3, "dim2", linalg ? -1 : 1));
}

Value embedded(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const auto offset = c.integer(1, "offset", 0), a = c.integer(2, "dim1", -2);
  return diag_embed(x, offset, a, c.integer(3, "dim2", -1));
}

Value diagflat(Call& c) {
  const Tensor x = c.tensor(0, "input");
  return diag_embed(reshape(x, {x.numel()}), c.integer(1, "offset", 0));
}

/// x with another diagonal.
Value diagonal_scatter(Call& c) {
  const Tensor x = c.tensor(0, "input"), source = c.tensor(1, "src");
  const auto offset = c.integer(2, "offset", 0), a = c.integer(3, "dim1", 0);
  const auto b = c.integer(4, "dim2", 1);
  const Tensor places = diagonal(reshape(arange(x.numel()), x.shape()), offset, a, b);
  const Shape flat{places.numel()};
  if (source.shape() != places.shape()) throw Unsupported("diagonal_scatter: broadcast src");
  return reshape(scatter(reshape(x, {x.numel()}), 0, reshape(places, flat), reshape(source, flat)),
                 x.shape());
}

Value block_diagonal(Call& c) {
  std::vector<Tensor> blocks;
  for (std::size_t i = 0; i < c.args.size(); ++i) {
    Tensor x = c.tensor(i, "tensors");
    blocks.push_back(x.ndim() == 2 ? x : reshape(x, {1, x.numel()}));
  }
  std::int64_t cols = 0, before = 0;
  for (const auto& x : blocks) cols += x.size(1);
  std::vector<Tensor> rows;
  for (const auto& x : blocks) {
    rows.push_back(pad(x, {before, cols - before - x.size(1)}));
    before += x.size(1);
  }
  return concat(rows);
}

Function triangle(Tensor (*f)(const Tensor&, std::int64_t)) {
  return [f](Call& c) -> Value {
    const Tensor x = c.tensor(0, "input");
    return f(x, c.integer(1, "diagonal", 0));
  };
}

Mapping functions() {
  return {
      {"flip", flipped},
      {"fliplr", flipped_along(1)},
      {"flipud", flipped_along(0)},
      {"roll", rolled},
      {"rot90", turned},
      {"tile", tiled},
      {"repeat", tiled},
      {"repeat_interleave", repeated},
      {"meshgrid", grid},
      {"nn.functional.pad", padded},
      {"constant_pad_nd", padded},
      {"unfold", windows},
      {"diag", diag_of},
      {"diagonal", diagonal_of},
      {"linalg.diagonal", diagonal_of},
      {"diag_embed", embedded},
      {"diagflat", diagflat},
      {"diagonal_scatter", diagonal_scatter},
      {"block_diag", block_diagonal},
      {"tril", triangle(tril)},
      {"triu", triangle(triu)},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
