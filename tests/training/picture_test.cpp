#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/optim/picture.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace gradtape::optim;

TEST_CASE("the numbers of a chart are vectors, lists, or tensors of any dtype") {
  const Tensor losses = tensor({3.0, 2.0, 1.5}, float64).requires_grad();
  const std::vector<double> list{3, 2, 1.5};
  const Series series{.name = "loss", .x = arange(3), .y = losses, .upper = {}};
  CHECK(series.x == std::vector<double>{0, 1, 2});
  CHECK(series.y == list);
  CHECK(Series{.y = list}.y == list);
  CHECK(Series{.y = {3, 2, 1.5}}.y == list);
  CHECK(Series{.y = reshape(arange(4), {2, 2}) > 1}.y == std::vector<double>{0, 0, 1, 1});
  CHECK(Series{.y = Parameter(ones({2}))}.y == std::vector<double>{1, 1});
  CHECK_THROWS_AS(Numbers{Tensor()}, GraphError);
}

TEST_CASE("points of a plane, a path through it, and points in the colours of their classes") {
  const Tensor xy = reshape(arange(6), {3, 2}).to(float32);
  const Series cloud = points(xy, {.name = "cloud", .size = 2});
  CHECK((cloud.mark == Mark::points && cloud.name == "cloud" && cloud.size == 2));
  CHECK(cloud.x == std::vector<double>{0, 2, 4});
  CHECK(cloud.y == std::vector<double>{1, 3, 5});
  CHECK(curve(xy, {.mark = Mark::dashes}).mark == Mark::dashes);

  const auto classes = points(xy, tensor({2, 0, 2}));
  REQUIRE(classes.size() == 3);
  CHECK((classes[0].name == "0" && classes[2].name == "2"));
  CHECK(classes[1].x.empty());
  CHECK(classes[2].x == std::vector<double>{0, 4});
  CHECK(classes[2].colour == series_colour(2));
  const auto named = points(xy, tensor({1, 0, 1}) > 0, {"no", "yes"});
  REQUIRE(named.size() == 2);
  CHECK((named[1].name == "yes" && named[1].y == std::vector<double>{1, 5}));

  CHECK_THROWS_WITH_AS(points(ones({2, 3})), "points: expected points [n, 2], got [2, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(points(xy, tensor({0, 1})),
                       "points: 3 points need as many classes [n], got [2]", ShapeError);
  CHECK_THROWS_WITH_AS(points(xy, ones({3})), "points: classes are of int64 or bool, got float32",
                       DtypeError);
  CHECK_THROWS_WITH_AS(points(xy, tensor({0, -1, 1})), "points: there is a class -1", ValueError);
  CHECK_THROWS_WITH_AS(points(xy, tensor({0, 2, 1}), {"a", "b"}),
                       "points: class 2 has no name: there are 2 names", ValueError);
}

TEST_CASE("a grid has the centres of the cells of a field, row by row from the top left") {
  const Tensor centres = grid({.x_limits = {0, 3}, .y_limits = {-1, 1}}, 3, 2);
  CHECK(centres.shape() == Shape{6, 2});
  CHECK(centres.values<float>() ==
        std::vector<float>{0.5, 0.5, 1.5, 0.5, 2.5, 0.5, 0.5, -0.5, 1.5, -0.5, 2.5, -0.5});
  CHECK_THROWS_WITH_AS(grid({0, 1}, {1, 1}, 2, 2),
                       "grid: the limits of y are {1, 1}, but they must rise", ValueError);
  CHECK_THROWS_WITH_AS(grid({0, 1}, {0, 1}, 0, 2), "grid: 0 cells along x", ValueError);
}

TEST_CASE("fields, images, colours and mosaics of tensors") {
  const Field numbers = field(reshape(arange(6), {2, 3}), {.low = 0, .high = 5});
  CHECK((numbers.columns == 3 && numbers.values.size() == 6 && !numbers.scale.empty()));
  CHECK(field(zeros({2, 4, 3})).scale.empty());  // red, green and blue
  CHECK(image(ones({2, 2})).scale.front() == "#ffffff");
  CHECK_THROWS_WITH_AS(field(ones({2})),
                       "field: expected [rows, columns] or [rows, columns, 3], got [2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(image(ones({1, 2, 3})), "image: expected [rows, columns], got [1, 2, 3]",
                       ShapeError);

  CHECK(palette({"#ff0000", "#0000FF"}).values<float>() == std::vector<float>{1, 0, 0, 0, 0, 1});
  CHECK_THROWS_WITH_AS(palette({"red"}), "Chart: the colour 'red' must be \"#rrggbb\"", ValueError);

  const Tensor three = mosaic(reshape(arange(6), {3, 1, 2}), 2);  // [0 1] [2 3] / [4 5]
  CHECK(three.shape() == Shape{2, 4});
  const auto values = three.values<float>();
  CHECK(std::vector<float>(values.begin(), values.begin() + 6) ==
        std::vector<float>{0, 1, 2, 3, 4, 5});
  CHECK((std::isnan(values[6]) && std::isnan(values[7])));
  CHECK_THROWS_WITH_AS(mosaic(ones({2, 2}), 1), "mosaic: expected images [n, h, w], got [2, 2]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(mosaic(ones({2, 2, 2}), 0), "mosaic: columns = 0", ValueError);
}

TEST_CASE("a picture is a file of charts") {
  const TemporaryFolder folder;
  const std::vector<Chart> charts{{.series = {{.y = arange(3)}}}};
  save_picture(folder.path("a.svg"), charts);
  CHECK(read_raw_file(folder.path("a.svg")) == chart_svg(charts));
}
