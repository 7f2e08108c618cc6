// Exercises of chapter 6: backprop by hand
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <span>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

/// Which of the library's causes this is, as a number.
double number(Cause cause) { return static_cast<double>(cause); }

int main() {
  Answers answers;
  const Generator generator(6);
  const Tensor x = randn({3}, float64, generator), W1 = randn({3, 3}, float64, generator),
               b1 = randn({3}, float64, generator), W2 = randn({1, 3}, float64, generator),
               b2 = randn({1}, float64, generator);

  // A two-layer network with tanh as an op: x, W1, b1, W2, b2 -> o. `delta1(W2, g, a)` is dJ/dz.
  const auto network = [](const auto& delta1, const auto& weight_gradient) {
    return [=](const std::vector<Tensor>& in) {
      const Tensor a = tanh(matmul(in[1], in[0]) + in[2]);
      const auto rule = [=](std::span<const Tensor> g, const std::vector<bool>&) {
        const Tensor d1 = delta1(in[3], g[0], a);
        return std::vector<Tensor>{matmul(transpose(in[1]), d1), weight_gradient(d1, in[0]), d1,
                                   outer(g[0], a), g[0]};
      };
      return record("two_layer", {(matmul(in[3], a) + in[4]).detach()}, in, JointVjp(rule))[0];
    };
  };

  const auto by_input = [](const Tensor& delta, const Tensor& in) { return outer(delta, in); };

  // 1. delta1 of a tanh layer; g is delta2, [1].
  const auto delta1 = [](const Tensor& w2, const Tensor& g, const Tensor& a) {
    // hole: return matmul(transpose(w2), g) + 0.0 * a;
    return matmul(transpose(w2), g) * (1.0 - square(a));
    // end
  };
  const auto right = network(delta1, by_input);
  const OpTestResult tested =
      test_op({.name = "two_layer", .f = right, .inputs = {x, W1, b1, W2, b2}});
  answers.check("1. test_op passes", 1, tested ? 1 : 0);
  if (!tested) fmt::print("{}\n", tested.message);

  // 2. A sign mistake in delta1. First guess the cause, then look at `wrong`'s message.
  const auto minus = [&](const Tensor& w2, const Tensor& g, const Tensor& a) {
    return -matmul(transpose(w2), g) * (1.0 - square(a));
  };
  const GradcheckResult wrong = gradcheck(network(minus, by_input), {x, W1, b1, W2, b2});
  // hole: const Cause guess = Cause::unknown;
  const Cause guess = Cause::wrong_sign;
  // end
  answers.check("2. gradcheck's cause of the sign mistake", number(wrong.cause), number(guess));

  // 3. x delta1^T in place of delta1 x^T.
  const auto turned = [](const Tensor& d1, const Tensor& in) { return outer(in, d1); };
  const GradcheckResult forgotten = gradcheck(
      network([](const Tensor& w2, const Tensor& g,
                 const Tensor& a) { return matmul(transpose(w2), g) * (1.0 - square(a)); },
              turned),
      {x, W1, b1, W2, b2});
  // hole: const Cause second_guess = Cause::unknown;
  const Cause second_guess = Cause::transposed;
  // end
  answers.check("3. gradcheck's cause of the transpose", number(forgotten.cause),
                number(second_guess));

  // 4. dJ/dx of J = 1/2 (o - 1)^2 with ReLU units, from delta1.
  const Tensor z = matmul(W1, x) + b1, o = matmul(W2, relu(z)) + b2;
  const Tensor d1 = matmul(transpose(W2), o - 1.0) * (z > 0.0).to(float64);
  // hole: const Tensor by_hand = zeros_like(x) * d1;
  const Tensor by_hand = matmul(transpose(W1), d1);
  // end
  const auto loss = [&](const Tensor& t) {
    return 0.5 * sum(square(matmul(W2, relu(matmul(W1, t) + b1)) + b2 - 1.0));
  };
  const Tensor by_tape = grad_of(loss, x);
  for (std::int64_t i = 0; i < 3; ++i)
    answers.check(fmt::format("4. dJ/dx{}", i + 1), by_tape[i].item(), by_hand[i].item());
  return answers.status();
}
