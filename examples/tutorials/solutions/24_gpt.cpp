// Exercises of chapter 24: attention and a small GPT
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);
  const Tensor x = randn({5, 8}, float64);

  // 1. A permutation of the rows of y that makes it attention of the permuted x.
  const Tensor order = tensor({3, 0, 4, 1, 2});
  const Tensor y = scaled_dot_product_attention(x, x, x), moved = x[order];
  const Tensor of_permuted = scaled_dot_product_attention(moved, moved, moved);
  const auto permuted = [&]() -> Tensor {
    // hole: return y;
    return y[order];
    // end
  };
  answers.check("1. largest difference", 0, max(abs(permuted() - of_permuted)).item());

  // 2. Two heads of width 4: the left and right halves of q, k and v, the results side by side.
  const Tensor q = randn({5, 8}, float64), k = randn({5, 8}, float64), v = randn({5, 8}, float64);
  const auto two_heads = [&]() -> Tensor {
    // hole: return scaled_dot_product_attention(q, k, v);
    const auto qs = chunk(q, 2, 1), ks = chunk(k, 2, 1), vs = chunk(v, 2, 1);
    return concat({scaled_dot_product_attention(qs[0], ks[0], vs[0]),
                   scaled_dot_product_attention(qs[1], ks[1], vs[1])}, 1);
    // end
  };
  const auto split_heads = [](const Tensor& t) { return transpose(reshape(t, {5, 2, 4}), 0, 1); };
  const Tensor heads = scaled_dot_product_attention(split_heads(q), split_heads(k), split_heads(v));
  const Tensor truth = reshape(transpose(heads, 0, 1), {5, 8});
  answers.check("2. largest difference", 0, max(abs(two_heads() - truth)).item());

  // 3. The products of a query and a key that the causal mask leaves, for T places.
  const auto products = [](double places) -> double {
    // hole: return places * places;
    return places * (places + 1) / 2;
    // end
  };
  answers.check("3. T = 6", 21, products(6));

  // 4. The largest of ten weights, the mean over many queries, of width 1024: without the division
  // by the root of the width, and with it. The keys are the rows of the second, [400, 10, 1024].
  const Tensor queries = randn({400, 1, 1024}, float64), keys = randn({400, 10, 1024}, float64);
  const auto largest = [](const Tensor& scores) { return mean(amax(softmax(scores, 1), {1})); };
  double raw = 0, divided = 0;
  // hole: raw = divided = 0;
  const Tensor scores = sum(queries * keys, 2);
  raw = largest(scores).item();
  divided = largest(scores / 32.0).item();
  // end
  const Tensor truth4 = reshape(matmul(keys, transpose(queries, 1, 2)), {400, 10});
  answers.check("4. largest weight, not divided", largest(truth4).item(), raw);
  answers.check("4. largest weight, divided", largest(truth4 / 32.0).item(), divided);
  return answers.status();
}
