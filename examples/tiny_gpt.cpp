// A small GPT: a transformer of four layers learns to write like The Devil's Dictionary, and shows.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "devils_dictionary.hpp"
#include "report.hpp"

using namespace gradtape;

constexpr std::int64_t context = 64;

/// Radford et al. 2018, "Improving language understanding by generative pre-training": four layers,
/// in which each place looks at those before it.  characters (int64): [n, t] -> logits [n, t, all]
struct Gpt : nn::Module {
  Gpt(std::int64_t characters, std::int64_t width)
      : features(child("features", nn::Embedding(characters, width, small_numbers))),
        places(child("places", nn::Embedding(context, width, small_numbers))),
        layers(child("layers", nn::TransformerEncoder(layer(width), 4, nn::LayerNorm(width)))),
        head(child("head", nn::Linear(width, characters))) {}

  Tensor operator()(const Tensor& characters) const {
    const Tensor place = arange(0, characters.size(1), 1, int64);
    return head(layers(features(characters) + places(place), {.causal = true}));
  }

  const nn::Embedding features, places;
  const nn::TransformerEncoder layers;
  const nn::Linear head;

 private:
  static nn::TransformerEncoderLayer layer(std::int64_t width) {
    return {width,
            4,
            {.dim_feedforward = 4 * width,
             .dropout = 0,
             .activation = nn::GELU(),
             .batch_first = true,
             .norm_first = true}};
  }
  static inline const nn::EmbeddingOptions small_numbers{.weight_init = nn::init::Normal{0, 0.02}};
};

/// Goes on with a text for as many characters, with likely ones preferred a little.
std::string written(const Gpt& model, const nn::data::Vocabulary& vocabulary, std::string text,
                    int length) {
  const NoGrad no_grad;
  Tensor characters = unsqueeze(vocabulary.encode(text), 0);
  for (int i = 0; i < length; ++i) {
    const Tensor seen =
        slice(characters, 1, std::max<std::int64_t>(0, characters.size(1) - context));
    const Tensor next = multinomial(softmax(select(model(seen), 1, -1) / 0.7, 1), 1);
    characters = concat({characters, next}, 1);
  }
  return vocabulary.decode(characters);
}

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto text = devils_dictionary(given);
  if (!text) return 1;
  const auto& [vocabulary, known, unknown] = *text;
  const auto train = nn::data::next_token_windows(known, {.context = context, .stride = 8});
  const auto held_out =
      nn::data::next_token_windows(unknown, {.context = context, .stride = context});

  seed(1);
  Gpt small(vocabulary.size(), 8);
  const auto few = nn::data::next_token_windows(slice(known, 0, 0, 12), {.context = 10}).all();
  const auto loss_of = [&](const Tensor& x) { return nats(small, {x, few.targets}); };
  if (!gradients_are_right(small, few.inputs, loss_of)) return 1;

  const Gpt model(vocabulary.size(), 64);
  const int steps = given.quick ? 20 : 1000, sample_every = 250;
  optim::AdamW adam(model.parameters(), {.lr = 3e-3, .weight_decay = 0.1});
  optim::Schedule schedule(
      adam, optim::one_cycle({.max_lr = 3e-3, .steps = steps + 1, .pct_start = 0.1}));
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
      if (++step % sample_every == 0) {
        progress.finish();
        fmt::print("after {} steps: {}\n", step, written(model, vocabulary, "LOVE, n.  ", 200));
      }
      if (step == steps) break;
    }
  progress.finish();

  const NoGrad no_grad;
  const double reached = nats(model, held_out.all()).item<double>();
  if (given.quick) return report({{"held-out nats a character, quick", reached, 3.15, 3.3}});
  return report({{"held-out nats a character", reached, 1.83, 1.9}});
}
