/// Derivatives of functions: value_and_grad, vjp, jvp, jacobian, hessian and their relatives.
///
/// Each takes a function of several tensors, or a function of nothing with the Parameters it uses,
/// and differentiates at the point given; no leaf's grad() changes. They nest to any order: inside
/// one another, results are differentiable again by themselves. Where a plain tape is to
/// differentiate a result (`backward`, or `grad` with respect to something that the function
/// captured), ask for create_graph. An input that is tracked already keeps its place in its graph.
///
/// Where the output does not depend on an input, the derivative is zero. All throw GraphError for
/// an undefined input or result of the function and for a frozen parameter, and DtypeError for an
/// input or result that is not floating: capture constants such as labels in the function.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "gradtape/autograd/parameter.hpp"
#include "gradtape/autograd/tensor.hpp"

namespace gradtape {

/// A function of some tensors.
using TensorFunction = std::function<Tensor(const std::vector<Tensor>&)>;
/// A function of Parameters that it holds itself.
using ParameterFunction = std::function<Tensor()>;

/// Options of most functions here.
struct FunctionalOptions {
  bool create_graph = false;  ///< Record the pass, so that its result can be differentiated again.
};

/// A value and the gradient for each input.
struct ValueAndGrad {
  Tensor value;
  std::vector<Tensor> grads;  ///< One for each input, as the input.
};

/// The value of f and its gradients. Throws ShapeError unless f returns one element.
[[nodiscard]] ValueAndGrad value_and_grad(const TensorFunction& f,
                                          const std::vector<Tensor>& inputs,
                                          FunctionalOptions options = {});
/// The same for parameters: `value_and_grad([&] { return loss(model(x)); }, model.parameters())`.
[[nodiscard]] ValueAndGrad value_and_grad(const ParameterFunction& f,
                                          const std::vector<Parameter>& parameters,
                                          FunctionalOptions options = {});

/// The gradients alone. (`grad` is that of a tensor which is there already; see tape.hpp.)
[[nodiscard]] std::vector<Tensor> grad_of(const TensorFunction& f,
                                          const std::vector<Tensor>& inputs,
                                          FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] std::vector<Tensor> grad_of(const ParameterFunction& f,
                                          const std::vector<Parameter>& parameters,
                                          FunctionalOptions options = {});

/// The value of f and the vector-Jacobian products J_i^T v, one backward pass. v: as the value.
/// Throws ShapeError, DtypeError for another v.
[[nodiscard]] ValueAndGrad vjp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                               const Tensor& v, FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] ValueAndGrad vjp(const ParameterFunction& f, const std::vector<Parameter>& parameters,
                               const Tensor& v, FunctionalOptions options = {});

/// A value and its derivative along a direction.
struct ValueAndTangent {
  Tensor value;
  Tensor tangent;  ///< Its derivative, as the value.
};

/// The value of f and the Jacobian-vector product sum_i J_i v_i. v: one for each input, as the
/// inputs. Every differentiable op has it: it is the vjp of the vjp, which is linear in its seed,
/// at the cost of two backward passes. Throws ValueError for another count, ShapeError, DtypeError.
[[nodiscard]] ValueAndTangent jvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                  const std::vector<Tensor>& v, FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] ValueAndTangent jvp(const ParameterFunction& f,
                                  const std::vector<Parameter>& parameters,
                                  const std::vector<Tensor>& v, FunctionalOptions options = {});

/// How jacobian goes about it.
enum class JacobianMode {
  automatic,  ///< Whichever takes fewer passes.
  reverse,    ///< A backward pass for each element of the output: rows.
  forward,    ///< A jvp for each element of the inputs: columns.
};
/// Options of jacobian.
struct JacobianOptions {
  JacobianMode mode = JacobianMode::automatic;  ///< By rows or by columns.
  bool create_graph = false;                    ///< Record the passes.
};

/// The Jacobian for each input: dy/dx_i of shape y.shape + x_i.shape, with dy_j/dx_k at [j, k] for
/// vectors. (The MIT 6.390 notes write its transpose, dA/dZ.) Throws ShapeError where that has more
/// than 8 axes.
[[nodiscard]] std::vector<Tensor> jacobian(const TensorFunction& f,
                                           const std::vector<Tensor>& inputs,
                                           JacobianOptions options = {});
/// The same for parameters.
[[nodiscard]] std::vector<Tensor> jacobian(const ParameterFunction& f,
                                           const std::vector<Parameter>& parameters,
                                           JacobianOptions options = {});

/// The second derivatives: block [i][j] is d^2 y / dx_i dx_j of shape x_i.shape + x_j.shape, by a
/// backward pass over the gradient for each element of the inputs. Throws ShapeError unless f
/// returns one element.
[[nodiscard]] std::vector<std::vector<Tensor>> hessian(const TensorFunction& f,
                                                       const std::vector<Tensor>& inputs,
                                                       FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] std::vector<std::vector<Tensor>> hessian(const ParameterFunction& f,
                                                       const std::vector<Parameter>& parameters,
                                                       FunctionalOptions options = {});

/// The products of the Hessian with v, without the Hessian: sum_j d^2 y / dx_i dx_j v_j for each i,
/// by one backward pass over the gradient. Throws as hessian, and as jvp for v.
[[nodiscard]] std::vector<Tensor> hvp(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                      const std::vector<Tensor>& v, FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] std::vector<Tensor> hvp(const ParameterFunction& f,
                                      const std::vector<Parameter>& parameters,
                                      const std::vector<Tensor>& v, FunctionalOptions options = {});

/// The products of the Gauss-Newton matrix J^T H J with v: J of f, H the Hessian of `loss` at f's
/// value. Positive semidefinite for a convex loss, where the Hessian of loss(f) may not be
/// (Schraudolph 2002). Throws ShapeError unless loss returns one element, and as jvp for v.
[[nodiscard]] std::vector<Tensor> gauss_newton_product(
    const TensorFunction& f, const std::function<Tensor(const Tensor&)>& loss,
    const std::vector<Tensor>& inputs, const std::vector<Tensor>& v,
    FunctionalOptions options = {});
/// The same for parameters.
[[nodiscard]] std::vector<Tensor> gauss_newton_product(
    const ParameterFunction& f, const std::function<Tensor(const Tensor&)>& loss,
    const std::vector<Parameter>& parameters, const std::vector<Tensor>& v,
    FunctionalOptions options = {});

/// The gradient of each sample's loss: [n, ...] for each parameter. `loss` gets row i of every
/// tensor of `batch` with the leading extent 1 kept, n times: n passes, as there is no vmap.
/// Throws ShapeError for tensors of different leading extents, or unless loss returns one element.
[[nodiscard]] std::vector<Tensor> per_sample_grad(const TensorFunction& loss,
                                                  const std::vector<Parameter>& parameters,
                                                  const std::vector<Tensor>& batch,
                                                  FunctionalOptions options = {});

/// A function of one tensor.
template <class F>
concept UnaryFunction = std::is_invocable_r_v<Tensor, const F&, const Tensor&>;

// The same for a function of one tensor, such as a module or a formula.

/// The gradient of f at x.
template <UnaryFunction F>
[[nodiscard]] Tensor grad_of(const F& f, const Tensor& x, FunctionalOptions options = {}) {
  return grad_of([&f](const std::vector<Tensor>& v) -> Tensor { return f(v[0]); }, {x}, options)[0];
}
/// J^T v of f at x.
template <UnaryFunction F>
[[nodiscard]] Tensor vjp(const F& f, const Tensor& x, const Tensor& v,
                         FunctionalOptions options = {}) {
  return vjp([&f](const std::vector<Tensor>& u) -> Tensor { return f(u[0]); }, {x}, v, options)
      .grads[0];
}
/// J v of f at x.
template <UnaryFunction F>
[[nodiscard]] Tensor jvp(const F& f, const Tensor& x, const Tensor& v,
                         FunctionalOptions options = {}) {
  return jvp([&f](const std::vector<Tensor>& u) -> Tensor { return f(u[0]); },
             std::vector<Tensor>{x}, std::vector<Tensor>{v}, options)
      .tangent;
}
/// The Jacobian of f at x.
template <UnaryFunction F>
[[nodiscard]] Tensor jacobian(const F& f, const Tensor& x, JacobianOptions options = {}) {
  return jacobian([&f](const std::vector<Tensor>& v) -> Tensor { return f(v[0]); }, {x},
                  options)[0];
}
/// The Hessian of f at x.
template <UnaryFunction F>
[[nodiscard]] Tensor hessian(const F& f, const Tensor& x, FunctionalOptions options = {}) {
  return hessian([&f](const std::vector<Tensor>& v) -> Tensor { return f(v[0]); }, {x},
                 options)[0][0];
}
/// The Hessian of f at x times v.
template <UnaryFunction F>
[[nodiscard]] Tensor hvp(const F& f, const Tensor& x, const Tensor& v,
                         FunctionalOptions options = {}) {
  return hvp([&f](const std::vector<Tensor>& u) -> Tensor { return f(u[0]); },
             std::vector<Tensor>{x}, std::vector<Tensor>{v}, options)[0];
}

}  // namespace gradtape
