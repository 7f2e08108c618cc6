// Arithmetic of int64 and logic of bool. Quotients and remainders are NumPy's (1.24):
// np.floor_divide, np.remainder, np.fmod.
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cstdint>

#include "support/numbers.hpp"

using namespace gradtape;
using testing::infinity, testing::least, testing::most;

TEST_CASE("int64 divides as NumPy does: // and % round down, fmod towards 0") {
  const Tensor a = tensor({7, -7, 7, -7, 6, -6, 0}), b = tensor({3, 3, -3, -3, 3, -3, 5});
  CHECK(array_equal(floor_divide(a, b), tensor({2, -3, -3, 2, 2, 2, 0})));
  CHECK(array_equal(remainder(a, b), tensor({1, 2, -2, -1, 0, 0, 0})));
  CHECK(array_equal(a % b, remainder(a, b)));
  CHECK(array_equal(fmod(a, b), tensor({1, -1, 1, -1, 0, 0, 0})));
  CHECK(array_equal(b * floor_divide(a, b) + a % b, a));
  CHECK(array_equal(arange(5) % 2, tensor({0, 1, 0, 1, 0})));
  CHECK(array_equal(7 % tensor({4, 5}), tensor({3, 2})));
  CHECK(array_equal(floor_divide(tensor({{7}, {9}}), tensor({2, 4})), tensor({{3, 1}, {4, 2}})));
  CHECK(remainder(tensor(7), tensor(4)).item<int>() == 3);
  // Exact where float64 is not.
  CHECK(floor_divide(tensor({most}), 10).item<std::int64_t>() == most / 10);
  CHECK(remainder(tensor({most}), 10).item<int>() == 7);
}

TEST_CASE("the least int64 divided by -1 wraps around, its remainder is 0") {
  CHECK(floor_divide(tensor({least}), -1).item<std::int64_t>() == least);
  CHECK(remainder(tensor({least}), -1).item<int>() == 0);
  CHECK(fmod(tensor({least}), -1).item<int>() == 0);
}

TEST_CASE("what is made of whole literals alone is a literal") {
  const Tensor x = ones({1});
  CHECK(array_equal(x * maximum(Tensor(1), Tensor(2)), x * 2));
  CHECK(array_equal(x * (Tensor(7) % Tensor(4)), x * 3));
  CHECK(array_equal(x * abs(Tensor(-3)), x * 3));
}

TEST_CASE("int64 refuses a divisor of 0 and says where it is") {
  const Tensor b = tensor({{1, 2}, {3, 0}});
  CHECK_THROWS_WITH_AS(floor_divide(ones({2, 2}, int64), b),
                       "floor_divide: b [2, 2] holds 0 at [1, 1], and integers have no infinity; "
                       "convert with to(float32)",
                       ValueError);
  CHECK_THROWS_AS(remainder(b, 0), ValueError);
  CHECK_THROWS_AS(b % 0, ValueError);
  CHECK_THROWS_AS(fmod(b, 0), ValueError);
  CHECK(floor_divide(zeros({0}, int64), zeros({0}, int64)).shape() == Shape{0});
}

TEST_CASE("int64 has powers, absolute values, signs, squares and bounds") {
  const Tensor x = tensor({-3, 0, 2});
  CHECK(array_equal(abs(x), tensor({3, 0, 2})));
  CHECK(array_equal(sign(x), tensor({-1, 0, 1})));
  CHECK(array_equal(square(x), tensor({9, 0, 4})));
  CHECK(array_equal(-x, tensor({3, 0, -2})));
  CHECK(array_equal(pow(x, 3), tensor({-27, 0, 8})));
  CHECK(array_equal(pow(x, 2), tensor({9, 0, 4})));
  CHECK(array_equal(pow(x, 0), tensor({1, 1, 1})));
  CHECK(array_equal(pow(2, tensor({0, 1, 62})), tensor({1, 2, std::int64_t{1} << 62})));
  CHECK(array_equal(pow(x, tensor({1, 2, 3})), tensor({-3, 0, 8})));
  CHECK(array_equal(maximum(x, 1), tensor({1, 1, 2})));
  CHECK(array_equal(minimum(x, tensor({5, -5, 2})), tensor({-3, -5, 2})));
  CHECK(array_equal(fmax(x, 1), tensor({1, 1, 2})));
  CHECK(array_equal(fmin(x, 1), tensor({-3, 0, 1})));
  CHECK(array_equal(clamp(x, -1, 1), tensor({-1, 0, 1})));
  CHECK(array_equal(clamp(x, -infinity, 1), tensor({-3, 0, 1})));
  CHECK(array_equal(clamp(tensor({least, most}), -infinity, infinity), tensor({least, most})));
  CHECK(array_equal(clamp(x, tensor({-2}), {}), tensor({-2, 0, 2})));
  CHECK_THROWS_WITH_AS(pow(x, tensor({1, 1, -1})),
                       "pow: b [3] holds -1 at [2], and would give a fraction; convert with "
                       "to(float32)",
                       ValueError);
  CHECK_THROWS_WITH_AS(pow(x, 0.5),
                       "pow: the literal 0.5 does not fit a tensor of int64; convert the tensor "
                       "with to(float32)",
                       DtypeError);
  CHECK_THROWS_WITH_AS(clamp(x, 0.5, 1),
                       "clamp: the literal 0.5 does not fit a tensor of int64; convert the tensor "
                       "with to(float32)",
                       DtypeError);
}

TEST_CASE("int64 wraps around modulo 2^64") {
  CHECK((tensor({most}) + 1).item<std::int64_t>() == least);
  CHECK((-tensor({least})).item<std::int64_t>() == least);
  CHECK(abs(tensor({least})).item<std::int64_t>() == least);
  CHECK(square(tensor({std::int64_t{1} << 32})).item<std::int64_t>() == 0);
  CHECK(pow(tensor({3}), 41).item<std::int64_t>() == -420491770248316829);  // 3^41 - 2 2^64
}

TEST_CASE("masks combine by & | ^ ~ !") {
  const Tensor a = tensor({true, true, false, false}), b = tensor({true, false, true, false});
  CHECK(array_equal(a & b, logical_and(a, b)));
  CHECK(array_equal(a | b, logical_or(a, b)));
  CHECK(array_equal(a ^ b, logical_xor(a, b)));
  CHECK(array_equal(~a, logical_not(a)));
  CHECK(array_equal(!a, logical_not(a)));
  Tensor mask = a;
  mask &= b;
  CHECK(array_equal(mask, a & b));
  mask |= a;
  CHECK(array_equal(mask, a));
  mask ^= a;
  CHECK(!any(mask).item<bool>());
  CHECK_THROWS_WITH_AS(a & tensor({1, 1, 1, 1}),
                       "logical_and: needs bool, got int64; compare first, as in x != 0",
                       DtypeError);
}

TEST_CASE("+= and its kin give the name a new value and leave other names alone") {
  Tensor loss = 0.0;
  const Tensor x = tensor({2.0}, float64).requires_grad(), first = loss;
  for (int i = 0; i < 3; ++i) loss += sum(x * x);
  CHECK(loss.item() == 12);
  CHECK(first.item() == 0);
  loss.backward();
  CHECK(x.grad().item() == 12);
  Tensor y = tensor({8.0});
  const Tensor shared = y;
  y -= 2.0;
  y *= 3.0;
  y /= 2.0;
  CHECK(y.item() == 9);
  y %= 5.0;
  CHECK(y.item() == 4);
  CHECK(shared.item() == 8);
}

TEST_CASE("a power of two literals is a literal") {
  CHECK(pow(Tensor(2), Tensor(3)).item<std::int64_t>() == 8);
  CHECK(pow(Tensor(2), Tensor(3)).is_weak());
  CHECK(pow(Tensor(2), Tensor(0.5)).item() == doctest::Approx(1.4142135623730951).epsilon(1e-15));
  CHECK(pow(Tensor(0.5), Tensor(2)).item() == 0.25);
}
