// Attention, recurrent layers, and alignments of sequences.
#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/ops/recurrence.hpp>
#include <gradtape/nn/attention.hpp>
#include <gradtape/nn/loss.hpp>

#include <cmath>

#include "support/exact.hpp"

namespace gradtape::testing::exact {

namespace {

// ---- attention ----

/// Queries and keys of `width`, values of `value_width`; `sees(i, j)` says whether query i may look
/// at key j, and `added` what is added to their score.
template <class Sees>
Numbers attend(const Operands& x, std::size_t width, std::size_t value_width, const Real50& scale,
               Sees sees, const Numbers& added = {}) {
  const std::size_t n = x[0].size() / width, m = x[1].size() / width;
  const Numbers products = matmul(x[0], transposed(x[1], width), width);
  Numbers y;
  for (std::size_t i = 0; i < n; ++i) {
    Numbers scores;
    std::vector<std::size_t> keys;
    for (std::size_t j = 0; j < m; ++j)
      if (sees(i, j)) {
        keys.push_back(j);
        const Real50 score = products[i * m + j] * scale;
        scores.push_back(added.empty() ? score : score + added[i * m + j]);
      }
    const Real50 most = largest(scores);
    const Numbers e = map(scores, [&](const Real50& s) { return exp(s - most); });
    const Real50 total = sum(e);
    for (std::size_t c = 0; c < value_width; ++c) {
      Numbers terms;
      for (std::size_t k = 0; k < keys.size(); ++k)
        terms.push_back(e[k] / total * x[2][keys[k] * value_width + c]);
      y.push_back(sum(terms));
    }
  }
  return y;
}

Real50 usual_scale(double width) { return Real50(1.) / sqrt(Real50(width)); }

constexpr auto all_keys = [](std::size_t, std::size_t) { return true; };
constexpr auto earlier_keys = [](std::size_t i, std::size_t j) { return j <= i; };
constexpr auto odd_keys = [](std::size_t i, std::size_t j) { return (i + j) % 2 == 1; };

template <class Sees>
Row attention_row(const char* name, const AttentionOptions& options, Sees sees) {
  return {name,
          [=](const Tensors& x) { return scaled_dot_product_attention(x[0], x[1], x[2], options); },
          [=](const Operands& x) {
            const Real50 scale = options.scale ? Real50(*options.scale) : usual_scale(2);
            return attend(x, 2, 2, scale, sees);
          },
          {{{3, 2}}, {{3, 2}}, {{3, 2}}}};
}

/// Self-attention of two heads over [3, 4] by a module with fixed weights.
Row heads_row() {
  const nn::MultiheadAttention layer(4, 2, {.dtype = float64, .generator = Generator(3)});
  const auto numbers = [](const Tensor& x) {
    const auto data = x.data<double>();
    return Numbers(data.begin(), data.end());
  };
  const Numbers projection = numbers(layer.in_proj_weight), bias = numbers(layer.in_proj_bias);
  const Numbers output = numbers(layer.out_proj.weight), output_bias = numbers(layer.out_proj.bias);
  return {"multi_head_attention",
          [layer](const Tensors& x) { return layer(x[0], {.causal = true}).output; },
          [=](const Operands& x) {
            // x w_i + b_i, [3, 2], for rows i ... i + 2 of a weight with 4 columns
            const auto columns = [&](std::size_t i) {
              Numbers y = matmul(x[0], transposed(row_of(projection, i / 2, 8), 4), 4);
              for (std::size_t k = 0; k < y.size(); ++k) y[k] = y[k] + bias[i + k % 2];
              return y;
            };
            Numbers joined(12);
            for (std::size_t head = 0; head < 2; ++head) {
              const std::size_t at = 2 * head;
              const Numbers y = attend({columns(at), columns(4 + at), columns(8 + at)}, 2, 2,
                                       usual_scale(2), earlier_keys);
              for (std::size_t k = 0; k < 6; ++k) joined[k / 2 * 4 + at + k % 2] = y[k];
            }
            Numbers y = matmul(joined, transposed(output, 4), 4);
            for (std::size_t k = 0; k < y.size(); ++k) y[k] = y[k] + output_bias[k % 4];
            return y;
          },
          {{{3, 4}}}};
}

std::vector<Row> attention_rows() {
  const Tensor odd = tensor({{false, true, false}, {true, false, true}, {false, true, false}});
  return {
      attention_row("scaled_dot_product_attention", {}, all_keys),
      attention_row("scaled_dot_product_attention, causal", {.causal = true, .scale = 0.3},
                    earlier_keys),
      attention_row("scaled_dot_product_attention, masked", {.mask = odd}, odd_keys),
      {"scaled_dot_product_attention, mask added",
       [](const Tensors& x) {
         return scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3]});
       },
       [](const Operands& x) { return attend(x, 2, 2, usual_scale(2), all_keys, x[3]); },
       {{{2, 2}}, {{3, 2}}, {{3, 2}}, {{2, 3}}}},
      heads_row(),
  };
}

// ---- recurrent layers, over one sequence of two steps with two states ----

constexpr std::size_t hidden = 2;

Numbers part(const Numbers& x, std::size_t i) { return row_of(x, i, hidden); }
Numbers plus(const Numbers& a, const Numbers& b) {
  return map(a, b, [](const Real50& p, const Real50& q) { return p + q; });
}
Numbers times(const Numbers& a, const Numbers& b) {
  return map(a, b, [](const Real50& p, const Real50& q) { return p * q; });
}
Numbers sigmoids(const Numbers& x) {
  return map(x, [](const Real50& v) { return sigmoid(v); });
}
Numbers tanhs(const Numbers& x) {
  return map(x, [](const Real50& v) { return tanh(v); });
}

/// What the states after both steps are, given `step(input, weight h, state)` -> the next state.
template <class Step> Numbers states(const Operands& x, const Numbers& initial, Step step) {
  const std::size_t width = x[0].size() / 2;
  Numbers state = initial, y;
  for (std::size_t t = 0; t < 2; ++t) {
    const Numbers h = part(state, 0);
    const Numbers input = row_of(x[0], t, width);
    state = step(input, plus(matmul(x[1], h, hidden), x.back()), state);
    y.insert(y.end(), state.begin(), state.begin() + hidden);
  }
  return y;
}

Operand of_shape(std::int64_t rows, std::int64_t columns) { return {{rows, columns}}; }

std::vector<Operand> recurrent_operands(std::int64_t gates) {
  std::vector<Operand> x{{{2, 1, gates * 2}}, of_shape(gates * 2, 2), of_shape(1, 2)};
  if (gates == 4) x.push_back(of_shape(1, 2));
  x.push_back({{gates * 2}});
  return x;
}

template <class Run, class Step>
Row recurrent_row(const char* name, std::int64_t gates, Run run, Step step) {
  return {name,
          [=](const Tensors& x) {
            author::RecurrentCall call;
            call.input = x[0], call.weight = x[1], call.initial.h = x[2], call.bias = x.back();
            if (gates == 4) call.initial.c = x[3];
            return run(call).h;
          },
          [=](const Operands& x) {
            Numbers initial = x[2];
            if (gates == 4) initial.insert(initial.end(), x[3].begin(), x[3].end());
            return states(x, initial, step);
          },
          recurrent_operands(gates)};
}

std::vector<Row> recurrent_rows() {
  using author::RecurrentCall;
  return {
      recurrent_row(
          "rnn", 1, [](const RecurrentCall& c) { return author::rnn(c, false); },
          [](const Numbers& in, const Numbers& s, const Numbers&) { return tanhs(plus(in, s)); }),
      recurrent_row(
          "rnn, relu", 1, [](const RecurrentCall& c) { return author::rnn(c, true); },
          [](const Numbers& in, const Numbers& s, const Numbers&) {
            return map(plus(in, s),
                       [](const Real50& v) { return v.value > 0 ? v : v.mapped(0, 0, 0); });
          }),
      recurrent_row("lstm", 4, author::lstm,
                    [](const Numbers& in, const Numbers& s, const Numbers& state) {
                      const Numbers sums = plus(in, s);
                      const Numbers c = plus(times(sigmoids(part(sums, 1)), part(state, 1)),
                                             times(sigmoids(part(sums, 0)), tanhs(part(sums, 2))));
                      Numbers next = times(sigmoids(part(sums, 3)), tanhs(c));
                      next.insert(next.end(), c.begin(), c.end());
                      return next;
                    }),
      recurrent_row("gru", 3, author::gru,
                    [](const Numbers& in, const Numbers& s, const Numbers& h) {
                      const Numbers r = sigmoids(plus(part(in, 0), part(s, 0)));
                      const Numbers z = sigmoids(plus(part(in, 1), part(s, 1)));
                      const Numbers n = tanhs(plus(part(in, 2), times(r, part(s, 2))));
                      return plus(n, times(z, map(h, n, [](const Real50& p, const Real50& q) {
                                             return p - q;
                                           })));
                    }),
  };
}

// ---- alignments ----

/// -log of the sum over all ways to write `target` in `steps` classes of 0 (blank) to 2.
Real50 alignment_cost(const Numbers& x, std::size_t steps, const std::vector<int>& target) {
  Numbers paths;
  for (int code = 0; code < std::lround(std::pow(3, steps)); ++code) {
    std::vector<int> written;
    Numbers terms;
    int rest = code, before = 0;
    for (std::size_t t = 0; t < steps; ++t, rest /= 3) {
      const int c = rest % 3;
      if (c != 0 && c != before) written.push_back(c);
      before = c;
      terms.push_back(x[t * 3 + static_cast<std::size_t>(c)]);
    }
    if (written == target) paths.push_back(sum(terms));
  }
  return -logsumexp(paths);
}

std::vector<Row> alignment_rows() {
  const Tensor both = tensor({1, 2}), twice = tensor({1, 1}), four = tensor(4), two = tensor(2);
  return {
      {"ctc_loss",
       [=](const Tensors& x) {
         return nn::ctc_loss(x[0], both, four, two, {.reduction = nn::Reduction::sum});
       },
       [](const Operands& x) {
         return Numbers{alignment_cost(x[0], 4, {1, 2})};
       },
       {{{4, 3}, Kind::logarithm}}},
      {"ctc_loss, repeated",
       [=](const Tensors& x) { return nn::ctc_loss(x[0], twice, four, two); },
       [](const Operands& x) {
         return Numbers{alignment_cost(x[0], 4, {1, 1}) / 2};
       },
       {{{4, 3}, Kind::logarithm}}},
  };
}

}  // namespace

std::vector<Row> sequence_rows() {
  std::vector<Row> all;
  for (auto& rows : {attention_rows(), recurrent_rows(), alignment_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

}  // namespace gradtape::testing::exact
