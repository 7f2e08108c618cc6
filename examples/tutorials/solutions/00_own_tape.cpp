// Exercises of chapter 0: your own tape in a hundred lines
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

struct Node {
  double value = 0, gradient = 0;
  std::vector<std::shared_ptr<Node>> inputs;
  std::function<void(const Node&)> push_back;
};
using Value = std::shared_ptr<Node>;

int main() {
  Answers answers;

  // 1. The closure of c = a / b.
  const auto div = [](const Value& a, const Value& b) {
    return std::make_shared<Node>(Node{a->value / b->value, 0, {a, b}, [a, b](const Node& c) {
                                         // hole: (void)c;
                                         a->gradient += c.gradient / b->value;
                                         b->gradient -= c.gradient * a->value / (b->value * b->value);
                                         // end
                                       }});
  };
  const auto a = std::make_shared<Node>(Node{6, 0, {}, {}}), b = std::make_shared<Node>(Node{4, 0, {}, {}});
  const Value c = div(a, b);
  c->gradient = 1;
  c->push_back(*c);
  answers.check("1a. dc/da at (6, 4)", 0.25, a->gradient);
  answers.check("1b. dc/db at (6, 4)", -0.375, b->gradient);

  // 2. The visits of the recursion for n doublings.
  const auto visits = [](int n) -> double {
    // hole: return n;
    return std::pow(2, n + 1) - 1;
    // end
  };
  answers.check("2. visits of 20 doublings", 2097151, visits(20));

  // 3. The derivative of tanh, from its value.
  const auto careful_tanh = [](const Tensor& t) {
    const Tensor value = tanh(t.detach());
    return record("careful_tanh", value, {t}, {[value](const Tensor& g) {
                    // hole: return g * (square(value) - 1.0);
                    return g * (1.0 - square(value));
                    // end
                  }});
  };
  answers.check("3. gradcheck passes", 1, gradcheck(careful_tanh, tensor({0.5, 1.5}, float64)) ? 1 : 0);
  return answers.status();
}
