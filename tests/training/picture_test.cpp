#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/optim/network_diagram.hpp>
#include <gradtape/optim/picture.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "support/environment.hpp"
#include "support/files.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"
#include "support/text.hpp"

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
  CHECK(grid({0, 1}, {0, 1}, 2, 2, float64).dtype() == float64);
  CHECK_THROWS_WITH_AS(grid({0, 1}, {0, 1}, 2, 2, int64),
                       "grid: needs float32 or float64, got int64", DtypeError);
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

TEST_CASE("a picture whose name ends in .png is an image, where rsvg-convert is") {
  const TemporaryFolder folder;
  const std::vector<Chart> charts{{.series = {{.y = arange(3)}}}};
  const auto none = folder.path("none.png");
  {
    const Variable nowhere("PATH", folder.path("").c_str());
    const auto message = error<IoError>([&] { save_charts(none, charts); });
    CHECK(message == "save_charts: '" + none +
                         "': a .png is drawn by the program rsvg-convert, which was not found "
                         "(Debian and Ubuntu: librsvg2-bin); write a .svg instead");
    if (runs_scripts) {
      folder.file("rsvg-convert", "#!/bin/sh\nexit 3\n");
      std::filesystem::permissions(folder.path("rsvg-convert"), std::filesystem::perms::owner_all);
      CHECK(error<IoError>([&] { save_charts(none, charts); }).find("rsvg-convert failed") !=
            std::string::npos);
    }
  }
  CHECK_FALSE(std::filesystem::exists(none));
  if (std::system("rsvg-convert --version >/dev/null 2>&1") != 0)
    return skip("there is no rsvg-convert here (librsvg2-bin)");
  for (const auto save : {+[](const std::string& path) { save_chart(path, {{.y = arange(3)}}); },
                          +[](const std::string& path) {
                            save_network(path, {.columns = {{.names = {"x"}}, {.names = {"y"}}}});
                          }}) {
    save(folder.path("a.png"));
    const auto bytes = read_raw_file(folder.path("a.png"));
    REQUIRE(bytes.size() > 1000);
    CHECK(bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    CHECK(byte(18) * 256 + byte(19) == 1120);  // the width, in the header
  }
}

TEST_CASE("the field of a function has what it says in each cell, unrecorded") {
  const ChartOptions options{.x_limits = {0, 2}, .y_limits = {0, 1}};
  const Parameter weight(ones({2, 1}));
  bool recorded = true;
  const auto sum_of = [&](const Tensor& xy) {
    const Tensor y = matmul(xy, weight);
    recorded = y.is_tracked();
    return y;
  };
  const Field sums = field(sum_of, options, {.high = 3}, 2, 1);
  CHECK((sums.columns == 2 && sums.high == 3 && !recorded));
  CHECK(sums.values == std::vector<double>{1, 2});  // at (0.5, 0.5) and (1.5, 0.5)
  const auto red = [](const Tensor& xy) { return concat({0.0 * xy, slice(xy, 1, 0, 1)}, 1); };
  const Field colours = field(red, options, {}, 2, 1);
  CHECK((colours.scale.empty() && colours.values == std::vector<double>{0, 0, 0.5, 0, 0, 1.5}));
  CHECK_THROWS_WITH_AS(field([](const Tensor& xy) { return xy; }, options, {}, 2, 1),
                       "field: the function made [2, 2] of 2 points, but it must make a number or "
                       "three of each",
                       ShapeError);
}

TEST_CASE("contours go where values that change evenly are equal to the level") {
  // values x + 10 y at x = 0.5, 1.5, 2.5 and y = 1.5 (the first row), 0.5
  const Tensor plane = tensor({{15.5, 16.5, 17.5}, {5.5, 6.5, 7.5}});
  const auto curves = contours(plane, {0, 3}, {0, 2}, {11, 100});
  REQUIRE(curves.size() == 2);
  REQUIRE(curves[0].x.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(curves[0].x[i] + 10 * curves[0].y[i] == doctest::Approx(11));
  CHECK(std::abs(curves[0].x[2] - curves[0].x[0]) == 2);  // from the left to the right
  CHECK(curves[1].x.empty());

  // a hill and a hole beside each other: two closed curves with a gap between them
  const Tensor hill = tensor({{0, 0, 0, 0, 0}, {0, 4, 0, 4, 0}, {0, 0, 0, 0, 0}});
  const Series rings = contours(hill, ChartOptions{.x_limits = {0, 5}, .y_limits = {0, 3}}, {1})[0];
  REQUIRE(rings.x.size() == 11);  // four places and the first once more, twice
  CHECK((std::isnan(rings.x[5]) && std::isnan(rings.y[5])));
  CHECK((rings.x[0] == rings.x[4] && rings.y[0] == rings.y[4]));
  CHECK((rings.x[6] == rings.x[10] && rings.y[6] == rings.y[10]));
  for (const std::size_t i :
       {0u, 1u, 2u, 3u})  // three quarters of the way from the hill to the valley
    CHECK(std::hypot(rings.x[i] - (rings.x[i] < 2.5 ? 1.5 : 3.5), rings.y[i] - 1.5) ==
          doctest::Approx(0.75));

  // a saddle: two pieces, around those corners that are on the other side than the middle. At the
  // left edge of the grid, which x = 0.5 is, both have their place between the low and the high
  // corner.
  const auto joined = [](double high) {  // whether a piece leads from the left edge to the top
    const Series s = contours(tensor({{0.0, high}, {high, 0.0}}), {0, 2}, {0, 2}, {0.5})[0];
    REQUIRE(s.x.size() == 5);
    CHECK(std::isnan(s.x[2]));
    for (const std::size_t i : {0u, 3u})
      for (const auto& [a, b] : {std::pair(i, i + 1), std::pair(i + 1, i)})
        if (s.x[a] == 0.5 && s.y[b] == 1.5) return true;
    return false;
  };
  CHECK(joined(1.9));        // the middle is 0.95: the low corner at the top left is alone
  CHECK_FALSE(joined(0.9));  // it is 0.45: the low corners are connected
  const double none = std::nan("");
  CHECK(contours(tensor({{0.0, none}, {1.0, 1.0}}), {0, 1}, {0, 1}, {0.5})[0].x.empty());
  CHECK_THROWS_WITH_AS(contours(ones({1, 3}), {0, 1}, {0, 1}, {0.5}),
                       "contours: expected [rows, columns], 2 of each at least, got [1, 3]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(contours(ones({2, 3}), {0, 1}, {2, 1}, {0.5}),
                       "contours: the limits of y are {2, 1}, but they must rise", ValueError);
}
