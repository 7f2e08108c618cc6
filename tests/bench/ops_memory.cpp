// Ops that move elements: indexing, sorting, other orders of axes.
#include "workloads.hpp"

namespace bench {

Table memory_ops() {
  const std::vector<Input> table{normal({100000, 32}), indices({20000}, 100000)},
      places{normal({4096, 1000}), indices({4096, 200}, 1000)};
  return {
      op("embedding_50000x128", {normal({50000, 128}), indices({4096}, 50000)},
         [](const Tensors& x) { return side::embedding(x[0], x[1]); }),
      op("index_select_100000x32", table,
         [](const Tensors& x) { return index_select(x[0], 0, x[1]); }),
      op("gather_4096x1000", places, [](const Tensors& x) { return gather(x[0], 1, x[1]); }),
      op("scatter_add_4096x1000",
         {normal({4096, 1000}), indices({4096, 200}, 1000), normal({4096, 200})},
         [](const Tensors& x) { return scatter_add(x[0], 1, x[1], x[2]); }),
      op("sort_1000x1000", {distinct({1000, 1000})},
         [](const Tensors& x) { return side::sorted(x[0]); }),
      op("sort_1M", {distinct({1000000})}, [](const Tensors& x) { return side::sorted(x[0]); }),
      op("topk_10_of_4096x1000", {distinct({4096, 1000})},
         [](const Tensors& x) { return side::topk(x[0], 10); }),
      op("permute_64x32x32x64", {normal({64, 32, 32, 64})},
         [](const Tensors& x) {
           return side::permuted(x[0], {0, 3, 1, 2});
         }),
      op("concat_4x512x1024",
         {normal({512, 1024}), normal({512, 1024}), normal({512, 1024}), normal({512, 1024})},
         [](const Tensors& x) { return side::concat(x, 1); }),
      op("where_2048x1024", {constant({2048, 1024}), normal({2048, 1024}), normal({2048, 1024})},
         [](const Tensors& x) { return where(x[0] > 0.0, x[1], x[2]); }),
  };
}

}  // namespace bench
