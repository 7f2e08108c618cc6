#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include "support/close.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("einsum is what its letters say") {
  const Tensor a = randn({3, 4}, float64), b = randn({4, 5}, float64), s = randn({4, 4}, float64),
               x = randn({2, 3, 4}, float64), y = randn({2, 4, 5}, float64),
               v = randn({3}, float64);
  CHECK(close(einsum("ij,jk->ik", {a, b}), matmul(a, b), 1e-12));
  CHECK(close(einsum(" ij , jk ", {a, b}), matmul(a, b), 1e-12));
  CHECK(close(einsum("ba", {a}), transpose(a), 1e-12));
  CHECK(close(einsum("ij->", {a}), sum(a), 1e-12));
  CHECK(close(einsum("ii", {s}), sum(s * eye(4, 4, float64)), 1e-12));
  CHECK(close(einsum("ii->i", {s}), sum(s * eye(4, 4, float64), 0), 1e-12));
  CHECK(close(einsum("bij,bjk->bik", {x, y}), matmul(x, y), 1e-12));
  CHECK(close(einsum("...ij,...jk", {x, y}), matmul(x, y), 1e-12));
  CHECK(close(einsum("...ij,jk->...ik", {x, b}), matmul(x, b), 1e-12));
  CHECK(close(einsum("bij,bjk->kb", {x, y}), transpose(sum(matmul(x, y), 1)), 1e-12));
  CHECK(close(einsum("i,ij,jk->k", {v, a, b}), matmul(v, matmul(a, b)), 1e-12));
  CHECK(close(einsum("i,j->ji", {v, v}), unsqueeze(v, 1) * v, 1e-12));
  CHECK(close(einsum("ij,ij->i", {a, a}), sum(a * a, 1), 1e-12));
  CHECK(close(einsum(",ij->ij", {tensor(2.0).to(float64), a}), 2.0 * a, 1e-12));
  CHECK(array_equal(einsum("ij,jk->ik", {ones({2, 3}, int64), ones({3, 2}, int64)}),
                    full({2, 2}, 3, int64)));
}

TEST_CASE("axes of extent 1 broadcast in einsum") {
  const Tensor a = randn({1, 3}, float64), b = randn({4, 3}, float64), one = randn({4, 1}, float64);
  CHECK(close(einsum("ij,ij->ij", {a, b}), a * b, 1e-12));
  CHECK(close(einsum("ij,ij->i", {one, b}), sum(one * b, 1), 1e-12));
}

TEST_CASE("einsum says what is wrong with its string") {
  const Tensor a = zeros({2, 3});
  CHECK_THROWS_WITH_AS(einsum("ij,jk->ik", {a}),
                       "einsum: 'ij,jk->ik' names 2 operands, but 1 given", ValueError);
  CHECK_THROWS_WITH_AS(einsum("i1->i", {a}), "einsum: 'i1->i' has '1', which is no letter",
                       ValueError);
  CHECK_THROWS_WITH_AS(einsum("ij->iij", {a}), "einsum: 'ij->iij' has 'i' twice in the output",
                       ValueError);
  CHECK_THROWS_WITH_AS(einsum("ij->ik", {a}), "einsum: 'ij->ik' has 'k' in the output only",
                       ValueError);
  CHECK_THROWS_WITH_AS(einsum("i..j", {a}), "einsum: 'i..j' has a '.' that is no part of one '...'",
                       ValueError);
  CHECK_THROWS_WITH_AS(einsum("ij->j->i", {a}),
                       "einsum: 'ij->j->i' has more than one arrow, or half of one", ValueError);
  CHECK_THROWS_WITH_AS(einsum("ijk", {a}),
                       "einsum: 'ijk' does not fit an operand of 2 axes, [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(einsum("ii", {a}), "einsum: 'i' is both 2 and 3 in [2, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(einsum("ij,jk", {a, a}), "einsum: 'j' is 2 in [2, 3], but 3 before",
                       ShapeError);
  CHECK_THROWS_AS(einsum("", {}), ValueError);
}

TEST_CASE("products of tensors say which shapes do not fit") {
  CHECK_THROWS_WITH_AS(bmm(zeros({2, 3}), zeros({3, 2})),
                       "bmm: needs [b, n, k] and [b, k, m], got [2, 3] and [3, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(dot(zeros({2, 3}), zeros({3})), "dot: needs two vectors, got [2, 3] and [3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(tensordot(zeros({2, 3}), zeros({3, 4})),
                       "tensordot: axis 0 of [2, 3] and axis 0 of [3, 4] differ", ShapeError);
  CHECK_THROWS_WITH_AS(cross(zeros({2}), zeros({3})),
                       "cross: axis -1 must have extent 3, got [2] and [3]", ShapeError);
  CHECK_THROWS_AS(kron(zeros({1, 1, 1, 1, 1}), zeros({1})), ShapeError);
}

TEST_CASE("cross and kron of known operands") {
  CHECK(array_equal(cross(tensor({1, 0, 0}), tensor({0, 1, 0})), tensor({0, 0, 1})));
  CHECK(array_equal(kron(tensor({{1, 2}}), tensor({{1}, {3}})), tensor({{1, 2}, {3, 6}})));
  CHECK(array_equal(outer(tensor({1, 2}), tensor({3, 4})), tensor({{3, 4}, {6, 8}})));
}
