#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/xtensor.hpp>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <doctest/doctest.h>

using namespace gradtape;

TEST_CASE_TEMPLATE("a tensor goes to an xarray and back unchanged", T, float, double, std::int64_t,
                   bool) {
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{3, 4}, Shape{2, 0, 3}, Shape{2, 1, 2, 1, 2, 1, 2, 1}}) {
    const Tensor x = randint(-5, 6, shape).to(dtype_of<T>);
    const xt::xarray<T> array = to_xarray<T>(x);
    CHECK(static_cast<int>(array.dimension()) == shape.ndim());
    CHECK(array_equal(from_xtensor(array), x));
  }
}

TEST_CASE("every layout and view arrives in row-major order") {
  const xt::xarray<double> rows{{1, 2, 3}, {4, 5, 6}};
  const Tensor expected = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  CHECK(array_equal(from_xtensor(rows), expected));
  const xt::xarray<double, xt::layout_type::column_major> columns = rows;
  CHECK(array_equal(from_xtensor(columns), expected));
  const xt::xtensor<double, 2> fixed_rank = rows;
  CHECK(array_equal(from_xtensor(fixed_rank), expected));
  CHECK(array_equal(from_xtensor(xt::transpose(rows)), transpose(expected)));
  CHECK(array_equal(from_xtensor(xt::view(rows, xt::all(), xt::range(2, xt::placeholders::_, -2))),
                    tensor({{3, 1}, {6, 4}}, float64)));
  CHECK(array_equal(from_xtensor(xt::view(columns, 1, xt::all())), tensor({4, 5, 6}, float64)));
  CHECK(array_equal(from_xtensor(xt::strided_view(rows, {xt::ellipsis(), 1})),
                    tensor({2, 5}, float64)));
}

TEST_CASE("lazy expressions are evaluated, and narrower integers become int64") {
  const xt::xarray<float> x{1, 2, 3};
  CHECK(array_equal(from_xtensor(x * x + 1.0f), tensor({2., 5., 10.})));
  CHECK(array_equal(from_xtensor(x > 1.5f), tensor({false, true, true})));
  CHECK(array_equal(from_xtensor(xt::xarray<int>{-1, 2}), tensor({-1, 2})));
  CHECK(array_equal(from_xtensor(xt::xarray<unsigned char>{255}), tensor({255})));
}

TEST_CASE("an expression of more than eight axes is refused") {
  const xt::xarray<double> deep = xt::xarray<double>::from_shape({1, 1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_THROWS_WITH_AS(from_xtensor(deep), "Shape: a tensor has at most 8 axes", ShapeError);
}

TEST_CASE("a view reads the tensor's own elements, as a constant") {
  const Tensor x = tensor({{1., 2.}, {3., 4.}});
  const auto v = view<float>(x);
  CHECK(v.data() == x.data<float>().data());
  CHECK(v(1, 0) == 3);
  CHECK(xt::sum(v)() == 10);
  static_assert(std::is_same_v<decltype(v.data()), const float*>);
  CHECK_THROWS_WITH_AS(
      view<double>(x),
      "data: [2, 2] of float32 read as float64; use the element type of the dtype, or "
      "convert with to(float64)",
      DtypeError);
  const Tensor turned = transpose(x);
  CHECK(view<float>(turned)(0, 1) == 3);
}

TEST_CASE("what comes from an expression does not share its memory") {
  xt::xarray<float> array{1, 2};
  const Tensor x = from_xtensor(array);
  array(0) = 9;
  CHECK(array_equal(x, tensor({1., 2.})));
}
