// Prints the instruction set of the library that the dynamic linker chose, and a gradient that it
// computes.
#include <gradtape/gradtape.hpp>
#include <iostream>

int main() {
  using namespace gradtape;
  Generator generator(1);
  Parameter w(randn({64, 64}, float64, generator));
  const Tensor x = randn({32, 64}, float64, generator);
  mean(square(tanh(matmul(x, w)))).backward();
  std::cout << build_info().instruction_set << " " << norm(w.grad()).item<double>() << "\n";
}
