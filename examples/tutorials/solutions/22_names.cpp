// Exercises of chapter 22: names, letter by letter
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // A small language of four letters: 60 pairs, each a letter and the one that follows it.
  const Tensor previous = randint(0, 4, {60}), next = (previous + randint(0, 3, {60})) % 4;
  const Tensor counts = reshape(
      scatter_add(zeros({16}, float64), 0, previous * 4 + next, ones({60}, float64)), {4, 4});

  // 1. J of the unigram model, which gives letter b its share of all `next`.
  const auto unigram = [&]() -> double {
    // hole: return std::log(4.0);
    const Tensor share = sum(counts, 0) / sum(counts);
    return -mean(log(share[next])).item();
    // end
  };
  double truth = 0;
  for (int b = 0; b < 4; ++b) {
    const double n = sum(at(counts, {range(), b})).item();
    truth -= n / 60 * std::log(n / 60);
  }
  answers.check("1. nats of the unigram model", truth, unigram());

  // 2. The numbers in a network for k letters of f features each, u units and 27 symbols.
  const auto numbers = [](double k, double f, double u) -> double {
    // hole: return 27 * f + 0 * (k + u);
    return 27 * f + (k * f + 1) * u + (u + 1) * 27;
    // end
  };
  answers.check("2. numbers of the chapter's network", 6097, numbers(3, 10, 100));

  // 3. The gradient of J by the table of logits, from the counts alone. It is 0 at the counts.
  const auto gradient = [&](const Tensor& w) -> Tensor {
    // hole: return ones_like(w);
    return (sum(counts, 1, {.keepdim = true}) * softmax(w, 1) - counts) / 60.0;
    // end
  };
  const auto J = [&](const Tensor& w) { return nn::cross_entropy(embedding(w, previous), next); };
  for (const Tensor& w : {randn({4, 4}, float64), log(counts + 1e-200)})
    answers.check("3. largest difference to the tape", 0,
                  max(abs(gradient(w) - grad_of(J, w))).item());
  return answers.status();
}
