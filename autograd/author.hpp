/// For authors of ops, layers and update rules: the parts of the library that these are made of.
///
/// Recording an op is in tape.hpp (`record`, `recording`), raising an error in error.hpp (`fail`),
/// formulas over elements are in formula.hpp. Here is the rest: checking arguments, writing
/// results, loops on several threads, state. docs/custom_ops.md uses it for an op from start to
/// end.
#pragma once

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/ops/arithmetic.hpp"
#include "gradtape/autograd/ops/detail/spatial.hpp"
#include "gradtape/autograd/parallel.hpp"
#include "gradtape/autograd/require.hpp"
#include "gradtape/autograd/runtime/serial.hpp"
#include "gradtape/autograd/runtime/work.hpp"
#include "gradtape/autograd/state.hpp"
#include "gradtape/autograd/tape.hpp"
#include "gradtape/autograd/tensor.hpp"
#include "gradtape/autograd/tensor/name.hpp"
#include "gradtape/autograd/tensor/shared.hpp"

namespace gradtape::author {

// ---- checking arguments; for options see require.hpp ----

/// `std::string describe(const Tensor& x)`: "'fc1.weight' [3, 4]" for a named leaf, "[3, 4]"
/// otherwise, as error messages speak of a tensor.
using detail::describe;

/// `need_defined(op, x, operand)`: throws GraphError, "op: operand is undefined: ...", for an
/// undefined tensor.
using detail::need_defined;

/// `promote_literals(a, b, op)`, `promote_literals(operands, count, op)`: makes the dtypes of
/// operands equal. C++ literals adopt the dtype of the others; throws DtypeError where dtypes
/// differ otherwise.
using detail::promote_literals;

/// `Spatial spatial(op, what, extents, axes, least)`: the option `what`, one number or one for each
/// of 1 to 3 spatial axes, as a number for each of three axes. Throws ValueError for another count
/// or a number below `least`.
using detail::spatial;
using detail::Spatial;

/// `Shape image_shape(batch, channels, extents, axes)`: [batch, channels, spatial...].
using detail::image_shape;

/// `CachedVector<T>`: a std::vector whose memory is kept for the next one, for what every step
/// needs.
using detail::CachedVector;

// ---- elements: reading by dtype, writing results ----

/// `visit_floating(dtype, op, f)`: returns f(float{}) or f(double{}). Throws DtypeError in the name
/// of `op` for other dtypes.
using detail::visit_floating;

/// `visit_dtype(dtype, f)`: returns f(float{}), f(double{}), f(std::int64_t{}) or f(bool{}).
using detail::visit_dtype;

/// `Tensor empty(const Shape& shape, Dtype dtype)`: a new tensor whose elements are uninitialised.
/// Write all of them before anybody else sees it.
using detail::empty;

/// `T* mutable_data<T>(const Tensor& x)`: the elements for writing. Only for a tensor that
/// empty() has just made, or one that is_unique().
using detail::mutable_data;

/// `bool is_unique(const Tensor& x, std::uint32_t holders = 1)`: whether no other tensor and no
/// graph holds these elements, so that they may be overwritten; with 2 holders, one other tensor at
/// most.
using detail::is_unique;

/// `Tensor alias(const Tensor& x, const Shape& shape, std::int64_t offset = 0)`: the same elements
/// under another shape, from number `offset` on; shared unless they are few. Never recorded.
using detail::alias;

// ---- loops ----

/// `parallel_for(n, grain, f)`: calls f(begin, end) on several threads, for ranges of at least
/// `grain` that together make 0 ... n. The first exception that leaves f is rethrown.
using detail::parallel_for;

/// The grain for a loop of cheap operations on single elements; divide it by the cost of an
/// iteration.
using detail::elementwise_grain;

/// While one is alive, num_threads() is 1 in its thread: for threads that share the machine.
using detail::Serial;

/// `count_work(flops, bytes)`: adds a kernel's work to that of the op being computed; cost.hpp
/// reports it. A multiply-add is two flops.
using detail::count_work;

// ---- state and copies ----

/// `StateReader(owner, state)`: reads a StateDict entry by entry and throws ValueError, in the name
/// of `owner`, for what is missing, left over, or of another shape or dtype; see state.hpp.
using detail::StateReader;

/// `Shared<T>`: a std::shared_ptr that takes part in deep copies. What a layer's copies are to
/// share, but its clone() is not, it keeps in one.
using detail::Shared;

/// `Name`: a dotted name that grows with what is above it.
using detail::Name;

/// While one is alive, its thread's copies of modules, parameters and buffers are deep: clone() is
/// a copy made under one.
using detail::DeepCopy;

}  // namespace gradtape::author
