// Tensors over memory of somebody else: lifetimes, and that no op ever writes there.
#include <gradtape/autograd/autograd.hpp>
#include <gradtape/optim/optim.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gradtape/autograd/tensor/strided.hpp"
#include "support/bits.hpp"
#include "support/lent_memory.hpp"
#include "support/op_calls.hpp"
#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// Counts how often owners of one kind were destroyed, wherever they were moved to.
struct Counted {
  explicit Counted(std::atomic<int>& destroyed) : destroyed(&destroyed) {}
  Counted(Counted&& other) noexcept : destroyed(std::exchange(other.destroyed, nullptr)) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (destroyed) ++*destroyed;
  }
  std::atomic<int>* destroyed;
};

constexpr double numbers[] = {1, 2, 3, 4, 5, 6};

}  // namespace

TEST_CASE("a borrowed tensor reads the memory that it was given") {
  auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor x = borrow(values->data(), {2, 3}, values);
  CHECK(x.data<float>().data() == values->data());
  CHECK(x.dtype() == float32);
  CHECK(values.use_count() == 2);
  CHECK(array_equal(x, tensor({{1., 2., 3.}, {4., 5., 6.}})));
  CHECK(x.str() == "[[1., 2., 3.],\n [4., 5., 6.]]");

  const std::int64_t integers[] = {-1, 7};
  CHECK(array_equal(borrow(integers, {2}, no_owner), tensor({-1, 7})));
  const bool bits[] = {true, false};
  CHECK(array_equal(borrow(bits, {2, 1}, no_owner), tensor({{true}, {false}})));
  CHECK(borrow(numbers + 2, {}, no_owner).item() == 3);
  CHECK(borrow(static_cast<const float*>(nullptr), {2, 0}, no_owner).numel() == 0);
}

TEST_CASE("whatever keeps memory alive may be the owner") {
  std::vector<double> moved(100, 2);
  const double* const at = moved.data();
  const Tensor x = borrow(moved.data(), {4, 25}, std::move(moved));
  CHECK(x.data<double>().data() == at);
  CHECK(sum(x).item() == 200);

  auto unique = std::make_unique<float[]>(3);
  unique[2] = 5;
  CHECK(sum(borrow(unique.get(), {3}, std::move(unique))).item() == 5);

  auto shared = std::make_shared<std::array<double, 2>>(std::array<double, 2>{3, 4});
  const Tensor y = borrow(shared->data(), {2}, [shared] {});
  shared.reset();
  CHECK(sum(y).item() == 7);

  const Tensor z = ones({1000});
  const Tensor part = borrow(z.data<float>().data() + 10, {5}, z);
  CHECK(array_equal(part, ones({5})));

  struct alignas(128) Aligned {
    double values[2] = {1, 2};
  };
  const auto aligned = std::make_shared<Aligned>();
  CHECK(sum(borrow(aligned->values, {2}, std::pair(Aligned(), aligned))).item() == 3);
}

TEST_CASE("what shares the elements keeps the owner, and the last of them destroys it once") {
  std::atomic<int> destroyed = 0;
  const auto lend = [&](const Shape& shape) { return borrow(numbers, shape, Counted(destroyed)); };
  {
    const Tensor x = lend({2, 3});
    CHECK(destroyed == 0);
  }
  CHECK(destroyed == 1);

  const auto outlives = [&](auto f) {
    destroyed = 0;
    Tensor derived = f(lend({2, 3}));
    CHECK(destroyed == 0);
    CHECK(sum(derived).item() > 0);
    derived = {};
    CHECK(destroyed == 1);
  };
  outlives([](const Tensor& x) { return x; });
  outlives([](const Tensor& x) { return x.detach(); });
  outlives([](const Tensor& x) { return x.requires_grad(); });
  outlives([](const Tensor& x) { return reshape(x, {3, 2}); });
  outlives([](const Tensor& x) { return x[1]; });
  outlives([](const Tensor& x) { return transpose(x); });
  outlives([](const Tensor& x) { return Parameter(x).tensor(); });

  destroyed = 0;
  Tensor product = lend({2, 3}) * ones({2, 3}, float64).requires_grad();  // its vjp needs x
  CHECK(destroyed == 0);
  product = {};
  CHECK(destroyed == 1);

  destroyed = 0;
  const Tensor transposed = transpose(lend({2, 3}));
  CHECK(transposed.data<double>()[1] == 4);  // moved into memory of its own
  CHECK(array_equal(transposed, tensor({{1, 4}, {2, 5}, {3, 6}}, float64)));
}

TEST_CASE("the last tensor may go in another thread, and the owner with it") {
  std::atomic<int> destroyed = 0;
  for (int round = 0; round < 50; ++round) {
    Tensor x = borrow(numbers, {6}, Counted(destroyed));
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([copy = x]() mutable {
        CHECK(sum(copy[0] + copy[5]).item() == 7);
        copy = {};
      });
    x = {};
    for (auto& reader : readers) reader.join();
    CHECK(destroyed == round + 1);
  }
}

TEST_CASE("an owner is destroyed once where borrowing fails") {
  std::atomic<int> destroyed = 0;
  const auto fails = [&](auto f) {
    destroyed = 0;
    CHECK_THROWS(f());
    CHECK(destroyed == 1);
  };
  fails([&] { (void)borrow(numbers, {-1}, Counted(destroyed)); });
  fails([&] { (void)borrow(static_cast<const double*>(nullptr), {1}, Counted(destroyed)); });
  struct Throws : Counted {
    explicit Throws(std::atomic<int>& destroyed) : Counted(destroyed) {}
    Throws(Throws&& other) : Counted(std::move(other)) { throw std::runtime_error("no"); }
  };
  fails([&] { (void)borrow(numbers, {2}, Throws(destroyed)); });

  Counted kept(destroyed);
  destroyed = 0;
  CHECK_THROWS_AS((void)borrow(numbers, {-1}, std::move(kept)), ShapeError);
  CHECK(destroyed == 0);  // not taken
  CHECK(kept.destroyed);
}

TEST_CASE("what cannot be borrowed is refused") {
  CHECK_THROWS_WITH_AS((void)borrow(numbers, {2, -1}, no_owner),
                       "borrow: shape [2, -1] has a negative extent", ShapeError);
  CHECK_THROWS_WITH_AS((void)borrow(static_cast<const float*>(nullptr), {2}, no_owner),
                       "borrow: shape [2] has elements, but the pointer is null", ValueError);
  alignas(8) char bytes[24] = {};
  const std::string message = error<ValueError>([&] {
    (void)borrow(static_cast<const double*>(static_cast<const void*>(bytes + 4)), {2}, no_owner);
  });
  CHECK(message.find("is no address of a float64: it is not a multiple of 8") != message.npos);
  CHECK_NOTHROW(
      (void)borrow(static_cast<const float*>(static_cast<const void*>(bytes + 4)), {2}, no_owner));

  std::vector<double> few(3);
  CHECK_THROWS_WITH_AS((void)borrow(few.data(), {2, 2}, std::move(few)),
                       "borrow: the owner, a container of 24 bytes, does not hold the elements, "
                       "[2, 2] float64: move in the container that does",
                       ValueError);
  std::array<double, 2> in_itself{1, 2};
  CHECK_THROWS_AS((void)borrow(in_itself.data(), {2}, std::move(in_itself)), ValueError);
}

TEST_CASE("no op writes into borrowed memory or reads beside it, wherever it starts") {
  // Inputs end where the readable memory ends, and cannot be written; the same again at every
  // distance from a cache line.
  for_each_call([](const OpSample& sample, const std::vector<Tensor>& inputs) {
    for (const Dtype dtype : {float32, float64}) {
      std::vector<Tensor> own, lent;
      for (const auto& x : inputs) {
        own.push_back(x.to(dtype).requires_grad());
        lent.push_back(lend_read_only(own.back()).requires_grad());
      }
      const auto run = [&](const std::vector<Tensor>& x, bool lend) {
        std::vector<Tensor> results{sample.f(x)};
        const Tensor y = results[0], seed = ones_like(y);
        for (const auto& g :
             grad(y, x, {.allow_unused = true, .seed = lend ? lend_read_only(seed) : seed}))
          results.push_back(g);
        return results;
      };
      seed(1);  // for those that draw
      const auto expected = run(own, false);
      seed(1);
      const auto got = run(lent, true);
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(equal_bits(got[i], expected[i]));
      }
    }
  });
}

TEST_CASE("large loops and products read borrowed memory at every distance from a cache line") {
  const Tensor own = sample({67, 129}, 1, float32), other = sample({129, 65}, 2, float32);
  const auto run = [&](const Tensor& x) {
    const Tensor at = x.requires_grad();
    const Tensor y =
        sum(softmax(matmul(tanh(at), other), 1) * 2.0) + sum(square(at)) + sum(at, 0)[0];
    return std::vector<Tensor>{y.detach(), grad(y, {at})[0]};
  };
  const auto expected = run(own);
  for (std::size_t distance = 0; distance < 64; distance += 4) {
    CAPTURE(distance);
    const auto got = run(lend_read_only(own, distance));
    CHECK(equal_bits(got[0], expected[0]));
    CHECK(equal_bits(got[1], expected[1]));
  }
}

TEST_CASE("gradients to second order go through a borrowed input") {
  const Tensor own = tensor({0.5, 1., 2.}, float64);
  const auto f = [](const Tensor& x) { return sum(x * tanh(x)); };
  const auto second = [&](const Tensor& value) {
    const Tensor x = value.requires_grad("x");
    const Tensor slope = grad(f(x), {x}, {.create_graph = true})[0];
    return std::vector{slope.detach(), grad(sum(slope), {x})[0]};
  };
  const auto got = second(lend_read_only(own)), expected = second(own);
  CHECK(equal_bits(got[0], expected[0]));
  CHECK(equal_bits(got[1], expected[1]));
  CHECK(gradcheck(f, lend_read_only(own), {.order = 2}));
}

TEST_CASE("parameters, gradients and states that were borrowed are updated elsewhere") {
  const Tensor start = sample({40, 3}, 3, float32), x = sample({16, 40}, 4, float32);
  const auto train = [&](bool lend) {
    const auto in = [&](const Tensor& t) { return lend ? lend_read_only(t) : t; };
    const Parameter w(in(start), "w");
    const void* const before = w.tensor().raw();
    optim::Adam adam({w}, {.lr = 0.1});
    const auto step = [&] {
      adam.zero_grad();
      w.set_grad(in(ones({40, 3})));
      mean(square(matmul(in(x), w))).backward();  // is added to what is there
      adam.step();
    };
    step();
    CHECK(w.tensor().raw() != before);
    StateDict state = adam.state_dict();
    for (auto& [name, value] : state) value = in(value);
    adam.load_state_dict(state);
    step();
    w.set(in(w.tensor()));
    step();
    return w.tensor().detach();
  };
  CHECK(equal_bits(train(true), train(false)));

  const Tensor leaf = lend_read_only(start).requires_grad();
  leaf.backward(lend_read_only(ones({40, 3})));  // the seed is the gradient, as it is
  leaf.backward(ones({40, 3}));
  CHECK(array_equal(leaf.grad(), full({40, 3}, 2)));
}

TEST_CASE("a parameter of borrowed memory lets go of it at its first update") {
  std::atomic<int> destroyed = 0;
  const Parameter w(borrow(numbers, {6}, Counted(destroyed)), "w");
  const Parameter copy(w.tensor().detach());
  static_cast<double*>(w.mutable_raw())[0] = -1;
  CHECK(destroyed == 0);  // `copy` reads it
  CHECK(copy.tensor().data<double>().data() == numbers);
  static_cast<double*>(copy.mutable_raw())[0] = -2;
  CHECK(destroyed == 1);
  CHECK(numbers[0] == 1);
  CHECK(w[0].item() == -1);
}

TEST_CASE("borrowed memory is no memory of the library's") {
  const std::vector<double> lent(1 << 16, 1);
  const auto before = memory_use();
  const Tensor x = borrow(lent.data(), {1 << 16}, no_owner);
  CHECK(memory_use().live == before.live);
  CHECK(sum(x).item() == 1 << 16);
}

TEST_CASE("elements of another library have at most 8 axes") {
  gradtape::detail::Strided layout;
  for (int axis = 0; axis < 8; ++axis) layout.push_back(1, 8);
  CHECK_THROWS_AS(layout.push_back(1, 8), ShapeError);
  CHECK(layout.shape.ndim() == 8);
}
