#include "samples/rows.hpp"

namespace gradtape::testing {
namespace {

OpSample row(const InterpolateOptions& options, std::vector<std::vector<Shape>> shapes) {
  return {"interpolate", "interpolate", [=](Inputs x) { return interpolate(x[0], options); },
          std::move(shapes)};
}

/// grid_sample of an image and 2 x 2 places, which come as one tensor; no place is where x has a
/// kink between pixels.
OpSample grid_row(const GridSampleOptions& options) {
  return {"gather",
          "grid_sample",
          [=](Inputs x) {
            const Tensor image = reshape(slice(x[0], 0, 0, 18), {1, 2, 3, 3});
            const Tensor grid = reshape(slice(x[0], 0, 18), {1, 2, 2, 2});
            return grid_sample(image, grid, options);
          },
          {{{26}}},
          {{-1.2, 1.25}},
          options.align_corners ? std::vector<double>{-1, 0, 1}
                                : std::vector<double>{-4. / 3, -1, -2. / 3, 0, 2. / 3, 1, 4. / 3}};
}

// A row a line, or as few as it takes.
// clang-format off

Rows rows() {
  const Tensor places = reshape(vec({-0.9, 0.2, 0.5, -1.4, 0.1, 0.7, 0.3, 0.9}), {1, 2, 2, 2});
  const Tensor volume = reshape(vec({-0.9, 0.2, 0.5, 0.1, 0.7, -0.4}), {1, 1, 1, 2, 3});
  return {
      row({.size = 5}, {{{2, 2, 3}}, {{0, 2, 3}}}),
      row({.scale_factor = {1.7, 0.6}}, {{{1, 2, 3, 4}}}),
      row({.scale_factor = {1.7}, .mode = "nearest-exact", .recompute_scale_factor = true}, {{{1, 2, 3}}}),
      row({.scale_factor = {2}, .mode = "linear"}, {{{2, 2, 3}}, {{1, 1, 2, 2}}}),
      row({.size = {2, 5}, .mode = "bilinear", .align_corners = true}, {{{1, 2, 3, 3}}, {{1, 1, 1, 2}}}),
      row({.size = {3, 2, 3}, .mode = "trilinear"}, {{{1, 1, 2, 3, 2}}}),
      row({.size = {4, 7}, .mode = "bicubic"}, {{{1, 2, 3, 3}}}),
      row({.size = 4, .mode = "cubic", .align_corners = true}, {{{1, 2, 6}}}),
      row({.size = {3, 2}, .mode = "area"}, {{{1, 2, 4, 3}}}),
      {"resample_backward", "", [](Inputs x) {
         const Tensor whole = zeros({1, 2, 4}, x[0].dtype()).requires_grad();
         return grad(interpolate(whole, {.size = 6, .mode = "linear"}), {whole}, {.create_graph = true, .seed = x[0]})[0];
       }, {{{1, 2, 6}}}},
      {"permute", "pixel_shuffle", [](Inputs x) { return pixel_shuffle(x[0], 2); },
       {{{2, 8, 2, 1}}, {{4, 1, 2}}, {{2, 1, 4, 1, 1}}, {{0, 4, 1, 1}}}},
      {"permute", "pixel_unshuffle", [](Inputs x) { return pixel_unshuffle(x[0], 2); },
       {{{2, 1, 4, 2}}, {{1, 2, 4}}, {{1, 1, 0, 2}}}},
      grid_row({}),
      grid_row({.padding_mode = "border", .align_corners = true}),
      grid_row({.mode = "bicubic", .padding_mode = "reflection"}),
      grid_row({.mode = "bicubic"}),
      {"gather", "grid_sample", [=](Inputs x) { return grid_sample(x[0], places.to(x[0].dtype()), {.mode = "nearest", .padding_mode = "reflection"}); },
       {{{1, 2, 3, 4}}, {{1, 0, 2, 2}}}},
      {"gather", "grid_sample", [=](Inputs x) { return grid_sample(x[0], volume.to(x[0].dtype())); }, {{{1, 2, 2, 3, 2}}}},
  };
}

const Family family("resample", rows);

}  // namespace
}  // namespace gradtape::testing
