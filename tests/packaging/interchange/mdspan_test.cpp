#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/mdspan.hpp>

#ifndef __cpp_lib_mdspan
#include <mdspan/mdspan.hpp>
namespace std_or_kokkos = Kokkos;
#else
namespace std_or_kokkos = std;
#endif

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

using namespace gradtape;
namespace md = std_or_kokkos;

namespace {
using Extents = md::dextents<std::size_t, 2>;
const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
}  // namespace

TEST_CASE("mdspan: every layout is copied in row-major order") {
  const Tensor rows = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  CHECK(array_equal(from_mdspan(md::mdspan<const double, Extents>(numbers.data(), 2, 3)), rows));
  const md::mdspan<const double, Extents, md::layout_left> columns(numbers.data(), 3, 2);
  CHECK(array_equal(from_mdspan(columns), transpose(rows)));
  const md::layout_stride::mapping<Extents> every_other(Extents(2, 2),
                                                        std::array<std::size_t, 2>{3, 2});
  CHECK(array_equal(from_mdspan(md::mdspan<const double, Extents, md::layout_stride>(numbers.data(),
                                                                                     every_other)),
                    tensor({{1, 3}, {4, 6}}, float64)));
  int integers[] = {7, 8};
  CHECK(array_equal(from_mdspan(md::mdspan<int, md::extents<int, 2>>(integers)), tensor({7, 8})));
}

TEST_CASE("mdspan: what lies side by side is borrowed") {
  const auto owner = std::make_shared<std::vector<double>>(numbers);
  const md::mdspan<double, Extents> rows(owner->data(), 2, 3);
  const Tensor x = borrow(rows, owner);
  CHECK(x.data<double>().data() == owner->data());
  CHECK(owner.use_count() == 2);
  const md::mdspan<double, Extents, md::layout_left> columns(owner->data(), 3, 2);
  CHECK(transpose(borrow(columns, owner)).raw() == owner->data());
  const Tensor leaf = x.requires_grad();
  CHECK(array_equal(grad(sum(square(leaf)), {leaf})[0], 2.0 * x));
}

#ifdef __cpp_lib_mdspan
TEST_CASE("mdspan: a tensor is seen as a std::mdspan") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  const auto view = mdspan_view<float, 2>(x);
  CHECK(view.data_handle() == x.data<float>().data());
  CHECK((view.extent(0) == 2 && view.extent(1) == 3));
  CHECK(view[std::array{1, 0}] == 4);
  CHECK_THROWS_WITH_AS((void)mdspan_view<float, 1>(x),
                       "mdspan_view: asked for 1 axes, the tensor is [2, 3]", ShapeError);
}
#endif
