#include "samples/rows.hpp"

namespace gradtape::testing {

namespace {

/// f(x, kernel, options) as a row.
template <class Options>
OpSample row(const char* name, Tensor (*f)(const Tensor&, const Extents&, const Options&),
             const Extents& kernel, const Options& options,
             std::vector<std::vector<Shape>> shapes) {
  return {name, name, [=](Inputs x) { return f(x[0], kernel, options); }, std::move(shapes)};
}
OpSample row(const char* name, Tensor (*f)(const Tensor&, const Extents&), const Extents& size,
             std::vector<std::vector<Shape>> shapes) {
  return {name, name, [=](Inputs x) { return f(x[0], size); }, std::move(shapes)};
}
template <class Options>
OpSample row(const char* name, double p,
             Tensor (*f)(const Tensor&, double, const Extents&, const Options&),
             const Extents& kernel, const Options& options,
             std::vector<std::vector<Shape>> shapes) {
  return {name,
          name,
          [=](Inputs x) { return f(x[0], p, kernel, options); },
          std::move(shapes),
          {{0.5, 2}}};
}
OpSample with_edges(OpSample sample, std::vector<EdgePoint> edges) {
  sample.edges = std::move(edges);
  return sample;
}
Tensor line(const std::vector<double>& x) { return reshape(vec(x), {1, 1, -1}); }

}  // namespace

// A row a line, or as few as it takes.
// clang-format off

Rows pooling_rows() {
  return {
      with_edges(row("max_pool1d", max_pool1d, 2, {}, {{{2, 2, 5}}, {{2, 4}}, {{0, 2, 4}}}),
                 {{{line({1, 1, -inf, -inf})}, line({1, -inf}), {line({1, 0, 1, 0})}},
                  {{line({nan, 2, 3, nan})}, line({nan, nan}), {line({1, 0, 0, 1})}},
                  {{line({nan, nan, 3, inf})}, line({nan, inf}), {line({1, 0, 0, 1})}}}),
      row("max_pool1d", max_pool1d, 3, {.stride = 2, .padding = 1, .ceil_mode = true}, {{{2, 2, 6}}}),
      row("max_pool2d", max_pool2d, 2, {}, {{{2, 2, 4, 5}}, {{2, 4, 4}}}),
      row("max_pool2d", max_pool2d, {3, 2}, {.stride = {1, 2}, .padding = 1, .dilation = {1, 2}}, {{{2, 1, 4, 5}}}),
      row("max_pool3d", max_pool3d, 2, {.stride = 1}, {{{1, 2, 2, 3, 3}}, {{1, 3, 2, 2}}}),
      with_edges(row("avg_pool1d", avg_pool1d, 2, {}, {{{2, 2, 5}}, {{2, 4}}, {{0, 2, 4}}}),
                 {{{line({inf, 1, 2, 3, nan})}, line({inf, 2.5}), {line({0.5, 0.5, 0.5, 0.5, 0})}}}),
      row("avg_pool1d", avg_pool1d, 3, {.stride = 2, .padding = 1, .ceil_mode = true}, {{{2, 2, 6}}}),
      row("avg_pool2d", avg_pool2d, {2, 3}, {.stride = {1, 2}, .padding = 1, .count_include_pad = false}, {{{2, 1, 3, 4}}, {{1, 3, 3}}}),
      row("avg_pool2d", avg_pool2d, 2, {.divisor_override = -3}, {{{1, 2, 4, 4}}}),
      row("avg_pool3d", avg_pool3d, 2, {.ceil_mode = true}, {{{1, 2, 2, 3, 3}}}),
      row("lp_pool1d", 3, lp_pool1d, 2, {.stride = 1}, {{{1, 2, 4}}}),
      row("lp_pool2d", 2, lp_pool2d, 2, {.ceil_mode = true}, {{{2, 1, 3, 4}}}),
      row("lp_pool3d", 1.5, lp_pool3d, {1, 2, 2}, {}, {{{1, 1, 2, 2, 2}}}),
      with_edges(row("lp_pool1d", 2, lp_pool1d, 2, {}, {{{1, 2, 4}}}),
                 {{{line({0, 0, 3, -4})}, line({0, 5}), {line({0, 0, 0.6, -0.8})}}}),
      row("adaptive_avg_pool1d", adaptive_avg_pool1d, 3, {{{2, 2, 5}}, {{2, 4}}, {{0, 2, 2}}}),
      row("adaptive_avg_pool2d", adaptive_avg_pool2d, {2, -1}, {{{2, 2, 3, 4}}}),
      row("adaptive_avg_pool3d", adaptive_avg_pool3d, {1, 2, 3}, {{{1, 2, 2, 3, 2}}}),
      row("adaptive_max_pool1d", adaptive_max_pool1d, 3, {{{2, 2, 5}}, {{2, 4}}, {{0, 2, 2}}}),
      row("adaptive_max_pool2d", adaptive_max_pool2d, {2, -1}, {{{2, 2, 3, 4}}}),
      row("adaptive_max_pool3d", adaptive_max_pool3d, {1, 2, 3}, {{{1, 2, 2, 3, 2}}}),
  };
}

ValueRows pooling_values() {
  return {};
}

}  // namespace gradtape::testing
