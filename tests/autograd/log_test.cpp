#include <gradtape/autograd/log.hpp>
#include <gradtape/autograd/memory.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "support/environment.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"
#include "support/threads.hpp"

using namespace gradtape;
using namespace gradtape::testing;

namespace {

/// What f() writes to stderr at a level.
template <class F> std::string told(LogLevel level, F f) {
  return written_to_stderr([&] {
    const LogLevel level_before = log_level();
    set_log_level(level);
    f();
    set_log_level(level_before);
  });
}

/// What a program of its own writes to stderr: this one, with no test to run.
std::string program_with(const char* value) {
  const Variable variable("GRADTAPE_LOG", value);
  return stderr_of_itself("-tc=nothing");
}

}  // namespace

TEST_CASE("a product tells what computes it, where everything is told") {
  const Tensor a = ones({40, 50}), b = ones({60, 50}, float64);
  const auto products = [&] {
    (void)matmul(a, ones({50, 2}));
    (void)matmul(ones({3, 50}, float64), transpose(b));
  };
  const auto text = told(LogLevel::debug, products);
  CAPTURE(text);
  CHECK(text.find("gradtape debug product: [40, 50] [50, 2] of float32 by ") != text.npos);
  CHECK(text.find("gradtape debug product: [3, 50] [50, 60] transposed of float64 by ") !=
        text.npos);
  CHECK(told(LogLevel::info, products).find("product") == std::string::npos);
}

TEST_CASE("the threads of loops and blocks from the system are told") {
  const auto text = told(LogLevel::debug, [] {
    with_threads(5, [] { return sum(exp(ones({1 << 20}))); });
    release_cached_memory();
    (void)zeros({12345});
  });
  CAPTURE(text);
#ifdef _OPENMP
  CHECK(text.find("gradtape info threads: large loops run on 5 threads from here on\n") !=
        text.npos);
#endif
  CHECK(text.find("gradtape debug memory: ") != text.npos);
  CHECK(text.find(" bytes from the system; ") != text.npos);
  CHECK(told(LogLevel::off, [] { (void)zeros({54321}); }).empty());
}

TEST_CASE("a line of the log is one line, whatever is written") {
  const std::string words(2000, 'x');
  const auto text = told(LogLevel::warning, [&] {
    detail::log(LogLevel::warning, "test", "%s", words.c_str());
    detail::log(LogLevel::info, "test", "not told");
    detail::log(LogLevel::warning, "test", "%d", 7);
  });
  CHECK(text.starts_with("gradtape warning test: xxx"));
  CHECK(text.ends_with("x\ngradtape warning test: 7\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("GRADTAPE_LOG says how much a program tells") {
  if (!can_run_itself()) return skip("this system does not say where the program is");
  CHECK(program_with(nullptr).empty());
  CHECK(program_with("warning").empty());
  CHECK(program_with("off").empty());
  const auto text = program_with("info");
  CAPTURE(text);
  CHECK(text.find("gradtape info blas: ") != text.npos);
  CHECK(program_with("verbose") ==
        "gradtape warning log: GRADTAPE_LOG=verbose is none of off, warning, info and debug\n");
}
