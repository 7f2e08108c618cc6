#include <fmt/format.h>

#include <gradtape/autograd/ops.hpp>
#include <gradtape/autograd/tape.hpp>
#include <gradtape/nn/init.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "layers.hpp"

namespace gradtape::conformance {
namespace {

using nlohmann::json;
namespace init = nn::init;

void require(bool holds, const std::string& difference) {
  if (!holds) throw Difference(difference);
}

double value(const json& line, const char* name) { return line.at(name).get<double>(); }

// ---- Initializers by PyTorch's names ----

init::Fan mode(Call& c) {
  const auto mode = c.text(2, "mode", "fan_in");
  if (mode != "fan_in" && mode != "fan_out") throw Unsupported("the mode " + mode);
  return mode == "fan_in" ? init::Fan::in : init::Fan::out;
}

double gain(Call& c) {
  const auto nonlinearity = c.text(3, "nonlinearity", "leaky_relu");
  return init::calculate_gain(nonlinearity, c.number(1, "a", 0.0));
}

/// Position 0 is the tensor.
const std::map<std::string, init::Initializer (*)(Call&)> initializers = {
    {"constant_", [](Call& c) -> init::Initializer { return init::Constant{c.number(1, "val")}; }},
    {"zeros_", [](Call&) -> init::Initializer { return init::Zeros{}; }},
    {"ones_", [](Call&) -> init::Initializer { return init::Ones{}; }},
    {"eye_", [](Call&) -> init::Initializer { return init::Eye{}; }},
    {"dirac_", [](Call& c) -> init::Initializer { return init::Dirac{c.integer(1, "groups", 1)}; }},
    {"uniform_",
     [](Call& c) -> init::Initializer {
       return init::Uniform{c.number(1, "a", 0.0), c.number(2, "b", 1.0)};
     }},
    {"normal_",
     [](Call& c) -> init::Initializer {
       return init::Normal{c.number(1, "mean", 0.0), c.number(2, "std", 1.0)};
     }},
    {"trunc_normal_",
     [](Call& c) -> init::Initializer {
       return init::TruncatedNormal{c.number(1, "mean", 0.0), c.number(2, "std", 1.0),
                                    c.number(3, "a", -2.0), c.number(4, "b", 2.0)};
     }},
    {"xavier_uniform_",
     [](Call& c) -> init::Initializer { return init::XavierUniform{c.number(1, "gain", 1.0)}; }},
    {"xavier_normal_",
     [](Call& c) -> init::Initializer { return init::XavierNormal{c.number(1, "gain", 1.0)}; }},
    {"kaiming_uniform_",
     [](Call& c) -> init::Initializer {
       return init::KaimingUniform{gain(c), mode(c)};
     }},
    {"kaiming_normal_",
     [](Call& c) -> init::Initializer {
       return init::KaimingNormal{gain(c), mode(c)};
     }},
    {"orthogonal_",
     [](Call& c) -> init::Initializer { return init::Orthogonal{c.number(1, "gain", 1.0)}; }},
    {"sparse_", [](Call& c) -> init::Initializer {
       return init::Sparse{c.number(1, "sparsity"), c.number(2, "std", 0.01)};
     }}};

/// What the initializer of a case gives, in float64.
Tensor draw(const Case& c, const json& line) {
  const auto found = initializers.find(c.op);
  if (found == initializers.end()) throw Unsupported("no equivalent of " + c.op);
  Case with_keywords = c;
  with_keywords.kwargs = line.value("kwargs", json::object()).dump();
  Call call(c.op, {}, keywords(with_keywords, {}));
  const init::Initializer initializer = found->second(call);
  call.check_all_read();
  Generator generator(1);
  return initializer(Shape(line.at("shape").get<std::vector<std::int64_t>>()), float64, generator);
}

// ---- What is checked of a draw ----

/// That mean, standard deviation and range are those of the distribution, within the limits given.
void check_moments(const Tensor& x, const json& line) {
  const double got_mean = mean(x).item<double>(), got_std = stddev(x).item<double>();
  require(std::abs(got_mean - value(line, "mean")) <= value(line, "mean_abs_limit"),
          fmt::format("mean is {:.6g}, wanted {:.6g}", got_mean, value(line, "mean")));
  require(std::abs(got_std / value(line, "std") - 1) <= value(line, "std_rel_limit"),
          fmt::format("std is {:.6g}, wanted {:.6g}", got_std, value(line, "std")));
  double low = -std::numeric_limits<double>::infinity(), high = -low;
  if (line.contains("bound")) {
    high = value(line, "bound") * (1 + 1e-12);
    low = -high;
  }
  if (line.contains("lo") && line.at("lo").is_number()) low = value(line, "lo");
  if (line.contains("hi") && line.at("hi").is_number()) high = value(line, "hi");
  const double least = min(x).item<double>(), most = max(x).item<double>();
  require(least >= low && most <= high,
          fmt::format("is in [{:.6g}, {:.6g}], wanted [{:.6g}, {:.6g}]", least, most, low, high));
}

/// That the rows, or the columns where these are fewer, have length gain and are orthogonal.
void check_orthogonal(const Tensor& x, const json& line, const Case& c) {
  const Tensor matrix = reshape(x, {x.shape()[0], -1});
  const bool wide = matrix.shape()[0] <= matrix.shape()[1];
  const Tensor rows = wide ? matrix : transpose(matrix);
  const double gain = line.at("kwargs").value("gain", 1.0);
  compare_tensors("W W^T", matmul(rows, transpose(rows)),
                  gain * gain * eye(rows.shape()[0], -1, x.dtype()), c);
}

/// That each column has its share of zeros, and the rest the spread asked for.
void check_sparse(const Tensor& x, const json& line, const Case& c) {
  const json& k = line.at("kwargs");
  const auto rows = static_cast<double>(x.shape()[0]);
  const double zeros_each = std::ceil(k.at("sparsity").get<double>() * rows);
  compare_tensors("zeros by column", sum((x == 0.0).to(float64), 0),
                  full({x.shape()[1]}, zeros_each, float64), c);
  const double count = (rows - zeros_each) * static_cast<double>(x.shape()[1]);
  if (count < 1) return;
  const double got = std::sqrt(sum(x * x).item<double>() / count), want = k.value("std", 0.01);
  require(std::abs(got / want - 1) <= 6 / std::sqrt(2 * count),
          fmt::format("std is {:.6g}, wanted {:.6g}", got, want));
}

// ---- Default values of layers ----

/// The values that a name stands for: of one variable ("weight", "out_proj_weight" for
/// "out_proj.weight"); else of those that begin with it ("weight_ih" for "weight_ih_l0" ...); of
/// all parameters for "" and "all".
std::vector<Tensor> named(const nn::Module& module, const std::string& name) {
  std::vector<Tensor> family;
  for (const auto& [path, value] : module.state_dict()) {
    std::string flat = path;
    std::replace(flat.begin(), flat.end(), '.', '_');
    if (flat == name || path == name) return {value};
    if (flat.starts_with(name + "_")) family.push_back(value);
  }
  if (name.empty() || name == "all")
    for (const auto& parameter : module.parameters()) family.push_back(parameter);
  return family;
}

/// The elements of what a name stands for in several draws of the layer: some thousands in all.
std::vector<double> pooled(const std::string& module, const std::string& name) {
  std::vector<double> elements;
  do {
    const auto before = elements.size();
    for (const auto& value : named(make_layer(module).module, name)) {
      const Tensor x = value.detach().to(float64);
      elements.insert(elements.end(), x.data<double>().begin(), x.data<double>().end());
    }
    if (elements.size() == before) throw Unsupported(module + " has no parameter " + name);
  } while (elements.size() < 4000);
  return elements;
}

/// That a parameter of float32 is uniform in +-bound, and not in less.
void check_bound(const std::string& name, const std::vector<double>& x, double bound) {
  double most = 0, square = 0;
  for (const double element : x) {
    most = std::max(most, std::abs(element));
    square += element * element / static_cast<double>(x.size());
  }
  require(most <= bound * (1 + 1e-6) && most >= 0.98 * bound,
          fmt::format("{} reaches +-{:.6g}, wanted +-{:.6g}", name, most, bound));
  require(bound == 0 || std::abs(std::sqrt(3 * square) / bound - 1) < 0.05,
          fmt::format("{} has std {:.6g}, wanted {:.6g}", name, std::sqrt(square),
                      bound / std::sqrt(3.0)));
}

/// That a parameter has this mean or standard deviation: six standard errors of `count` normals.
void check_moment(const std::string& key, double got, double want, double std, double count) {
  require(std::abs(got - want) <= 6 * std / std::sqrt(count),
          fmt::format("{} is {:.6g}, wanted {:.6g}", key, got, want));
}

void check_default(const Case& c, const json& line) {
  const std::string module = line.at("module");
  seed(1);
  for (const auto& [key, wanted] : line.at("expected").items()) {
    const auto cut = key.rfind('_');
    const std::string what = key.substr(cut + 1);  // the whole key where it has no '_'
    const bool constant = !named(make_layer(module).module, key).empty();  // as "running_mean"
    const bool statistic = !constant && (what == "bound" || what == "std" || what == "mean");
    const auto name = !statistic ? key : cut == key.npos ? "" : key.substr(0, cut);
    const auto x = pooled(module, name);
    const double want = wanted.get<double>(), count = static_cast<double>(x.size());
    const Tensor elements = tensor(x);
    if (!statistic)
      compare_tensors(key, elements, full(elements.shape(), want, float64), c);
    else if (what == "bound")
      check_bound(name, x, want);
    else if (what == "std")
      check_moment(key, stddev(elements).item<double>(), want, want / std::sqrt(2.0), count);
    else
      check_moment(key, mean(elements).item<double>(), want, stddev(elements).item<double>(),
                   count);
  }
}

// ---- Layers that drop at random ----

const char* layer_of(const std::string& op) {
  if (op == "dropout") return "Dropout";
  if (op == "dropout1d") return "Dropout1d";
  if (op == "dropout2d") return "Dropout2d";
  if (op == "dropout3d") return "Dropout3d";
  if (op == "alpha_dropout") return "AlphaDropout";
  if (op == "feature_alpha_dropout") return "FeatureAlphaDropout";
  throw Unsupported("no equivalent of " + op);
}

}  // namespace

void check_init(const Case& c) {
  const json line = json::parse(c.json);
  if (c.op == "default_init") return check_default(c, line);
  if (c.op == "calculate_gain") {
    const json& k = line.at("kwargs");
    const json param = k.value("param", json());
    const std::string nonlinearity = k.at("nonlinearity");
    const double got = param.is_null() ? init::calculate_gain(nonlinearity)
                                       : init::calculate_gain(nonlinearity, param);
    return compare_tensors("gain", full({}, got, float64), full({}, value(line, "value"), float64),
                           c);
  }
  const Tensor x = draw(c, line);
  if (line.contains("value_array"))
    compare_tensors("value", x, c.arrays.at(line.at("value_array")).to(float64), c);
  else if (line.contains("mean"))
    check_moments(x, line);
  else if (c.op == "orthogonal_")
    check_orthogonal(x, line, c);
  else if (c.op == "sparse_")
    check_sparse(x, line, c);
  else
    throw Unsupported("a case without anything to compare");
}

void check_statistic(const Case& c) {
  const json line = json::parse(c.json);
  seed(1);
  Case with_keywords = c;
  with_keywords.kwargs = line.value("kwargs", json::object()).dump();
  Call call(c.op, {}, keywords(with_keywords, {}));
  MadeLayer layer = make_layer(layer_of(c.op), call);
  const Shape shape(line.at("shape").get<std::vector<std::int64_t>>());
  const Tensor x = ones(shape, float64).requires_grad("x");
  const Tensor y = layer.forward(x);
  const Tensor kept = (abs(y) > 1e-12).to(float64);
  compare_tensors("output", y, value(line, "kept_value") * kept, c);
  compare_tensors("gradient", grad(sum(y), {x}).at(0), y, c);
  const double fraction = 1 - mean(kept).item<double>();
  require(std::abs(fraction - value(line, "zero_fraction")) <= value(line, "zero_limit"),
          fmt::format("the fraction {:.6g} is 0, wanted {:.6g}", fraction,
                      value(line, "zero_fraction")));
  if (c.note.find("channel") != c.note.npos) {
    const Tensor channels = reshape(kept, {shape[0] * shape[1], -1});
    compare_tensors("the least of each channel", min(channels, 1), max(channels, 1), c);
  }
  require(!array_equal(layer.forward(x), y), "two calls give the same");
  layer.module.eval();
  compare_tensors("output in evaluation", layer.forward(x), x, c);
}

}  // namespace gradtape::conformance
