#include "gradtape/autograd/functional.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/shape.hpp"
#include "gradtape/autograd/tape.hpp"

namespace gradtape {
namespace {

using Tensors = std::vector<Tensor>;

/// A function run once with its graph recorded, ready to be differentiated.
class Run {
 public:
  Run(const char* op, const TensorFunction& f, const Tensors& inputs, bool create_graph) : op_(op) {
    // Within another transform, results are differentiable again.
    create_graph_ = recording() && (create_graph || recording_mode().transforms > 0);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& x = inputs[i];
      check_floating(x, fmt::format("input {}", i));
      create_graph_ = create_graph_ || (recording() && x.is_tracked());
      x_.push_back(own(x));
    }
    start([&] { return f(x_); });
  }

  Run(const char* op, const ParameterFunction& f, const std::vector<Parameter>& parameters,
      bool create_graph)
      : op_(op) {
    // Within another transform, results are differentiable again.
    create_graph_ = recording() && (create_graph || recording_mode().transforms > 0);
    for (const auto& parameter : parameters) {
      if (!parameter.defined()) fail<GraphError>(op_, "a parameter is undefined");
      if (parameter.is_frozen())
        fail<GraphError>(op_, fmt::format("the parameter '{}' is frozen", parameter.name()));
      x_.push_back(parameter.tensor());
    }
    start(f);
  }

  const Tensors& inputs() const { return x_; }
  /// As the caller gets it.
  Tensor value() const { return result(y_); }
  Shape shape() const { return y_.shape(); }
  Tensor result(const Tensor& x) const { return create_graph_ ? x : x.detach(); }
  bool creates_graph() const { return create_graph_; }

  void check_scalar() const {
    if (y_.numel() != 1)
      fail<ShapeError>(op_, fmt::format("the function must return one element, got shape {}; "
                                        "reduce it with sum() or mean(), or use jacobian",
                                        y_.shape().str()));
  }

  /// `v` as the cotangent of the value or the tangent of an input.
  Tensor check_direction(Tensor v, const Tensor& x, const std::string& of) const {
    if (!v.defined()) fail<ValueError>(op_, fmt::format("v for {} is undefined", of));
    if (v.is_weak()) v = v.to(x.dtype());
    if (v.shape() != x.shape())
      fail<ShapeError>(op_, fmt::format("v for {} has shape {}, which must be {}", of,
                                        v.shape().str(), x.shape().str()));
    if (v.dtype() != x.dtype())
      fail<DtypeError>(op_, fmt::format("v for {} is {}, which must be {}", of, name(v.dtype()),
                                        name(x.dtype())));
    return v;
  }

  Tensors check_directions(const Tensors& v) const {
    if (v.size() != x_.size())
      fail<ValueError>(op_, fmt::format("{} directions v for {} inputs", v.size(), x_.size()));
    Tensors checked;
    for (std::size_t i = 0; i < v.size(); ++i)
      checked.push_back(check_direction(v[i], x_[i], fmt::format("input {}", i)));
    return checked;
  }

  /// J^T v, zeros where no path leads.
  Tensors pull(const Tensor& v, bool last = true) const {
    return gradients({y_}, {check_direction(v, y_, "the value")}, x_, create_graph_, last);
  }
  /// The gradients of a scalar value, recorded where a derivative of them follows.
  Tensors slope(bool record_pass) const {
    check_scalar();
    return gradients({y_}, {ones_like(y_)}, x_, create_graph_ || record_pass, !record_pass);
  }

  /// The derivative along directions, any number of times.
  class Push {
   public:
    /// v -> J^T v is linear: its own vjp, at any v, is J.
    explicit Push(const Run& run) : run_(run), v_(ones_like(run.y_).requires_grad()) {
      pulled_ = run.gradients({run.y_}, {v_}, run.x_, true, false);
    }
    Tensor operator()(const Tensors& tangents, bool last) const {
      return run_.gradients(pulled_, tangents, {v_}, run_.create_graph_, last)[0];
    }

   private:
    const Run& run_;
    Tensor v_;
    Tensors pulled_;
  };

  /// The gradients of sum_i <seeds[i], outputs[i]> for `targets`, zeros where no path leads.
  Tensors gradients(const Tensors& outputs, const Tensors& seeds, const Tensors& targets,
                    bool create_graph, bool last) const {
    Tensors tracked, tracked_seeds, grads(targets.size());
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].is_tracked() && seeds[i].defined()) {
        tracked.push_back(outputs[i]);
        tracked_seeds.push_back(seeds[i]);
      }
    if (!tracked.empty()) {
      const auto scope = RecordingScope::on();
      grads = grad(tracked, tracked_seeds, targets,
                   {.create_graph = create_graph, .retain_graph = !last, .allow_unused = true});
    }
    for (std::size_t i = 0; i < grads.size(); ++i)
      if (!grads[i].defined()) grads[i] = zeros_like(targets[i]);
    return grads;
  }

 private:
  template <class F> void start(F f) {
    auto mode = recording_mode();
    mode.recording = true;
    ++mode.transforms;
    const RecordingScope scope(mode);
    y_ = f();
    check_floating(y_, "the function's result");
  }

  /// x under a name of its own, so that derivatives for it are those for the argument alone.
  Tensor own(const Tensor& x) const {
    if (!create_graph_ || !x.is_tracked()) return x.detach().requires_grad();
    return record("identity", x.detach(), {x}, {[](const Tensor& g) { return g; }});
  }

  void check_floating(const Tensor& x, const std::string& what) const {
    if (!x.defined()) fail<GraphError>(op_, fmt::format("{} is undefined", what));
    if (!is_floating(x.dtype()))
      fail<DtypeError>(op_, fmt::format("{} is {}; only float32 and float64 differentiate", what,
                                        name(x.dtype())));
  }

  const char* op_;
  bool create_graph_;
  Tensors x_;
  Tensor y_;
};

/// All zeros but for element i.
Tensor basis(const Tensor& like, std::int64_t i) {
  const Tensor e = zeros_like(like);
  detail::visit_floating(like.dtype(), "jacobian", [&](auto zero) {
    using T = decltype(zero);
    detail::mutable_data<T>(e)[i] = T(1);
  });
  return e;
}

/// The shape of the derivative of something of shape `y` for something of shape `x`.
Shape joined(const char* op, const Shape& y, const Shape& x) {
  if (y.ndim() + x.ndim() > max_ndim)
    fail<ShapeError>(op, fmt::format("the derivative of shape {} for shape {} would have {} axes, "
                                     "a tensor has at most {}",
                                     y.str(), x.str(), y.ndim() + x.ndim(), max_ndim));
  Shape shape = y;
  for (const auto extent : x) shape.push_back(extent);
  return shape;
}

/// The rows of a Jacobian, [ny, ...x.shape], under its own shape; zeros where there are none.
Tensor from_rows(const Tensors& rows, const Shape& shape, Dtype dtype) {
  return rows.empty() ? zeros(shape, dtype) : reshape(stack(rows, 0), shape);
}

Tensors jacobian_by_rows(const char* op, const Run& run, const Tensor& y, const Tensors& x,
                         const std::function<Tensors(const Tensor& v, bool last)>& pull) {
  std::vector<Shape> shapes;
  for (const auto& input : x) shapes.push_back(joined(op, y.shape(), input.shape()));
  std::vector<Tensors> rows(x.size());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const auto row = pull(basis(y, i), i + 1 == y.numel());
    for (std::size_t k = 0; k < x.size(); ++k) rows[k].push_back(row[k]);
  }
  Tensors blocks;
  for (std::size_t k = 0; k < x.size(); ++k)
    blocks.push_back(run.result(from_rows(rows[k], shapes[k], x[k].dtype())));
  return blocks;
}

Tensors jacobian_by_columns(const char* op, const Run& run) {
  const auto& x = run.inputs();
  const auto y = run.value();
  const Run::Push push(run);
  Tensors blocks;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const Shape shape = joined(op, y.shape(), x[k].shape());
    Tensors columns;
    for (std::int64_t j = 0; j < x[k].numel(); ++j) {
      Tensors tangents(x.size());
      tangents[k] = basis(x[k], j);
      columns.push_back(reshape(push(tangents, false), {y.numel()}));
    }
    blocks.push_back(run.result(columns.empty() ? zeros(shape, x[k].dtype())
                                                : reshape(stack(columns, 1), shape)));
  }
  return blocks;
}

// Each derivative, for functions of tensors and of parameters alike.

template <class F, class X>
ValueAndGrad value_and_grad_(const char* op, const F& f, const X& x, FunctionalOptions options) {
  const Run run(op, f, x, options.create_graph);
  auto grads = run.slope(false);
  return {run.value(), std::move(grads)};
}

template <class F, class X>
ValueAndGrad vjp_(const F& f, const X& x, const Tensor& v, FunctionalOptions options) {
  const Run run("vjp", f, x, options.create_graph || (recording() && v.is_tracked()));
  auto grads = run.pull(v);
  return {run.value(), std::move(grads)};
}

bool any_tracked(const Tensors& x) {
  return recording() &&
         std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.is_tracked(); });
}

template <class F, class X>
ValueAndTangent jvp_(const F& f, const X& x, const Tensors& v, FunctionalOptions options) {
  const Run run("jvp", f, x, options.create_graph || any_tracked(v));
  const auto tangents = run.check_directions(v);
  return {run.value(), Run::Push(run)(tangents, true)};
}

template <class F, class X> Tensors jacobian_(const F& f, const X& x, JacobianOptions options) {
  const Run run("jacobian", f, x, options.create_graph);
  std::int64_t columns = 0;
  for (const auto& input : run.inputs()) columns += input.numel();
  // A column takes two passes' work where a row takes one.
  const bool forward =
      options.mode == JacobianMode::forward ||
      (options.mode == JacobianMode::automatic && 2 * columns < run.value().numel());
  if (forward) return jacobian_by_columns("jacobian", run);
  return jacobian_by_rows("jacobian", run, run.value(), run.inputs(),
                          [&](const Tensor& v, bool last) { return run.pull(v, last); });
}

template <class F, class X>
std::vector<Tensors> hessian_(const F& f, const X& x, FunctionalOptions options) {
  const Run run("hessian", f, x, options.create_graph);
  const auto slopes = run.slope(true);
  std::vector<Tensors> blocks;
  for (const auto& slope : slopes)
    blocks.push_back(
        jacobian_by_rows("hessian", run, slope, run.inputs(), [&](const Tensor& v, bool) {
          return run.gradients({slope}, {v}, run.inputs(), run.creates_graph(), false);
        }));
  return blocks;
}

template <class F, class X>
Tensors hvp_(const F& f, const X& x, const Tensors& v, FunctionalOptions options) {
  const Run run("hvp", f, x, options.create_graph || any_tracked(v));
  const auto directions = run.check_directions(v);
  return run.gradients(run.slope(true), directions, run.inputs(), run.creates_graph(), true);
}

template <class F, class X>
Tensors gauss_newton_product_(const F& f, const std::function<Tensor(const Tensor&)>& loss,
                              const X& x, const Tensors& v, FunctionalOptions options) {
  const Run run("gauss_newton_product", f, x, options.create_graph || any_tracked(v));
  const auto directions = run.check_directions(v);
  const Tensor tangent = run.result(Run::Push(run)(directions, false));
  const TensorFunction of_value = [&](const Tensors& y) { return loss(y[0]); };
  const Run at_value("gauss_newton_product", of_value, Tensors{run.value()}, run.creates_graph());
  const Tensor bent = at_value.gradients(at_value.slope(true), {tangent}, at_value.inputs(),
                                         at_value.creates_graph(), true)[0];
  return run.pull(bent);
}

}  // namespace

ValueAndGrad value_and_grad(const TensorFunction& f, const Tensors& inputs,
                            FunctionalOptions options) {
  return value_and_grad_("value_and_grad", f, inputs, options);
}
ValueAndGrad value_and_grad(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                            FunctionalOptions options) {
  return value_and_grad_("value_and_grad", f, parameters, options);
}

Tensors grad_of(const TensorFunction& f, const Tensors& inputs, FunctionalOptions options) {
  return value_and_grad_("grad_of", f, inputs, options).grads;
}
Tensors grad_of(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                FunctionalOptions options) {
  return value_and_grad_("grad_of", f, parameters, options).grads;
}

ValueAndGrad vjp(const TensorFunction& f, const Tensors& inputs, const Tensor& v,
                 FunctionalOptions options) {
  return vjp_(f, inputs, v, options);
}
ValueAndGrad vjp(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                 const Tensor& v, FunctionalOptions options) {
  return vjp_(f, parameters, v, options);
}

ValueAndTangent jvp(const TensorFunction& f, const Tensors& inputs, const Tensors& v,
                    FunctionalOptions options) {
  return jvp_(f, inputs, v, options);
}
ValueAndTangent jvp(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                    const Tensors& v, FunctionalOptions options) {
  return jvp_(f, parameters, v, options);
}

Tensors jacobian(const TensorFunction& f, const Tensors& inputs, JacobianOptions options) {
  return jacobian_(f, inputs, options);
}
Tensors jacobian(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                 JacobianOptions options) {
  return jacobian_(f, parameters, options);
}

std::vector<Tensors> hessian(const TensorFunction& f, const Tensors& inputs,
                             FunctionalOptions options) {
  return hessian_(f, inputs, options);
}
std::vector<Tensors> hessian(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                             FunctionalOptions options) {
  return hessian_(f, parameters, options);
}

Tensors hvp(const TensorFunction& f, const Tensors& inputs, const Tensors& v,
            FunctionalOptions options) {
  return hvp_(f, inputs, v, options);
}
Tensors hvp(const ParameterFunction& f, const std::vector<Parameter>& parameters, const Tensors& v,
            FunctionalOptions options) {
  return hvp_(f, parameters, v, options);
}

Tensors gauss_newton_product(const TensorFunction& f,
                             const std::function<Tensor(const Tensor&)>& loss,
                             const Tensors& inputs, const Tensors& v, FunctionalOptions options) {
  return gauss_newton_product_(f, loss, inputs, v, options);
}
Tensors gauss_newton_product(const ParameterFunction& f,
                             const std::function<Tensor(const Tensor&)>& loss,
                             const std::vector<Parameter>& parameters, const Tensors& v,
                             FunctionalOptions options) {
  return gauss_newton_product_(f, loss, parameters, v, options);
}

Tensors per_sample_grad(const TensorFunction& loss, const std::vector<Parameter>& parameters,
                        const Tensors& batch, FunctionalOptions options) {
  constexpr const char* op = "per_sample_grad";
  if (batch.empty()) fail<ValueError>(op, "the batch has no tensors");
  for (const auto& x : batch)
    if (!x.defined() || x.ndim() == 0 || x.size(0) != batch[0].size(0))
      fail<ShapeError>(op, fmt::format("every tensor of the batch needs the same leading extent; "
                                       "the first has shape {}, another {}",
                                       batch[0].defined() ? batch[0].shape().str() : "undefined",
                                       x.defined() ? x.shape().str() : "undefined"));
  std::vector<Tensors> rows(parameters.size());
  for (std::int64_t i = 0; i < batch[0].size(0); ++i) {
    Tensors sample;
    for (const auto& x : batch) sample.push_back(slice(x, 0, i, i + 1));
    const ParameterFunction of_sample = [&] { return loss(sample); };
    const auto grads = value_and_grad_(op, of_sample, parameters, options).grads;
    for (std::size_t k = 0; k < grads.size(); ++k) rows[k].push_back(grads[k]);
  }
  Tensors result;
  for (std::size_t k = 0; k < parameters.size(); ++k)
    result.push_back(from_rows(rows[k], joined(op, {batch[0].size(0)}, parameters[k].shape()),
                               parameters[k].dtype()));
  return result;
}

}  // namespace gradtape
