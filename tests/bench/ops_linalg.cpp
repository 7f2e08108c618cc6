// Products of matrices of every class of shapes, and linear algebra.
#include "workloads.hpp"

namespace bench {

namespace {

/// [batch..., m, k] x [batch..., k, n] in either precision.
void add_products(Table& table, const std::string& shape, const Extents& batch, std::int64_t m,
                  std::int64_t k, std::int64_t n) {
  Extents left = batch, right = batch;
  left.insert(left.end(), {m, k});
  right.insert(right.end(), {k, n});
  const auto product = [](const Tensors& x) { return matmul(x[0], x[1]); };
  const Input a = normal(left), b = weight(right, k);
  table.push_back(op("matmul_" + shape, {a, b}, product));
  table.push_back(op("matmul_float64_" + shape, {wide(a), wide(b)}, product));
}

}  // namespace

Table linalg_ops() {
  Table table;
  add_products(table, "4x4x4", {}, 4, 4, 4);
  add_products(table, "1x64x64", {}, 1, 64, 64);
  add_products(table, "32x64x64", {}, 32, 64, 64);
  add_products(table, "128x784x512", {}, 128, 784, 512);
  add_products(table, "10000x30x1", {}, 10000, 30, 1);
  add_products(table, "16x4096x16", {}, 16, 4096, 16);
  add_products(table, "1024x1024x1024", {}, 1024, 1024, 1024);
  add_products(table, "batch512_32x32x32", {512}, 32, 32, 32);
  add_products(table, "batch32_128x64x128", {32}, 128, 64, 128);

  const Table others{
      op("linear_256x1024x2048", {normal({256, 1024}), weight({2048, 1024}, 1024), normal({2048})},
         [](const Tensors& x) { return side::linear(x[0], x[1], x[2]); }),
      op("solve_200x50", {regular({200, 200}), normal({200, 50})},
         [](const Tensors& x) { return side::solve(x[0], x[1]); }),
      op("solve_batch1000_4x4", {regular({1000, 4, 4}), normal({1000, 4, 1})},
         [](const Tensors& x) { return side::solve(x[0], x[1]); }),
      op("inv_200x200", {regular({200, 200})}, [](const Tensors& x) { return side::inv(x[0]); }),
      op("cholesky_200x200", {positive_definite({200, 200})},
         [](const Tensors& x) { return side::cholesky(x[0]); }),
      op("cholesky_batch1000_4x4", {positive_definite({1000, 4, 4})},
         [](const Tensors& x) { return side::cholesky(x[0]); }),
      op("svdvals_100x60", {normal({100, 60})},
         [](const Tensors& x) { return side::svdvals(x[0]); }),
      // squares, as the signs of singular vectors are anybody's
      op("svd_100x60", {wide(normal({100, 60}))},
         [](const Tensors& x) {
           const auto found = side::svd(x[0]);
           return square(found.vectors) * found.values;
         }),
      op("eigh_100x100", {wide(symmetric({100, 100}))},
         [](const Tensors& x) {
           const auto found = side::eigh(x[0]);
           return square(found.vectors) * found.values;
         }),
  };
  table.insert(table.end(), others.begin(), others.end());
  return table;
}

}  // namespace bench
