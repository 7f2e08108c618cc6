// %% tags=["program"]
// From PyTorch and back: weights in a safetensors file, loaded, checked, trained on, returned.
#include <gradtape/gradtape.hpp>

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "report.hpp"

using namespace gradtape;

int main() {
// %% [markdown]
// # 32. From PyTorch and back
//
// A model was trained in Python; a C++ program is to use it, or to train it further. What travels
// is a set of named tensors. The names, the shapes and the order of the numbers inside are
// PyTorch's here, so a file travels both ways. What can still go wrong: a name, a layout, a mode.
//
// The reference is docs/weights.md and docs/from_pytorch.md; chapters 19 and 23 have the layers.
//
// ## The model in Python
//
// It reads sentences of words from a vocabulary of five and says one of two classes:
//
// ```python
// class Tagger(torch.nn.Module):
//     def __init__(self):
//         super().__init__()
//         self.embed = torch.nn.Embedding(5, 3)
//         self.norm = torch.nn.BatchNorm1d(3)
//         self.lstm = torch.nn.LSTM(3, 4, batch_first=True)
//         self.head = torch.nn.Linear(4, 2)
//
//     def forward(self, words):
//         x = self.norm(self.embed(words).transpose(1, 2)).transpose(1, 2)
//         output, (h, c) = self.lstm(x)
//         return self.head(h[-1])
// ```
//
// So that this chapter runs without Python, we write the file that Python would write, with a
// pattern in place of trained weights:
//
// ```python
// for k, p in enumerate(model.parameters()):
//     i = torch.arange(p.numel())
//     p.data = (((7 * i + 3 * k) % 11 - 5) / 4).reshape(p.shape)
// model.norm.running_mean[:] = torch.tensor([0.25, -0.5, 0.75])
// model.norm.running_var[:] = torch.tensor([1.5, 0.5, 2.0])
// save_file(torch.nn.DataParallel(model).state_dict(), "tagger.safetensors")
// ```
//
// `save_file` is from `safetensors.torch`. `DataParallel` stands for what happens in practice: the
// model was wrapped into something, and every name got a prefix. In C++, the text in `child("...")`
// is the name in the file: what the attribute is called in Python.
//
// **Predict before you run on:** another file has ten tensors that fit and two that do not, the
// head of a version with three classes. How many of ours does a failed `load_parameters` change?

// %%
const auto pattern = [](std::int64_t k, const Shape& shape) {
  const Tensor i = arange(zeros(shape).numel());
  return reshape(((7 * i + 3 * k) % 11 - 5).to(float32) / 4.0, shape);
};
const std::map<std::string, Tensor> from_python{
    {"module.embed.weight", pattern(0, {5, 3})},
    {"module.norm.weight", pattern(1, {3})},
    {"module.norm.bias", pattern(2, {3})},
    {"module.lstm.weight_ih_l0", pattern(3, {16, 3})},
    {"module.lstm.weight_hh_l0", pattern(4, {16, 4})},
    {"module.lstm.bias_ih_l0", pattern(5, {16})},
    {"module.lstm.bias_hh_l0", pattern(6, {16})},
    {"module.head.weight", pattern(7, {2, 4})},
    {"module.head.bias", pattern(8, {2})},
    {"module.norm.running_mean", tensor({0.25, -0.5, 0.75})},
    {"module.norm.running_var", tensor({1.5, 0.5, 2.0})},
    {"module.norm.num_batches_tracked", tensor(0)}};
save_safetensors("tagger.safetensors", from_python, {.metadata = {{"format", "pt"}}});
struct Tagger : nn::Module {
  nn::Embedding embed = child("embed", nn::Embedding(5, 3, {.dtype = float64}));
  nn::BatchNorm1d norm = child("norm", nn::BatchNorm1d(3, {.dtype = float64}));
  nn::LSTM lstm = child("lstm", nn::LSTM(3, 4, {.batch_first = true, .dtype = float64}));
  nn::Linear head = child("head", nn::Linear(4, 2, {.dtype = float64}));
  Tensor operator()(const Tensor& words) const {
    const Tensor x = transpose(norm(transpose(embed(words), 1, 2)), 1, 2);
    return head(lstm(x).state.h[-1]);
  }
};
seed(32);
Tagger model;
auto other_version = from_python;
other_version["module.head.weight"] = pattern(7, {3, 4});
other_version["module.head.bias"] = pattern(8, {3});
save_safetensors("three_classes.safetensors", other_version);
const nn::LoadOptions without_prefix{.rename = {{"module", ""}}};
const StateDict before = model.state_dict();
try {
  nn::load_parameters(model, "three_classes.safetensors", without_prefix);
} catch (const IoError& error) {
  fmt::print("{}\n", error.what());
}
int changed = 0;
for (const auto& [name, now] : model.state_dict()) changed += !array_equal(now, before.at(name));
fmt::print("tensors changed: {}\n", changed);
fmt::print("complete: {}\n",
           nn::load_parameters(model, "tagger.safetensors", without_prefix).complete());

// %% [markdown]
// None. The message lists every tensor that does not fit, and a model is never half loaded. (With
// `.strict = false` it loads what fits and returns that list.)
//
// ## Does it compute the same?
//
// That the file loads is no proof: with gates in another order every shape would fit as well. So
// compare results. PyTorch 2.13 gave these for two sentences, by `model.double().eval()`, and then
// the loss for the classes 0 and 1 and the length of its gradient:

// %%
const Tensor words = tensor({{0, 1, 2, 3}, {4, 4, 0, 2}}), classes = tensor({0, 1});
const Tensor by_python = tensor({{-0.455244344791, 0.735606950874},
                                 {-0.453763211036, 0.680807287290}}, float64);
const auto gap_to_python = [&] { return amax(abs(model(words).detach() - by_python)).item(); };
fmt::print("in training mode: off by {:.2f}\n", gap_to_python());
nn::load_parameters(model, "tagger.safetensors", without_prefix);  // the statistics have moved
model.eval();
const double gap = gap_to_python();
fmt::print("after eval():     off by less than 1e-11: {}\n", gap < 1e-11 ? "yes" : "no");
const auto loss = [&] { return nn::cross_entropy(model(words), classes); };
double squares = 0;
for (const Tensor& g : grad_of(loss, model.parameters())) squares += sum(square(g)).item();
fmt::print("loss                   {:.9f}, PyTorch 0.867535964\n", loss().item());
fmt::print("length of the gradient {:.9f}, PyTorch 0.642997384\n", std::sqrt(squares));

// %% [markdown]
// The first line is the most frequent mistake of all, here as in Python: a new model is in training
// mode, so batch norm uses the statistics of these two sentences, and updates those that it keeps.
//
// ## What is inside the tensors
//
// | layer | name | shape and order |
// | --- | --- | --- |
// | Linear | `weight` | [out, in]: the transpose of the notes' $W$ |
// | BatchNorm1d | `running_var` | [channels]; updated with the variance over $n - 1$ |
// | LSTM | `weight_ih_l0` | [4 hidden, in]: rows of the gates $i, f, g, o$ (chapter 23) |
// | LSTM | `bias_ih_l0`, `bias_hh_l0` | [4 hidden] each; only their sum matters |
//
// ## Train on, and send it back
//
// A few steps of Adam, with batch norm in evaluation mode so that its statistics stay; then back.

// %%
optim::Adam adam(model.parameters(), {.lr = 0.05});
const double loss_before = loss().item();
for (int step = 0; step < 30; ++step) {
  adam.zero_grad();
  loss().backward();
  adam.step();
}
fmt::print("loss {:.3f} -> {:.3f}\n", loss_before, loss().item());
nn::save_parameters(model, "tagger_trained.safetensors");
const auto returned = load_safetensors("tagger_trained.safetensors");
bool same = true;
for (const auto& [name, value] : model.state_dict()) same &= array_equal(value, returned.at(name));
fmt::print("{} tensors in the file, the same bits: {}\n", returned.size(), same ? "yes" : "no");

// %% [markdown]
// Python reads it so (the weights are float64 here, hence `double()`):
//
// ```python
// from safetensors.torch import load_file
// model = Tagger().double()
// model.load_state_dict(load_file("tagger_trained.safetensors"))
// ```
//
// ## What was learnt
//
// - A model is its named tensors. `child("name", ...)` and `.rename` make the names agree.
// - Loading is all or nothing, and the error lists every misfit.
// - Compare one output and one gradient with the old program, in `eval()` mode.
//
// ## Exercises: fill in `32_pytorch_exercises.cpp`
//
// 1. Another library keeps a linear weight as [in, out], under `kernel`. Make a state dict of ours.
// 2. A file has `encoder.fc.weight`, `encoder.fc.bias` and a counter `steps`; the model calls the
//    layer `head` and has no counter. Write the table of names.
// 3. A framework has a single bias an LSTM: what goes into `bias_ih_l0` and `bias_hh_l0`?
//
// That was the last chapter. The rest of the names that differ from PyTorch's are in
// docs/from_pytorch.md.

// %% tags=["program"]
return report({{"tensors changed by a failed load", static_cast<double>(changed), 0, 0},
               {"largest difference to PyTorch's output", gap, 1e-12, 1e-11},
               {"length of the gradient", std::sqrt(squares), 0.642997, 0.642998},
               {"the same bits in the file", same ? 1.0 : 0.0, 1, 0.5}});
}
