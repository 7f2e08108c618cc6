// Exercises of chapter 20: from modules to architectures
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

#ifndef GRADTAPE_EXAMPLE_DATA  // the examples' build says where the data are
#define GRADTAPE_EXAMPLE_DATA "examples/data"
#endif

using namespace gradtape;

int main() {
  Answers answers;
  const Generator chance(5);

  // 1. Attention of queries q [n, d] to keys k [m, d] with values v [m, dv].
  const auto attention = [](const Tensor& q, const Tensor& k, const Tensor& v) {
    const double d = static_cast<double>(q.size(1));
    // hole: return matmul(matmul(q, transpose(k)) / d, v);
    return matmul(softmax(matmul(q, transpose(k)) / std::sqrt(d), 1), v);
    // end
  };
  const Tensor q = randn({2, 4}, float64, chance), k = randn({3, 4}, float64, chance);
  const Tensor v = randn({3, 5}, float64, chance);
  const Tensor expected = scaled_dot_product_attention(q, k, v);
  answers.check("1. an element of the attention", at(expected, {1, 2}).item(),
                at(attention(q, k, v), {1, 2}).item());

  // 2. Digits [n, 1, 8, 8] for LeNet-5, which wants [n, 1, 32, 32]: each pixel four times each way.
  seed(1);
  nn::Sequential lenet;
  lenet.add(nn::Conv2d(1, 6, 5)).add(nn::Tanh()).add(nn::AvgPool2d(2));
  lenet.add(nn::Conv2d(6, 16, 5)).add(nn::Tanh()).add(nn::AvgPool2d(2)).add(nn::Flatten());
  lenet.add(nn::Linear(400, 120)).add(nn::Tanh()).add(nn::Linear(120, 84)).add(nn::Tanh());
  lenet.add(nn::Linear(84, 10));
  const auto enlarged = [](const Tensor& images) {
    // hole: return zeros({images.size(0), 1, 32, 32});
    return repeat_interleave(repeat_interleave(images, 4, 2), 4, 3);
    // end
  };
  const Tensor table = load_csv(GRADTAPE_EXAMPLE_DATA "/digits.csv.gz");
  const Tensor images = enlarged(reshape(slice(table, 1, 0, 64) / 16.0, {-1, 1, 8, 8}));
  const auto digits = nn::data::split_every({images, select(table, 1, 64).to(int64)}, 5);
  optim::Adam adam(lenet.parameters(), {.lr = 2e-3});
  const nn::data::BatchOptions sixteen{.size = 16, .shuffle = true, .seed = 1};
  for (const auto& [x, y] : nn::data::batches(digits.train, sixteen)) {
    adam.zero_grad();
    nn::cross_entropy(lenet(x), y).backward();
    adam.step();
  }
  const double reached = nn::metric::accuracy(lenet(digits.test.inputs()), digits.test.targets());
  answers.check("2. more than 80 % right after one epoch", 1, reached > 0.8 ? 1 : 0);

  // 3. The parity network of the chapter, trained on 8 bits, on 200 sequences of 32.
  const nn::RNN rnn(1, 16, {.batch_first = true, .dtype = float64, .generator = Generator(1)});
  const nn::Linear head(16, 1, {.dtype = float64, .generator = Generator(2)});
  std::vector<Parameter> all = rnn.parameters();
  for (const Parameter& parameter : head.parameters()) all.push_back(parameter);
  optim::Adam parity_adam(all, {.lr = 0.01});
  const auto logits = [&](const Tensor& bits) {
    return select(head(rnn(unsqueeze(bits, 2)).output), 2, 0);
  };
  const auto odd = [](const Tensor& bits) {
    return remainder(cumsum(bits, 1), tensor(2.0, float64));
  };
  const Tensor eight = bernoulli(full({256, 8}, 0.5, float64), chance);
  for (int step = 0; step < 400; ++step) {
    parity_adam.zero_grad();
    nn::bce_with_logits(logits(eight), odd(eight)).backward();
    parity_adam.step();
  }
  const Tensor longer = bernoulli(full({200, 32}, 0.5, float64), chance);
  // hole: const double right = 0.5;
  const double right = mean(((logits(longer) > 0.0) == (odd(longer) > 0.5)).to(float64)).item();
  // end
  answers.check("3. share of right answers on 32 bits", 1, right, 0.01);
  return answers.status();
}
