#include "fuzz/op_table.hpp"

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/ops/recurrence.hpp>
#include <gradtape/nn/loss.hpp>

#include <concepts>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gradtape::fuzz {
namespace {

void append(std::vector<Tensor>& all, const Tensor& x) { all.push_back(x); }
void append(std::vector<Tensor>& all, const std::vector<Tensor>& x) {
  all.insert(all.end(), x.begin(), x.end());
}
template <std::same_as<bool> Bool> void append(std::vector<Tensor>& all, Bool x) {
  all.push_back(full({}, x, bool_));
}
template <class Results>
  requires(std::is_aggregate_v<Results>)
void append(std::vector<Tensor>& all, const Results& results) {
  if constexpr (drawing::field_count<Results>() == 2) {
    const auto& [a, b] = results;
    append(all, a);
    append(all, b);
  } else {
    const auto& [a, b, c] = results;
    append(all, a);
    append(all, b);
    append(all, c);
  }
}

/// What an argument is kept as until the call.
template <class Argument>
using Kept = std::conditional_t<std::same_as<Argument, std::string_view>, std::string,
                                std::remove_cvref_t<Argument>>;

/// What the tensors of ops are like whose shapes must fit each other; random ones never would.
const std::vector<Like>& likes(const std::string& name) {
  constexpr bool integers = true;
  static const std::map<std::string, std::vector<Like>> all{
      {"batch_norm", {{{3, 2, 2}}, {{2}}, {{2}}, {{2}}, {{2}}}},
      {"bmm", {{{2, 3, 4}}, {{2, 4, 2}}}},
      {"cholesky", {{{2, 3, 3}}}},
      {"cholesky_solve", {{{2, 3, 2}}, {{2, 3, 3}}}},
      {"col2im", {{{1, 8, 9}}}},
      {"conv1d", {{{2, 4, 7}}, {{4, 2, 3}}, {{4}}}},
      {"conv2d", {{{2, 2, 5, 4}}, {{2, 2, 3, 2}}, {{2}}}},
      {"conv3d", {{{1, 2, 3, 3, 3}}, {{2, 2, 2, 2, 2}}, {{2}}}},
      {"conv_transpose1d", {{{2, 4, 5}}, {{4, 2, 3}}, {{2}}}},
      {"conv_transpose2d", {{{2, 2, 3, 3}}, {{2, 2, 3, 2}}, {{2}}}},
      {"conv_transpose3d", {{{1, 2, 2, 2, 2}}, {{2, 2, 2, 2, 2}}, {{2}}}},
      {"cosine_embedding_loss", {{{2, 3}}, {{2, 3}}, {{2}}}},
      {"cross", {{{2, 3}}, {{2, 3}}}},
      {"cross_entropy", {{{3, 4}}, {{3}, integers}, {{4}}}},
      {"ctc_loss", {{{4, 2, 3}}, {{2, 2}, integers}, {{2}, integers}, {{2}, integers}}},
      {"embedding", {{{5, 2}}, {{2, 3}, integers}}},
      {"gather", {{{3, 4}}, {{3, 2}, integers}}},
      {"grid_sample", {{{1, 2, 3, 4}}, {{1, 2, 2, 2}}}},
      {"group_norm", {{{3, 4, 2}}, {{4}}, {{4}}}},
      {"gru", {{{2, 3, 6}}, {{3, 2}}, {{}}, {{6, 2}}, {{6}}, {{}}, {{3}, integers}}},
      {"im2col", {{{1, 2, 4, 4}}}},
      {"index_add", {{{3, 2}}, {{2}, integers}, {{2, 2}}}},
      {"index_select", {{{3, 2}}, {{4}, integers}}},
      {"instance_norm", {{{3, 2, 4}}, {{2}}, {{2}}, {{2}}, {{2}}}},
      {"interpolate", {{{1, 2, 3, 4}}}},
      {"layer_norm", {{{2, 3}}, {{3}}, {{3}}}},
      {"linear", {{{2, 3}}, {{4, 3}}, {{4}}}},
      {"local_response_norm", {{{2, 4, 3}}}},
      {"lstm", {{{2, 3, 8}}, {{3, 2}}, {{3, 2}}, {{8, 2}}, {{8}}, {{2, 2}}, {{3}, integers}}},
      {"multi_margin_loss", {{{3, 4}}, {{3}, integers}, {{4}}}},
      {"multilabel_margin_loss", {{{2, 3}}, {{2, 3}, integers}}},
      {"nll_loss", {{{3, 4}}, {{3}, integers}, {{4}}}},
      {"pixel_shuffle", {{{1, 8, 2, 3}}}},
      {"pixel_unshuffle", {{{1, 2, 4, 6}}}},
      {"prelu", {{{2, 3, 2}}, {{3}}}},
      {"rbf", {{{2, 3}}, {{4, 3}}, {{4}}}},
      {"rms_norm", {{{2, 3}}, {{3}}}},
      {"rnn", {{{2, 3, 2}}, {{3, 2}}, {{}}, {{2, 2}}, {{2}}, {{}}, {{3}, integers}}},
      {"scaled_dot_product_attention", {{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 2}}, {{3, 5}}}},
      {"scatter", {{{3, 4}}, {{3, 2}, integers}, {{3, 2}}}},
      {"scatter_add", {{{3, 4}}, {{3, 2}, integers}, {{3, 2}}}},
      {"scatter_reduce", {{{3, 4}}, {{3, 2}, integers}, {{3, 2}}}},
      {"solve", {{{2, 3, 3}}, {{2, 3, 2}}}},
      {"solve_triangular", {{{2, 3, 3}}, {{2, 3, 2}}}},
      {"take_along", {{{3, 4}}, {{3, 2}, integers}}},
  };
  static const std::vector<Like> square{{{2, 3, 3}}}, row{{{2, 2, 5}}}, image{{{1, 2, 4, 5}}},
      volume{{{1, 1, 3, 4, 3}}}, none;
  if (const auto found = all.find(name); found != all.end()) return found->second;
  if (name.find("pool1d") != name.npos) return row;
  if (name.find("pool2d") != name.npos) return image;
  if (name.find("pool3d") != name.npos) return volume;
  for (const auto* of_matrix : {"inv", "det", "slogdet", "eigh", "eigvalsh", "matrix_power",
                                "matrix_exp", "lu", "qr", "svd", "pinv", "lstsq"})
    if (name == of_matrix) return square;
  return none;
}

template <class R, class... Arguments> Op op(const char* name, R (*f)(Arguments...)) {
  return {name, [f, &expected = likes(name)](Bytes& bytes) {
            bytes.expect(expected);
            // Braces evaluate from left to right.
            const std::tuple<Kept<Arguments>...> arguments{bytes.draw<Kept<Arguments>>()...};
            std::vector<Tensor> all;
            append(all, std::apply(f, arguments));
            return all;
          }};
}

using T = const Tensor&;
using Int = std::int64_t;
using Ints = const IntegerList&;

// clang-format off
#define OP(name) op(#name, &gradtape::name)
#define LOSS(name) op(#name, &gradtape::nn::name)
#define DETAIL(name) op(#name, &gradtape::detail::name)
/// One of several functions of that name.
#define OVERLOAD(result, name, ...) op(#name, static_cast<result (*)(__VA_ARGS__)>(&gradtape::name))
#define OPERATOR_OF(sign, ...) \
  op("operator" #sign, static_cast<Tensor (*)(__VA_ARGS__)>(&gradtape::operator sign))
#define OPERATOR(sign) OPERATOR_OF(sign, T, T)
/// With a C++ number.
#define NUMBER(sign, Number) OPERATOR_OF(sign, T, Number), OPERATOR_OF(sign, Number, T)

std::vector<Op> all_ops() {
  return {
      OP(sigmoid), OP(log_sigmoid), OP(softplus), OP(softsign), OP(tanhshrink), OP(relu), OP(relu6),
      OP(leaky_relu), OP(prelu), OP(elu), OP(celu), OP(selu), OP(gelu), OP(silu), OP(mish),
      OP(hardtanh), OP(hardsigmoid), OP(hardswish), OP(hardshrink), OP(softshrink), OP(threshold),
      OP(glu), OP(maxout), OP(rbf),

      OPERATOR(+), OPERATOR(-), OPERATOR(*), OPERATOR(/), OPERATOR(%),
      OPERATOR_OF(-, T), NUMBER(+, double), NUMBER(-, double), NUMBER(*, double),
      NUMBER(/, double), NUMBER(+, Int), NUMBER(-, Int), NUMBER(*, Int), NUMBER(/, Int),
      OP(pow), OP(maximum), OP(minimum), OP(fmax), OP(fmin),
      OVERLOAD(Tensor, clamp, T, double, double), OVERLOAD(Tensor, clamp, T, T, T), OP(fmod),
      OP(remainder), OP(floor_divide), OP(atan2), OP(hypot), OP(logaddexp), OP(xlogy), OP(copysign),
      OP(heaviside), OP(lerp), OP(addcmul), OP(addcdiv), OP(masked_mul),

      OP(flip), OVERLOAD(Tensor, roll, T, Int, const Axes&), OVERLOAD(Tensor, roll, T, Ints, Ints),
      OP(rot90), OP(tile), OVERLOAD(Tensor, repeat_interleave, T, Int, Int),
      OVERLOAD(Tensor, repeat_interleave, T, T, Int), OP(meshgrid), OP(pad), OP(unfold), OP(diag),
      OP(diagonal), OP(diag_embed), OP(tril), OP(triu),

      OP(scaled_dot_product_attention),

      OPERATOR(==), OPERATOR(!=), OPERATOR(<), OPERATOR(<=), OPERATOR(>), OPERATOR(>=),
      OPERATOR(&), OPERATOR(|), OPERATOR(^), OPERATOR_OF(~, T), OPERATOR_OF(!, T),
      OP(logical_and), OP(logical_or), OP(logical_xor), OP(logical_not), OP(where), OP(isnan),
      OP(isinf), OP(isfinite), OP(isclose), OP(array_equal), OP(allclose),

      OP(conv1d), OP(conv2d), OP(conv3d), OP(conv_transpose1d), OP(conv_transpose2d),
      OP(conv_transpose3d), OP(im2col), OP(col2im),

      OP(pairwise_distance), OP(cdist), OP(cosine_similarity), OP(normalize),

      OP(abs), OP(sign), OP(unit_step), OP(floor), OP(ceil), OP(trunc), OP(round), OP(frac),
      OP(square), OP(sqrt), OP(cbrt), OP(rsqrt), OP(reciprocal), OP(exp), OP(exp2), OP(expm1),
      OP(log), OP(log2), OP(log10), OP(log1p), OP(logit), OP(sin), OP(cos), OP(tan), OP(asin),
      OP(acos), OP(atan), OP(sinh), OP(cosh), OP(tanh), OP(asinh), OP(acosh), OP(atanh), OP(sinc),
      OP(erf), OP(erfc), OP(erfinv), OP(lgamma), OP(digamma), OP(polygamma), OP(nan_to_num),

      OP(at), OP(index_put), OP(index_select), OP(index_add), OP(gather), OP(take_along),
      OP(scatter), OP(scatter_add), OP(scatter_reduce), OP(masked_fill), OP(masked_select),
      OP(nonzero), OP(one_hot), OP(embedding),

      OP(inv), OP(solve), OP(solve_triangular), OP(cholesky), OP(cholesky_solve), OP(det),
      OP(slogdet), OP(lu), OP(qr), OP(svd), OP(svdvals), OP(eigh), OP(eigvalsh), OP(pinv),
      OP(lstsq), OVERLOAD(Tensor, matrix_norm, T, std::string_view, MatrixNormOptions),
      OVERLOAD(Tensor, matrix_norm, T, double, MatrixNormOptions), OP(matrix_power), OP(matrix_exp),

      OP(matmul), OP(linear), OP(bmm), OVERLOAD(Tensor, dot, T, T), OP(outer), OVERLOAD(Tensor, tensordot, T, T, int),
      OVERLOAD(Tensor, tensordot, T, T, Ints, Ints), OP(kron), OP(cross), OP(einsum),

      OP(layer_norm), OP(group_norm), OP(rms_norm), OP(batch_norm), OP(instance_norm),
      OP(local_response_norm),

      OP(max_pool1d), OP(max_pool2d), OP(max_pool3d), OP(max_pool1d_with_indices),
      OP(max_pool2d_with_indices), OP(max_pool3d_with_indices), OP(avg_pool1d), OP(avg_pool2d),
      OP(avg_pool3d), OP(lp_pool1d), OP(lp_pool2d), OP(lp_pool3d), OP(adaptive_avg_pool1d),
      OP(adaptive_avg_pool2d), OP(adaptive_avg_pool3d), OP(adaptive_max_pool1d),
      OP(adaptive_max_pool2d), OP(adaptive_max_pool3d), OP(adaptive_max_pool1d_with_indices),
      OP(adaptive_max_pool2d_with_indices), OP(adaptive_max_pool3d_with_indices),

      OP(dropout), OVERLOAD(Tensor, bernoulli, T, const Generator&), OP(normal), OP(multinomial),

      DETAIL(rnn), DETAIL(lstm), DETAIL(gru),

      OP(sum), OP(mean), OP(amax), OP(amin), OVERLOAD(Tensor, max, T, const Axes&, ReduceOptions),
      OVERLOAD(Tensor, min, T, const Axes&, ReduceOptions), OP(max_with_index), OP(min_with_index),
      OP(prod), OP(var), OP(stddev), OP(norm), OP(logsumexp), OP(argmax), OP(argmin), OP(trace),
      OP(count_nonzero), OP(all), OP(any),

      OP(interpolate), OP(pixel_shuffle), OP(pixel_unshuffle), OP(grid_sample),

      OP(cumsum), OP(cumprod), OP(logcumsumexp), OP(cummax), OP(cummin), OP(diff),

      OP(reshape), OP(transpose), OP(permute), OVERLOAD(Tensor, movedim, T, Ints, Ints),
      OVERLOAD(Tensor, movedim, T, Int, Int), OP(expand), OP(sum_to), OP(slice), OP(narrow),
      OP(select), OP(unsqueeze), OP(squeeze), OP(flatten), OP(unflatten), OP(concat), OP(stack),
      OVERLOAD(std::vector<Tensor>, split, T, Int, Int),
      OVERLOAD(std::vector<Tensor>, split, T, Ints, Int), OP(chunk), OP(unbind),

      OP(softmax), OP(log_softmax), OP(softmin),

      OP(sort), OP(argsort), OP(topk), OP(kthvalue), OP(median), op("mode", &by_argument::mode),
      OP(quantile), OP(unique), OP(searchsorted), OP(bucketize),

      LOSS(bce_loss), LOSS(bce_with_logits), LOSS(bce_with_logits_loss),
      LOSS(multilabel_soft_margin_loss), LOSS(kl_div), LOSS(cross_entropy), LOSS(nll_loss),
      LOSS(ctc_loss), LOSS(hinge_loss), LOSS(hinge_embedding_loss), LOSS(soft_margin_loss),
      LOSS(margin_ranking_loss), LOSS(cosine_embedding_loss), LOSS(triplet_margin_loss),
      LOSS(multi_margin_loss), LOSS(multilabel_margin_loss), LOSS(mse_loss),
      LOSS(half_squared_error), LOSS(l1_loss), LOSS(smooth_l1_loss), LOSS(huber_loss),
      LOSS(gaussian_nll_loss), LOSS(poisson_nll_loss),
  };
}
// clang-format on

}  // namespace

const std::vector<Op>& ops() {
  static const auto all = all_ops();
  return all;
}

}  // namespace gradtape::fuzz
