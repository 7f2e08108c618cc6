#include "../value.hpp"

#include <algorithm>

namespace gradtape::conformance {
namespace {

using Binary = Tensor (*)(const Tensor&, const Tensor&);

/// f(input, other) under PyTorch's keywords for the two.
Function binary(Binary f, const char* first = "input", const char* second = "other") {
  return [=](Call& c) -> Value { return f(c.tensor(0, first), c.tensor(1, second)); };
}

/// beta input + alpha f(a, b); with beta 0 the input is not looked at.
Function added(Binary f, const char* first, const char* second) {
  return [=](Call& c) -> Value {
    const Tensor input = c.tensor(0, "input");
    const double beta = c.number(3, "beta", 1), alpha = c.number(4, "alpha", 1);
    const Tensor product = alpha * f(c.tensor(1, first), c.tensor(2, second));
    return beta == 0 ? product : beta * input + product;
  };
}

Tensor bmm_summed(const Tensor& a, const Tensor& b) { return sum(bmm(a, b), 0); }

Tensor inner(const Tensor& a, const Tensor& b) {
  if (a.ndim() == 0 || b.ndim() == 0) return a * b;
  return tensordot(a, b, {-1}, {-1});
}

/// A number is a count of axes; a pair of lists, or of numbers, names them.
Value tensordot_map(Call& c) {
  const Tensor a = c.tensor(0, "a"), b = c.tensor(1, "b");
  const Value& dims = c.at(2, "dims");
  if (dims.is_none()) return tensordot(a, b);
  if (!dims.is<List>()) return tensordot(a, b, static_cast<int>(dims.integer("dims")));
  const auto& pair = dims.get<List>();
  if (pair.size() != 2) throw Unsupported("tensordot with these dims");
  return tensordot(a, b, pair[0].integers("dims"), pair[1].integers("dims"));
}

/// einsum(equation, *operands), einsum(equation, [operands]) or, as PyTorch's own samples have it,
/// einsum([operands], equation).
Value einsum_map(Call& c) {
  const bool swapped = c.at(0, "equation").is<List>();
  const std::string equation = c.text(swapped ? 1 : 0, "equation");
  if (swapped) return einsum(equation, c.at(0, "equation").tensors("operands"));
  std::vector<Tensor> operands;
  for (std::size_t i = 1; i < c.args.size(); ++i)
    for (const auto& x : c.at(i, "operands").is<List>()
                             ? c.at(i, "operands").tensors("operands")
                             : std::vector{c.at(i, "operands").tensor("operands")})
      operands.push_back(x);
  return einsum(equation, operands);
}

Value cross_map(Call& c) {
  const Tensor a = c.tensor(0, "input"), b = c.tensor(1, "other");
  if (c.function == "linalg.cross" || c.has(2, "dim")) return cross(a, b, c.integer(2, "dim", -1));
  for (int axis = 0; axis < a.ndim(); ++axis)  // torch.cross takes the first axis of extent 3
    if (a.size(axis) == 3) return cross(a, b, axis - a.ndim());
  throw Unsupported("cross without an axis of extent 3");
}

Tensor product_of(const std::vector<Tensor>& factors) {
  Tensor y = factors.at(0);
  for (std::size_t i = 1; i < factors.size(); ++i) y = matmul(y, factors[i]);
  return y;
}

Value chain_map(Call& c) {
  std::vector<Tensor> factors;
  for (std::size_t i = 0; i < c.args.size(); ++i)
    for (const auto& x : c.at(i, "tensors").is<List>() ? c.at(i, "tensors").tensors("tensors")
                                                       : std::vector{c.tensor(i, "tensors")})
      factors.push_back(x);
  return product_of(factors);
}

/// The rows of a table of every combination.
Value cartesian_prod(Call& c) {
  std::vector<Tensor> columns, given;
  Shape shape;
  for (std::size_t i = 0; i < c.args.size(); ++i) {
    given.push_back(c.tensor(i, "tensors"));
    shape.push_back(given.back().size(0));
  }
  if (given.size() == 1) return given[0];
  for (std::size_t i = 0; i < given.size(); ++i) {
    Shape own;
    for (std::size_t j = 0; j < given.size(); ++j)
      own.push_back(j == i ? shape[static_cast<int>(i)] : 1);
    columns.push_back(reshape(expand(reshape(given[i], own), shape), {-1}));
  }
  return stack(columns, 1);
}

/// x, a variable a row, as a matrix.
Tensor as_rows(const Tensor& x) { return x.ndim() < 2 ? reshape(x, {1, x.numel()}) : x; }

Tensor without_ones(const Tensor& x) {
  Shape shape;
  for (auto extent : x.shape())
    if (extent != 1) shape.push_back(extent);
  return reshape(x, shape);
}

Tensor covariance(const Tensor& x, double correction, const Tensor& fweights,
                  const Tensor& aweights) {
  const Tensor rows = as_rows(x);
  Tensor weights;
  if (fweights.defined()) weights = fweights.to(x.dtype());
  if (aweights.defined()) weights = weights.defined() ? weights * aweights : aweights;
  if (!weights.defined()) {
    const Tensor centred = rows - mean(rows, 1, {.keepdim = true});
    const double rest = std::max(0.0, static_cast<double>(rows.size(1)) - correction);
    return without_ones(matmul(centred, transpose(centred)) / rest);
  }
  const Tensor total = sum(weights);
  const Tensor centred = rows - sum(rows * weights, 1, {.keepdim = true}) / total;
  const Tensor spent = aweights.defined() ? correction * sum(weights * aweights) / total
                                          : full_like(total, correction);
  return without_ones(matmul(centred * weights, transpose(centred)) / maximum(total - spent, 0.0));
}

Value corrcoef(Call& c) {
  const Tensor x = c.tensor(0, "input");
  const Tensor v = covariance(x, 1, {}, {});
  if (v.ndim() == 0) return v / v;
  const auto n = v.size(-1);
  const Tensor deviation = sqrt(slice(reshape(v, {n * n}), 0, 0, to_end, n + 1));
  return clamp(v / unsqueeze(deviation, 1) / deviation, -1, 1);
}

Value bilinear(Call& c) {
  const Tensor y = einsum("...i,oij,...j->...o",
                          {c.tensor(0, "input1"), c.tensor(2, "weight"), c.tensor(1, "input2")});
  const Tensor bias = c.tensor_or_none(3, "bias");
  return bias.defined() ? y + bias : y;
}

Mapping functions() {
  return {
      {"matmul", binary(matmul)},
      {"__matmul__", binary(matmul)},
      {"__rmatmul__",
       [](Call& c) -> Value { return matmul(c.tensor(1, "other"), c.tensor(0, "input")); }},
      {"mm", binary(matmul, "input", "mat2")},
      {"mv", binary(matmul, "input", "vec")},
      {"bmm", binary(bmm, "input", "mat2")},
      {"dot", binary(dot)},
      {"vdot", binary(dot)},
      {"inner", binary(inner)},
      {"linalg.vecdot",
       [](Call& c) -> Value {
         return sum(c.tensor(0, "x") * c.tensor(1, "y"), static_cast<int>(c.integer(2, "dim", -1)));
       }},
      {"outer", binary(outer, "input", "vec2")},
      {"ger", binary(outer, "input", "vec2")},
      {"kron", binary(kron)},
      {"cross", cross_map},
      {"linalg.cross", cross_map},
      {"tensordot", tensordot_map},
      {"einsum", einsum_map},
      {"addmm", added(matmul, "mat1", "mat2")},
      {"addmv", added(matmul, "mat", "vec")},
      {"addr", added(outer, "vec1", "vec2")},
      {"baddbmm", added(bmm, "batch1", "batch2")},
      {"addbmm", added(bmm_summed, "batch1", "batch2")},
      {"linalg.multi_dot", [](Call& c) -> Value { return product_of(c.tensors(0, "tensors")); }},
      {"chain_matmul", chain_map},
      {"cartesian_prod", cartesian_prod},
      {"cov",
       [](Call& c) -> Value {
         return covariance(c.tensor(0, "input"), c.number(1, "correction", 1),
                           c.tensor_or_none(2, "fweights"), c.tensor_or_none(3, "aweights"));
       }},
      {"corrcoef", corrcoef},
      {"nn.functional.bilinear", bilinear},
      {"nn.functional.linear",
       [](Call& c) -> Value {
         return linear(c.tensor(0, "input"), c.tensor(1, "weight"), c.tensor_or_none(2, "bias"));
       }},
  };
}

const FunctionFamily family(functions);

}  // namespace
}  // namespace gradtape::conformance
