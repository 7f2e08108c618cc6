// The exponential of matrices whose norm says little about it. Values, gradients and second
// derivatives were computed with 200 digits (Python's mpmath): Taylor series of a / 2^s, squared s
// times; derivatives as blocks of the exponential of a larger matrix.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

using Rows = std::vector<std::vector<double>>;

/// With w_ij = 1 + i - 2 j and v_ij = 2 - i j: e^a, g = the gradient of sum(w e^a), and that of
/// sum(v g).
struct Case {
  const char* name;
  Rows a, value, first, second;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> table{
      {"nilpotent",
       {{0, 10000.0}, {0, 0}},
       {{1.0, 10000.0}, {0, 1.0}},
       {{-4999.0, -1.0}, {-16661664.666666667, -5000.0}},
       {{-16668330.333333333, -6667.1666666666667}, {-33341651662.666667, -16669999.0}}},
      {"graded",
       {{1.0, 10000000000.0}, {1.0e-10, 1.0}},
       {{4.1945280494653252, 31945280494.653251}, {3.1945280494653252e-10, 4.1945280494653252}},
       {{-15972640243.632098, -3.6945280493055987}, {-4.999999998402736e+19, -15972640246.826626}},
       {{-5.000000000548632e+19, -20972640249.17389},
        {-9.7264024757662557e+28, -5.000000001048632e+19}}},
      {"far from normal",
       {{-1.0, 100000000.0}, {0, -2.0}},
       {{0.36787944117144232, 23254415.793482963}, {0, 0.13533528323661269}},
       {{-13533527.955781828, -0.23254415793482963}, {-381264071850428.75, -9720887.4698216938}},
       {{-419121156241148.44, -15250563.512567176}, {-7.571413580613681e+21, -343407024247652.91}}},
      {"one eigenvalue far away",
       {{-100000000.0, 1.0}, {0.5, -1.0}},
       {{1.8393972518421423e-17, 3.6787944668963398e-9},
        {1.8393972334481699e-9, 0.36787944301083953}},
       {{3.678794549669216e-25, -3.6787944485023672e-9},
        {7.3575889705806248e-9, 1.8393972150541968e-17}},
       {{7.3575893016721349e-17, -3.6787944852903091e-9},
        {7.3575894120359631e-9, 7.3575889889745951e-9}}},
      {"a Jordan block",
       {{-2.0, 1.0, 0}, {0, -2.0, 1.0}, {0, 0, -2.0}},
       {{0.13533528323661269, 0.13533528323661269, 0.067667641618306346},
        {0, 0.13533528323661269, 0.13533528323661269},
        {0, 0, 0.13533528323661269}},
       {{0, -0.33833820809153173, -0.40600584970983808},
        {0.2537536560686488, -0.27067056647322538, -0.47367349132814442},
        {0.58870848207926521, -0.016916910404576586, -0.33833820809153173}},
       {{0.2740539485541407, -0.3067599753363221, -0.60900877456475711},
        {0.30869333652541657, -0.040600584970983808, -0.2616482142574512},
        {0.23051304344140906, 0.36282744982006165, 0.36878864681976959}}},
      {"a fast rotation",
       {{0, 1000.0}, {-1000.0, 0}},
       {{0.56237907629070299, 0.82687954053200256}, {-0.82687954053200256, 0.56237907629070299}},
       {{-0.95871633288238634, -1.2565949449317898}, {1.2574218244723218, -0.95954321242291835}},
       {{-1.4364130158652189, -1.8816789410209644}, {1.8879423325933275, -1.4389091032414081}}},
      {"Moler and Van Loan's",
       {{-49.0, 24.0}, {-64.0, 31.0}},
       {{-0.73575875814475308, 0.5518190996580977}, {-1.4715175990882605, 1.1036382407155726}},
       {{7.0931771815174507, 14.692187502737061}, {-5.4722075619870476, -11.323790237496823}},
       {{-28.447409047977329, -62.624264422479256}, {22.662657276561728, 49.749933055015435}}},
      {"graded, of three",
       {{1.0, 1000000.0, 1000000000000.0},
        {9.9999999999999995e-7, 2.0, 1000000.0},
        {9.9999999999999998e-13, 9.9999999999999995e-7, -1.0}},
       {{7.1394215105841703, 8396210.7066838516, 3842923878041.2964},
        {8.3962107066838513e-6, 14.017869941053837, 5360686.1542554814},
        {3.8429238780412962e-12, 5.3606861542554813e-6, 2.4890983069299476}},
       {{-5394349018829.464, -6936860.7117821405, -8.3808022312098707},
        {-2.3835700402157072e+18, -2898547519659.1729, -6284692.0976838587},
        {-1.4053128724417081e+24, -1.7313991009558236e+18, -3235894213213.6172}},
       {{-1.399889871330024e+24, -1.6649705493549777e+18, -4559286721411.0929},
        {-3.6062648660910024e+29, -4.1675935263588134e+23, -1.5861309476917208e+18},
        {-2.4237206863819609e+35, -2.817909325941777e+29, -9.9398128806480685e+23}}},
  };
  return table;
}

Tensor matrix(const Rows& rows, Dtype dtype) {
  std::vector<double> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  const auto n = static_cast<std::int64_t>(rows.size());
  return tensor(flat, {n, n}).to(dtype);
}

/// The largest error of an element, relative to that element.
double error(const Tensor& have, const Tensor& want) {
  const Tensor wide = have.to(float64), zero = want == 0.0;
  return amax(where(zero, abs(wide), abs(wide - want) / where(zero, 1.0, abs(want))))
      .item<double>();
}

}  // namespace

TEST_CASE("matrix_exp and its two derivatives are right element by element") {
  for (const auto& one : cases())
    for (const Dtype dtype : {float32, float64}) {
      CAPTURE(std::string(one.name));
      CAPTURE(dtype == float32);
      const Tensor a = matrix(one.a, dtype).requires_grad("a");
      const Tensor row = arange(a.size(0)).to(dtype), column = unsqueeze(row, 1);
      const Tensor w = 1.0 + column - 2.0 * row, v = 2.0 - column * row;
      const double tolerance = dtype == float64 ? 1e-13 : 1e-6;  // 1e-10 is no float
      const Tensor y = matrix_exp(a);
      CHECK(error(y.detach(), matrix(one.value, float64)) <= tolerance);
      const Tensor g = grad(sum(w * y), {a}, {.create_graph = true})[0];
      CHECK(error(g.detach(), matrix(one.first, float64)) <= tolerance);
      CHECK(error(grad(sum(v * g), {a})[0], matrix(one.second, float64)) <= tolerance);
    }
}

TEST_CASE("matrix_exp of a batch takes each matrix for itself") {
  std::vector<Tensor> inputs, outputs;
  for (const auto& one : cases())
    if (one.a.size() == 2) {
      inputs.push_back(matrix(one.a, float64));
      outputs.push_back(matrix_exp(inputs.back()));
    }
  CHECK(array_equal(matrix_exp(stack(inputs)), stack(outputs)));
}

TEST_CASE("matrix_exp is exact where the exponential is: 0, diagonals, nilpotent matrices") {
  CHECK(array_equal(matrix_exp(zeros({3, 3})), eye(3)));
  CHECK(array_equal(matrix_exp(tensor({{0, 1e4}, {0, 0}}, float32)),
                    tensor({{1, 1e4}, {0, 1}}, float32)));
  CHECK(array_equal(matrix_exp(tensor({{0, 1e30, 0}, {0, 0, 0}, {0, 0, -1e8}}, float64)),
                    tensor({{1, 1e30, 0}, {0, 1, 0}, {0, 0, 0}}, float64)));
}

TEST_CASE("matrix_exp overflows where the exponential does, and nowhere else") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK(array_equal(matrix_exp(tensor({{1000, 0}, {0, 0}}, float64)),
                    tensor({{inf, 0}, {0, 1}}, float64)));
  CHECK(array_equal(matrix_exp(tensor({{5000, 1}, {0, 5000}}, float64)),
                    tensor({{inf, inf}, {0, inf}}, float64)));
  CHECK(array_equal(matrix_exp(tensor({{100, 0}, {0, -200}}, float32)),
                    tensor({{inf, 0}, {0, 0}}, float32)));
  CHECK(all(isnan(matrix_exp(tensor({{inf, 0}, {0, 0}}, float64)))).item<bool>());
  // Where sums of a column overflow. For J = ones(3, 3), e^(s J) = 1 + (e^(3 s) - 1) J / 3.
  CHECK(array_equal(matrix_exp(full({2, 2}, 1.5e308, float64)), full({2, 2}, inf, float64)));
  CHECK(allclose(matrix_exp(full({3, 3}, -1e308, float64)),
                 eye(3, -1, float64) - full({3, 3}, 1 / 3.0, float64), 1e-14, 1e-14));
}
