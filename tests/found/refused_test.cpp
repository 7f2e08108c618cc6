// What was taken and not used, or wrong without a word, is refused with the cause and the remedy.
#include "found/found.hpp"

#include <cmath>
#include <cstdint>
#include <functional>

using namespace gradtape;
using namespace gradtape::testing;

TEST_SUITE_BEGIN("found in use");

namespace {

const Tensor logits = tensor({{2.0, 0.5, 0.1}, {0.3, 2.5, 0.2}}, float64);

}  // namespace

TEST_CASE("cross_entropy with probabilities refuses ignore_index") {
  const Tensor p = softmax(logits, 1);
  CHECK(
      contains(error<ValueError>([&] { (void)nn::cross_entropy(logits, p, {.ignore_index = 0}); }),
               "ignore_index"));
}

TEST_CASE("nll_loss refuses probabilities and names log_softmax") {
  const Tensor y = tensor({0, 1});
  CHECK(contains(error<ValueError>([&] { (void)nn::nll_loss(softmax(logits, 1), y); }),
                 "log_softmax"));
  CHECK(nn::nll_loss(log_softmax(logits, 1), y).item() ==
        close(nn::cross_entropy(logits, y).item(), 1e-12));
}

TEST_CASE("negative classes and indices are refused where they number rows") {
  const Tensor table = randn({4, 2}), bad = tensor({0, -1});
  CHECK(contains(error<ValueError>([&] { (void)embedding(table, bad); }), "-1"));
  CHECK(contains(error<ValueError>([&] { (void)one_hot(bad, 3); }), "-1"));
  CHECK(contains(error<ValueError>([&] { (void)nn::Embedding(4, 2)(bad); }), "-1"));
}

TEST_CASE("targets that no data has are refused") {
  const Tensor p = tensor({0.2, 0.7}, float64), z = tensor({-1.0, 2.0}, float64);
  const auto refused = [](const std::function<void()>& f) {
    return error<ValueError>(f) != "no error" && !contains(error<ValueError>(f), "another type");
  };
  CHECK(refused([&] { (void)nn::bce_loss(p, tensor({0.0, 1.5}, float64)); }));
  CHECK(refused([&] { (void)nn::bce_loss(p, tensor({-0.1, 1.0}, float64)); }));
  CHECK(refused([&] {
    (void)nn::bce_loss(tensor({not_a_number, 0.5}, float64), tensor({0.0, 1.0}, float64));
  }));
  CHECK(refused([&] { (void)nn::bce_with_logits(z, tensor({0.0, 255.0}, float64)); }));
  CHECK(refused([&] { (void)nn::kl_div(log(p), tensor({-0.2, 1.2}, float64)); }));
  CHECK(refused([&] { (void)nn::poisson_nll_loss(z, tensor({-1.0, 2.0}, float64)); }));
  CHECK(refused([&] { (void)nn::hinge_loss(z, tensor({0, 1})); }));
  CHECK(refused([&] { (void)nn::soft_margin_loss(z, tensor({0.0, 1.0}, float64)); }));
  CHECK(refused([&] { (void)nn::hinge_embedding_loss(abs(z), tensor({0, 1})); }));
  CHECK(refused([&] {
    (void)nn::cross_entropy(logits, tensor({0, 1}), {.weight = tensor({1.0, -1.0, 1.0}, float64)});
  }));
  CHECK(contains(error<ShapeError>([] {
                   (void)nn::margin_ranking_loss(ones({3, 1}), ones({3}), ones({3}));
                 }),
                 "[3, 1]"));
}

TEST_CASE("one-hot integers as a target are refused by their dtype, with the remedy") {
  const std::string text = error<DtypeError>([] {
    (void)nn::cross_entropy(logits, tensor({{1, 0, 0}, {0, 1, 0}}));
  });
  CHECK(contains(text, "int64"));
  CHECK(contains(text, "to(float64)"));
}

TEST_CASE("grad that refuses an unused input leaves the graph whole") {
  const Tensor x = tensor(2.0, float64).requires_grad("x");
  const Tensor other = tensor(1.0, float64).requires_grad("other");
  const Tensor y = square(x);
  CHECK(contains(error<GraphError>([&] { (void)grad(y, {x, other}); }), "allow_unused"));
  CHECK(grad(y, {x, other}, {.allow_unused = true})[0].item() == 4);
}

TEST_CASE("shapes whose product wraps are refused") {
  const Tensor x = rand({1024});
  const std::int64_t huge = (std::int64_t{1} << 54) + 1;
  CHECK(contains(error<ShapeError>([&] { (void)reshape(x, {huge, 1024}); }), "reshape"));
  CHECK(error<ShapeError>([&] { (void)zeros({huge, 1024}); }) != "no error");
  CHECK(error<ShapeError>([&] { (void)expand(ones({1, 1}), {huge, 1024}); }) != "no error");
  CHECK(error<Error>([&] { (void)tile(ones({1024}), {huge}); }) != "no error");
  CHECK(error<Error>([&] { (void)repeat_interleave(ones({1024}), huge); }) != "no error");
}

TEST_CASE("a backward pass inside a hook of the same graph is refused before it does harm") {
  const Tensor x = tensor(2.0, float64).requires_grad("x");
  const Tensor middle = square(x);
  const Tensor y = middle * 3.0;
  middle.register_hook([&](const Tensor&) -> Tensor {
    (void)grad(y, {x});
    return {};
  });
  CHECK(error<GraphError>([&] { y.backward(); }) != "no error");
  CHECK(square(x * 2.0).item() == 16);
}

TEST_CASE("numbers that a type cannot hold are refused") {
  CHECK(error<ValueError>([] { (void)tensor(1e10, float64).item<int>(); }) != "no error");
  CHECK(error<ValueError>([] { (void)tensor(300).item<std::uint8_t>(); }) != "no error");
  CHECK(error<ValueError>([] { (void)tensor({not_a_number}).to(int64); }) != "no error");
  CHECK(tensor({not_a_number}).dtype() == float32);
  CHECK(tensor({1e30}).item() == close(1e30, 1e-6));
}

TEST_CASE("options out of range are errors of this library") {
  const std::vector<Parameter> parameters{Parameter(ones({2}), "w")};
  optim::Adam adam(parameters, {.lr = 0.1});
  CHECK(contains(error<Error>([&] { (void)adam.lr(1); }), "group"));
  CHECK(error<Error>([&] { (void)adam.options(5); }) != "no error");
  CHECK(error<Error>([] { (void)optim::multistep_decay({5, 1}); }) != "no error");
  CHECK(error<Error>([] { (void)layer_norm(ones({4}), {4}, {.eps = not_a_number}); }) !=
        "no error");
  CHECK(error<Error>([] { (void)layer_norm(ones({4}), {4}, {.eps = -1}); }) != "no error");
  CHECK(error<Error>([&] { adam.step(); }) != "no error");  // no gradient at all
}

TEST_SUITE_END();
