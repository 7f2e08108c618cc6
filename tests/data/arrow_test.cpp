// Arrow's C data interface, https://arrow.apache.org/docs/format/CDataInterface.html, as its
// producers fill it. tests/packaging/interchange/run has tables of pyarrow.
#include <gradtape/autograd/autograd.hpp>
#include <gradtape/nn/data/arrow.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "support/tensors.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using gradtape::nn::data::from_arrow;

namespace {

/// A record batch of three rows, whose columns are added one by one.
struct Batch {
  ArrowArray array{};
  ArrowSchema schema{};
  int released = 0;

  Batch() {
    array.length = 3;
    array.buffers = none_;
    array.n_buffers = 1;
    array.release = [](ArrowArray* self) {
      ++static_cast<Batch*>(self->private_data)->released;
      self->release = nullptr;
    };
    schema.format = "+s";
    schema.release = [](ArrowSchema* self) { self->release = nullptr; };
    array.private_data = this;
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// `buffers`: a bitmap of values or null, the values, and the bytes of texts.
  ArrowArray& add(const char* name, const char* format, std::vector<const void*> buffers) {
    auto& kept = buffers_.emplace_back(std::move(buffers));
    auto& column = columns_.emplace_back();
    column.length = 3;
    column.null_count = kept[0] ? -1 : 0;  // -1: not counted
    column.buffers = kept.data();
    column.n_buffers = static_cast<std::int64_t>(kept.size());
    auto& about = abouts_.emplace_back();
    about.name = name;
    about.format = format;
    children_.push_back(&column);
    schemas_.push_back(&about);
    array.children = children_.data();
    schema.children = schemas_.data();
    array.n_children = schema.n_children = static_cast<std::int64_t>(children_.size());
    return column;
  }
  /// Makes the last column the indices into three texts.
  void encode(const std::int32_t* offsets, const char* bytes) {
    auto& kept = buffers_.emplace_back(std::vector<const void*>{nullptr, offsets, bytes});
    texts_.length = 3;
    texts_.buffers = kept.data();
    about_texts_.format = "u";
    children_.back()->dictionary = &texts_;
    schemas_.back()->dictionary = &about_texts_;
  }

 private:
  const void* none_[1] = {nullptr};
  std::deque<std::vector<const void*>> buffers_;
  std::deque<ArrowArray> columns_;
  std::deque<ArrowSchema> abouts_;
  std::vector<ArrowArray*> children_;
  std::vector<ArrowSchema*> schemas_;
  ArrowArray texts_{};
  ArrowSchema about_texts_{};
};

constexpr double doubles[] = {0.5, 1.5, 2.5, 3.5};
constexpr float floats[] = {1, 2, 3, 4};
constexpr std::int64_t longs[] = {7, 8, 9, 10};
constexpr std::uint8_t bytes[] = {1, 2, 255, 4};
constexpr std::uint8_t second_is_null[] = {0b1101};
constexpr std::int32_t offsets[] = {0, 1, 2, 3};

std::string refusal(Batch& batch) {
  const auto text = error<ValueError>([&] { (void)from_arrow(&batch.array, &batch.schema); });
  CHECK((batch.array.release != nullptr));  // it is still the caller's
  CHECK((batch.schema.release != nullptr));
  CHECK(batch.released == 0);
  return text;
}

}  // namespace

TEST_CASE("columns of an Arrow table keep their elements where they are") {
  Batch batch;
  batch.add("x", "g", {nullptr, doubles});
  batch.add("f", "f", {second_is_null, floats});
  batch.add("n", "l", {nullptr, longs});
  batch.add("small", "C", {nullptr, bytes});
  batch.add("flag", "b", {nullptr, second_is_null});
  batch.add("word", "u", {nullptr, offsets, "bab"});
  {
    const auto table = from_arrow(&batch.array, &batch.schema);
    CHECK(table["x"].values.data<double>().data() == doubles);
    CHECK(table["n"].values.data<std::int64_t>().data() == longs);
    CHECK(std::isnan(table["f"].values[1].item()));
    CHECK(table["f"].values[2].item() == 3);
    CHECK(array_equal(table["small"].values, tensor({1, 2, 255}, int64)));
    CHECK(array_equal(table["flag"].values, tensor({true, false, true})));
    CHECK(table["word"].categories == std::vector<std::string>{"a", "b"});
    CHECK(array_equal(table["word"].values, tensor({1, 0, 1}, int64)));
    CHECK((batch.array.release == nullptr));  // taken over
    CHECK((batch.schema.release == nullptr));
    CHECK(batch.released == 0);
  }
  CHECK(batch.released == 1);
}

TEST_CASE("an Arrow table that begins later, in the batch and in a column") {
  Batch batch;
  batch.array.length = 2;
  batch.array.offset = 1;
  batch.add("x", "g", {nullptr, doubles}).offset = 1;
  batch.add("code", "C", {nullptr, bytes});
  constexpr std::uint8_t codes[] = {0, 2, 1};
  batch.add("word", "C", {nullptr, codes});
  batch.encode(offsets, "zyx");
  const auto table = from_arrow(&batch.array, &batch.schema);
  CHECK(array_equal(table["x"].values, tensor({2.5, 3.5}, float64)));
  CHECK(array_equal(table["code"].values, tensor({2, 255}, int64)));
  CHECK(table["word"].categories == std::vector<std::string>{"x", "y"});
  CHECK(array_equal(table["word"].values, tensor({0, 1}, int64)));
}

TEST_CASE("an Arrow table that cannot be read is refused and stays the caller's") {
  SUBCASE("a null beside integers") {
    Batch batch;
    batch.add("n", "l", {second_is_null, longs});
    CHECK(contains(refusal(batch), "from_arrow: column 'n': rows are null"));
  }
  SUBCASE("another type") {
    Batch batch;
    batch.add("day", "tdD", {nullptr, longs});
    CHECK(contains(refusal(batch), "column 'day': the Arrow type of format 'tdD'"));
  }
  SUBCASE("too large") {
    Batch batch;
    constexpr std::uint64_t large[] = {1, 1ULL << 63, 3};
    batch.add("n", "L", {nullptr, large});
    CHECK(contains(refusal(batch), "9223372036854775808 is larger than the largest int64"));
  }
  SUBCASE("an index beyond its dictionary") {
    Batch batch;
    constexpr std::int8_t codes[] = {0, 3, -1};
    batch.add("word", "c", {nullptr, codes});
    batch.encode(offsets, "zyx");
    CHECK(contains(refusal(batch),
                   "column 'word': index 3 is out of range for a dictionary of 3 texts"));
  }
  SUBCASE("a dictionary by floats") {
    Batch batch;
    batch.add("word", "f", {nullptr, floats});
    batch.encode(offsets, "zyx");
    CHECK(contains(refusal(batch), "the Arrow type of format 'f'"));
  }
  SUBCASE("too few rows") {
    Batch batch;
    batch.add("x", "g", {nullptr, doubles}).length = 2;
    CHECK(contains(refusal(batch), "column 'x': it has 2 rows, and the record batch ends at 3"));
  }
  SUBCASE("a schema of another table") {
    Batch batch;
    batch.add("x", "g", {nullptr, doubles});
    batch.schema.n_children = 2;
    CHECK(contains(refusal(batch), "the record batch and its schema differ in columns: 1 and 2"));
  }
  SUBCASE("two columns of one name") {
    Batch batch;
    batch.add("x", "g", {nullptr, doubles});
    batch.add("x", "l", {nullptr, longs});
    CHECK(contains(refusal(batch), "there are two columns 'x'"));
  }
  SUBCASE("no record batch, and none at all") {
    Batch batch;
    batch.schema.format = "g";
    CHECK(contains(refusal(batch), "expected a record batch"));
    CHECK(contains(error<ValueError>([] { (void)from_arrow(nullptr, nullptr); }), "null pointer"));
  }
}
