// An LSTM that reads The Devil's Dictionary character by character, then writes entries of its own.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "devils_dictionary.hpp"
#include "report.hpp"

using namespace gradtape;

/// What comes next at each place of a text.  characters (int64): [n, t] -> logits [n, t, classes]
struct Writer : nn::Module {
  explicit Writer(std::int64_t characters, std::int64_t units = 128)
      : features(child("features", nn::Embedding(characters, 32))),
        lstm(child("lstm", nn::LSTM(32, units, {.batch_first = true}))),
        head(child("head", nn::Linear(units, characters))) {}

  Tensor operator()(const Tensor& characters) const {
    return head(lstm(features(characters)).output);
  }

  const nn::Embedding features;
  const nn::LSTM lstm;
  const nn::Linear head;
};

/// Goes on with a text for as many characters, with likely ones preferred a little.
std::string written(const Writer& model, const nn::data::Vocabulary& vocabulary, std::string text,
                    int length) {
  const NoGrad no_grad;
  Tensor next = unsqueeze(vocabulary.encode(text), 0);
  nn::LSTMState state;  // what it remembers of all that came before
  for (int i = 0; i < length; ++i) {
    auto [output, last] = model.lstm(model.features(next), state);
    state = last;
    next = multinomial(softmax(model.head(select(output, 1, -1)) / 0.7, 1), 1);
    text += vocabulary.decode(next);
  }
  return text;
}

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto text = devils_dictionary(given);
  if (!text) return 1;
  const auto& [vocabulary, known, unknown] = *text;
  const auto train = nn::data::next_token_windows(known, {.context = 64, .stride = 16});
  const auto held_out = nn::data::next_token_windows(unknown, {.context = 256, .stride = 256});

  seed(1);
  Writer small(vocabulary.size(), 8);
  const auto few = nn::data::next_token_windows(slice(known, 0, 0, 12), {.context = 5}).all();
  const auto loss_of = [&](const Tensor& x) { return nats(small, {x, few.targets}); };
  if (!gradients_are_right(small, few.inputs, loss_of)) return 1;

  const Writer model(vocabulary.size());
  const int steps = given.quick ? 30 : 600;
  optim::Adam adam(model.parameters(), {.lr = 1e-2});
  optim::Schedule schedule(adam, optim::cosine_schedule(steps));
  optim::Progress progress(1, steps);
  nn::data::Loader loader(train, {.size = 32, .shuffle = true, .seed = 1});
  for (int step = 0; step < steps;)
    for (const auto& batch : loader) {
      const Tensor loss = nats(model, batch);
      adam.zero_grad();
      loss.backward();
      optim::clip_grad_norm(model.parameters(), 1);
      adam.step();
      schedule.step();
      progress.advance(1, {{"nats a character", loss.item<double>()}});
      if (++step == steps) break;
    }
  progress.finish();

  fmt::print("\n{}\n\n", written(model, vocabulary, "LOVE, n.  ", given.quick ? 100 : 600));
  const NoGrad no_grad;
  const double reached = nats(model, held_out.all()).item<double>();
  if (given.quick) return report({{"held-out nats a character, quick", reached, 2.7, 2.9}});
  return report({{"held-out nats a character", reached, 1.82, 1.9}});
}
