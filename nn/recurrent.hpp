/// Recurrent layers over whole sequences: RNN, LSTM, GRU.
#pragma once

#include <vector>

#include "gradtape/autograd/ops/recurrence.hpp"
#include "gradtape/nn/recurrent_cell.hpp"

namespace gradtape::nn {

/// Options of RNN.
struct RNNOptions {
  std::int64_t num_layers =
      1;  ///< Stacked layers, >= 1, each fed with the outputs of the one before.
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< tanh or relu.
  bool bias = true;                                ///< Whether to add biases.
  bool batch_first = false;                        ///< Batches are [N, T, ..], not [T, N, ..].
  double dropout = 0;                ///< Of the outputs of every layer but the last, in [0, 1].
  bool bidirectional = false;        ///< Also runs backwards in time; outputs are joined.
  Generator dropout_generator = {};  ///< As in DropoutOptions.
  Dtype dtype = float32;             ///< float32 or float64.
  Generator generator = {};          ///< Random numbers for the initial values.
};
/// Options of LSTM.
struct LSTMOptions {
  std::int64_t num_layers =
      1;                     ///< Stacked layers, >= 1, each fed with the outputs of the one before.
  bool bias = true;          ///< Whether to add biases.
  bool batch_first = false;  ///< Batches are [N, T, ..], not [T, N, ..].
  double dropout = 0;        ///< Of the outputs of every layer but the last, in [0, 1].
  bool bidirectional = false;  ///< Also runs backwards in time; outputs are joined.
  std::int64_t proj_size = 0;  ///< Where above 0, h is W_hr h of so many elements, below hidden.
  Generator dropout_generator = {};  ///< As in DropoutOptions.
  Dtype dtype = float32;             ///< float32 or float64.
  Generator generator = {};          ///< Random numbers for the initial values.
};
/// Options of GRU.
struct GRUOptions {
  std::int64_t num_layers =
      1;                     ///< Stacked layers, >= 1, each fed with the outputs of the one before.
  bool bias = true;          ///< Whether to add biases.
  bool batch_first = false;  ///< Batches are [N, T, ..], not [T, N, ..].
  double dropout = 0;        ///< Of the outputs of every layer but the last, in [0, 1].
  bool bidirectional = false;        ///< Also runs backwards in time; outputs are joined.
  Generator dropout_generator = {};  ///< As in DropoutOptions.
  Dtype dtype = float32;             ///< float32 or float64.
  Generator generator = {};          ///< Random numbers for the initial values.
};

/// The result of RNN and GRU:  auto [output, h] = gru(x);
struct RNNOutput {
  Tensor output;  ///< h of the last layer at every step: [T, N, directions * hidden].
  Tensor h;       ///< h at the end of every layer and direction: [layers * directions, N, hidden].
};
/// The result of LSTM:  auto [output, state] = lstm(x);
struct LSTMOutput {
  Tensor output;    ///< h of the last layer at every step: [T, N, directions * hidden].
  LSTMState state;  ///< At the end of every layer and direction, as in RNNOutput.
};

namespace detail {

/// What the three layers share: variables with PyTorch's names (weight_ih_l0,
/// weight_hh_l0_reverse ..), uniform in +-1/sqrt(hidden) at first, and the walk over layers,
/// directions and steps.
class Recurrent : public Module {
 public:
  /// The variables of one layer. Throws ValueError for one that there is not.
  const RecurrentWeights& weights(std::int64_t layer = 0, bool reverse = false) const;

 protected:
  struct Description {
    const char* layer;
    std::int64_t gates;
    bool folds_biases;  // b_hh is added to the input's part
    std::int64_t in, hidden, num_layers, proj_size;
    bool bias, batch_first, bidirectional;
    double dropout;
    Generator dropout_generator;
  };
  Recurrent(Description description, Dtype dtype, const Generator& generator);

  /// The state is zeros where undefined; its c is used by LSTM alone.
  [[nodiscard]] LSTMOutput run(const Tensor& x, const LSTMState& initial,
                               const Tensor& lengths) const;

 private:
  /// All steps of one layer in one direction.
  virtual author::RecurrentResult steps(const author::RecurrentCall& call) const = 0;

  struct Batch;
  [[nodiscard]] Batch checked(const Tensor& x, const LSTMState& initial,
                              const Tensor& lengths) const;
  [[nodiscard]] LSTMOutput run_direction(const Tensor& x, const LSTMState& initial,
                                         const Batch& batch, std::size_t index) const;

  Description description_;
  std::vector<RecurrentWeights> weights_;  // of layer 0, layer 0 reversed, layer 1, ...
};

}  // namespace detail

// All three take x: [T, N, in], T steps of N sequences ([N, T, in] with batch_first, [T, in] for
// one sequence), and, where the sequences differ in length, lengths: int64 [N], each in [1, T].
// Steps after the end of a sequence are ignored: its outputs are 0 there, its final state is that
// at its own end, and the reverse direction starts at its own end, as with PyTorch's packed
// sequences. The first state is zeros unless given, [layers * directions, N, hidden], with a
// layer's forward direction before its reverse. Made with options out of range they throw
// ValueError; a call throws ShapeError, DtypeError and ValueError for what does not fit.

/// h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu of it (Elman 1990).
/// x: [T, N, in] -> output [T, N, hidden], twice as wide in two directions.
class RNN : public detail::Recurrent {
 public:
  RNN(std::int64_t in, std::int64_t hidden, const RNNOptions& options = {});
  RNNOutput operator()(const Tensor& x, const Tensor& h = {}, const Tensor& lengths = {}) const;

 private:
  author::RecurrentResult steps(const author::RecurrentCall& call) const override;

  Nonlinearity nonlinearity_;
};

/// Long short-term memory, LSTMCell at every step (Hochreiter and Schmidhuber 1997; proj_size:
/// Sak et al. 2014). x: [T, N, in] -> output [T, N, hidden], twice as wide in two directions.
///
///     auto [output, state] = lstm(x);
///     auto [more, last] = lstm(next, state);
class LSTM : public detail::Recurrent {
 public:
  LSTM(std::int64_t in, std::int64_t hidden, const LSTMOptions& options = {});
  LSTMOutput operator()(const Tensor& x, const LSTMState& state = {},
                        const Tensor& lengths = {}) const;

 private:
  author::RecurrentResult steps(const author::RecurrentCall& call) const override;
};

/// Gated recurrent unit, GRUCell at every step (Cho et al. 2014).
/// x: [T, N, in] -> output [T, N, hidden], twice as wide in two directions.
class GRU : public detail::Recurrent {
 public:
  GRU(std::int64_t in, std::int64_t hidden, const GRUOptions& options = {});
  RNNOutput operator()(const Tensor& x, const Tensor& h = {}, const Tensor& lengths = {}) const;

 private:
  author::RecurrentResult steps(const author::RecurrentCall& call) const override;
};

}  // namespace gradtape::nn
