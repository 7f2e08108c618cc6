// A variational autoencoder on Fashion-MNIST: dreams up clothes that nobody has photographed.
#include <fmt/format.h>

#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include "check.hpp"
#include "fashion_mnist.hpp"
#include "report.hpp"

using namespace gradtape;

constexpr std::int64_t pixels = 28 * 28, code = 20;

/// Kingma and Welling 2014, "Auto-encoding variational Bayes", appendix B and C.1.
struct Vae : nn::Module {
  explicit Vae(std::int64_t units)
      : encoder(child("encoder", nn::Linear(pixels, units))),
        mean(child("mean", nn::Linear(units, code))),
        log_variance(child("log_variance", nn::Linear(units, code))),
        decoder(child("decoder", nn::Linear(code, units))),
        head(child("head", nn::Linear(units, pixels))) {}

  const nn::Linear encoder, mean, log_variance, decoder, head;

  /// The logits of white pixels.  codes: [n, 20] -> [n, 784]
  Tensor decode(const Tensor& codes) const { return head(relu(decoder(codes))); }

  /// A bound from above on -log p(image), in nats, the mean over the images: what decoding loses,
  /// and how far the codes are from the normal distribution that samples are drawn from (equation
  /// 10).  images: [n, 784], noise: [n, 20], standard normal
  Tensor operator()(const Tensor& images, const Tensor& noise) const {
    const Tensor hidden = relu(encoder(images));
    const Tensor mu = mean(hidden), log_var = log_variance(hidden);
    const Tensor codes = mu + exp(0.5 * log_var) * noise;
    const Tensor lost =
        nn::bce_with_logits(decode(codes), images, {.reduction = nn::Reduction::sum});
    const Tensor divergence = 0.5 * sum(square(mu) + exp(log_var) - log_var - 1.0);
    return (lost + divergence) / static_cast<double>(images.size(0));
  }
};

int main(int argc, char** argv) {
  const Arguments given(argc, argv);
  const auto data = fashion_mnist(given);
  if (!data) return 1;
  const Tensor test = flatten(data->test.inputs(), 1);

  seed(1);
  Vae small(8);
  const Tensor noise = randn({2, code}, float64);
  const auto bound_of = [&](const Tensor& images) { return small(images, noise); };
  // Differences move the pixels, which must stay in [0, 1] as targets.
  if (!gradients_are_right(small, 0.9 * slice(test, 0, 0, 2) + 0.05, bound_of)) return 1;

  const Vae model(400);
  optim::Adam adam(model.parameters(), {.lr = 1e-3});
  constexpr std::uint64_t epochs = 8;
  optim::Progress progress(epochs, data->train.size());
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const nn::data::BatchOptions options{.size = 128, .shuffle = true, .seed = 1, .epoch = epoch};
    for (const auto& [images, labels] : nn::data::batches(data->train, options)) {
      const Tensor loss = model(flatten(images, 1), randn({images.size(0), code}));
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.advance(images.size(0), {{"nats an image", loss.item<double>()}});
    }
    progress.end_epoch();
  }

  const NoGrad no_grad;
  const Tensor samples = sigmoid(model.decode(randn({60, code})));
  const Tensor images = reshape(samples, {-1, 28, 28});
  optim::save_picture("vae.svg",
                      {{.options = {.title = fmt::format("{} images decoded from random codes, "
                                                         "after {} epochs",
                                                         images.size(0), epochs),
                                    .equal_units = true,
                                    .axes = false},
                        .field = optim::image(optim::mosaic(images, 12))}});

  const double bound = model(test, randn({test.size(0), code})).item<double>();
  if (given.quick) return report({{"nats an image, at most, quick", bound, 275, 290}});
  return report({{"nats an image, at most", bound, 245, 248}});
}
