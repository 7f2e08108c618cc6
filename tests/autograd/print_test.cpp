#include <gradtape/autograd/fmt.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/state.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

using namespace gradtape;

// The expected texts are those of numpy.array2string(x, separator=", "), but for bools.

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("floats print the digits that they need, points aligned") {
  CHECK(tensor({1., 2.5, -0.125}).str() == "[ 1.   ,  2.5  , -0.125]");
  CHECK(tensor({0.1, 0.3}).str() == "[0.1, 0.3]");
  CHECK(tensor({0.1, 1. / 3}, float64).str() == "[0.1       , 0.33333333]");
  CHECK(tensor({-0., 0.}).str() == "[-0.,  0.]");
  CHECK(tensor(2.5).str() == "2.5");
  CHECK(tensor({3.}).str() == "[3.]");
}

TEST_CASE("large, small and widely spread numbers print in scientific notation") {
  CHECK(tensor({1e-5, 1.}, float64).str() == "[1.e-05, 1.e+00]");
  CHECK(tensor({0.001, 1.5}, float64).str() == "[1.0e-03, 1.5e+00]");
  CHECK(tensor({1e8, 1e8}, float64).str() == "[1.e+08, 1.e+08]");
  CHECK(tensor({-1e100, 1.25e-7}, float64).str() == "[-1.00e+100,  1.25e-007]");
  // The digits that read back, then zeros: rounded to 15 places the first would end in 7.
  CHECK(tensor({7.291122019556398e-304, 1.5}, float64).str({.precision = 17}) ==
        "[7.291122019556398e-304, 1.500000000000000e+000]");
  CHECK(tensor({0.1, 1.2345679e-9}).str() == "[1.0000000e-01, 1.2345679e-09]");
  CHECK(tensor({99999999.}, float64).str() == "[99999999.]");
  CHECK(tensor({0.001, 1.}, float64).str() == "[0.001, 1.   ]");
}

TEST_CASE("nan and infinities print beside finite numbers and alone") {
  CHECK(tensor({1.5, not_a_number, infinity, -infinity}).str() == "[ 1.5,  nan,  inf, -inf]");
  CHECK(tensor({not_a_number, not_a_number}).str() == "[nan, nan]");
  CHECK(tensor({-not_a_number}).str() == "[nan]");
}

TEST_CASE("integers and bools print to the right of their column") {
  CHECK(tensor({{1, -20}, {300, 4}}).str() == "[[  1, -20],\n [300,   4]]");
  CHECK(tensor({true, false}).str() == "[ true, false]");
  CHECK(tensor(true).str() == "true");
  CHECK(tensor({std::numeric_limits<std::int64_t>::min()}).str() == "[-9223372036854775808]");
}

TEST_CASE("matrices of a deeper array are set apart by blank lines") {
  CHECK(reshape(arange(8), {2, 2, 2}).str() == "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]]");
}

TEST_CASE("long rows break where numpy breaks them") {
  CHECK(arange(30).str() ==
        "[ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        " 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]");
}

TEST_CASE("more elements than the threshold are summarised by three at each end of every axis") {
  CHECK(arange(1000).str().find("...") == std::string::npos);
  CHECK(arange(1001).str() == "[   0,    1,    2, ...,  998,  999, 1000] of shape [1001], int64");
  CHECK(arange(1001).repr() == "[1001] int64 [   0,    1,    2, ...,  998,  999, 1000]");
  CHECK(reshape(arange(70), {10, 7}).str({.threshold = 50}) ==
        "[[ 0,  1,  2, ...,  4,  5,  6],\n"
        " [ 7,  8,  9, ..., 11, 12, 13],\n"
        " [14, 15, 16, ..., 18, 19, 20],\n"
        " ...,\n"
        " [49, 50, 51, ..., 53, 54, 55],\n"
        " [56, 57, 58, ..., 60, 61, 62],\n"
        " [63, 64, 65, ..., 67, 68, 69]] of shape [10, 7], int64");
  CHECK(reshape(arange(3), {1, 3}).str({.threshold = 2}) == "[[0, 1, 2]]");  // nothing to leave out
}

TEST_CASE("a precision limits the digits behind the point") {
  const Tensor x = tensor({1.0, 2.0 / 3, 12.5}, float64);
  CHECK(x.str({.precision = 3}) == "[ 1.   ,  0.667, 12.5  ]");
  CHECK(x.str({.precision = 0}) == "[ 1.,  1., 12.]");
  CHECK(tensor({1e-9, 2.0}, float64).str({.precision = 2}) == "[1.e-09, 2.e+00]");
  CHECK(tensor(0.1, float64).str({.precision = 99}) == "0.1");
  CHECK(tensor({1, 2}).str({.precision = 3}) == "[1, 2]");
  CHECK(tensor(2.0 / 3, float64).repr({.precision = 2}) == "[] float64 0.67");
}

TEST_CASE("a summary takes its format from what it shows") {
  Tensor x = zeros({2000});
  detail::mutable_data<float>(x)[1000] = 1e-9f;
  CHECK(x.str() == "[0., 0., 0., ..., 0., 0., 0.] of shape [2000], float32");
}

TEST_CASE("tensors without elements, and no tensor at all") {
  CHECK(zeros({0}).str() == "[]");
  CHECK(zeros({100000, 0}).str() == "[] of shape [100000, 0]");
  CHECK(Tensor().str() == "undefined");
}

TEST_CASE("streams and fmt print tensors, shapes and dtypes") {
  const Tensor x = tensor({1, 2});
  std::ostringstream out;
  out << x << ' ' << x.shape();
  CHECK(out.str() == "[1, 2] [2]");
  CHECK(fmt::format("{} {} {}", x, x.shape(), x.dtype()) == "[1, 2] [2] int64");
  CHECK(fmt::format("{:>8}|", Shape{2, 3}) == "  [2, 3]|");
  CHECK(Shape{}.str() == "[]");
}

TEST_CASE("repr tells shape, dtype and a leaf's name, dtypes and state dicts print") {
  CHECK(tensor({1, 2}).repr() == "[2] int64 [1, 2]");
  CHECK(tensor({{0.5}, {1.5}}, float64).requires_grad("w").repr() ==
        "'w' [2, 1] float64\n[[0.5],\n [1.5]]");
  CHECK(zeros({0, 3}).repr() == "[0, 3] float32");
  CHECK(Tensor().repr() == "undefined");
  std::ostringstream out;
  out << float32 << " " << bool_ << "\n";
  out << StateDict{{"a.weight", zeros({2, 3})}, {"n", tensor(7)}};
  CHECK(out.str() == "float32 bool\na.weight  [2, 3] float32\nn         7 int64\n");
}
