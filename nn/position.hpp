/// Positions of elements in a sequence: sinusoidal and rotary.
#pragma once

#include "gradtape/nn/module.hpp"

namespace gradtape::nn {

/// Options of SinusoidalPositions.
struct SinusoidalPositionsOptions {
  bool batch_first = false;  ///< Batches are [N, L, d], not [L, N, d].
  double base = 10000;       ///< Longest wave length / 2 pi, above 0.
};

/// The table PE(p, 2 i) = sin(p / base^(2 i / d)), PE(p, 2 i + 1) = cos of the same, for p = first,
/// first + 1, ...: [length, d] (Vaswani et al. 2017, section 3.5).
/// Throws ValueError for a negative length or first, d < 1 or base <= 0, DtypeError unless
/// floating.
[[nodiscard]] Tensor sinusoidal_positions(std::int64_t length, std::int64_t d,
                                          std::int64_t first = 0, double base = 10000,
                                          Dtype dtype = float32);

/// x + sinusoidal_positions, p along the sequence.
/// x: [L, N, d], [N, L, d] with batch_first, or [L, d] -> the same.
/// Throws ValueError when made with d < 1 or base <= 0; a call throws ShapeError and DtypeError.
class SinusoidalPositions : public Layer {
 public:
  explicit SinusoidalPositions(std::int64_t d, const SinusoidalPositionsOptions& options = {});

 protected:
  Tensor forward(const Tensor& x) const override;

 private:
  std::int64_t d_;
  SinusoidalPositionsOptions options_;
};

/// Options of rotary_positions.
struct RotaryPositionsOptions {
  std::int64_t first = 0;  ///< Position of the first row, at least 0.
  double base = 10000;     ///< Longest wave length / 2 pi, above 0.
};

/// Turns the pair (x_2i, x_2i+1) of row p by the angle p base^(-2 i / d), so that the product of a
/// query and a key turned so depends on the distance of their positions alone: RoPE (Su et al.
/// 2021, "RoFormer", eq. 34). For the queries and keys of attention. x: [..., L, d] -> the same.
/// Throws ShapeError for fewer than two axes or an odd d, ValueError for options out of range,
/// DtypeError unless floating.
[[nodiscard]] Tensor rotary_positions(const Tensor& x, const RotaryPositionsOptions& options = {});

/// rotary_positions as a layer.
class RotaryPositions : public Layer {
 public:
  explicit RotaryPositions(const RotaryPositionsOptions& options = {});

 protected:
  Tensor forward(const Tensor& x) const override { return rotary_positions(x, options_); }

 private:
  RotaryPositionsOptions options_;
};

}  // namespace gradtape::nn
