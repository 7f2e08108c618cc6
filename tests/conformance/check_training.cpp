#include <fmt/format.h>

#include <gradtape/nn/nn.hpp>
#include <gradtape/optim/optim.hpp>

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "check.hpp"
#include "layers.hpp"
#include "optimizers.hpp"

namespace gradtape::conformance {
namespace {

using nlohmann::json;

/// A model from its description: "Linear(3,1)" or "Sequential(Linear(4,8),Tanh,Linear(8,3))".
struct Model {
  std::vector<std::function<Tensor(const Tensor&)>> layers;
  std::vector<std::pair<std::string, Parameter>> parameters;  // by PyTorch's names

  Tensor operator()(Tensor x) const {
    for (const auto& layer : layers) x = layer(x);
    return x;
  }
};

/// The parts of a text between the commas outside of parentheses.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char ch : text) {
    depth += ch == '(' ? 1 : ch == ')' ? -1 : 0;
    if (ch == ',' && depth == 0)
      parts.emplace_back();
    else if (ch != ' ' || !parts.back().empty())
      parts.back() += ch;
  }
  return parts;
}

/// Layers without parameters.
const std::map<std::string, Tensor (*)(const Tensor&)> functions = {
    {"Identity", [](const Tensor& x) { return x; }},
    {"Tanh", [](const Tensor& x) { return tanh(x); }},
    {"ReLU", [](const Tensor& x) { return relu(x); }},
    {"Sigmoid", [](const Tensor& x) { return sigmoid(x); }},
    {"LeakyReLU", [](const Tensor& x) { return leaky_relu(x); }},
    {"ELU", [](const Tensor& x) { return elu(x); }},
    {"SELU", [](const Tensor& x) { return selu(x); }},
    {"GELU", [](const Tensor& x) { return gelu(x); }},
    {"SiLU", [](const Tensor& x) { return silu(x); }},
    {"Softplus", [](const Tensor& x) { return softplus(x); }},
};

void add_layer(Model& model, const std::string& description, const std::string& prefix) {
  const auto name = description.substr(0, description.find('('));
  const auto function = functions.find(name);
  if (function != functions.end() && (description == name || description == name + "()"))
    return model.layers.emplace_back(function->second), void();
  auto layer = make_layer("nn." + (description == name ? name + "()" : description));
  if (!layer.forward) throw Unsupported("the layer " + description + " in a row of others");
  layer.module.to(float64);
  for (const auto& [path, parameter] : layer.module.named_parameters())
    model.parameters.emplace_back(prefix + path, parameter);
  model.layers.push_back(layer.forward);
}

Model make_model(const std::string& description) {
  Model model;
  const std::string row = "Sequential(";
  if (!description.starts_with(row) || !description.ends_with(")")) {
    add_layer(model, description, "");
    return model;
  }
  const auto layers = split(description.substr(row.size(), description.size() - row.size() - 1));
  for (std::size_t i = 0; i < layers.size(); ++i)
    add_layer(model, layers[i], std::to_string(i) + ".");
  return model;
}

using Loss = std::function<Tensor(const Tensor& output, const Tensor& target)>;

/// The loss "cross_entropy mean", "mse", "BCE with logits" ...; the mean unless it says "sum".
Loss make_loss(std::string name) {
  nn::Reduction reduction = nn::Reduction::mean;
  for (const auto& [word, meaning] :
       {std::pair{" mean", nn::Reduction::mean}, std::pair{" sum", nn::Reduction::sum}})
    if (name.ends_with(word)) {
      name.resize(name.size() - std::string_view(word).size());
      reduction = meaning;
    }
  if (name == "cross_entropy")
    return [=](const Tensor& y, const Tensor& t) {
      return nn::cross_entropy(y, t, {.reduction = reduction});
    };
  if (name == "mse")
    return [=](const Tensor& y, const Tensor& t) { return nn::mse_loss(y, t, {reduction}); };
  if (name == "l1")
    return [=](const Tensor& y, const Tensor& t) { return nn::l1_loss(y, t, {reduction}); };
  if (name == "BCE with logits")
    return [=](const Tensor& y, const Tensor& t) {
      return nn::bce_with_logits(y, t, {.reduction = reduction});
    };
  throw Unsupported("the loss " + name);
}

}  // namespace

void check_training(const Case& c) {
  const json line = json::parse(c.json);
  const auto array = [&](const json& name) { return c.arrays.at(name.get<std::string>()); };
  const auto parts = split(line.at("desc").get<std::string>());
  if (parts.size() != 2) throw Unsupported("the model " + line.at("desc").get<std::string>());
  if (!line.value("full_batch", true)) throw Unsupported("batches");
  const Model model = make_model(parts[0]);
  const Loss loss = make_loss(parts[1]);
  const Tensor x = array(line.at("inputs").at("x")), t = array(line.at("inputs").at("t"));

  const json& wanted = line.at("params");
  if (wanted.size() != model.parameters.size())
    throw Difference(
        fmt::format("{} parameters, wanted {}", model.parameters.size(), wanted.size()));
  std::vector<Parameter> parameters;
  for (const auto& [name, parameter] : model.parameters) {
    parameter.set(array(wanted.at(name).at("init")));
    parameters.push_back(parameter);
  }
  const json& made = line.at("optimizer");
  const auto optimizer = make_optimizer(made.at("name"), parameters, made);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < line.at("steps"); ++step) {
    if (auto* lbfgs = dynamic_cast<optim::LBFGS*>(optimizer.get())) {
      losses.push_back(lbfgs->step([&] { return loss(model(x), t); }));
      continue;
    }
    optimizer->zero_grad();
    const Tensor value = loss(model(x), t);
    losses.push_back(value.item<double>());
    value.backward();
    optimizer->step();
  }
  compare_tensors("losses", tensor(losses), array(line.at("losses")), c);
  for (const auto& [name, parameter] : model.parameters)
    compare_tensors(name, parameter, array(wanted.at(name).at("final")), c);
}

}  // namespace gradtape::conformance
