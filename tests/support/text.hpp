/// Texts, those of errors above all.
#pragma once

#include <exception>
#include <string>

namespace gradtape::testing {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The text of the error of type E that f() throws, or that it throws something else.
template <class E, class F> std::string error(const F& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another type: ") + e.what();
  }
  return "no error";
}

}  // namespace gradtape::testing
