// Exercises of chapter 21: convolution
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <vector>

#include "tutorials/answer.hpp"

using namespace gradtape;

int main() {
  Answers answers;
  seed(1);

  // 1. The length of the output for length n, filter k, padding p, stride s.
  const auto length = [](std::int64_t n, std::int64_t k, std::int64_t p, std::int64_t s) {
    // hole: return n + 0 * (k + p + s);
    return (n + 2 * p - k) / s + 1;
    // end
  };
  answers.check("1a. n 28, k 5, p 2, s 1", 28, static_cast<double>(length(28, 5, 2, 1)));
  answers.check("1b. n 28, k 5, p 2, s 2", 14, static_cast<double>(length(28, 5, 2, 2)));
  answers.check("1c. n 8, k 3, p 0, s 1", 6, static_cast<double>(length(8, 3, 0, 1)));

  // 2. The parameters of `located`: convolutions 1 -> 8 and 8 -> 16 of 3 x 3, then 256 -> 10.
  const nn::Sequential located(nn::Conv2d(1, 8, 3), nn::Conv2d(8, 16, 3), nn::Linear(256, 10));
  double count = 0;
  // hole: count = 1;
  count = (1 * 3 * 3 + 1) * 8 + (8 * 3 * 3 + 1) * 16 + (256 + 1) * 10;
  // end
  answers.check("2. parameters of located", static_cast<double>(located.parameter_count()), count);

  // 3. im2col(x, {3, 3}) has a column of 9 c pixels for each output: [n, 9 c, outputs].
  const Tensor x = randn({2, 3, 8, 8}, float64), w = randn({4, 3, 3, 3}, float64);
  const Tensor columns = im2col(x, {3, 3});
  const auto by_matmul = [&] {
    // hole: return zeros_like(conv2d(x, w));
    return reshape(matmul(reshape(w, {4, 27}), columns), {2, 4, 6, 6});
    // end
  };
  answers.check("3. largest difference to conv2d", 0, max(abs(by_matmul() - conv2d(x, w))).item());

  // 4. A blur by two filters, one after the other: 3 x 1 and 1 x 3.
  const Tensor image = randn({1, 1, 8, 8}, float64);
  std::vector<double> vertical{0, 1, 0}, horizontal{0, 1, 0};
  // hole: vertical = {0, 1, 0};
  vertical = horizontal = {1. / 3, 1. / 3, 1. / 3};
  // end
  const Tensor blurred = conv2d(image, full({1, 1, 3, 3}, 1. / 9, float64));
  const Tensor rows = conv2d(image, tensor(vertical, {1, 1, 3, 1}));
  const Tensor in_two = conv2d(rows, tensor(horizontal, {1, 1, 1, 3}));
  answers.check("4. largest difference to the blur", 0, max(abs(blurred - in_two)).item());

  // 5. The gradients of sum(y_bar * conv2d(picture, filter)), by convolutions.
  const Tensor picture = randn({1, 1, 8, 8}, float64), filter = randn({1, 1, 3, 3}, float64);
  const Tensor y_bar = randn({1, 1, 6, 6}, float64);
  const auto loss = [&](const std::vector<Tensor>& in) {
    return sum(y_bar * conv2d(in[0], in[1]));
  };
  const std::vector<Tensor> by_tape = grad_of(loss, {picture, filter});
  Tensor of_picture = picture, of_filter = filter;
  // hole: of_picture = picture;
  of_picture = conv2d(pad(y_bar, {2, 2, 2, 2}), flip(filter, {2, 3}));
  of_filter = conv2d(picture, y_bar);
  // end
  answers.check("5a. gradient of the image", 0, max(abs(of_picture - by_tape[0])).item());
  answers.check("5b. gradient of the filter", 0, max(abs(of_filter - by_tape[1])).item());
  return answers.status();
}
