#include <doctest/doctest.h>

#include <gradtape/autograd/gradcheck.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/recurrent.hpp>

#include "support/modules.hpp"
#include "support/tensors.hpp"

using namespace gradtape;
using namespace gradtape::testing;

TEST_CASE("cells give PyTorch's numbers") {
  const Tensor x = cosines({2, 2}), h = cosines({2, 2});
  CHECK(allclose(
      with_sines(nn::RNNCell(2, 2))(x, h),
      tensor({{-0.111319100230426, -0.0522618272926162}, {-0.432456368378138, -0.486277606886954}},
             float64),
      1e-12));
  CHECK(allclose(
      with_sines(nn::GRUCell(2, 2))(x, h),
      tensor({{0.299468442729125, 0.456960385429165}, {0.0745340234582853, -0.551922336196294}},
             float64),
      1e-12));
  const auto [next, c] = with_sines(nn::LSTMCell(2, 2))(x, {h, h + 1.0});
  CHECK(allclose(
      next,
      tensor({{0.404634871961958, 0.38735933199243}, {0.273011124999893, 0.202523006273471}},
             float64),
      1e-12));
  CHECK(allclose(
      c,
      tensor({{0.810234383600381, 0.868508561852338}, {0.465975584445734, 0.444006720414924}},
             float64),
      1e-12));
}

TEST_CASE("a cell without a batch, without a state and without biases") {
  const nn::LSTMCell cell = with_sines(nn::LSTMCell(2, 3, {.bias = false}));
  CHECK(names(cell.named_parameters()) == std::vector<std::string>{"weight_ih", "weight_hh"});
  const auto [h, c] = cell(cosines({2}));
  const auto batch = cell(cosines({1, 2}), {zeros({1, 3}, float64), zeros({1, 3}, float64)});
  CHECK(h.shape() == Shape{3});
  CHECK(array_equal(h, select(batch.h, 0, 0)));
  CHECK(array_equal(c, select(batch.c, 0, 0)));
  CHECK(nn::GRUCell(2, 3)(ones({2})).shape() == Shape{3});
  const nn::RNNCell relu(2, 3, {.nonlinearity = nn::Nonlinearity::relu});
  CHECK(amin(relu(randn({50, 2}))).item<double>() == 0);
}

TEST_CASE("the fused steps are the formulas of the cells, op by op, and so are their gradients") {
  const Tensor x = cosines({3, 2}), h = sin(cosines({3, 4})), c = cosines({3, 4});
  const auto agree = [](const nn::Module& cell, const Tensor& fused, const Tensor& plain) {
    CHECK(allclose(fused, plain, 1e-14, 1e-15));
    std::vector<Tensor> variables;
    for (const auto& p : cell.parameters()) variables.push_back(p);
    const auto got = grad(sum(square(fused)), variables),
               want = grad(sum(square(plain)), variables);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(allclose(got[i], want[i], 1e-12, 1e-14));
  };
  const auto gates = [](const nn::RecurrentWeights& w, const Tensor& in, const Tensor& state) {
    return std::pair(linear(in, w.ih, w.bias_ih), linear(state, w.hh, w.bias_hh));
  };
  const nn::LSTMCell lstm = with_sines(nn::LSTMCell(2, 4));
  const auto [lx, lh] = gates(lstm.weights, x, h);
  const auto g = chunk(lx + lh, 4, -1);
  const Tensor next_c = sigmoid(g[1]) * c + sigmoid(g[0]) * tanh(g[2]);
  const auto lstm_next = lstm(x, {h, c});
  agree(lstm, row_of({lstm_next.h, lstm_next.c}), row_of({sigmoid(g[3]) * tanh(next_c), next_c}));
  const nn::GRUCell gru = with_sines(nn::GRUCell(2, 4));
  const auto [gx, gh] = gates(gru.weights, x, h);
  const auto a = chunk(gx, 3, -1), b = chunk(gh, 3, -1);
  const Tensor z = sigmoid(a[1] + b[1]);
  const Tensor n = tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]);
  agree(gru, gru(x, h), (1.0 - z) * n + z * h);
}

TEST_CASE("gradients of the cells are right to second order") {
  const nn::RNNCell rnn = with_sines(nn::RNNCell(2, 2));
  const nn::LSTMCell lstm = with_sines(nn::LSTMCell(2, 2));
  const nn::GRUCell gru = with_sines(nn::GRUCell(2, 2));
  const auto check = [](const nn::Module& cell, const auto& f) {
    const auto checked =
        gradcheck(f, {cosines({2, 2}), cosines({2, 2}) + 0.3, cosines({2, 2}) - 0.2},
                  {.order = 2, .parameters = cell.parameters()});
    CHECK_MESSAGE(checked, checked.message);
  };
  using Inputs = std::vector<Tensor>;
  check(rnn, [&](const Inputs& v) { return rnn(v[0], v[1] * v[2]); });
  check(gru, [&](const Inputs& v) { return gru(v[0], v[1] * v[2]); });
  check(lstm, [&](const Inputs& v) {
    const auto [h, c] = lstm(v[0], {v[1], v[2]});
    return row_of({h, c});
  });
}

TEST_CASE("cells refuse what does not fit, by name") {
  CHECK_THROWS_WITH_AS(nn::GRUCell(2, 0),
                       "GRUCell: needs at least one input and one hidden unit, got in = 2, "
                       "hidden = 0",
                       ValueError);
  const nn::RNNCell rnn(2, 3);
  CHECK_THROWS_WITH_AS(rnn(ones({4, 3})), "RNNCell: needs x [N, 2] or [2], got [4, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(rnn(ones({4, 2}), ones({4, 2})),
                       "RNNCell: needs h [4, 3] for x [4, 2], got [4, 2]", ShapeError);
  CHECK_THROWS_WITH_AS(rnn(ones({4, 2}, float64)),
                       "RNNCell: x is float64, but the weights are float32; convert one with .to()",
                       DtypeError);
  CHECK_THROWS_WITH_AS(nn::LSTMCell(2, 3)(ones({2}), {ones({3}), {}}),
                       "LSTMCell: the state has h but no c; give both or none", ValueError);
}

TEST_CASE("recurrent layers refuse options out of range, by name") {
  CHECK_THROWS_WITH_AS(nn::LSTM(0, 3),
                       "LSTM: needs at least one input and one hidden unit, got in = 0, hidden = 3",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::LSTM(2, std::int64_t{1} << 62),
                       "LSTM: hidden = 4611686018427387904 is too large for any memory",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::RNN(2, 3, {.num_layers = 0}),
                       "RNN: num_layers = 0, but it must be at least 1", ValueError);
  CHECK_THROWS_WITH_AS(nn::GRU(2, 3, {.dropout = 2}), "GRU: dropout = 2, but it must be in [0, 1]",
                       ValueError);
  CHECK_THROWS_WITH_AS(nn::LSTM(2, 3, {.proj_size = 3}),
                       "LSTM: proj_size = 3, but it must be below hidden = 3", ValueError);
  CHECK_THROWS_WITH_AS(nn::LSTM(2, 3, {.proj_size = -1}),
                       "LSTM: proj_size = -1, but it must be at least 0", ValueError);
  CHECK_THROWS_WITH_AS(nn::LSTM(2, 3, {.num_layers = 2}).weights(1, true),
                       "LSTM: there is no layer 1 reversed; it has 2 layers, forward only",
                       ValueError);
}

TEST_CASE("recurrent layers refuse input that does not fit, by name") {
  const nn::GRU gru(2, 3), rows(2, 3, {.batch_first = true});
  CHECK_THROWS_WITH_AS(
      gru(ones({4, 5, 3})),
      "GRU: needs x [T, N, 2] for a batch or [T, 2] for one sequence, got [4, 5, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(rows(ones({2})),
                       "GRU: needs x [N, T, 2] for a batch or [T, 2] for one sequence, got [2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(gru(ones({0, 5, 2})), "GRU: needs at least one step, got [0, 5, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 5, 2}), ones({5, 3})),
                       "GRU: needs h [1, 5, 3] for x [4, 5, 2], got [5, 3]", ShapeError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 5, 2}), ones({1, 5, 3}, float64)),
                       "GRU: h is float64, but the weights are float32; convert one with .to()",
                       DtypeError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 2, 2}), {}, ones({2})), "GRU: lengths are int64, got float32",
                       DtypeError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 2, 2}), {}, tensor({4, 4, 4})),
                       "GRU: needs one length for each sequence of a batch, [N]; got [3] for x "
                       "[4, 2, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 2, 2}), {}, tensor({5, 4})),
                       "GRU: lengths[0] = 5, but it must be in [1, 4]", ValueError);
  CHECK_THROWS_WITH_AS(gru(ones({4, 2, 2}), {}, tensor({1, 0})),
                       "GRU: lengths[1] = 0, but it must be in [1, 4]", ValueError);
  CHECK_THROWS_AS(gru(Tensor()), GraphError);
  CHECK(gru(ones({4, 0, 2})).output.shape() == Shape{4, 0, 3});
}
