/// Opt-in: tensors to and from other libraries of the process by DLPack, without a copy: PyTorch,
/// NumPy, JAX, CuPy, TVM, ... Needs <dlpack/dlpack.h> (Debian: libdlpack-dev).
#pragma once

#include <dlpack/dlpack.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "gradtape/autograd/tensor/strided.hpp"

namespace gradtape {

/// Options of to_dlpack and to_dlpack_versioned.
struct DlpackOptions {
  bool copy = false;  ///< The consumer gets elements of its own, which it may write.
};

namespace detail {

inline constexpr std::uint8_t dlpack_bool = 6;  // kDLBool, which headers before 0.8 lack

/// "float16", "uint8", "complex64", ...
inline std::string dlpack_name(const DLDataType& type) {
  const auto bits = std::to_string(type.bits);
  const auto of = [&](const char* kind) {
    return kind + bits + (type.lanes == 1 ? "" : "x" + std::to_string(type.lanes));
  };
  switch (type.code) {
    case kDLInt:
      return of("int");
    case kDLUInt:
      return of("uint");
    case kDLFloat:
      return of("float");
    case kDLBfloat:
      return of("bfloat");
    case kDLComplex:
      return of("complex");
    case dlpack_bool:
      return of("bool");
    default:
      return "of type code " + std::to_string(type.code) + ", " + of("bits ");
  }
}

/// Throws DtypeError for what tensors do not hold.
inline Dtype dlpack_dtype(const DLDataType& type) {
  if (type.lanes == 1) {
    if (type.code == kDLFloat && type.bits == 32) return float32;
    if (type.code == kDLFloat && type.bits == 64) return float64;
    if (type.code == kDLInt && type.bits == 64) return int64;
    if (type.code == dlpack_bool && type.bits == 8) return bool_;
  }
  fail<DtypeError>("from_dlpack", "the elements are " + dlpack_name(type) +
                                      "; tensors hold float32, float64, int64 and bool: convert "
                                      "them before, as by x.to(torch.float32) in PyTorch");
}

inline Strided dlpack_layout(const DLTensor& from) {
  constexpr const char* op = "from_dlpack";
  if (from.device.device_type != kDLCPU)
    fail<ValueError>(op, "the elements are on the device of type " +
                             std::to_string(static_cast<int>(from.device.device_type)) +
                             ", not on the CPU (type 1): copy them there before, as by x.cpu() in "
                             "PyTorch");
  const auto element = static_cast<std::int64_t>(size_of(dlpack_dtype(from.dtype)));
  Strided layout;
  for (int axis = 0; axis < from.ndim; ++axis) layout.push_back(from.shape[axis], 0);
  (void)layout.shape.numel(op);
  std::int64_t compact = element;
  for (int axis = from.ndim - 1; axis >= 0; --axis) {
    layout.strides[static_cast<std::size_t>(axis)] =
        from.strides ? from.strides[axis] * element : compact;
    compact *= from.shape[axis];
  }
  if (from.data) layout.data = static_cast<const char*>(from.data) + from.byte_offset;
  return layout;
}

/// Deletes what it owns, once it owns it.
template <class Managed> struct DlpackOwner {
  Managed* managed = nullptr;
  DlpackOwner() = default;
  DlpackOwner(const DlpackOwner&) = delete;
  DlpackOwner& operator=(const DlpackOwner&) = delete;
  ~DlpackOwner() {
    if (managed && managed->deleter) managed->deleter(managed);
  }
};

template <class Managed> Tensor from_managed(Managed* managed) {
  const auto& from = managed->dl_tensor;
  const Strided layout = dlpack_layout(from);
  const auto owner = std::make_shared<DlpackOwner<Managed>>();
  Tensor x = visit_dtype(dlpack_dtype(from.dtype), [&](auto zero) {
    return borrow_strided<decltype(zero)>(layout, owner, "from_dlpack");
  });
  owner->managed = managed;  // only now: where something has thrown, it is the caller's
  return x;
}

/// A tensor on its way out, and what its description points to.
template <class Managed> struct DlpackExport {
  Managed managed{};
  Tensor tensor;
  std::int64_t shape[max_ndim], strides[max_ndim];
};

template <class Managed>
Managed* to_managed(const char* op, const Tensor& x, const DlpackOptions& options) {
  need_defined(op, x, "x");
  auto out = std::make_unique<DlpackExport<Managed>>();
  out->tensor = x.detach();
  if (options.copy)
    out->tensor = visit_dtype(x.dtype(), [&](auto zero) {
      return tensor(x.data<decltype(zero)>(), x.shape(), x.dtype());
    });
  const Shape shape = x.shape();
  std::int64_t stride = 1;
  for (int axis = shape.ndim() - 1; axis >= 0; --axis) {
    out->shape[axis] = shape[axis];
    out->strides[axis] = stride;
    stride *= shape[axis];
  }
  DLTensor& to = out->managed.dl_tensor;
  to.data = const_cast<void*>(out->tensor.raw());
  to.device = {kDLCPU, 0};
  to.ndim = shape.ndim();
  to.dtype.code = static_cast<std::uint8_t>(is_floating(x.dtype()) ? kDLFloat : kDLInt);
  if (x.dtype() == bool_) to.dtype.code = dlpack_bool;
  to.dtype.bits = static_cast<std::uint8_t>(8 * size_of(x.dtype()));
  to.dtype.lanes = 1;
  to.shape = out->shape;
  to.strides = out->strides;
  out->managed.manager_ctx = out.get();
  out->managed.deleter = [](Managed* self) {
    delete static_cast<DlpackExport<Managed>*>(self->manager_ctx);
  };
  return &out.release()->managed;
}

}  // namespace detail

/// A tensor over the elements of another library's, which is kept alive until nobody reads them;
/// its deleter is then called once, in the thread where that happens. Row-major elements are not
/// copied, nor are those of a transposed matrix; with other strides, or at an address that is not
/// aligned, they are copied. The memory must not change meanwhile, as borrow() says.
///
/// float32, float64, int64, bool (of one byte); 0 to 8 axes. Throws DtypeError for other elements,
/// ValueError for another device and for a null pointer, ShapeError. If it throws, `managed` stays
/// the caller's.
[[nodiscard]] inline Tensor from_dlpack(DLManagedTensor* managed) {
  if (!managed) fail<ValueError>("from_dlpack", "the pointer is null");
  return detail::from_managed(managed);
}

/// The value of x, outside its graph, for another library: that calls `deleter` when it is done.
/// It shares the elements, of which it must write none; with {.copy = true} it gets its own. Throws
/// GraphError for an undefined tensor.
[[nodiscard]] inline DLManagedTensor* to_dlpack(const Tensor& x,
                                                const DlpackOptions& options = {}) {
  return detail::to_managed<DLManagedTensor>("to_dlpack", x, options);
}

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1
/// The same for the struct of DLPack 1. Throws ValueError for another major version.
[[nodiscard]] inline Tensor from_dlpack(DLManagedTensorVersioned* managed) {
  if (!managed) fail<ValueError>("from_dlpack", "the pointer is null");
  if (managed->version.major != DLPACK_MAJOR_VERSION)
    fail<ValueError>("from_dlpack",
                     "the tensor is of DLPack " + std::to_string(managed->version.major) +
                         ", this program was compiled for " + std::to_string(DLPACK_MAJOR_VERSION));
  return detail::from_managed(managed);
}

/// The same as the struct of DLPack 1, which says that the elements are read-only unless they are
/// a copy.
[[nodiscard]] inline DLManagedTensorVersioned* to_dlpack_versioned(
    const Tensor& x, const DlpackOptions& options = {}) {
  auto* const managed =
      detail::to_managed<DLManagedTensorVersioned>("to_dlpack_versioned", x, options);
  managed->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  managed->flags = options.copy ? DLPACK_FLAG_BITMASK_IS_COPIED : DLPACK_FLAG_BITMASK_READ_ONLY;
  return managed;
}
#endif

}  // namespace gradtape
