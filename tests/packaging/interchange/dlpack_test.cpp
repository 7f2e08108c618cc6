#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/dlpack.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

using namespace gradtape;

namespace {

/// Another library's tensor, which counts how often its deleter is called.
struct Foreign {
  std::vector<double> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::array<std::int64_t, 9> shape{}, strides{};
  int deleted = 0;
  DLManagedTensor managed{};

  Foreign(std::vector<std::int64_t> extents, std::vector<std::int64_t> steps = {}) {
    std::copy(extents.begin(), extents.end(), shape.begin());
    std::copy(steps.begin(), steps.end(), strides.begin());
    DLTensor& to = managed.dl_tensor;
    to.data = memory.data();
    to.device = {kDLCPU, 0};
    to.ndim = static_cast<int>(extents.size());
    to.dtype = {kDLFloat, 64, 1};
    to.shape = shape.data();
    to.strides = steps.empty() ? nullptr : strides.data();
    managed.manager_ctx = this;
    managed.deleter = [](DLManagedTensor* self) {
      ++static_cast<Foreign*>(self->manager_ctx)->deleted;
    };
  }
};

}  // namespace

TEST_CASE("DLPack: a compact tensor comes in without a copy, and is deleted once") {
  Foreign foreign({3, 4});
  {
    Tensor x = from_dlpack(&foreign.managed);
    CHECK(x.data<double>().data() == foreign.memory.data());
    CHECK(array_equal(x, reshape(arange(12, float64), {3, 4})));
    const Tensor y = x[1];
    x = {};
    CHECK(foreign.deleted == 0);
    CHECK(sum(y).item() == 22);
  }
  CHECK(foreign.deleted == 1);

  Foreign offset({2, 2}, {2, 1});
  offset.managed.dl_tensor.byte_offset = 16;
  std::thread([x = from_dlpack(&offset.managed)] { CHECK(sum(x).item() == 14); }).join();
  CHECK(offset.deleted == 1);
}

TEST_CASE("DLPack: other strides") {
  Foreign columns({3, 4}, {1, 3});
  {
    const Tensor x = from_dlpack(&columns.managed);
    CHECK(transpose(x).raw() == columns.memory.data());
    CHECK(array_equal(x, transpose(reshape(arange(12, float64), {4, 3}))));
    CHECK(columns.deleted == 0);
  }
  CHECK(columns.deleted == 1);
  Foreign every_other({2, 3}, {6, 2});
  CHECK(array_equal(from_dlpack(&every_other.managed), tensor({{0, 2, 4}, {6, 8, 10}}, float64)));
  CHECK(every_other.deleted == 1);
  Foreign repeated({2, 3}, {0, 1});
  CHECK(array_equal(from_dlpack(&repeated.managed), tensor({{0, 1, 2}, {0, 1, 2}}, float64)));
  Foreign backwards({3}, {-1});
  backwards.managed.dl_tensor.byte_offset = 16;
  CHECK(array_equal(from_dlpack(&backwards.managed), tensor({2, 1, 0}, float64)));
  Foreign misaligned({4});
  misaligned.managed.dl_tensor.dtype = {kDLFloat, 64, 1};
  misaligned.managed.dl_tensor.byte_offset = 4;
  CHECK(from_dlpack(&misaligned.managed).numel() == 4);
  CHECK(misaligned.deleted == 1);
  Foreign none({0, 3}, {3, 1});
  none.managed.dl_tensor.data = nullptr;
  CHECK(from_dlpack(&none.managed).shape() == Shape{0, 3});
  CHECK(none.deleted == 1);
  Foreign number({});
  CHECK(from_dlpack(&number.managed).item() == 0);
}

TEST_CASE("DLPack: what is refused stays the caller's") {
  const auto refused = [](auto change, const char* message) {
    Foreign foreign({3});
    change(foreign.managed.dl_tensor);
    CHECK_THROWS_WITH((void)from_dlpack(&foreign.managed), message);
    CHECK(foreign.deleted == 0);
  };
  refused(
      [](DLTensor& x) {
        x.dtype = {kDLFloat, 16, 1};
      },
      "from_dlpack: the elements are float16; tensors hold float32, float64, int64 and bool: "
      "convert them before, as by x.to(torch.float32) in PyTorch");
  for (const auto& [type, name] :
       std::vector<std::pair<DLDataType, std::string>>{{{kDLInt, 32, 1}, "int32"},
                                                       {{kDLUInt, 8, 1}, "uint8"},
                                                       {{kDLBfloat, 16, 1}, "bfloat16"},
                                                       {{kDLComplex, 64, 1}, "complex64"},
                                                       {{kDLFloat, 32, 4}, "float32x4"}}) {
    CAPTURE(name);
    const std::string expected = "from_dlpack: the elements are " + name +
                                 "; tensors hold float32, float64, int64 and bool: convert them "
                                 "before, as by x.to(torch.float32) in PyTorch";
    refused([t = type](DLTensor& x) { x.dtype = t; }, expected.c_str());
  }
  refused([](DLTensor& x) { x.device.device_type = kDLCUDA; },
          "from_dlpack: the elements are on the device of type 2, not on the CPU (type 1): copy "
          "them there before, as by x.cpu() in PyTorch");
  refused([](DLTensor& x) { x.ndim = 9; }, "Shape: a tensor has at most 8 axes");
  refused([](DLTensor& x) { x.data = nullptr; },
          "borrow: shape [3] has elements, but the pointer is null");
  refused([](DLTensor& x) { x.shape[0] = -1; }, "borrow: shape [-1] has a negative extent");
  CHECK_THROWS_WITH_AS((void)from_dlpack(static_cast<DLManagedTensor*>(nullptr)),
                       "from_dlpack: the pointer is null", ValueError);
}

TEST_CASE("DLPack: tensors go out, shared or as copies, and come back") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}}).requires_grad();
  DLManagedTensor* out = to_dlpack(x);
  const DLTensor& t = out->dl_tensor;
  CHECK(t.data == x.raw());
  CHECK((t.ndim == 2 && t.shape[1] == 3 && t.strides[0] == 3 && t.strides[1] == 1));
  CHECK((t.dtype.code == kDLFloat && t.dtype.bits == 32 && t.device.device_type == kDLCPU));
  const Tensor back = from_dlpack(out);
  CHECK(back.raw() == x.raw());
  CHECK_FALSE(back.is_tracked());

  DLManagedTensor* copy = to_dlpack(x, {.copy = true});
  static_cast<float*>(copy->dl_tensor.data)[0] = 9;
  CHECK(x.data<float>()[0] == 1);
  copy->deleter(copy);

  for (const Tensor& y :
       {arange(5), tensor({true, false}), full({}, 3, float64), zeros({2, 0}),
        transpose(tensor({{1., 2.}, {3., 4.}})), ones({1, 1, 1, 1, 1, 1, 1, 1})}) {
    const Tensor z = from_dlpack(to_dlpack(y));
    CHECK(z.dtype() == y.dtype());
    CHECK(array_equal(z, y));
  }
  CHECK_THROWS_AS((void)to_dlpack(Tensor()), GraphError);
}

TEST_CASE("DLPack: gradients to second order go through what came in") {
  Foreign foreign({2, 3});
  const Tensor x = from_dlpack(&foreign.managed).requires_grad();
  const Tensor slope = grad(sum(x * x * x), {x}, {.create_graph = true})[0];
  CHECK(array_equal(grad(sum(slope), {x})[0], reshape(arange(6, float64) * 6.0, {2, 3})));
}

#if defined(DLPACK_MAJOR_VERSION) && DLPACK_MAJOR_VERSION >= 1
TEST_CASE("DLPack 1: says that elements are read-only, and refuses another major version") {
  const Tensor x = ones({2, 3});
  DLManagedTensorVersioned* out = to_dlpack_versioned(x);
  CHECK(out->version.major == DLPACK_MAJOR_VERSION);
  CHECK(out->flags == DLPACK_FLAG_BITMASK_READ_ONLY);
  CHECK(from_dlpack(out).raw() == x.raw());
  out = to_dlpack_versioned(x, {.copy = true});
  CHECK(out->flags == DLPACK_FLAG_BITMASK_IS_COPIED);
  out->version.major = 99;
  CHECK_THROWS_AS((void)from_dlpack(out), ValueError);
  out->deleter(out);
}
#endif
