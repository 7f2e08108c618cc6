// Calls that read well and would do something else. Each line that ends in `// no` must be an error
// on every compiler. GCC up to 14 drops the names of {.keepdim = true} where a list is expected
// that has a constructor of a std::initializer_list, or of two integers.
#include <gradtape/autograd/formula.hpp>
#include <gradtape/gradtape.hpp>
#include <vector>
using namespace gradtape;

// clang-format off: a line for each

void options_in_the_place_of_a_list(const Tensor& x, const std::vector<optim::Curve>& curves) {
  (void)sum(x, {.keepdim = true});                                      // no
  (void)sum(x, {.keepdim = 1});                                         // no
  (void)sum(x, {.foo = 1});                                             // no
  (void)sum(x, {.foo = {1}});                                           // no
  (void)sum(x, {.foo = 0, .bar = 1});                                   // no
  (void)sum(x, true);                                                   // no
  (void)sum(x, {true});                                                 // no
  (void)mean(x, {.keepdim = true});                                     // no
  (void)amax(x, {.keepdim = true});                                     // no
  (void)amin(x, {.keepdim = true});                                     // no
  (void)max(x, {.keepdim = true});                                      // no
  (void)min(x, {.keepdim = true});                                      // no
  (void)prod(x, {.keepdim = true});                                     // no
  (void)var(x, {.correction = 0});                                      // no
  (void)var(x, {.keepdim = true, .correction = 0});                     // no
  (void)stddev(x, {.correction = 0});                                   // no
  (void)norm(x, 2, {.keepdim = true});                                  // no
  (void)logsumexp(x, {.keepdim = true});                                // no
  (void)argmax(x, {.keepdim = true});                                   // no
  (void)argmin(x, {.keepdim = true});                                   // no
  (void)count_nonzero(x, {.keepdim = true});                            // no
  (void)all(x, {.keepdim = true});                                      // no
  (void)any(x, {.keepdim = true});                                      // no
  (void)quantile(x, 0.5, {.keepdim = true});                            // no
  (void)squeeze(x, {.axis = 1});                                        // no
  (void)flip(x, {.axis = 1});                                           // no
  (void)roll(x, 1, {.axis = 1});                                        // no
  (void)roll(x, {.shift = 1, .other = 2}, {.axis = 1});                 // no
  (void)permute(x, {.axis0 = 0, .axis1 = 1});                           // no
  (void)movedim(x, {.from = 0, .to = 1}, {.a = 1, .b = 0});             // no
  (void)tile(x, {.rows = 2, .columns = 2});                             // no
  (void)split(x, {.size = 2, .axis = 0});                               // no
  (void)pad(x, {.before = 1, .after = 1});                              // no
  (void)tensordot(x, x, {.a = 0, .b = 1}, {.a = 0, .b = 1});            // no
  (void)at(x, {.start = 1});                                            // no
  (void)at(x, {.start = 1, .stop = 2});                                 // no
  (void)index_put(x, {.start = 1, .stop = 2}, x);                       // no
  (void)grad(x, {.create_graph = true});                                // no
  (void)grad(x, {.retain_graph = true, .create_graph = true});          // no
  (void)optim::multistep_decay({.first = 3, .second = 4});              // no
  (void)optim::sequential_schedule(curves, {.first = 3, .second = 4});  // no
}

void options_in_the_place_of_extents(const Tensor& x) {
  (void)zeros({.rows = 3});                               // no
  (void)zeros({.rows = 3, .columns = 4});                 // no
  (void)zeros({.rows = {3}});                             // no
  (void)zeros(true);                                      // no
  (void)zeros({2.0});                                     // no
  (void)ones({.rows = 3});                                // no
  (void)full({.rows = 3}, 1);                             // no
  (void)rand({.rows = 3});                                // no
  (void)randn({.rows = 3});                               // no
  (void)reshape(x, {.rows = 3});                          // no
  (void)expand(x, {.rows = 3});                           // no
  (void)unflatten(x, 0, {.rows = 3, .columns = 4});       // no
  (void)tensor({.rows = 3});                              // no
  (void)tensor({.value = 3.0});                           // no
  (void)layer_norm(x, {.eps = 4});                        // no
  (void)rms_norm(x, {.eps = 4});                          // no
  (void)max_pool2d(x, {.stride = 2});                     // no
  (void)avg_pool2d(x, {.stride = 2, .padding = 1});       // no
  (void)lp_pool2d(x, 2, {.stride = 2});                   // no
  (void)adaptive_avg_pool2d(x, {.size = 2});              // no
  (void)im2col(x, {.stride = 2});                         // no
  (void)conv2d(x, x, {}, {.padding = {.rows = 1}});       // no
  (void)conv2d(x, x, {}, {.padding = {.mode = "same"}});  // no
  (void)interpolate(x, {.size = {.rows = 3}});            // no
  (void)nn::MaxPool2d({.stride = 4});                     // no
  (void)nn::AvgPool1d({.stride = 4});                     // no
  (void)nn::LPPool2d(2, {.stride = 4});                   // no
  (void)nn::AdaptiveMaxPool2d({.size = 4});               // no
  (void)nn::LayerNorm({.eps = 4});                        // no
  (void)nn::RMSNorm({.eps = 4});                          // no
  (void)nn::Conv2d(3, 8, {.stride = 2});                  // no
  (void)nn::ConvTranspose2d(3, 8, {.stride = 2});         // no
  (void)nn::ZeroPad2d({.left = 1});                       // no
  (void)nn::ConstantPad2d({.left = 1}, 0);                // no
  (void)nn::Unflatten(1, {.rows = 2});                    // no
  (void)nn::Unfold({.stride = 2});                        // no
}

void options_without_names(const std::vector<Parameter>& parameters) {
  optim::Adam(parameters, 0.1);                    // no
  optim::SGD(parameters, {.learning_rate = 0.1});  // no
  (void)nn::Linear(4, 8, false);                   // no
  (void)nn::Conv2d(3, 8, 3, 1, 1);                 // no
  (void)nn::ConvTranspose1d(3, 8, 3, 2);           // no
}

void other_slips(const Tensor& x) {
  (void)max(x, x);                                                 // no
  (void)min(x, 0.0);                                               // no
  (void)range(1);                                                  // no
  (void)range(2L);                                                 // no
  (void)(x * 3.0).data<float>();                                   // no
  at(x, {0}) += 1;                                                 // no
  (void)(x && x);                                                  // no
  (void)formula("f", [](const Tensor& v) { return v * 2.0; })(x);  // no
  (void)formula("f", [](auto v, auto w) { return v * w; })(x);     // no
  (void)formula("f", [](auto v) { return v > 0.0 ? v : -v; })(x);  // no
}
