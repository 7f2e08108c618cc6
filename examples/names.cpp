// A network that spells names: it sees three characters, guesses the next, and makes up new ones.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "report.hpp"

using namespace gradtape;

// 0 stands for the beginning and the end of a name, 1 to 26 for its letters.
constexpr std::int64_t characters = 27, context = 3;

/// Bengio et al. 2003, "A neural probabilistic language model": characters become vectors of ten
/// features, which are learned with the rest.  contexts (int64): [n, 3] -> logits [n, 27]
struct Speller : nn::Module {
  Parameter features = parameter("features", randn({characters, 10}));
  nn::Linear hidden = child("hidden", nn::Linear(context * 10, 100));
  nn::Linear head = child("head", nn::Linear(100, characters));
  Tensor operator()(const Tensor& contexts) const {
    return head(tanh(hidden(flatten(embedding(features, contexts), 1))));
  }
};

/// The names in lower case, without those that are not of letters alone.
std::vector<std::string> load(const std::string& path) {
  std::istringstream lines(read_file(path));
  std::vector<std::string> names;
  for (std::string name; std::getline(lines, name);) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
      names.push_back(name);
  }
  return names;
}

/// Each character, the end included, with the three before it: "al" gives ...a, ..al and .al.
nn::data::Dataset windows(const std::vector<std::string>& names) {
  std::vector<std::int64_t> contexts, targets;
  for (const auto& name : names) {
    std::vector<std::int64_t> codes(context, 0);
    for (const char c : name) codes.push_back(c - 'a' + 1);
    codes.push_back(0);
    for (std::size_t i = context; i < codes.size(); ++i) {
      contexts.insert(contexts.end(), &codes[i - context], &codes[i]);
      targets.push_back(codes[i]);
    }
  }
  const auto n = static_cast<std::int64_t>(targets.size());
  return {tensor(contexts, {n, context}), tensor(targets)};
}

/// Twenty epochs; the seed fixes the initial weights.
Speller trained(std::uint64_t initial, const nn::data::Dataset& train) {
  seed(initial);
  Speller model;
  constexpr std::uint64_t epochs = 20;
  optim::AdamW adam(model.parameters(), {.lr = 3e-3});
  optim::Schedule schedule(adam, optim::cosine_schedule(epochs));
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    for (const auto& [contexts, next] :
         nn::data::batches(train, {.size = 32, .shuffle = true, .epoch = epoch})) {
      const Tensor loss = nn::cross_entropy(model(contexts), next);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
    schedule.step();
  }
  return model;
}

/// Nats a character: the logarithm of how many guesses are open on average.
double loss(const Speller& model, const nn::data::Dataset& data) {
  const NoGrad no_grad;
  return nn::cross_entropy(model(data.inputs()), data.targets()).item<double>();
}

/// A name, drawn character by character, with likely ones preferred a little.
std::string invent(const Speller& model) {
  const NoGrad no_grad;
  std::vector<std::int64_t> codes(context, 0);
  std::string name;
  do {
    const Tensor last = tensor(std::vector(codes.end() - context, codes.end()), {1, context});
    codes.push_back(multinomial(softmax(model(last) / 0.8, 1), 1).item<std::int64_t>());
    if (codes.back() != 0) name += static_cast<char>('a' + codes.back() - 1);
  } while (codes.back() != 0);
  return name;
}

int main(int argc, char** argv) {
  std::vector<std::string> names;
  try {
    names = load(argc > 1 ? argv[1] : "/usr/share/dict/propernames.gz");
  } catch (const IoError& error) {
    fmt::print(stderr,
               "{}\nThe names come with Debian's and Ubuntu's package: sudo apt-get install "
               "miscfiles\nElsewhere give a file with a name a line: ./examples/run names FILE\n",
               error.what());
    return 1;
  }
  std::vector<std::string> known, unknown;
  for (std::size_t i = 0; i < names.size(); ++i)
    (i % 10 == 0 ? unknown : known).push_back(names[i]);
  const auto train = windows(known), held_out = windows(unknown);

  Speller fresh;
  const auto few = nn::data::batches(train, {.size = 8})[0];
  const auto loss_of = [&](const Tensor& x) { return nn::cross_entropy(fresh(x), few.targets); };
  if (!gradients_are_right(fresh, few.inputs, loss_of)) return 1;

  fmt::print("{} names to learn from, {} held out; nats a character:\n", known.size(),
             unknown.size());
  double mean_loss = 0;
  constexpr int seeds = 3;
  for (std::uint64_t s = 1; s <= seeds; ++s) {
    const Speller model = trained(s, train);
    fmt::print("seed {}: {:.3f} learned, {:.3f} held out;", s, loss(model, train),
               loss(model, held_out));
    mean_loss += loss(model, held_out) / seeds;
    for (int invented = 0; invented < 6;) {
      std::string name = invent(model);
      if (name.size() < 3 || std::find(names.begin(), names.end(), name) != names.end()) continue;
      name[0] = static_cast<char>(std::toupper(name[0]));
      fmt::print(" {}", name);
      ++invented;
    }
    fmt::print("\n");
  }
  return report({{"held-out nats a character", mean_loss, 2.35, 2.38}});
}
