#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

/// f(x, kernel, options) as a row.
template <class Options>
OpSample row(const char* name, Tensor (*f)(const Tensor&, const SpatialSize&, const Options&),
             const SpatialSize& kernel, const Options& options,
             std::vector<std::vector<Shape>> shapes) {
  return {name, name, [=](Inputs x) { return f(x[0], kernel, options); }, std::move(shapes)};
}
OpSample row(const char* name, Tensor (*f)(const Tensor&, const SpatialSize&),
             const SpatialSize& size, std::vector<std::vector<Shape>> shapes) {
  return {name, name, [=](Inputs x) { return f(x[0], size); }, std::move(shapes)};
}
template <class Options>
OpSample row(const char* name, double p,
             Tensor (*f)(const Tensor&, double, const SpatialSize&, const Options&),
             const SpatialSize& kernel, const Options& options,
             std::vector<std::vector<Shape>> shapes) {
  return {name,
          name,
          [=](Inputs x) { return f(x[0], p, kernel, options); },
          std::move(shapes),
          {{0.5, 2}}};
}
/// The values of f(x, kernel, options), as the op `name` records them.
OpSample indexed(const char* name, const char* function,
                 MaxPooled (*f)(const Tensor&, const SpatialSize&, const MaxPoolOptions&),
                 const MaxPoolOptions& options, std::vector<std::vector<Shape>> shapes) {
  return {name, function, [=](Inputs x) { return f(x[0], 2, options).values; }, std::move(shapes)};
}
OpSample indexed(const char* name, const char* function,
                 MaxPooled (*f)(const Tensor&, const SpatialSize&),
                 std::vector<std::vector<Shape>> shapes) {
  return {name, function, [=](Inputs x) { return f(x[0], 2).values; }, std::move(shapes)};
}
/// Whether the indices of what was pooled from x, of shape [n, channels, ...], lead to the values.
bool leads_back(const MaxPooled& pooled, const Tensor& x) {
  return array_equal(gather(flatten(x, 2), 2, flatten(pooled.indices, 2)),
                     flatten(pooled.values, 2));
}
OpSample with_edges(OpSample sample, std::vector<EdgePoint> edges) {
  sample.edges = std::move(edges);
  return sample;
}
Tensor line(const std::vector<double>& x) { return reshape(vec(x), {1, 1, -1}); }

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
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
      indexed("max_pool1d", "max_pool1d_with_indices", max_pool1d_with_indices, {}, {{{2, 2, 5}}, {{0, 2, 4}}}),
      indexed("max_pool2d", "max_pool2d_with_indices", max_pool2d_with_indices, {.padding = 1}, {{{2, 2, 4, 5}}}),
      indexed("max_pool3d", "max_pool3d_with_indices", max_pool3d_with_indices, {.stride = 1}, {{{1, 2, 2, 3, 3}}}),
      indexed("adaptive_max_pool1d", "adaptive_max_pool1d_with_indices", adaptive_max_pool1d_with_indices, {{{2, 2, 5}}, {{0, 2, 2}}}),
      indexed("adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", adaptive_max_pool2d_with_indices, {{{2, 2, 3, 4}}}),
      indexed("adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", adaptive_max_pool3d_with_indices, {{{1, 2, 2, 3, 2}}}),
  };
}

ValueRows values() {
  static const Tensor line = sample({2, 3, 7}, 1), image = sample({2, 3, 5, 4}, 2), volume = sample({2, 3, 3, 4, 5}, 3);
  return {
      {"", "max_pool1d_with_indices", [] { return leads_back(max_pool1d_with_indices(line, 3, {.stride = 1, .padding = 1}), line); }},
      {"", "max_pool2d_with_indices", [] { return leads_back(max_pool2d_with_indices(image, 2, {.padding = 1}), image); }},
      {"", "max_pool3d_with_indices", [] { return leads_back(max_pool3d_with_indices(volume, 2, {.stride = 1}), volume); }},
      {"", "adaptive_max_pool1d_with_indices", [] { return leads_back(adaptive_max_pool1d_with_indices(line, 3), line); }},
      {"", "adaptive_max_pool2d_with_indices", [] { return leads_back(adaptive_max_pool2d_with_indices(image, {2, 3}), image); }},
      {"", "adaptive_max_pool3d_with_indices", [] { return leads_back(adaptive_max_pool3d_with_indices(volume, 2), volume); }},
  };
}

const Family family("pooling", rows, values);

}  // namespace
}  // namespace gradtape::testing
