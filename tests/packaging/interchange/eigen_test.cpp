#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/eigen.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <utility>

using namespace gradtape;

TEST_CASE("Eigen: every expression is copied row by row") {
  Eigen::MatrixXd columns(2, 3);
  columns << 1, 2, 3, 4, 5, 6;
  const Tensor expected = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  CHECK(array_equal(from_eigen(columns), expected));
  const Eigen::Matrix<double, 2, 3, Eigen::RowMajor> rows = columns;
  CHECK(array_equal(from_eigen(rows), expected));
  CHECK(array_equal(from_eigen(columns.transpose()), transpose(expected)));
  CHECK(array_equal(from_eigen(columns.block(0, 1, 2, 2)), tensor({{2, 3}, {5, 6}}, float64)));
  CHECK(array_equal(from_eigen(2 * columns + rows), 3.0 * expected));
  CHECK(array_equal(from_eigen(columns.array() * columns.array()), expected * expected));
  CHECK(array_equal(from_eigen(columns.array() > 2.5), expected > 2.5));
  CHECK(array_equal(from_eigen(columns.row(1)), tensor({4, 5, 6}, float64)));
  CHECK(array_equal(from_eigen(columns.col(1)), tensor({2, 5}, float64)));
  CHECK(array_equal(from_eigen(Eigen::Vector3i(3, 0, -2)), tensor({3, 0, -2})));
  CHECK(from_eigen(Eigen::VectorXf()).shape() == Shape{0});
  CHECK(from_eigen(Eigen::MatrixXf(0, 4)).shape() == Shape{0, 4});
}

TEST_CASE("Eigen: matrices and maps of both orders are borrowed without a copy") {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = std::make_shared<Rows>(Rows::Random(3, 4));
  const Tensor x = borrow(*rows, rows);
  CHECK(x.data<float>().data() == rows->data());
  CHECK(array_equal(x, from_eigen(*rows)));
  CHECK(rows.use_count() == 2);

  const auto columns = std::make_shared<Eigen::MatrixXf>(Eigen::MatrixXf::Random(3, 4));
  {
    const Tensor y = borrow(*columns, columns);
    CHECK(transpose(y).raw() == columns->data());  // a transpose of what is there
    CHECK(array_equal(y, from_eigen(*columns)));
    const Tensor product = matmul(y, ones({4, 2}));
    CHECK(allclose(product, from_eigen(*columns * Eigen::MatrixXf::Ones(4, 2)), 1e-6, 1e-6));
  }
  CHECK(columns.use_count() == 1);

  const double memory[] = {1, 2, 3, 4, 5, 6};
  const Eigen::Map<const Eigen::MatrixXd> map(memory, 2, 3);
  CHECK(transpose(borrow(map, no_owner)).raw() == memory);
  CHECK(array_equal(borrow(map, no_owner), tensor({{1, 3, 5}, {2, 4, 6}}, float64)));
  CHECK(borrow(map.col(1), no_owner).raw() == memory + 2);
  CHECK(array_equal(borrow(map.row(1), no_owner), tensor({2, 4, 6}, float64)));  // a copy
  CHECK(array_equal(borrow(map.topRows(1), no_owner), tensor({{1, 3, 5}}, float64)));
}

TEST_CASE("Eigen: a matrix that is moved in is not copied, a fixed one is") {
  Eigen::MatrixXd m = Eigen::MatrixXd::Random(20, 30);
  const Tensor copy = from_eigen(m);
  const double* const at = m.data();
  const Tensor x = from_eigen(std::move(m));
  CHECK(transpose(x).raw() == at);
  CHECK(array_equal(x, copy));
  CHECK(array_equal(from_eigen(Eigen::Matrix2d(Eigen::Matrix2d::Identity())), eye(2, float64)));
  CHECK(array_equal(from_eigen(Eigen::VectorXi(Eigen::Vector2i(1, 2))), tensor({1, 2})));
  Eigen::VectorXd v(2);
  v << 1, 2;
  const double* const first = v.data();
  CHECK(from_eigen(std::move(v)).raw() == first);
}

TEST_CASE("Eigen: gradients go through a borrowed matrix, and no update writes into it") {
  const auto m = std::make_shared<Eigen::MatrixXd>(Eigen::MatrixXd::Random(2, 3));
  const Eigen::MatrixXd before = *m;
  const Tensor x = borrow(*m, m).requires_grad("x");
  const Tensor slope = grad(sum(x * x * x), {x}, {.create_graph = true})[0];
  CHECK(allclose(grad(sum(slope), {x})[0], 6.0 * from_eigen(before), 1e-12, 1e-12));
  const Parameter w(borrow(*m, m), "w");
  static_cast<double*>(w.mutable_raw())[0] = 100;
  CHECK(*m == before);
}

TEST_CASE("Eigen: tensors are seen as maps and copied as matrices") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, float64);
  const auto map = eigen_view<double>(x);
  CHECK(map.data() == x.data<double>().data());
  CHECK((map.rows() == 2 && map.cols() == 3 && map(1, 0) == 4));
  CHECK((map * Eigen::Vector3d(1, 1, 1)).isApprox(Eigen::Vector2d(6, 15)));
  CHECK(to_eigen<Eigen::MatrixXd>(x)(0, 2) == 3);
  CHECK(to_eigen<Eigen::Matrix<double, 2, 3>>(x) == map);
  const Tensor v = tensor({1., 2., 3.}, float64);
  CHECK(to_eigen<Eigen::VectorXd>(v) == Eigen::Vector3d(1, 2, 3));
  CHECK(to_eigen<Eigen::RowVector3d>(v) == Eigen::RowVector3d(1, 2, 3));
  CHECK(to_eigen<Eigen::ArrayXX<std::int64_t>>(arange(3))(2, 0) == 2);
  CHECK_THROWS_WITH_AS((void)to_eigen<Eigen::Matrix3d>(x),
                       "to_eigen: the tensor [2, 3] does not fit the matrix type, 3 x 3, where -1 "
                       "is any",
                       ShapeError);
  const Tensor deep = ones({1, 2, 3});
  CHECK_THROWS_WITH_AS((void)eigen_view<float>(deep),
                       "eigen_view: a matrix has 2 axes, the tensor is [1, 2, 3]; reshape it, or "
                       "take a part",
                       ShapeError);
  CHECK_THROWS_AS((void)eigen_view<float>(x), DtypeError);
}

TEST_CASE("Eigen: the example of docs/tensors.md") {
  const auto m = std::make_shared<Eigen::MatrixXf>(Eigen::MatrixXf::Random(3, 4));
  const Tensor x = borrow(*m, m).requires_grad();  // reads the matrix, and keeps it
  const Tensor y = sum(square(matmul(x, ones({4, 2}))));
  const Tensor slope = grad(y, {x})[0];
  const Eigen::MatrixXf step = *m - 0.1f * eigen_view<float>(slope);  // reads the tensor
  const Eigen::MatrixXf sums = m->rowwise().sum().replicate(1, 4);    // y = 2 sum of their squares
  CHECK(step.isApprox(*m - 0.4f * sums, 1e-5f));
}
