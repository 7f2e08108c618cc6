/// Iterators of what gives its elements by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace gradtape::nn::data::detail {

/// (*owner)[0], (*owner)[1], ... made when they are reached.
template <class Owner, class Value> class CountedIterator {
 public:
  using value_type = Value;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  CountedIterator() = default;
  CountedIterator(const Owner* owner, std::int64_t at) : owner_(owner), at_(at) {}

  Value operator*() const { return (*owner_)[at_]; }
  CountedIterator& operator++() {
    ++at_;
    return *this;
  }
  CountedIterator operator++(int) {
    auto before = *this;
    ++at_;
    return before;
  }
  friend bool operator==(const CountedIterator& a, const CountedIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const Owner* owner_ = nullptr;
  std::int64_t at_ = 0;
};

}  // namespace gradtape::nn::data::detail
