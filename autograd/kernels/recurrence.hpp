/// Recurrent layers over all their steps, on raw pointers.
#pragma once

#include <cstdint>

namespace gradtape::kernels {

/// With s the sum of what input and state give to a gate, the state h becomes
///     rnn:   tanh(s) or relu(s)
///     lstm:  sigmoid(s_o) tanh(c') for c' = sigmoid(s_f) c + sigmoid(s_i) tanh(s_g)
///     gru:   n + z (h - n) for r = sigmoid(s_r), z = sigmoid(s_z),
///            n = tanh(input's part of s_n + r (state's part of s_n))
/// Gates lie side by side in the order i, f, g, o and r, z, n.
enum class Recurrence { rnn_tanh, rnn_relu, lstm, gru };

constexpr std::int64_t gate_count(Recurrence kind) {
  return kind == Recurrence::lstm ? 4 : kind == Recurrence::gru ? 3 : 1;
}

/// T: float or double. Below, G is gate_count(kind).
template <class T> struct RecurrenceOperands {
  Recurrence kind;
  std::int64_t steps, batch, hidden;
  bool reverse;                 ///< Whether it starts at the last step.
  const std::int64_t* lengths;  ///< [batch]: from there on a sequence's state stays; or null.
  const T* input;               ///< [steps, batch, G hidden]: what the input gives to the gates.
  const T* weight;              ///< [G hidden, hidden]: state to gates.
  const T* bias;                ///< [G hidden], the state's; or null.
  const T *h, *c;               ///< [batch, hidden], the first state; c of an LSTM only.
};

/// What a run gives, and leaves for its backward pass. Where none follows, c and sums have room for
/// one step, which each overwrites.
template <class T> struct RecurrenceStates {
  bool kept;  ///< Whether c and sums have room for every step.
  T* h;       ///< [steps, batch, hidden], after each step.
  T* c;       ///< [steps or 1, batch, hidden]; of an LSTM only.
  T* sums;    ///< [steps or 1, batch, G hidden]: the sums s; of a GRU what the state gives to them.
};

/// What a backward pass takes, null for zeros, and gives. The gradients of a GRU for `sums` are not
/// those for `input`; for the others both are one array.
template <class T> struct RecurrenceGradients {
  const T *of_h, *of_last_h, *of_last_c;  ///< [steps, batch, hidden], [batch, hidden] twice
  T *input, *sums, *h, *c;                ///< As the operands; c of an LSTM only.
};

// A piece of the batch, fixed by its extents, runs through all steps on one thread: results do not
// depend on the number of threads.

/// transposed: the weight as [hidden, G hidden], which pays for many steps; or null.
template <class T>
void recurrence(const RecurrenceOperands<T>& x, const T* transposed, const RecurrenceStates<T>& y);
template <class T>
void recurrence_backward(const RecurrenceOperands<T>& x, const RecurrenceStates<T>& y,
                         const RecurrenceGradients<T>& g);
/// The gradient of the weight, by one product over all steps and one for the first.
template <class T>
void recurrence_weight_gradient(const RecurrenceOperands<T>& x, const T* states, const T* sums,
                                T* gradient);

}  // namespace gradtape::kernels
