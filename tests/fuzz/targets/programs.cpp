// Programs: graphs of ops drawn at random, with shared results. Their gradient agrees with
// differences, their Hessian is symmetric, and their cost and visits obey the theorem
// (docs/theorem.md).
#include <gradtape/autograd/cost.hpp>
#include <gradtape/autograd/functional.hpp>
#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "fuzz/bytes.hpp"
#include "fuzz/fuzz.hpp"

namespace gradtape::fuzz {
namespace {

using Tensors = std::vector<Tensor>;

/// a, or its sum where it does not broadcast with b to a few elements.
Tensor fitted(const Tensor& a, const Tensor& b) {
  for (int i = 1; i <= std::min(a.ndim(), b.ndim()); ++i)
    if (a.size(-i) != b.size(-i) && a.size(-i) != 1 && b.size(-i) != 1) return sum(a);
  return a.numel() * b.numel() > 64 && a.shape() != b.shape() ? sum(a) : a;
}
Tensor matrix(const Tensor& x) { return x.ndim() == 2 ? x : reshape(x, {-1, 1}); }
Tensor vector(const Tensor& x) { return reshape(x, {-1}); }

using Step = Tensor (*)(const Tensor& a, const Tensor& b);
#define STEP(value) \
  [](const Tensor& a, [[maybe_unused]] const Tensor& b) -> Tensor { return value; }

/// Smooth for the most part; of what has kinks, gradcheck knows.
const std::vector<Step> steps{
    STEP(fitted(a, b) + b),
    STEP(fitted(a, b) - b),
    STEP(fitted(a, b) * b),
    STEP(fitted(a, b) / (1.5 + square(b))),
    STEP(b - 0.5 * square(fitted(a, b))),
    STEP(tanh(a)),
    STEP(sin(a)),
    STEP(sigmoid(a)),
    STEP(softplus(a)),
    STEP(exp(-square(a))),
    STEP(sqrt(1.0 + square(a))),
    STEP(log(1.0 + square(a))),
    STEP(pow(1.0 + square(a), 1.5)),
    STEP(erf(a)),
    STEP(gelu(a)),
    STEP(relu(a)),
    STEP(abs(a)),
    STEP(maximum(fitted(a, b), b)),
    STEP(atan2(fitted(a, b), 2.0 + tanh(b))),
    STEP(hypot(fitted(a, b), b)),
    STEP(logaddexp(fitted(a, b), b)),
    STEP(where(b > 0.1, fitted(a, b), b)),
    STEP(sum(matrix(a), 0)),
    STEP(mean(matrix(a), 1)),
    STEP(logsumexp(matrix(a), 0)),
    STEP(var(a, {}, {.correction = 0})),
    STEP(norm(a) + 1.0),
    STEP(prod(0.5 + sigmoid(a))),
    STEP(amax(matrix(a), 1)),
    STEP(softmax(vector(a))),
    STEP(log_softmax(matrix(a), 0)),
    STEP(cumsum(vector(a), 0)),
    STEP(cumprod(0.5 + sigmoid(vector(a)), 0)),
    STEP(layer_norm(vector(a), {a.numel()}, {.eps = 0.1})),
    STEP(matmul(transpose(matrix(a)), matrix(a))),
    STEP(matmul(matrix(a), ones({matrix(a).size(1), 2}, float64))),
    STEP(einsum("ij,ik->jk", {matrix(a), matrix(a)})),
    STEP(outer(slice(vector(a), 0, 0, 4), slice(vector(b), 0, 0, 4))),
    STEP(transpose(matrix(a))),
    STEP(vector(a)),
    STEP(flip(a)),
    STEP(roll(a, 1)),
    STEP(slice(vector(a), 0, 0, to_end, 2)),
    STEP(concat({slice(vector(a), 0, 0, 8), slice(vector(b), 0, 0, 8)})),
    STEP(stack({sum(a), sum(b)})),
    STEP(pad(slice(vector(a), 0, 0, 8), {1, 2})),
    STEP(index_select(vector(a), 0, tensor({0, -1, 0}))),
    STEP(at(matrix(a), {ellipsis, 0})),
    STEP(masked_fill(a, a > 0.3, sum(b))),
    STEP(sort(vector(a)).values),
    STEP(expand(unsqueeze(slice(vector(a), 0, 0, 8), 0), {3, -1})),
    STEP(
        inv(1.0 + matmul(transpose(matrix(a)), matrix(a)) + 2.0 * eye(matrix(a).size(1), float64))),
    STEP(linear(transpose(matrix(a)), transpose(matrix(a)))),
    STEP(solve(eye(matrix(a).size(0), float64) * 3.0 + 0.1 * sin(sum(b)), matrix(a))),
};
#undef STEP

/// A program: each step takes two of the values before it.
struct Program {
  struct Line {
    std::size_t step, a, b;
    bool squashed;  // so that numbers stay ordinary
  };
  std::vector<Line> lines;

  Tensor value(const Line& line, const Tensors& values) const {
    const Tensor y = steps[line.step](values[line.a], values[line.b]);
    return line.squashed ? tanh(0.1 * y) : y;
  }
  Tensor operator()(const Tensors& inputs) const {
    Tensors values = inputs;
    for (const auto& line : lines) values.push_back(value(line, values));
    Tensor total = mean(values.back());
    for (std::size_t i = 0; i + 1 < values.size(); ++i) total = total + 0.1 * mean(values[i]);
    return total;
  }
};

Program draw_program(Bytes& bytes, Tensors values) {
  Program program;
  for (auto n = bytes.below(16) + 1; n > 0; --n) {
    // Mostly the last values, so that graphs are deep, and some old ones, so that they are shared.
    const auto pick = [&] {
      const auto back =
          bytes.byte() % std::min<std::size_t>(values.size(), bytes.below(2) ? 2 : 99);
      return values.size() - 1 - back;
    };
    Program::Line line{bytes.below(steps.size()), pick(), pick(), false};
    Tensor y = program.value(line, values);
    if (y.numel() > 64) continue;
    line.squashed = amax(abs(y)).item<double>() > 20;
    if (line.squashed) y = program.value(line, values);
    program.lines.push_back(line);
    values.push_back(y);
  }
  return program;
}

double inner(const Tensors& a, const Tensors& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += sum(a[i] * b[i]).item<double>();
  return total;
}

Tensors directions(const Tensors& x, double phase) {
  Tensors v;
  for (const auto& t : x)
    v.push_back(reshape(cos(phase + 1.7 * arange(t.numel()).to(float64)), t.shape()));
  return v;
}

}  // namespace

void fuzz_programs(Input input) {
  Bytes bytes(input);
  Tensors x(bytes.below(3) + 1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    Shape shape;
    for (auto ndim = bytes.below(3); ndim > 0; --ndim) shape.push_back(1 + bytes.below(4));
    const double phase = 1 + static_cast<double>(i) + static_cast<double>(bytes.below(16)) / 16;
    x[i] = reshape(1.5 * sin(phase + 1.3 * arange(shape.numel()).to(float64)), shape);
  }
  const Program f = draw_program(bytes, x);

  Tensors leaves;
  for (const auto& t : x) leaves.push_back(t.requires_grad());
  const Tensor y = f(leaves);
  const auto c = cost(y);
  require(last_pass().nodes_visited == Tape(y).size(), "a pass visits each node once");
  require(c.total.backward_flops <= 16 * (c.total.forward_flops + 100),
          fmt::format("the gradient costs a constant times the function:\n{}", c.str()));
  const auto fast = grad(y, leaves, {.retain_graph = true});
  const auto recorded = grad(y, leaves, {.create_graph = true});
  for (std::size_t i = 0; i < x.size(); ++i)
    require(allclose(fast[i], recorded[i], 1e-9, 1e-9), "a recorded pass gives the same gradient");

  const auto found =
      gradcheck(f, x, {.mode = GradcheckOptions::Mode::fast, .directions = 1, .diagnose = false});
  require(found.verdict != Verdict::fail, found.message);

  const Tensors u = directions(x, 0.3), v = directions(x, 1.1);
  const auto hu = hvp(f, x, u), hv = hvp(f, x, v);
  const double uhv = inner(u, hv), vhu = inner(v, hu);
  const double size = std::sqrt(inner(u, u) * inner(hv, hv) + inner(v, v) * inner(hu, hu));
  require(std::abs(uhv - vhu) <= 1e-8 * (1 + size),
          fmt::format("a Hessian is symmetric: u H v = {}, v H u = {}", uhv, vhu));
}

}  // namespace gradtape::fuzz
