/// Recurrent cells: one step of RNN, LSTM and GRU.
#pragma once

#include <string>

#include "gradtape/autograd/generator.hpp"
#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// What an RNN applies to the sum of input and state.
enum class Nonlinearity { tanh, relu };

/// The state that an LSTM carries from step to step.
struct LSTMState {
  Tensor h;  ///< The hidden state, which is also the output.
  Tensor c;  ///< The cell state.
};

/// The variables of a recurrent layer in one direction, or of a cell. Rows of the weights are the
/// gates one below the other: i, f, g, o in LSTM, r, z, n in GRU.
struct RecurrentWeights {
  Parameter ih;       ///< weight_ih: [gates * hidden, in]
  Parameter hh;       ///< weight_hh: [gates * hidden, hidden], or [.., proj_size]
  Parameter bias_ih;  ///< [gates * hidden]; undefined where the options leave biases out.
  Parameter bias_hh;  ///< As bias_ih.
  Parameter hr;       ///< weight_hr: [proj_size, hidden]; only in an LSTM with proj_size.
};

/// Options of RNNCell.
struct RNNCellOptions {
  bool bias = true;                                ///< Whether to add biases.
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< tanh or relu.
  Dtype dtype = float32;                           ///< float32 or float64.
  Generator generator = {};                        ///< Random numbers for the initial values.
};
/// Options of LSTMCell.
struct LSTMCellOptions {
  bool bias = true;          ///< Whether to add biases.
  Dtype dtype = float32;     ///< float32 or float64.
  Generator generator = {};  ///< Random numbers for the initial values.
};
/// Options of GRUCell.
struct GRUCellOptions {
  bool bias = true;          ///< Whether to add biases.
  Dtype dtype = float32;     ///< float32 or float64.
  Generator generator = {};  ///< Random numbers for the initial values.
};

namespace detail {

/// What the three cells share: variables weight_ih, weight_hh, bias_ih, bias_hh, uniform in
/// +-1/sqrt(hidden) at first, and the checks of their inputs.
class RecurrentCell : public Module {
 public:
  const RecurrentWeights weights;

 protected:
  struct Description {
    const char* layer;
    std::int64_t gates, in, hidden;
    bool bias;
    Dtype dtype;
  };
  RecurrentCell(const Description& description, const Generator& generator);

  /// Throws ShapeError unless x is [N, in] or [in], DtypeError where it is of another dtype than
  /// the weights.
  void check_input(const Tensor& x) const;
  /// The state, checked; zeros where it is undefined.
  [[nodiscard]] Tensor state_or_zeros(const char* name, const Tensor& state, const Tensor& x) const;

 private:
  Description description_;
};

}  // namespace detail

/// h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it (Elman 1990).
/// x: [N, in], h: [N, hidden] -> [N, hidden]; without the batch axis for one sample.
///
/// Throws ValueError when made with a size below 1; a call throws ShapeError and DtypeError.
class RNNCell : public detail::RecurrentCell {
 public:
  RNNCell(std::int64_t in, std::int64_t hidden, const RNNCellOptions& options = {});
  /// h is zeros unless given.
  Tensor operator()(const Tensor& x, const Tensor& h = {}) const;

 private:
  Nonlinearity nonlinearity_;
};

/// c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c') with the gates (i, f, g, o) =
/// W_ih x + b_ih + W_hh h + b_hh (Hochreiter and Schmidhuber 1997; forget gate of Gers et al.
/// 2000). x: [N, in], h and c: [N, hidden] -> the same; without the batch axis for one sample.
///
/// Throws ValueError when made with a size below 1; a call throws ShapeError and DtypeError.
class LSTMCell : public detail::RecurrentCell {
 public:
  LSTMCell(std::int64_t in, std::int64_t hidden, const LSTMCellOptions& options = {});
  /// The state is zeros unless given, h and c together:  auto [h, c] = cell(x, {h, c});
  LSTMState operator()(const Tensor& x, const LSTMState& state = {}) const;
};

/// h' = (1 - z) n + z h with r = sigmoid(W_ir x + b_ir + W_hr h + b_hr), z likewise, and
/// n = tanh(W_in x + b_in + r (W_hn h + b_hn)) (Cho et al. 2014; PyTorch's place of r).
/// x: [N, in], h: [N, hidden] -> [N, hidden]; without the batch axis for one sample.
///
/// Throws ValueError when made with a size below 1; a call throws ShapeError and DtypeError.
class GRUCell : public detail::RecurrentCell {
 public:
  GRUCell(std::int64_t in, std::int64_t hidden, const GRUCellOptions& options = {});
  /// h is zeros unless given.
  Tensor operator()(const Tensor& x, const Tensor& h = {}) const;
};

namespace detail {

/// What the input gives to the gates, [..., gates * hidden]: W_ih x + b_ih, and b_hh with
/// both_biases. (The GRU's r takes b_hh in.)
[[nodiscard]] Tensor input_gates(const Tensor& x, const RecurrentWeights& weights,
                                 bool both_biases);

/// Throws ValueError unless both sizes are at least 1 and the gates can be counted.
void check_sizes(const char* layer, std::int64_t in, std::int64_t hidden);
/// Throws DtypeError unless x is of the weight's dtype.
void check_dtype(const char* layer, const char* name, const Tensor& x, const Parameter& weight);
/// Throws ValueError where only one of h and c is defined.
void check_together(const char* layer, const LSTMState& state);

}  // namespace detail
}  // namespace gradtape::nn
