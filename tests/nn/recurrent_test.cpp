#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/recurrent.hpp>

#include "support/modules.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

// The expected numbers are those of PyTorch 1.13 in float64, for `with_sines` parameters and x =
// cosines.

/// One layer, both ways; layers of one kind share the tests below.
template <class Layer> Layer both_ways(std::int64_t num_layers = 1) {
  return with_sines(Layer(2, 2, {.num_layers = num_layers, .bidirectional = true}));
}

/// All that a layer gives, in one row.
Tensor all_of(const nn::RNNOutput& y) { return row_of({y.output, y.h}); }
Tensor all_of(const nn::LSTMOutput& y) { return row_of({y.output, y.state.h, y.state.c}); }
std::vector<Tensor> states_of(const nn::RNNOutput& y) { return {y.h}; }
std::vector<Tensor> states_of(const nn::LSTMOutput& y) { return {y.state.h, y.state.c}; }

}  // namespace

TEST_CASE("RNN, two layers both ways, gives PyTorch's numbers") {
  const nn::RNN rnn = with_sines(nn::RNN(
      2, 2, {.num_layers = 2, .nonlinearity = nn::Nonlinearity::relu, .bidirectional = true}));
  const auto [output, h] = rnn(cosines({3, 2, 2}));
  const Tensor want = tensor({0.408049985269054,
                              0.245277087385859,
                              0.0,
                              0.0,
                              0.160128626463544,
                              0.520740869594367,
                              0.0,
                              0.0,
                              0.429021566476008,
                              0.311750589352476,
                              0.0,
                              0.0,
                              0.377943371864069,
                              0.228228826929775,
                              0.0,
                              0.0,
                              0.737307426653,
                              0.0,
                              0.0,
                              0.0,
                              0.513082031039795,
                              0.249418152617664,
                              0.0,
                              0.0},
                             float64);
  CHECK(allclose(output, reshape(want, {3, 2, 4}), 1e-12, 1e-14));
  const Tensor want_h =
      tensor({0.486956673758674, 0.0, 0.0929888045977774, 0.0, 0.584130283928647, 0.0, 0.0, 0.0,
              0.737307426653, 0.0, 0.513082031039795, 0.249418152617664, 0.0, 0.0, 0.0, 0.0},
             float64);
  CHECK(allclose(h, reshape(want_h, {4, 2, 2}), 1e-12, 1e-14));
}

TEST_CASE("LSTM, two layers both ways, gives PyTorch's numbers") {
  const auto [output, state] = both_ways<nn::LSTM>(2)(cosines({3, 2, 2}));
  CHECK(output.shape() == Shape{3, 2, 4});
  CHECK(allclose(
      select(output, 0, 1),
      tensor({{-0.305344780658606, -0.0808111124036588, 0.160110754367285, 0.134943675229166},
              {-0.282526806333623, -0.114148430369376, 0.162561863517388, 0.14090679236858}},
             float64),
      1e-12));
  const Tensor want_h =
      tensor({0.0518921073130477, 0.124470942534765, 0.132119730219234, 0.15369814369504,
              -0.0542792976941021, -0.336603639859552, -0.20526435459403, -0.325311426891987,
              -0.260599260702467, -0.14429076847557, -0.260975888997271, -0.16047697322349,
              0.160203357340566, 0.161262884785799, 0.179694376875823, 0.154258205952583},
             float64);
  CHECK(allclose(state.h, reshape(want_h, {4, 2, 2}), 1e-12));
  const Tensor want_c =
      tensor({0.0693886722173864, 0.237090610984103, 0.20184874110067, 0.280243525064027,
              -0.214237056373983, -0.47631604697893, -0.472058291610479, -0.581118298558805,
              -0.408747647081994, -0.221894382728713, -0.405066232915462, -0.249572850445927,
              0.261447227582149, 0.334026543879756, 0.292441191161718, 0.310728243829223},
             float64);
  CHECK(allclose(state.c, reshape(want_c, {4, 2, 2}), 1e-12));
}

TEST_CASE("GRU, two layers both ways, gives PyTorch's numbers") {
  const auto [output, h] = both_ways<nn::GRU>(2)(cosines({3, 2, 2}));
  CHECK(allclose(
      select(output, 0, 1),
      tensor({{-0.276575898570325, 0.638583621203601, -0.0836123642656874, -0.528075058245975},
              {-0.335262415962724, 0.641438534774378, -0.0692072352284261, -0.523615268169827}},
             float64),
      1e-12));
  const Tensor want =
      tensor({-0.324513469790535, -0.283994661477512, -0.214524990599576, -0.529555329119867,
              0.617730877015792, -0.0498848852855525, 0.386965054184426, 0.0916767286357399,
              -0.353115870226744, 0.720359923189217, -0.429505699214454, 0.710793828873761,
              -0.0961553005598379, -0.628918580031395, -0.0965489627382077, -0.597009112465425},
             float64);
  CHECK(allclose(h, reshape(want, {4, 2, 2}), 1e-12));
}

TEST_CASE("an LSTM with projections gives PyTorch's numbers") {
  const auto [output, state] = with_sines(nn::LSTM(2, 3, {.proj_size = 1}))(cosines({3, 2, 2}));
  CHECK(allclose(flatten(output),
                 tensor({0.0624132144595849, 0.101644389795911, 0.138042970725089,
                         0.186837020668659, 0.167170930015226, 0.209390308598958},
                        float64),
                 1e-12));
  CHECK(array_equal(state.h, slice(output, 0, 2)));
  CHECK(allclose(flatten(state.c),
                 tensor({-0.332125549074464, -0.160167027608176, 0.109386092168478,
                         -0.525437627408181, -0.108952599039399, 0.3432975843148},
                        float64),
                 1e-12));
}

TEST_CASE("sequences of several lengths give the numbers of PyTorch's packed sequences") {
  const auto [output, state] = both_ways<nn::LSTM>()(cosines({3, 2, 2}), {}, tensor({2, 3}));
  const Tensor want = tensor({0.0586414137128849,
                              -0.0231740644195803,
                              -0.0688704006350066,
                              -0.260576607944973,
                              0.0878357348330841,
                              0.147808393598151,
                              -0.20526435459403,
                              -0.325311426891987,
                              0.0457675441843903,
                              0.188516257571768,
                              -0.343561197216285,
                              -0.13999910807848,
                              0.0381258864227427,
                              0.175781813940585,
                              -0.164121161983616,
                              -0.33756770843018,
                              0.0,
                              0.0,
                              0.0,
                              0.0,
                              0.132119730219234,
                              0.15369814369504,
                              -0.0509867942589643,
                              -0.162097942521436},
                             float64);
  CHECK(allclose(output, reshape(want, {3, 2, 4}), 1e-12, 1e-15));
  const Tensor want_c =
      tensor({0.0979986364512759, 0.446580276009278, 0.20184874110067, 0.280243525064027,
              -0.270666479023809, -0.363292185994463, -0.472058291610479, -0.581118298558805},
             float64);
  CHECK(allclose(state.c, reshape(want_c, {2, 2, 2}), 1e-12));
}

TEST_CASE_TEMPLATE("every sequence of a padded batch runs as it would alone, NaN behind its end",
                   Layer, nn::RNN, nn::LSTM, nn::GRU) {
  const Layer layer = both_ways<Layer>(2);
  const Tensor x = cosines({4, 3, 2}), lengths = tensor({2, 4, 1});
  const Tensor behind = reshape(arange(4), {4, 1, 1}) >= reshape(lengths, {3, 1});
  const Tensor padded = where(behind, std::numeric_limits<double>::quiet_NaN(), x).requires_grad();
  const auto batch = layer(padded, {}, lengths);
  sum(square(all_of(batch))).backward();
  std::vector<Tensor> slopes;
  for (const auto& p : layer.parameters()) slopes.push_back(p.grad());
  for (const auto& p : layer.parameters()) p.zero_grad();

  for (std::int64_t i = 0; i < 3; ++i) {
    const auto length = lengths.data<std::int64_t>()[static_cast<std::size_t>(i)];
    const auto alone = layer(slice(select(x, 1, i), 0, 0, length));
    const Tensor output = select(batch.output, 1, i);
    CHECK(allclose(slice(output, 0, 0, length), alone.output, 1e-12, 1e-15));
    CHECK(array_equal(slice(output, 0, length).detach(), zeros({4 - length, 4}, float64)));
    const auto together = states_of(batch), own = states_of(alone);
    for (std::size_t s = 0; s < own.size(); ++s)
      CHECK(allclose(select(together[s], 1, i), own[s], 1e-12, 1e-15));
    sum(square(all_of(alone))).backward();
  }
  for (std::size_t k = 0; k < slopes.size(); ++k)
    CHECK(allclose(slopes[k], layer.parameters()[k].grad(), 1e-10, 1e-13));
  CHECK(array_equal(where(behind, padded.grad(), 0), zeros({4, 3, 2}, float64)));
}

TEST_CASE_TEMPLATE("the reverse direction is a layer of its own on the flipped sequence", Layer,
                   nn::RNN, nn::LSTM, nn::GRU) {
  const Layer both = both_ways<Layer>();
  const auto alone = [&](bool reverse) {
    Layer layer(2, 2, {.dtype = float64});
    const auto &from = both.weights(0, reverse), &to = layer.weights();
    to.ih.set(from.ih);
    to.hh.set(from.hh);
    to.bias_ih.set(from.bias_ih);
    to.bias_hh.set(from.bias_hh);
    return layer;
  };
  const Tensor x = cosines({4, 3, 2});
  const auto y = both(x), forward = alone(false)(x), backward = alone(true)(flip(x, 0));
  CHECK(allclose(y.output, concat({forward.output, flip(backward.output, 0)}, -1), 1e-13));
  for (std::size_t s = 0; s < states_of(y).size(); ++s)
    CHECK(
        allclose(states_of(y)[s], concat({states_of(forward)[s], states_of(backward)[s]}), 1e-13));
}

TEST_CASE_TEMPLATE("gradients of a recurrent layer are right to second order", Layer, nn::RNN,
                   nn::LSTM, nn::GRU) {
  const Layer layer = both_ways<Layer>(2);
  const auto f = [&](const Tensor& x) { return all_of(layer(x, {}, tensor({2, 3}))); };
  const auto checked =
      gradcheck(f, cosines({3, 2, 2}), {.order = 2, .parameters = layer.parameters()});
  CHECK_MESSAGE(checked, checked.message);
}

TEST_CASE("gradients of the states and of projections are right to second order") {
  const nn::LSTM lstm = with_sines(nn::LSTM(2, 2, {.proj_size = 1}));
  const auto f = [&](const std::vector<Tensor>& v) { return all_of(lstm(v[0], {v[1], v[2]})); };
  const auto checked = gradcheck(f, {cosines({2, 2, 2}), cosines({1, 2, 1}), cosines({1, 2, 2})},
                                 {.order = 2, .parameters = lstm.parameters()});
  CHECK_MESSAGE(checked, checked.message);
}

TEST_CASE_TEMPLATE("a sequence in two halves, the state handed on, is the whole sequence", Layer,
                   nn::RNN, nn::LSTM, nn::GRU) {
  const Layer layer = with_sines(Layer(2, 3, {.num_layers = 2}));
  const Tensor x = cosines({5, 2, 2});
  const auto whole = layer(x);
  const auto first = layer(slice(x, 0, 0, 2));
  const auto second = [&] {
    if constexpr (std::is_same_v<Layer, nn::LSTM>)
      return layer(slice(x, 0, 2), first.state);
    else
      return layer(slice(x, 0, 2), first.h);
  }();
  CHECK(allclose(concat({first.output, second.output}), whole.output, 1e-14));
  for (std::size_t s = 0; s < states_of(whole).size(); ++s)
    CHECK(allclose(states_of(second)[s], states_of(whole)[s], 1e-14));
}

TEST_CASE("batch_first swaps the first two axes, and one sequence needs no batch axis") {
  const Tensor x = cosines({4, 3, 2});
  const nn::GRU gru = with_sines(nn::GRU(2, 2)),
                rows = with_sines(nn::GRU(2, 2, {.batch_first = true}));
  const auto want = gru(x), got = rows(transpose(x, 0, 1));
  CHECK(array_equal(transpose(got.output, 0, 1), want.output));
  CHECK(array_equal(got.h, want.h));
  const auto [output, h] = rows(select(x, 1, 1), cosines({1, 2}));
  CHECK(output.shape() == Shape{4, 2});
  CHECK(h.shape() == Shape{1, 2});
  CHECK(allclose(output, select(gru(slice(x, 1, 1, 2), cosines({1, 1, 2})).output, 1, 0), 1e-14));
}

TEST_CASE("without biases a layer is the one with biases of 0") {
  nn::LSTM lstm = with_sines(nn::LSTM(2, 2, {.num_layers = 2}));
  nn::LSTM bare = nn::LSTM(2, 2, {.num_layers = 2, .bias = false, .dtype = float64});
  for (std::int64_t l = 0; l < 2; ++l) {
    bare.weights(l).ih.set(lstm.weights(l).ih);
    bare.weights(l).hh.set(lstm.weights(l).hh);
    lstm.weights(l).bias_ih.set(zeros({8}, float64));
    lstm.weights(l).bias_hh.set(zeros({8}, float64));
    CHECK_FALSE(bare.weights(l).bias_ih.defined());
  }
  CHECK(allclose(bare(cosines({3, 2, 2})).output, lstm(cosines({3, 2, 2})).output, 1e-14));
}

TEST_CASE("dropout between layers is active in training only, and repeats with its generator") {
  const auto made = [](double p) {
    return with_sines(
        nn::GRU(2, 8, {.num_layers = 2, .dropout = p, .dropout_generator = Generator(7)}));
  };
  nn::GRU dropped = made(0.5);
  const Tensor x = cosines({3, 2, 2}), plain = made(0)(x).output;
  const Tensor first = dropped(x).output;
  CHECK_FALSE(allclose(first, plain));
  CHECK_FALSE(array_equal(dropped(x).output, first));
  CHECK(array_equal(made(0.5)(x).output, first));
  CHECK(array_equal(select(dropped(x).h, 0, 0), select(made(0)(x).h, 0, 0)));
  dropped.eval();
  CHECK(array_equal(dropped(x).output, plain));
}

TEST_CASE("the variables of recurrent layers have PyTorch's names, shapes and initial values") {
  Generator generator(5);
  const nn::LSTM lstm(
      3, 16, {.num_layers = 2, .bidirectional = true, .proj_size = 5, .generator = generator});
  const auto all = names(lstm.named_parameters());
  CHECK(all.size() == 20);
  CHECK(std::vector(all.begin() + 5, all.begin() + 12) ==
        std::vector<std::string>{"weight_ih_l0_reverse", "weight_hh_l0_reverse",
                                 "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_hr_l0_reverse",
                                 "weight_ih_l1", "weight_hh_l1"});
  CHECK(lstm.weights(0).ih.shape() == Shape{64, 3});
  CHECK(lstm.weights(0).hh.shape() == Shape{64, 5});
  CHECK(lstm.weights(1, true).ih.shape() == Shape{64, 10});
  CHECK(lstm.weights(1).hr.shape() == Shape{5, 16});
  CHECK(lstm.weights(1).ih.name() == "weight_ih_l1");
  for (const auto& p : lstm.parameters()) {
    const double largest = amax(abs(p)).item<double>();
    CHECK(largest <= 0.25);
    CHECK(largest > 0.2);
  }
}

TEST_CASE_TEMPLATE("a clone of a recurrent layer computes the same with weights of its own", Layer,
                   nn::RNN, nn::LSTM, nn::GRU) {
  const Layer layer = both_ways<Layer>();
  const Layer copy = nn::clone(layer);
  const Tensor x = cosines({3, 2, 2}), before = layer(x).output;
  CHECK(array_equal(copy(x).output, before));
  layer.weights().ih.set(zeros(layer.weights().ih.shape(), float64));
  CHECK(array_equal(copy(x).output, before));
  CHECK_FALSE(allclose(layer(x).output, before));
}

TEST_CASE("hooks of a recurrent layer see its input and its output, not its state") {
  nn::LSTM lstm = with_sines(nn::LSTM(2, 2));
  const Tensor x = cosines({3, 2, 2});
  const auto plain = lstm(x);
  lstm.register_forward_hook(
      [](const nn::Module&, const Tensor&, const Tensor& output) { return 2.0 * output; });
  const auto doubled = lstm(x);
  CHECK(array_equal(doubled.output, 2.0 * plain.output));
  CHECK(array_equal(doubled.state.h, plain.state.h));
}

// By the kernels of a whole run without create_graph, by public ops, step by step, with it.
TEST_CASE_TEMPLATE("gradients of a recorded pass are those of the fused one", Layer, nn::RNN,
                   nn::LSTM, nn::GRU) {
  const Generator generator(4);
  const Layer layer(5, 19, {.bidirectional = true, .dtype = float64, .generator = generator});
  const Tensor x = randn({12, 37, 5}, float64, generator).requires_grad();
  std::vector<std::int64_t> ends;
  for (std::int64_t i = 0; i < 37; ++i) ends.push_back(1 + i % 12);
  for (const Tensor& lengths : {Tensor(), tensor(ends)}) {
    const auto gradients = [&](bool recorded) {
      const Tensor y = all_of(layer(x, {}, lengths));
      std::vector<Tensor> inputs{x};
      for (const auto& p : layer.parameters()) inputs.push_back(p.tensor());
      return grad(sum(sin(y)), inputs, {.create_graph = recorded});
    };
    const auto got = gradients(false), want = gradients(true);
    for (std::size_t i = 0; i < want.size(); ++i)
      CHECK(allclose(got[i], want[i].detach(), 1e-11, 1e-13));
  }
}

TEST_CASE("infinite cell states pass no gradient, as in the formulas") {
  const nn::LSTM lstm = with_sines(nn::LSTM(2, 2));
  const Tensor h = zeros({1, 1, 2}, float64);
  const Tensor c = full({1, 1, 2}, std::numeric_limits<double>::infinity(), float64);
  const Tensor x = cosines({2, 1, 2}).requires_grad();
  for (const bool recorded : {false, true}) {
    const Tensor g = grad(sum(lstm(x, {h, c}).output), {x}, {.create_graph = recorded})[0];
    CHECK(all(isfinite(g)).item<bool>());
  }
}
