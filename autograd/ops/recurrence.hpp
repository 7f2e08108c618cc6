/// Recurrent layers over all their steps, for those who write layers.
#pragma once

#include "gradtape/autograd/tensor.hpp"

namespace gradtape {
namespace detail {

/// What a recurrent layer carries from step to step.
struct RecurrentState {
  Tensor h;  ///< [N, hidden], or [N, projected] with a projection.
  Tensor c;  ///< [N, hidden]; of an LSTM only.
};
/// A layer in one direction; G is the number of its gates. What does not fit is a ShapeError or a
/// DtypeError.
struct RecurrentCall {
  Tensor input;            ///< [T, N, G hidden], T at least 1: what the input gives to the gates.
  RecurrentState initial;  ///< The state before the first step.
  Tensor weight;           ///< [G hidden, width of h]: what the state gives to them, and
  Tensor bias = {};        ///< [G hidden] with that; undefined without.
  Tensor projection = {};  ///< [projected, hidden], of an LSTM's h; undefined without.
  bool reverse = false;    ///< Whether it starts at the last step.
  Tensor lengths = {};     ///< int64 [N]: from there on a sequence keeps its state; or undefined.
};
struct RecurrentResult {
  Tensor h;             ///< After each step: [T, N, width of h].
  RecurrentState last;  ///< After the last one.
};

/// h' = tanh(s), or relu(s), for the sum s of what input and state give to the gate.
[[nodiscard]] RecurrentResult rnn(const RecurrentCall& call, bool relu);
/// c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c') for the gates i, f, g, o.
[[nodiscard]] RecurrentResult lstm(const RecurrentCall& call);
/// h' = n + z (h - n) for the gates r, z, n: r = sigmoid(s), z likewise, and n = tanh(the input's
/// part + r times the state's part).
[[nodiscard]] RecurrentResult gru(const RecurrentCall& call);

}  // namespace detail

namespace author {
/// `gru(call)`, `lstm(call)`, `rnn(call, relu)`: a recurrent layer in one direction, one node for
/// all steps. Throws ShapeError and DtypeError for what does not fit.
using detail::gru, detail::lstm, detail::rnn;
/// What those take, `input` [T, N, gates * hidden], `initial`, `weight`, `bias`, ..., and give:
/// `h` [T, N, hidden] after each step, and the `last` state.
using detail::RecurrentCall, detail::RecurrentResult, detail::RecurrentState;
}  // namespace author

}  // namespace gradtape
