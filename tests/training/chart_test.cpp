#include <gradtape/autograd/io/file.hpp>
#include <gradtape/optim/chart.hpp>
#include <gradtape/optim/run_log.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "support/files.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using optim::Chart;
using optim::Mark;
using optim::Series;

namespace {

const double infinity = std::numeric_limits<double>::infinity();

std::string svg(const Series& series, const optim::ChartOptions& options = {}) {
  return optim::chart_svg({{{series}, options}});
}

/// The elements of an SVG, each from < to >: not by regex, whose recursion is as deep as they are
/// long.
std::vector<std::string> tags(const std::string& svg) {
  std::vector<std::string> found;
  for (auto at = svg.find('<'); at != svg.npos; at = svg.find('<', at + 1))
    found.push_back(svg.substr(at, svg.find('>', at) + 1 - at));
  return found;
}

/// The d of the lines that are data.
std::vector<std::string> lines(const std::string& svg) {
  std::vector<std::string> found;
  for (const auto& tag : tags(svg)) {
    if (!tag.starts_with("<path fill='none'")) continue;
    const auto start = tag.find(" d='") + 4;
    found.push_back(tag.substr(start, tag.find('\'', start) - start));
  }
  return found;
}

/// The texts, without their markup.
std::vector<std::string> texts(const std::string& svg) {
  static const std::regex pattern("<text[^>]*>(.*?)</text>"), markup("<[^>]*>");
  std::vector<std::string> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at)
    found.push_back(std::regex_replace((*at)[1].str(), markup, ""));
  return found;
}

std::ptrdiff_t count(const std::string& text, char c) {
  return std::count(text.begin(), text.end(), c);
}

/// Whether every element that is opened is closed, in order.
bool well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (const auto& tag : tags(svg)) {
    const bool closes = tag[1] == '/';
    const std::size_t start = closes ? 2 : 1;
    const auto name =
        tag.substr(start, tag.find_first_not_of("abcdefghijklmnopqrstuvwxyz", start) - start);
    if (closes) {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    } else if (!tag.ends_with("/>")) {
      open.push_back(name);
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("a chart has round ticks, a title, labels, and names with their last values") {
  const auto picture = svg({.name = "loss", .x = {0, 100, 200}, .y = {2, 0.7, 0.5}},
                           {.title = "a & b", .x_label = "step", .y_label = "nats"});
  const std::vector<std::string> expected{"a &amp; b", "nats", "0",    "0.5",     "1.0",
                                          "1.5",       "2.0",  "0",    "50",      "100",
                                          "150",       "200",  "step", "loss 0.5"};
  CHECK(texts(picture) == expected);
  CHECK(well_formed(picture));
  CHECK(picture.find("http") == picture.rfind("http"));  // the name space, and nothing to load
}

TEST_CASE("a line goes where its points are: at the corners of the axes, the middle between") {
  const auto d = lines(svg({.x = {0, 1, 2}, .y = {0, 1, 2}}, {.width = 264, .height = 248}));
  REQUIRE(d.size() == 1);
  CHECK(d[0] == "M40.0 218.0L140.0 122.8L240.0 27.5");  // a margin of 5 % above
}

TEST_CASE("what is not finite is a gap, and so is what a logarithm has no place for") {
  const Series gaps{.x = {1, 2, 3, 4, 5, 6}, .y = {1, 2, std::nan(""), 4, infinity, 6}};
  const auto d = lines(svg(gaps));
  CHECK((count(d[0], 'M') == 3 && count(d[0], 'L') == 1));
  CHECK(count(svg(gaps), 'c') - count(svg({.x = {1, 2}, .y = {1, 2}}), 'c') >= 2);  // dots
  const auto positive = lines(svg({.x = {1, 2, 3, 4}, .y = {1, -1, 10, 100}}, {.log_y = true}));
  CHECK((count(positive[0], 'M') == 2 && count(positive[0], 'L') == 1));
}

TEST_CASE("logarithmic axes have powers of ten, or 1, 2 and 5 where there is room") {
  const auto wide = texts(svg({.x = {1, 2}, .y = {1e-6, 1e6}}, {.log_y = true, .height = 700}));
  CHECK(std::find(wide.begin(), wide.end(), "1e−6") != wide.end());
  CHECK(std::find(wide.begin(), wide.end(), "1e6") != wide.end());
  const auto near = texts(svg({.x = {1, 2}, .y = {0.04, 1.5}}, {.log_y = true}));
  for (const char* label : {"0.05", "0.1", "0.2", "0.5", "1"})
    CHECK(std::find(near.begin(), near.end(), label) != near.end());
}

TEST_CASE("lines of very many points stay small, with their peaks") {
  Series series;
  for (int i = 0; i < 1'000'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(std::sin(i) + (i == 654'321 ? 9 : 0));
  }
  const auto picture = svg(series);
  CHECK(picture.size() < 60'000);
  const auto d = lines(picture)[0];
  static const std::regex heights("[ML][0-9.]+ ([0-9.]+)");
  double top = 1e9;
  for (std::sregex_iterator at(d.begin(), d.end(), heights), end; at != end; ++at)
    top = std::min(top, std::stod((*at)[1]));
  CHECK(top < 45);  // of 18 ... 370
}

TEST_CASE("smoothing draws a running mean over the pale line, without the pull of its start") {
  const auto d = lines(svg({.x = {0, 1, 2}, .y = {1, 1, 1}, .smoothing = 0.9}));
  REQUIRE(d.size() == 2);
  CHECK(d[0] == d[1]);
}

TEST_CASE("a field has a stroke for each run of equal cells, the first row at the top") {
  const double none = std::nan("");
  const auto picture = optim::chart_svg({{.options = {.width = 316, .equal_units = true},
                                          .field = {.columns = 3,
                                                    .values = {0, -infinity, 1, 0.5, none, 9},
                                                    .scale = {"#000000", "#ffffff"}}}});
  CHECK(well_formed(picture));
  CHECK(picture.find("stroke='#000000' stroke-width='1.03' d='M0 0.5h2'") != picture.npos);
  CHECK(picture.find("stroke='#808080' stroke-width='1.03' d='M0 1.5h1'") != picture.npos);
  // white cells one above the other, of which the lower one is beyond the end of the scale
  CHECK(picture.find("stroke='#ffffff' stroke-width='1.03' d='M2 0.5h1M2 1.5h1'") != picture.npos);
  CHECK(picture.find("translate(40.0 18.0) scale(84 84)") != picture.npos);  // squares
  const auto coloured =
      optim::chart_svg({{.field = {.columns = 1, .values = {1, 0, 0, 0, 0, 1}, .scale = {}}}});
  CHECK(coloured.find("stroke='#ff0000' stroke-width='1.03' d='M0 0.5h1'") != coloured.npos);
  CHECK(coloured.find("stroke='#0000ff' stroke-width='1.03' d='M0 1.5h1'") != coloured.npos);
  const auto refused = [](const optim::Field& field, const char* error) {
    CHECK_THROWS_WITH_AS(optim::chart_svg({{.field = field}}), error, ValueError);
  };
  refused({.columns = 2, .values = {1, 2, 3}},
          "Chart: 3 values make no rows of 2 cells of a field");
  refused({.columns = 2, .values = {1, 2}, .scale = {}},
          "Chart: 2 values make no rows of 2 cells of a field, three values each");
  refused({.columns = 1, .values = {1}, .scale = {"red"}},
          "Chart: the colour 'red' must be \"#rrggbb\"");
  refused({.columns = 1, .values = {1}, .low = 1}, "Chart: the scale of a field goes from 1 to 1");
}

TEST_CASE("a field with a name has a bar of its colours beside it, with their numbers") {
  const Chart named{.options = {.width = 300, .height = 200, .axes = false},
                    .field = {.columns = 2,
                              .values = {-1, 1, 0, 0},
                              .low = -1,
                              .high = 1,
                              .scale = {"#000000", "#ffffff"},
                              .name = "u < 1"}};
  const auto picture = optim::chart_svg({named});
  CHECK(well_formed(picture));
  CHECK(texts(picture) == std::vector<std::string>{"u &lt; 1", "−1.0", "−0.5", "0", "0.5", "1.0"});
  CHECK(picture.find("translate(230.0 38.0) scale(12") != picture.npos);  // right of the area
  CHECK(picture.find("stroke='#ffffff' stroke-width='1.03' d='M0 0.5h1") != picture.npos);
  auto plain = named;
  plain.field.name = "";
  CHECK(texts(optim::chart_svg({plain})).empty());
}

TEST_CASE("limits are the ends of the axes, and cut off what lies beyond") {
  const auto picture = svg({.x = {0, 1, 2}, .y = {0, 1, 9}},
                           {.width = 274, .height = 248, .x_limits = {0, 2}, .y_limits = {0, 2}});
  CHECK(lines(picture)[0] == "M50.0 218.0L150.0 118.0L250.0 -682.0");
  CHECK(picture.find("<svg x='50.0' y='18.0' width='200.0' height='200.0'") != picture.npos);
  CHECK(well_formed(picture));
  CHECK_THROWS_WITH_AS(svg({}, {.x_limits = {2, 1}}),
                       "Chart: x_limits = {2, 1}, but they must rise", ValueError);
  CHECK_THROWS_WITH_AS(svg({}, {.log_y = true, .y_limits = {0, 1}}),
                       "Chart: y_limits = {0, 1}, but they must rise from above 0", ValueError);
}

TEST_CASE("a band is the area between two curves, with a gap where one of them has one") {
  Series band{.x = {0, 1, 2, 3, 4}, .y = {0, 0, std::nan(""), 0, 0}, .mark = Mark::band};
  band.upper = {1, 2, 1, 1, 2};
  const auto picture = svg(band, {.width = 264, .height = 248});
  CHECK(well_formed(picture));
  CHECK(picture.find("d='M40.0 218.0L90.0 218.0L90.0 27.5L40.0 122.8Z'") != picture.npos);
  CHECK(picture.find("d='M190.0 218.0L240.0 218.0L240.0 27.5L190.0 122.8Z'") != picture.npos);
  band.upper.pop_back();
  CHECK_THROWS_WITH_AS(svg(band),
                       "Chart: series '' has 4 upper values; a band needs one for each y, other "
                       "marks none",
                       ValueError);
}

TEST_CASE("bars stand on 0, those of several series side by side, under their names") {
  const Series a{.name = "a", .y = {1, 2}, .mark = Mark::bars};
  const Series b{.name = "b", .y = {-1, 1}, .mark = Mark::bars};
  const optim::ChartOptions options{.x_names = {"cat", "dog"},
                                    .width = 274,
                                    .height = 272,
                                    .x_limits = {-0.5, 1.5},
                                    .y_limits = {-1, 3}};
  const auto picture = optim::chart_svg({{{a, b}, options}});
  CHECK(well_formed(picture));
  // 100 pixels for each x, of which two bars take 80; 50 pixels for a unit of y from 192 upwards
  CHECK(picture.find("d='M60.0 192.0V142.0h40.0V192.0ZM160.0 192.0V92.0h40.0V192.0Z'") !=
        picture.npos);
  CHECK(picture.find("d='M100.0 192.0V242.0h40.0V192.0ZM200.0 192.0V142.0h40.0V192.0Z'") !=
        picture.npos);
  CHECK(texts(picture) ==
        std::vector<std::string>{"−1", "0", "1", "2", "3", "cat", "dog", "a", "b"});
  // on a logarithmic axis from its low end
  const auto logarithmic = svg({.y = {10, 100}, .mark = Mark::bars},
                               {.log_y = true, .width = 274, .height = 248, .y_limits = {1, 100}});
  CHECK(logarithmic.find("d='M60.0 218.0V118.0h80.0V218.0ZM160.0 218.0V18.0h80.0V218.0Z'") !=
        logarithmic.npos);
  // the axis reaches 0, and the outer bars have their full width
  const auto alone = svg({.y = {5, 6}, .mark = Mark::bars}, {.width = 264, .height = 248});
  CHECK(alone.find("d='M50.0 218.0V") != alone.npos);
  CHECK_THROWS_WITH_AS(svg(a, {.log_x = true}), "Chart: bars need an x axis without log_x",
                       ValueError);
  CHECK_THROWS_WITH_AS(svg({}, {.log_x = true, .x_names = {"a"}}),
                       "Chart: x_names need an axis without log_x", ValueError);
}

TEST_CASE("a series without x has its y at 0, 1, 2, ...") {
  const optim::ChartOptions options{.width = 286, .height = 248};
  CHECK(svg({.y = {3, 1, 2}}, options) == svg({.x = {0, 1, 2}, .y = {3, 1, 2}}, options));
}

TEST_CASE("a legend has the names above the chart, and charts may stand side by side") {
  const Chart chart{{{.name = "cats", .x = {0, 1}, .y = {0, 1}, .mark = Mark::points},
                     {.name = "dogs", .x = {0, 1}, .y = {1, 0}, .mark = Mark::dashes}},
                    {.title = "pets", .width = 300, .height = 200, .axes = false, .legend = true}};
  CHECK(texts(optim::chart_svg({chart})) == std::vector<std::string>{"pets", "cats", "dogs"});
  const auto panels = optim::chart_svg({chart, chart, chart}, 2);
  CHECK(well_formed(panels));
  CHECK(panels.find("width='600' height='400'") != panels.npos);
  CHECK(panels.find("translate(300 0.0)") != panels.npos);
  CHECK(panels.find("translate(0 200.0)") != panels.npos);
  CHECK_THROWS_WITH_AS(optim::chart_svg({chart}, 0),
                       "Chart: columns = 0, but it must be at least 1", ValueError);
}

TEST_CASE("charts share a row of a phone's width, and charts below each other their left end") {
  const Chart chart{.series = {{.y = {0, 1}}}};
  const auto two = optim::chart_svg({chart, chart}, 2);
  CHECK(two.find("width='560'") != two.npos);
  CHECK(two.find("font-size='15'") != two.npos);  // 9.6 pixels where 560 are shown as 360
  CHECK(two.find("translate(280 0.0)") != two.npos);
  CHECK(optim::chart_svg({chart}, 2).find("width='560'") != std::string::npos);
  auto wide = chart;
  wide.series[0].y = {0, 123.25};
  const auto stacked = lines(optim::chart_svg({chart, wide}));
  REQUIRE(stacked.size() == 2);
  CHECK(stacked[0].substr(0, 5) == stacked[1].substr(0, 5));
  // in a row, the areas begin at the same height
  auto titled = chart;
  titled.options = {.title = "one", .width = 280, .height = 200};
  auto plain = titled;
  plain.options.title = "";
  const auto row = lines(optim::chart_svg({titled, plain}, 2));
  CHECK(row[0] == row[1]);
}

TEST_CASE("long titles and labels are broken into lines, long or many names go into the legend") {
  const Series series{.name = "a name of many words, too long for the side", .y = {0, 1}};
  const auto picture = svg(series, {.title = "a title that is too long for the width of its chart",
                                    .x_label = "a label that is as long as this title, or longer",
                                    .width = 300});
  CHECK(well_formed(picture));
  const auto found = texts(picture);
  CHECK(found[0] == "a title that is too long for");
  CHECK(found[1] == "the width of its chart");
  CHECK(found.back() == "a name of many words, too lo…");
  CHECK(std::find(found.begin(), found.end(), "a label that is as long as this title,") !=
        found.end());

  Chart many;
  for (int i = 0; i < 30; ++i)
    many.series.push_back({.name = std::to_string(i), .y = {0, 1.0 * i}});
  const auto names = texts(optim::chart_svg({many}));
  CHECK(names.back() == "29");  // without its value
  many.series.resize(3);
  CHECK(texts(optim::chart_svg({many})).back() == "0 0");  // beside the line that ends lowest
}

TEST_CASE("what does not lead to the right has its name in the legend") {
  const auto last_text = [](const Series& series) { return texts(svg(series)).back(); };
  CHECK(last_text({.name = "a", .x = {0, 1}, .y = {3, 4}}) == "a 4");
  CHECK(last_text({.name = "a", .x = {1, 0, 2}, .y = {3, 4, 5}}) == "a");
  const Series line{.x = {0, 9}, .y = {0, 1}};
  const Series early{.name = "a", .x = {0, 1}, .y = {3, 4}};
  CHECK(texts(optim::chart_svg({{.series = {line, early}}})).back() == "a");
  const Chart beside_bar{.series = {{.name = "a", .y = {3, 4}}},
                         .field = {.columns = 1, .values = {1}, .name = "u"}};
  CHECK(texts(optim::chart_svg({beside_bar})).back() == "a");
}

TEST_CASE("names along the x axis are slanted where they would not fit") {
  const Series bars{.y = {1, 2}, .mark = Mark::bars};
  const auto rotated = [&](const std::vector<std::string>& names) {
    const auto picture = svg(bars, {.x_names = names, .width = 280});
    CHECK(well_formed(picture));
    return picture.find("rotate(-40") != picture.npos;
  };
  CHECK_FALSE(rotated({"a", "b"}));
  CHECK(rotated({"sepal length, in cm", "petal width, in cm"}));
}

TEST_CASE("a chart is dark where the screen is, but for what lies on a field") {
  const auto picture = svg({.y = {0, 1}});
  CHECK(picture.find("@media (prefers-color-scheme:dark)") != picture.npos);
  CHECK(picture.find("[stroke='" + std::string(optim::colour::blue) + "']:not(.light,.light *)") !=
        picture.npos);
  CHECK(picture.find("<g class='light'") == picture.npos);
  const Chart on_field{.series = {{.y = {0, 1}}}, .field = {.columns = 1, .values = {0, 1}}};
  const auto covered = optim::chart_svg({on_field});
  CHECK(well_formed(covered));
  const auto begin = covered.rfind("<g class='light'"), line = covered.find("<path fill='none'");
  CHECK((begin < line && line < covered.find("</g>", begin)));
}

TEST_CASE("series without a colour have those of the palette in turn") {
  const Chart chart{.series = {{.y = {0, 1}, .colour = "red"}, {.y = {1, 0}}, {.y = {1, 1}}}};
  const auto picture = optim::chart_svg({chart});
  CHECK(picture.find("stroke='" + optim::series_colour(0) + "' stroke-width") != picture.npos);
  CHECK(picture.find("stroke='" + optim::series_colour(1) + "' stroke-width") != picture.npos);
  CHECK(picture.find("stroke='" + optim::series_colour(2) + "' stroke-width") == picture.npos);
}

TEST_CASE("a chart takes any numbers and texts") {
  const double most = std::numeric_limits<double>::max();
  const std::vector<std::vector<double>> extremes{{},
                                                  {0},
                                                  {-0.0, 0},
                                                  {most, -most},
                                                  {5e-324, 1e-323},
                                                  {1e16, 1e16 + 2},
                                                  {infinity, -infinity},
                                                  {std::nan("")},
                                                  {-5, -5, -5}};
  for (const auto& y : extremes)
    for (const bool logarithmic : {false, true})
      for (const auto mark : {Mark::line, Mark::dashes, Mark::points, Mark::bars}) {
        const auto picture =
            svg({.name = "\x01\xff<'\"", .x = y, .y = y, .mark = mark},
                {.log_x = logarithmic && mark != Mark::bars, .log_y = logarithmic});
        INFO(picture);
        CHECK(well_formed(picture));
        CHECK(picture.find("nan") == picture.npos);
        CHECK(picture.find("inf") == picture.npos);
        CHECK(picture.size() < 20'000);
      }
  CHECK(well_formed(optim::chart_svg({})));
  CHECK_THROWS_WITH_AS(svg({.name = "a", .x = {1}, .y = {}}), "Chart: series 'a' has 1 x and 0 y",
                       ValueError);
  CHECK_THROWS_WITH_AS(svg({}, {.width = 10}),
                       "Chart: width = 10, but it must be 0 or in [120, 1e5]", ValueError);
  CHECK_THROWS_WITH_AS(svg({.smoothing = 1}), "Chart: smoothing = 1, but it must be in [0, 1)",
                       ValueError);
}

TEST_CASE("a learning curve has a chart for each kind of value") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.csv");
  optim::RunLog log(path);
  for (int step = 1; step <= 40; ++step) {
    log.write(step, step / 10, {{"loss", 1.0 / step}});
    if (step % 10 == 0)
      log.write(step, step / 10, {{"validation loss", 0.5}, {"validation accuracy", 0.9}});
  }
  const auto charts = optim::learning_curve(optim::load_log(path), {.title = "run"});
  REQUIRE(charts.size() == 2);
  CHECK((charts[0].options.title == "run" && charts[1].options.x_label == "step"));
  CHECK((charts[0].series[0].name == "loss" && charts[0].series[1].name == "validation loss"));
  CHECK(charts[0].series[1].x == std::vector<double>{10, 20, 30, 40});
  CHECK(charts[1].series[0].y == std::vector<double>{0.9, 0.9, 0.9, 0.9});
  CHECK(charts[1].series[0].colour == charts[0].series[1].colour);
  CHECK(charts[0].series[0].colour != charts[0].series[1].colour);
  const auto chosen = optim::learning_curve(
      optim::load_log(path),
      {.charts = {{"validation accuracy"}}, .over_epochs = true, .logarithmic = true});
  REQUIRE(chosen.size() == 1);
  CHECK(chosen[0].series[0].x == std::vector<double>{1, 2, 3, 4});
  CHECK((chosen[0].options.log_y && chosen[0].options.x_label == "epoch"));
  optim::save_learning_curve(folder.path("run.svg"), path);
  CHECK(well_formed(read_raw_file(folder.path("run.svg"))));
  CHECK(well_formed(optim::chart_svg(optim::learning_curve({}))));
  CHECK_THROWS_WITH_AS(optim::learning_curve({}, {.smoothing = 1}),
                       "learning_curve: smoothing = 1, but it must be in [0, 1)", ValueError);
  CHECK_THROWS_AS(optim::save_learning_curve(folder.path("no/run.svg"), path), IoError);
}
