#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/nn/activation.hpp>
#include <gradtape/nn/containers.hpp>
#include <gradtape/nn/dropout.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/nn/normalisation.hpp>
#include <gradtape/nn/sequential.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Two layers of which the second has the first's weight too, and a counter.
struct Tied : nn::Module {
  const nn::Linear first = child("first", nn::Linear(3, 3));
  const Parameter again = parameter("again", first.weight);
  const Buffer count = buffer("count", zeros({}));
  Tensor operator()(const Tensor& x) const { return matmul(first(x), again); }
};

}  // namespace

TEST_CASE("a clone has variables of its own with the same values, names and ties") {
  const Tied model;
  model.first.bias.freeze();
  const Tied copy = nn::clone(model), handle = model;
  CHECK(copy.first.weight != model.first.weight);
  CHECK(handle.first.weight == model.first.weight);
  CHECK(copy.again == copy.first.weight);
  CHECK(copy.parameters().size() == 2);
  CHECK(copy.first.weight.name() == "first.weight");
  CHECK(copy.first.bias.is_frozen());
  CHECK(!copy.first.weight.is_frozen());
  const Tensor x = rand({2, 3});
  CHECK(array_equal(copy(x), model(x)));

  model.first.weight.set(zeros({3, 3}));
  model.count.set(ones({}));
  CHECK(copy.count.tensor().item<float>() == 0);
  CHECK(!array_equal(copy(x), model(x)));
  CHECK(array_equal(handle(x), model(x)));
}

TEST_CASE("a clone learns and changes mode without its original") {
  nn::Sequential model(nn::Linear(2, 4), nn::Tanh(), nn::Dropout(0.5), nn::Linear(4, 1));
  nn::Sequential copy = nn::clone(model);
  copy.eval();
  CHECK(model.is_training());
  sum(copy(ones({1, 2}))).backward();
  for (const auto& p : model.parameters()) CHECK(!p.grad().defined());
  for (const auto& p : copy.parameters()) CHECK(p.grad().defined());
  copy.add(nn::Linear(1, 1));
  CHECK(model.size() == 4);
  CHECK(copy.state_dict().contains("4.weight"));
}

TEST_CASE("apply visits each module once, children first, with the type it was made with") {
  nn::Sequential model(nn::Linear(2, 4), nn::Sequential(nn::Dropout(0.5), nn::Linear(4, 1)));
  std::vector<std::string> kinds;
  model.apply([&](nn::Module& m) {
    kinds.push_back(m.kind());
    if (const auto* layer = dynamic_cast<const nn::Linear*>(&m))
      layer->bias.set(ones_like(layer->bias));
  });
  CHECK(kinds ==
        std::vector<std::string>{"Linear", "Dropout", "Linear", "Sequential", "Sequential"});
  CHECK(array_equal(model.state_dict().at("1.1.bias"), ones({1})));
}

TEST_CASE("freezing a module keeps gradients from its parameters until it is thawed") {
  nn::Sequential model(nn::Linear(2, 2), nn::Linear(2, 1));
  model.named_children()[0].second->freeze();
  sum(model(ones({1, 2}))).backward();
  CHECK(!model.parameters()[0].grad().defined());
  CHECK(model.parameters()[2].grad().defined());
  model.freeze(false);
  sum(model(ones({1, 2}))).backward();
  CHECK(model.parameters()[0].grad().defined());
}

TEST_CASE("hooks see and replace what goes into a layer and what comes out") {
  nn::Linear layer(1, 1);
  layer.weight.set(full({1, 1}, 2));
  layer.bias.set(zeros({1}));
  std::vector<float> seen;
  auto first =
      layer.register_forward_pre_hook([](const nn::Module&, const Tensor& x) { return x + 1; });
  auto second =
      layer.register_forward_hook([&](const nn::Module& module, const Tensor& x, const Tensor& y) {
        CHECK(module.kind() == "Linear");
        seen = {x.item<float>(), y.item<float>()};
        return Tensor();
      });
  auto third = layer.register_forward_hook(
      [](const nn::Module&, const Tensor&, const Tensor& y) { return 10 * y; });
  const Tensor x = full({1, 1}, 3);
  CHECK(layer(x).item<float>() == 80);
  CHECK(seen == std::vector<float>{4, 8});
  CHECK(nn::Sequential(layer)(x).item<float>() == 80);  // every handle has them
  third.remove();
  first.remove();
  first.remove();
  CHECK(layer(x).item<float>() == 6);
  second.remove();
  seen.clear();
  layer(x);
  CHECK(seen.empty());
}

TEST_CASE("a hook may remove itself, and its handle may outlive the module") {
  nn::Module::HookHandle handle;
  {
    nn::Linear layer(1, 1);
    int calls = 0;
    handle = layer.register_forward_hook([&](const nn::Module&, const Tensor&, const Tensor&) {
      ++calls;
      handle.remove();
      return Tensor();
    });
    layer(ones({1, 1}));
    layer(ones({1, 1}));
    CHECK(calls == 1);
    handle = layer.register_forward_hook(
        [](const nn::Module&, const Tensor&, const Tensor& y) { return y; });
  }
  handle.remove();
}

TEST_CASE("gradients pass through hooks") {
  nn::Linear layer(2, 2, {.dtype = float64});
  layer.register_forward_hook(
      [](const nn::Module&, const Tensor&, const Tensor& y) { return y * y; });
  CHECK(gradcheck(layer, rand({3, 2}, float64), {.order = 2, .parameters = layer.parameters()}));
}

TEST_CASE("a state dict goes from one module to another, and says what does not fit") {
  const nn::Linear from(2, 3);
  nn::Linear to(2, 3, {.dtype = float64});
  to.load_state_dict(from.state_dict());
  CHECK(array_equal(to.weight.tensor().to(float32), from.weight));

  auto state = from.state_dict();
  state["weight"] = zeros({2, 3});
  state["bias"] = zeros({3}, int64);
  state["scale"] = zeros({1});
  const Tensor before = to.weight;
  CHECK_THROWS_WITH_AS(
      to.load_state_dict(state),
      "load_state_dict: the state does not fit the module, and nothing was loaded; {.strict = "
      "false} would load what fits\n"
      "  extra: 'scale' [1] float32\n"
      "  misshapen: 'weight' is [3, 2] float64 in the module, given [2, 3] float32\n"
      "  mistyped: 'bias' is [3] float64 in the module, given [3] int64",
      ValueError);
  state["bias"] = ones({3});
  const auto report = to.load_state_dict(state, {.strict = false});
  CHECK(report.misshapen.size() == 1);
  CHECK(array_equal(to.weight, before));
  CHECK(array_equal(to.bias, ones({3}, float64)));
}

TEST_CASE("a summary with inputs shows the shape that each module gives") {
  const nn::Sequential model(nn::Linear(4, 8), nn::Dropout(0.5), nn::Linear(8, 2));
  CHECK(nn::summary(model, ones({5, 4})) ==
        "name  kind        output  parameters\n"
        "      Sequential  [5, 2]\n"
        "0     Linear      [5, 8]          40\n"
        "1     Dropout     [5, 8]\n"
        "2     Linear      [5, 2]          18\n"
        "58 parameters, 58 trainable\n");
  CHECK(model.is_training());
}

namespace {

/// Declares a layer, a variable and a list of layers without registering them.
struct Forgetful : nn::Module {
  nn::Linear kept = child("kept", nn::Linear(4, 3));
  nn::Linear lost{3, 2};
  Parameter scale{ones({2})};
  Tensor operator()(const Tensor& x) const { return lost(relu(kept(x))) * scale; }
};

}  // namespace

TEST_CASE("a summary with inputs names what the model uses and has not registered") {
  Forgetful model;
  const auto text = nn::summary(model, ones({5, 4}).requires_grad("x"));
  CAPTURE(text);
  CHECK(text.find("15 parameters, 15 trainable\n"
                  "not registered: 'weight' [2, 3], 'bias' [2], an unnamed leaf [2]; hold them by "
                  "parameter() or child()") != std::string::npos);
}

TEST_CASE("a test can ask which variables behind a loss the model has not registered") {
  const Forgetful model;
  const Tensor x = ones({5, 4}).requires_grad("x"), loss = sum(model(x));
  CHECK(nn::unregistered(model, loss, {x}) ==
        std::vector<std::string>{"'weight' [2, 3]", "'bias' [2]", "an unnamed leaf [2]"});
  CHECK(nn::unregistered(model, loss).size() == 4);
  const nn::Sequential whole(nn::Linear(4, 3), nn::Tanh());
  CHECK(nn::unregistered(whole, sum(whole(x.detach()))).empty());
  CHECK(nn::unregistered(whole, ones({})).empty());  // not tracked
}

TEST_CASE("lists and dictionaries of modules name their parts and refuse what they do not have") {
  const nn::ModuleList<nn::Linear> list{nn::Linear(2, 2), nn::Linear(2, 1)};
  Tensor y = ones({1, 2});
  for (const auto& layer : list) y = layer(y);
  CHECK(array_equal(y, list[1](list[0](ones({1, 2})))));
  CHECK(list.state_dict().contains("1.bias"));
  CHECK_THROWS_WITH_AS(list[2], "ModuleList: index 2 is out of range for 2 modules", ValueError);

  nn::ModuleDict<nn::Linear> heads{{"mean", nn::Linear(2, 1)}};
  heads.add("deviation", nn::Linear(2, 1));
  CHECK(heads.contains("deviation"));
  CHECK(heads["mean"].weight.name() == "mean.weight");
  CHECK(nn::clone(heads)["mean"].weight != heads["mean"].weight);
  CHECK_THROWS_WITH_AS(heads["median"],
                       "ModuleDict: there is no 'median'; there are 'mean' 'deviation'",
                       ValueError);
}

TEST_CASE("a residual connection adds the shortcut, itself a module or the input") {
  const nn::Linear body(3, 3, {.dtype = float64}), shortcut(3, 3, {.dtype = float64});
  const Tensor x = rand({2, 3}, float64);
  const nn::Residual plain(body), projected(body, shortcut);
  CHECK(array_equal(plain(x), x + body(x)));
  CHECK(array_equal(projected(x), shortcut(x) + body(x)));
  CHECK(projected.state_dict().contains("shortcut.weight"));
  CHECK(gradcheck(projected, x, {.order = 2, .parameters = projected.parameters()}));
  CHECK(!array_equal(nn::clone(plain).parameters()[0].tensor(), zeros({3, 3}, float64)));
}

TEST_CASE("gradcheck names a parameter that a module uses but did not register") {
  struct Forgetful : nn::Module {
    nn::Linear layer = child("layer", nn::Linear(2, 2, {.dtype = float64}));
    Parameter scale{rand({2}, float64), "scale"};
    Tensor operator()(const Tensor& x) const { return scale * layer(x); }
  };
  const Forgetful model;
  const Tensor x = rand({3, 2}, float64);
  const auto result = gradcheck(model, x, {.parameters = model.parameters()});
  CHECK(result.verdict == Verdict::inconclusive);
  CHECK(result.cause == Cause::unnamed_parameter);
  CHECK(result.message ==
        "gradcheck: inconclusive: f uses variables that are neither inputs nor among the "
        "parameters: 'scale' [2]; register them with parameter() or child(), or no optimizer moves "
        "them and no file keeps them; or pass them as inputs");
  const auto of_inputs = gradcheck(model, x);
  CHECK(of_inputs);
  REQUIRE(of_inputs.notes.size() == 1);
  CHECK(of_inputs.notes[0].starts_with("not checked: "));
  auto all = model.parameters();
  all.push_back(model.scale);
  CHECK(gradcheck(model, x, {.parameters = all}));
}

// ---- names of a model that Module uses for itself ----

namespace {

// A model may use these names of its own namespace ...
struct State {
  double factor = 2;
};
struct Copier {};
Tensor before(const Tensor& x, const State& state) { return state.factor * x; }
Tensor walk(const Tensor& x) { return x + 1.0; }

struct UsesOuterNames : nn::Module {
  nn::Linear layer = child("layer", nn::Linear(3, 3, {.dtype = float64}));
  State state;
  std::optional<Copier> copier;
  Tensor operator()(const Tensor& x) const { return walk(layer(before(x, state))); }
};

// ... and members of these names.
struct HasThemAsMembers : nn::Layer {
  struct State {
    double factor = 2;
  };
  struct Copier {};
  nn::Linear layers = child("layers", nn::Linear(3, 3, {.dtype = float64}));
  nn::ModuleList<nn::Linear> hooks = child("hooks", nn::ModuleList<nn::Linear>{layers});
  State state, state_;
  int children = 0, modules = 0, copy = 0, has_hooks = 0, check_name = 0, detail = 0;
  Tensor before(const Tensor& x) const { return state.factor * x; }
  Tensor after(const Tensor& x) const { return state_.factor * x; }
  Tensor walk(const Tensor& x) const { return x + 1.0; }
  void adopt() { ++children; }

 protected:
  Tensor forward(const Tensor& x) const override { return walk(after(layers(before(x)))); }
};

}  // namespace

TEST_CASE("a model may have any name that is not documented as Module's") {
  const Tensor x = rand({2, 3}, float64);
  UsesOuterNames outer;
  CHECK(array_equal(outer(x), outer.layer(2.0 * x) + 1.0));
  CHECK(nn::clone(outer).layer.weight != outer.layer.weight);

  HasThemAsMembers model;
  const Tensor y = 2.0 * model.layers(2.0 * x) + 1.0;
  CHECK(array_equal(model(x), y));
  CHECK(model.named_parameters().size() == 4);
  const HasThemAsMembers copy = nn::clone(model);
  CHECK(array_equal(copy(x), y));
  CHECK(copy.layers.weight != model.layers.weight);
  CHECK(copy.hooks[0].weight == copy.layers.weight);
  auto hook = model.register_forward_hook(
      [](const nn::Module&, const Tensor&, const Tensor& output) { return -output; });
  CHECK(array_equal(model(x), -y));
  hook.remove();
  nn::Sequential chain(model, [](const Tensor& z) { return -z; });
  CHECK(array_equal(chain(x), -y));
  CHECK(nn::summary(chain, x).find("HasThemAsMembers") != std::string::npos);
}

TEST_CASE("a layer that was moved from is still a handle to its variables") {
  nn::Sequential net(nn::Linear(2, 3), nn::ReLU());
  const Tensor x = ones({1, 2});
  const Tensor before = net(x);
  nn::Sequential moved(std::move(net));
  CHECK(array_equal(net(x), before));
  CHECK(array_equal(moved(x), before));
  nn::Linear linear(2, 2);
  const nn::Linear other(std::move(linear));
  CHECK(array_equal(linear(x), other(x)));
  nn::BatchNorm1d norm(2);
  const nn::BatchNorm1d taken(std::move(norm));
  CHECK(norm(ones({3, 2})).shape() == Shape{3, 2});
  nn::ModuleList<nn::Linear> list;
  list.add(nn::Linear(2, 2));
  const nn::ModuleList<nn::Linear> taken_list(std::move(list));
  CHECK(list.size() == 1);
  Generator generator(3);
  const Generator same(std::move(generator));
  CHECK(generator.seed() == 3);
}

TEST_CASE("a module that its own hook destroys is an error, not a use of freed memory") {
  auto layer = std::make_unique<nn::Linear>(2, 2);
  layer->register_forward_pre_hook([&](const nn::Module&, const Tensor&) {
    layer.reset();
    return Tensor();
  });
  CHECK(error<ValueError>([&] {
          (void)(*layer)(ones({1, 2}));
        }) == "hook: a forward hook destroyed the module that called it");
  layer = std::make_unique<nn::Linear>(2, 2);
  layer->register_forward_hook([&](const nn::Module&, const Tensor&, const Tensor&) {
    layer.reset();
    return Tensor();
  });
  CHECK_THROWS_AS((void)(*layer)(ones({1, 2})), ValueError);
  // Another copy of the handle that goes is none of this one's business.
  const nn::Linear kept(2, 2);
  auto copy = std::make_unique<nn::Linear>(kept);
  nn::Linear(kept).register_forward_pre_hook([&](const nn::Module&, const Tensor&) {
    copy.reset();
    return Tensor();
  });
  CHECK(kept(ones({1, 2})).shape() == Shape{1, 2});
}
