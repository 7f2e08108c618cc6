// docs/contract.md: what every op gives at 0, -0, infinities, NaN, ties and nothing, with its first
// and second derivative. GRADTAPE_UPDATE_DOCS=1 writes the page; otherwise it must be as written.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "support/accuracy.hpp"
#include "support/exact.hpp"
#include "support/op_samples.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Tensors = std::vector<Tensor>;
using Point = std::vector<std::vector<double>>;  // the elements of each input

std::string number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::abs(x) < 1e-300) x = std::copysign(0.0, x);
  return fmt::format("{:.4g}", x);
}

/// Derivatives without the sign of their zeros, which means nothing.
Tensor unsigned_zeros(const Tensor& x) { return where(x == 0, 0.0, x); }

/// Derivatives at these points without what is rounding, and differs from one build to another.
Tensor without_rounding(const Tensor& x) { return where(abs(x) < 1e-14, 0.0, x); }

std::string numbers(const Tensor& x) {
  if (x.ndim() == 0) return number(x.item<double>());
  std::vector<std::string> all;
  for (double v : x.to(float64).values<double>()) all.push_back(number(v));
  return fmt::format("[{}]", fmt::join(all, " "));
}

std::string joined(const Tensors& x) {
  std::vector<std::string> all;
  for (const auto& t : x) all.push_back(numbers(t));
  return fmt::format("{}", fmt::join(all, ", "));
}

Tensors leaves(const Point& point, bool scalars) {
  Tensors x;
  for (const auto& elements : point)
    x.push_back((scalars ? full({}, elements[0], float64) : tensor(elements)).requires_grad());
  return x;
}

/// "value; first derivatives; second ones", or what is thrown.
std::string at(const OpSample& sample, const Point& point, bool scalars) {
  try {
    const Tensors x = leaves(point, scalars);
    const Tensor y = sample.f(x);
    if (!y.is_tracked()) return numbers(y) + "; none";
    const Tensors first =
        grad(y, x, {.create_graph = true, .allow_unused = true, .seed = ones_like(y)});
    Tensors slopes, curvatures;
    for (std::size_t i = 0; i < x.size(); ++i) {
      slopes.push_back(first[i].defined() ? without_rounding(first[i].detach()) : zeros_like(x[i]));
      Tensor second;
      if (first[i].defined() && first[i].is_tracked())
        second = grad(sum(first[i]), {x[i]}, {.retain_graph = true, .allow_unused = true})[0];
      curvatures.push_back(second.defined() ? without_rounding(second) : zeros_like(x[i]));
    }
    return fmt::format("{}; {}; {}", numbers(y), joined(slopes), joined(curvatures));
  } catch (const Error& error) {
    return dynamic_cast<const ShapeError*>(&error) ? "ShapeError" : "ValueError";
  }
}

/// Whether f maps inputs of these shapes to one of `out`.
bool maps(const OpSample& sample, const std::vector<Shape>& shapes, const Shape& out) {
  try {
    return sample.f(sample_inputs(sample, shapes)).shape() == out;
  } catch (const Error&) {
    return false;
  }
}

bool takes(const OpSample& sample, const Shape& shape) {
  try {
    sample.f({ones(shape, float64)});
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// A table with a line for each row of the op table that `belongs`, and a column for each point.
std::string table(const std::vector<std::pair<std::string, Point>>& points, bool scalars,
                  const std::function<bool(const OpSample&)>& belongs) {
  std::string head = "| op |", rule = "| --- |", lines;
  for (const auto& [name, point] : points) {
    head += fmt::format(" {} |", name);
    rule += " --- |";
  }
  std::map<std::string, int> variants;
  for (const auto& sample : op_samples()) {
    if (sample.random || *sample.function == '\0' || !belongs(sample)) continue;
    std::string line;
    for (const auto& [name, point] : points)
      line += fmt::format(" {} |", at(sample, point, scalars));
    const int variant = ++variants[sample.function];
    lines += fmt::format("| {}{} |{}\n", sample.function,
                         variant == 1 ? "" : fmt::format(" ({})", variant), line);
  }
  return head + "\n" + rule + "\n" + lines;
}

/// The edge points of the table: what is promised, which another test compares with what is done.
std::string special_points() {
  std::string lines = "| op | at | value | first derivative |\n| --- | --- | --- | --- |\n";
  for (const auto& sample : op_samples())
    for (const auto& edge : sample.edges) {
      Tensors slopes;
      for (const auto& g : edge.gradients) slopes.push_back(unsigned_zeros(g));
      lines +=
          fmt::format("| {} | {} | {} | {} |\n", *sample.function ? sample.function : sample.name,
                      joined(edge.inputs), numbers(edge.value), joined(slopes));
    }
  return lines;
}

std::string page() {
  const auto count = [](const OpSample& sample) {
    return sample.shapes.empty() ? 0 : sample.shapes[0].size();
  };
  const auto is_unary = [&](const OpSample& sample) {
    return count(sample) == 1 && maps(sample, {{}}, {}) && maps(sample, {{5}}, {5});
  };
  const auto is_binary = [&](const OpSample& sample) {
    return count(sample) == 2 && maps(sample, {{5}, {5}}, {5}) && maps(sample, {{5}, {}}, {5});
  };
  const auto of_vector = [&](const OpSample& sample) {
    return count(sample) == 1 && !is_unary(sample) && takes(sample, {2});
  };
  return fmt::format(
      R"(# The contract at the edges

What each op gives where functions have no slope, or more than one. Generated by the tests from the
table of op samples, and compared with what the library does whenever they run. An entry reads
`value; first derivative; second derivative`, in float64, with one derivative for each input; lists
are tensors. A derivative below 1e-14 in size is written as 0. Several lines for one op are its variants in that table (another option or axis).

What holds for all of them: a cotangent of 0 gives a gradient of exactly 0, also where the slope is
infinite or NaN, and a slope of 0 one of 0, also where the cotangent is infinite: `sqrt(relu(x))` has
slope 0 below 0. A branch that `where` does not take has gradient 0; empty tensors have empty
gradients; NaN goes through. What an element gives depends neither on its neighbours nor on its place.

## Functions of one tensor

{}
## Functions of two tensors

{}
## Functions of a vector

Ties, zeros, infinities, nothing.

{}
## Special points

Kinks, ties, bounds and poles of each op; the derivative is that of the sum of the value.

{}
## Accuracy

The largest errors of the elementwise functions over their whole domain, subnormal numbers included, in
ulp (units in the last place of the exact result), float32 and float64 alike. A test scans 4000 points
of every size against long double, and fails beyond these figures. Where a result is a difference of
terms that cancel, and nothing but an error of the size of theirs is possible, the ulp are theirs.

{}
The same for every other differentiable function that computes, in float64, measured against 50 digits: at
arguments around 1, around 1e150 and 1e-150, of sizes in between side by side, and where exponentials
saturate. Each element of the value, and of the gradient, is within so many ulp, or within that part of the
bound that running error analysis gives for the formula with every operation rounded (Higham 2002, 3.3); of
a sum of n terms, (n - 1) 2^-53 times the sum of their sizes, in whatever order it is taken. `rnn`, `lstm`
and `gru` are what the layers record for all steps, `conv_weight_gradient`, `resample_backward` and
`recurrence` what gradients do; a test fails for a new op that has neither a row nor a reason to have none.

3x3 convolutions of batches in float32, with stride and dilation 1 and in one group, are computed by Winograd's
minimal filtering F(2x2, 3x3) where that is faster, and so are their gradients. Their errors are no larger than
those of sums where the inputs of a window are of like size, and so are the weights of a kernel; else they are
relative to the largest product of any input of the window and any weight of the kernel, as if each weight met
each input. float64 is always summed.

For what is made of eigenvalues and singular values, the bound is what a change of the n x n or m x n matrix
A by n^2 2^-53 |A| may do: as much to the values, 1 / gap times that to their vectors, |A^+|^2 to a
pseudo-inverse, and one factor 1 / gap or |A^+| more to derivatives. A gap is the distance to the next value,
and to 0 too unless A is square.

Left out: what leaves the range on the way, for `local_response_norm` squares and powers of numbers beyond
1e75 beside tiny ones, and where elements are 300 decades apart, remainders (their quotients have no last
digit), `matrix_power`, `matrix_exp`, `lu`, `qr`, `cholesky_solve`, eigenvalues and singular values.

{})",
      table({{"0", {{0.0}}},
             {"-0", {{-0.0}}},
             {"inf", {{inf}}},
             {"-inf", {{-inf}}},
             {"nan", {{nan}}}},
            true, is_unary),
      table({{"0, 0", {{0.0}, {0.0}}},
             {"1, 1", {{1.0}, {1.0}}},
             {"0, 1", {{0.0}, {1.0}}},
             {"1, 0", {{1.0}, {0.0}}},
             {"inf, 1", {{inf}, {1.0}}},
             {"inf, inf", {{inf}, {inf}}}},
            true, is_binary),
      table({{"[1 1]", {{1.0, 1.0}}},
             {"[0 0]", {{0.0, 0.0}}},
             {"[0 2]", {{0.0, 2.0}}},
             {"[inf 1]", {{inf, 1.0}}},
             {"[]", {{}}}},
            false, of_vector),
      special_points(), accuracy_table(), exact::table());
}

}  // namespace

TEST_CASE("docs/contract.md says what the ops do at their edges") {
  const std::string path = GRADTAPE_SOURCE_DIR "/docs/contract.md", now = page();
  if (std::getenv("GRADTAPE_UPDATE_DOCS")) std::ofstream(path) << now;
  std::ifstream file(path);
  std::stringstream written;
  written << file.rdbuf();
  std::istringstream have(written.str()), want(now);
  for (std::string a, b; std::getline(want, b);) {
    std::getline(have, a);
    CHECK(a == b);
  }
  CHECK(written.str().size() == now.size());
}
