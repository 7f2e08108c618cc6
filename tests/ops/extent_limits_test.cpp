// Extents whose product no integer holds: a ShapeError in the name of the op, never a wrapped
// number.
#include <gradtape/autograd/autograd.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <new>
#include <string>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

constexpr std::int64_t huge = (std::int64_t{1} << 54) + 1;  // times 1024: 2^64 + 1024

template <class F> bool refused(const std::string& op, const F& f) {
  const auto text = error<ShapeError>(f);
  INFO(text);
  const bool in_its_name = text.starts_with(op + ": ");
  CHECK(in_its_name);
  return in_its_name;
}

}  // namespace

TEST_CASE("the number of elements of a shape does not wrap") {
  CHECK(Shape{3, 0, 5}.numel() == 0);
  CHECK((Shape{1 << 20, 1 << 20}.numel() == std::int64_t{1} << 40));
  CHECK(error<ShapeError>([] {
          (void)Shape{huge, 1024}.numel("mine");
        }) == "mine: [18014398509481985, 1024] has more elements than any memory holds");
  // An extent of 0 hides nothing: strides are products of the others.
  CHECK_THROWS_AS((void)(Shape{0, huge, 1024}.numel()), ShapeError);
}

TEST_CASE("ops refuse extents whose product wraps") {
  const Tensor x = rand({1024}), m = rand({4, 256});
  refused("reshape", [&] { (void)reshape(x, {huge, 1024}); });
  refused("reshape", [&] { (void)reshape(x, {-1, huge, 1024}); });
  refused("reshape", [&] { (void)reshape(zeros({0}), {0, huge, 1024}); });
  refused("unflatten", [&] { (void)unflatten(x, 0, {huge, 1024}); });
  refused("unflatten", [&] { (void)unflatten(m, 1, {huge, 1024}); });
  refused("expand", [&] { (void)expand(x, {huge, 1024}); });
  refused("tile", [&] { (void)tile(x, {huge}); });
  refused("tile", [&] { (void)tile(x, {INT64_MAX, 4}); });
  refused("tile", [&] { (void)tile(x, {INT64_MAX}); });
  refused("repeat_interleave", [&] { (void)repeat_interleave(x, huge, 0); });
  refused("repeat_interleave", [&] { (void)repeat_interleave(x, INT64_MAX, 0); });
  refused("repeat_interleave", [&] {
    (void)repeat_interleave(rand({2}), tensor(std::vector<std::int64_t>{INT64_MAX, INT64_MAX}), 0);
  });
  refused("pad", [&] {
    (void)pad(rand({1 << 10, 1 << 10}), {std::int64_t{1} << 40, 0, std::int64_t{1} << 40, 0});
  });
  refused("diag_embed", [&] { (void)diag_embed(x, std::int64_t{1} << 31); });
  refused("one_hot", [&] { (void)one_hot(zeros({1024}, int64), huge); });
  const std::vector<Tensor> axes(8, zeros({256}));
  refused("meshgrid", [&] { (void)meshgrid(axes); });
  refused("im2col", [&] {
    const std::int64_t most = INT32_MAX;
    (void)im2col(rand({1, 8, 1, 1}), {most, most}, {.padding = {most, most}});
  });
  refused("zeros", [] { (void)zeros({huge, 1024}); });
  refused("ones", [] { (void)ones({huge, 1024}); });
  refused("full", [] { (void)full({huge, 1024}, 1); });
  refused("rand", [] { (void)rand({huge, 1024}); });
  refused("randn", [] { (void)randn({huge, 1024}); });
  refused("randint", [] { (void)randint(0, 2, {huge, 1024}); });
  refused("eye", [] { (void)eye(huge, 1024); });
  refused("tensor", [] { (void)tensor(std::vector<double>(1024), {huge, 1024}); });
}

TEST_CASE("windows over far more than there is take neither time nor memory for it") {
  const std::int64_t most = INT32_MAX;
  const Tensor x = rand({1, 1, 4}), image = rand({1, 1, 2, 2});
  const std::int64_t many = 1 << 27;
  const std::int64_t half = most / 2;
  CHECK(
      array_equal(max_pool1d(x, most, {.stride = 1, .padding = half}), expand(amax(x), {1, 1, 4})));
  for (const auto& text :
       {error<std::bad_alloc>([&] { (void)adaptive_avg_pool2d(image, many); }),
        error<std::bad_alloc>([&] { (void)adaptive_max_pool2d(image, many); }),
        error<std::bad_alloc>([&] { (void)interpolate(image, {.size = many}); })})
    CHECK(contains(text, ": out of memory for [1, 1, 134217728, 134217728] float32"));
}

TEST_CASE("where memory runs out, the message names op, shape and dtype") {
  const std::int64_t many = std::int64_t{1} << 25;
  CHECK(error<std::bad_alloc>([&] {
          (void)zeros({many, many}, float64);
        }) == "zeros: out of memory for [33554432, 33554432] float64");
  CHECK(error<std::bad_alloc>([&] {
          (void)(reshape(zeros({many}), {many, 1}) * reshape(zeros({many}), {1, many}));
        }) == "mul: out of memory for [33554432, 33554432] float32");
}
