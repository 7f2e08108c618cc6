// When memory runs out somewhere: no half-changed model, no half-written file.
#include "support/faults.hpp"

#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/bits.hpp"
#include "support/files.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Net : nn::Module {
  nn::Linear a = child("a", nn::Linear(3, 4));
  nn::Linear b = child("b", nn::Linear(4, 2));
  Tensor operator()(const Tensor& x) const { return b(tanh(a(x))); }
};

/// Whether a step, first or later, changes all parameters and the state or nothing at all.
template <class Rule, class Options = decltype(std::declval<Rule&>().options())>
std::string step_is_whole(const std::remove_cvref_t<Options>& options) {
  Net net;
  for (const int steps_before : {0, 2}) {
    for (int i = 0; i < steps_before; ++i) {
      Rule rule(net.parameters(), options);
      rule.step();
    }
    sum(square(net(sample({5, 3}, 7, float32)))).backward();
    auto rule = std::make_unique<Rule>(net.parameters(), options);
    for (int i = 0; i < steps_before; ++i) rule->step();
    const auto start = net.state_dict(), state = rule->state_dict();
    const auto rewind = [&] {
      (void)net.load_state_dict(start);
      rule->load_state_dict(state);
    };
    const auto failure = survives_faults(
        [&] { rule->step(); }, [&] { return equal_bits(net.state_dict(), start); }, rewind);
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

TEST_CASE("a step updates all parameters, or where memory runs out none") {
  CHECK(step_is_whole<optim::SGD>({.lr = 0.1}) == "");
  CHECK(step_is_whole<optim::SGD>({.lr = 0.1, .momentum = 0.9, .nesterov = true}) == "");
  CHECK(step_is_whole<optim::Adam>({.lr = 0.1}) == "");
  CHECK(step_is_whole<optim::Adam>({.lr = 0.1, .amsgrad = true}) == "");
  CHECK(step_is_whole<optim::AdamW>({.lr = 0.1}) == "");
  CHECK(step_is_whole<optim::RMSprop>({.lr = 0.1, .momentum = 0.5, .centered = true}) == "");
  CHECK(step_is_whole<optim::Adafactor>({.lr = 0.1}) == "");
  CHECK(step_is_whole<optim::Rprop>({.lr = 0.1}) == "");
  CHECK(step_is_whole<optim::Lion>({.lr = 0.1}) == "");
}

TEST_CASE("a step without memory trouble is what it was: the first has no dampening") {
  // v = g at first, then momentum v + (1 - dampening) g: two steps of gradient 1 from 0.
  const Parameter w(zeros({1}, float64), "w");
  optim::SGD sgd({w}, {.lr = 1, .momentum = 0.5, .dampening = 0.5});
  for (int i = 0; i < 2; ++i) {
    w.zero_grad();
    sum(w.tensor()).backward();
    sgd.step();
  }
  CHECK(value(w.tensor()) == -1 - (0.5 + 0.5));
}

TEST_CASE("LBFGS puts every parameter back where memory runs out") {
  Net net;
  optim::LBFGS lbfgs(net.parameters(), {.max_iter = 3});
  const Tensor x = sample({5, 3}, 7, float32);
  const auto start = net.state_dict();
  CHECK(survives_faults([&] { lbfgs.step([&] { return sum(square(net(x))); }); },
                        [&] { return equal_bits(net.state_dict(), start); },
                        [&] { (void)net.load_state_dict(start); }) == "");
}

TEST_CASE("layers survive every allocation that fails") {
  const nn::LSTM lstm(2, 3);
  const nn::MultiheadAttention attention(4, 2);
  const Tensor x = sample({3, 1, 2}, 1, float32), q = sample({1, 3, 4}, 2, float32);
  CHECK(survives_faults([&] { sum(lstm(x).output).backward(); }) == "");
  CHECK(survives_faults([&] { sum(attention(q).output).backward(); }) == "");
}

TEST_CASE("files and checkpoints are saved and loaded whole, or not at all") {
  const TemporaryFolder folder;
  Net net, other;
  const auto first = folder.path("first.safetensors"), path = folder.path("net.safetensors"),
             npz = folder.path("net.npz"), saved = folder.path("run.ckpt");
  nn::save_parameters(other, first);
  const auto old = other.state_dict();
  nn::save_parameters(net, path);
  CHECK(survives_faults([&] { nn::save_parameters(net, path); },
                        [&] { return equal_bits(load_safetensors(path), net.state_dict()); }) ==
        "");
  CHECK(survives_faults([&] { nn::save_parameters(net, npz); }) == "");
  const auto is_old_or_new = [&] {
    const auto now = other.state_dict();
    return equal_bits(now, old) || equal_bits(now, net.state_dict());
  };
  CHECK(survives_faults(
            [&] {
              (void)nn::load_parameters(other, first);
              (void)nn::load_parameters(other, path);
            },
            is_old_or_new) == "");
  optim::Adam adam(net.parameters());
  sum(net(sample({5, 3}, 7, float32))).backward();
  adam.step();
  optim::Checkpoint checkpoint(saved);
  checkpoint.track("model", net);
  checkpoint.track("adam", adam);
  checkpoint.save();
  const auto model = net.state_dict(), state = adam.state_dict();
  const auto is_same = [&] {
    return equal_bits(net.state_dict(), model) && equal_bits(adam.state_dict(), state);
  };
  CHECK(survives_faults([&] { checkpoint.save(); },
                        [&] {
                          checkpoint.load();
                          return is_same();
                        }) == "");
  CHECK(survives_faults([&] { (void)checkpoint.load(); }, is_same) == "");
}
