/// How exact the ops are that are not elementwise: formulas that ops/exact_test.cpp measures them
/// against, in arithmetic of 50 digits, and the figures that it holds them to, which
/// docs/contract.md prints.
#pragma once

#include <gradtape/autograd/tensor.hpp>

#include <functional>
#include <string>
#include <vector>

#include "support/running_error.hpp"

#if __has_include(<boost/multiprecision/cpp_bin_float.hpp>)
#include <boost/multiprecision/cpp_bin_float.hpp>
#endif

namespace gradtape::testing::exact {

#if __has_include(<boost/multiprecision/cpp_bin_float.hpp>)
using Real = boost::multiprecision::cpp_bin_float_50;
inline constexpr bool has_many_digits = true;
#else
using Real = long double;
inline constexpr bool has_many_digits = false;
#endif

using Real50 = Number<Real>;
using Numbers = std::vector<Real50>;
using Tensors = std::vector<Tensor>;
using Operands = std::vector<Numbers>;

/// What the elements of an operand are; places in an image lie between -1.4 and 1.4.
enum class Kind { real, positive, probability, logarithm, label, place };

/// An operand: differentiated, unless its elements are labels +1 and -1.
struct Operand {
  Shape shape;
  Kind kind = Kind::real;
};

/// The largest errors of an element: in ulp (units in the last place of the exact result), and
/// where they are larger, as a part of u times the bound of Number.
struct Figures {
  double ulp = 4, part = 1;  // no op is worse
};

/// What sizes the arguments have: around 1; around 1e150 and 1e-150; any in between, side by side;
/// between 20 and 1000, or probabilities close to 0 and 1.
enum class Size { ordinary, huge, tiny, mixed, saturated };

struct Row {
  const char* name;
  std::function<Tensor(const Tensors&)> f;
  /// The same on the elements of the operands, row-major.
  std::function<Numbers(const Operands&)> reference;
  std::vector<Operand> operands;
  std::vector<Size> unlike = {};  ///< sizes for which nothing is promised
  Figures value = {}, slope = {};
};

std::vector<Row> elementwise_rows();
std::vector<Row> reduction_rows();
std::vector<Row> product_rows();
std::vector<Row> normalisation_rows();
std::vector<Row> convolution_rows();
std::vector<Row> pooling_rows();
std::vector<Row> resample_rows();
std::vector<Row> sequence_rows();
std::vector<Row> loss_rows();
std::vector<Row> linalg_rows();
std::vector<Row> factor_rows();
std::vector<Row> spectrum_rows();

/// All of them.
std::vector<Row> rows();
/// The table of the figures in Markdown.
std::string table();

// ---- for formulas ----

/// The exact largest of the numbers, as a constant.
Real50 largest(const Numbers& x);
Numbers map(const Numbers& x, const std::function<Real50(const Real50&)>& f);
Numbers map(const Numbers& a, const Numbers& b,
            const std::function<Real50(const Real50&, const Real50&)>& f);
Real50 mean(const Numbers& x);
/// Row i of rows of n numbers.
Numbers row_of(const Numbers& x, std::size_t i, std::size_t n);
/// log(sum(exp(x)))
Real50 logsumexp(const Numbers& x);
/// (sum |x|^p)^(1/p)
Real50 norm(const Numbers& x, double p);
/// The product of [n, k] and [k, m].
Numbers matmul(const Numbers& a, const Numbers& b, std::size_t k);
/// [rows, columns] -> [columns, rows]
Numbers transposed(const Numbers& x, std::size_t columns);

}  // namespace gradtape::testing::exact
