#include <gradtape/autograd/system/system.hpp>
#include <gradtape/optim/progress.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "support/environment.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using optim::Progress;
using testing::Variable;

namespace {

/// A file in memory whose text can be read.
class Output {
 public:
  ~Output() { std::fclose(file_); }
  std::FILE* file() const { return file_; }
  std::string text() const {
    std::fflush(file_);
    std::string text(static_cast<std::size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    text.resize(std::fread(text.data(), 1, text.size(), file_));
    std::fseek(file_, 0, SEEK_END);  // C asks for it between reading and writing
    return text;
  }

 private:
  std::FILE* file_ = os::temporary_file();
};

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// What `epochs` epochs of two batches write.
std::string trained(std::int64_t epochs, optim::ProgressOptions options = {}) {
  const Output output;
  options.out = output.file();
  Progress progress(epochs, 40, options);
  for (std::int64_t epoch = options.first_epoch; epoch < epochs; ++epoch) {
    progress.advance(30, {{"loss", 1.0}, {"accuracy", 0.5}});
    progress.advance(10, {{"loss", 2.0}, {"accuracy", 0.9}});
    progress.end_epoch({{"new", 1e-5}});
  }
  return output.text();
}

}  // namespace

TEST_CASE("progress is a plain line an epoch with the means over its samples") {
  const auto text = trained(2);
  CHECK(lines(text) == 2);
  CHECK(text.starts_with("epoch 1/2  loss 1.2500  accuracy 0.6000  new 1.000e-05  "));
  CHECK(text.find("\nepoch 2/2  loss 1.2500  accuracy 0.6000") != text.npos);
  CHECK(text.find(" left\n") < text.find("epoch 2"));
  CHECK(text.ends_with(" in all\n"));
  CHECK(text.find('\r') == text.npos);
}

TEST_CASE("long training takes few lines, the last of them for its end") {
  CHECK(lines(trained(20)) == 20);
  const auto text = trained(1000);
  CHECK(lines(text) == 10);
  CHECK(text.find("epoch 1000/1000") != text.npos);
  CHECK(lines(trained(0)) == 0);
}

TEST_CASE("progress on a terminal is one line, redrawn, that fits and ends once") {
  const auto text = trained(2, {.terminal = true});
  CHECK(lines(text) == 1);
  CHECK(text.starts_with("\repoch 1/2  "));
  CHECK(text.ends_with(" in all\x1b[K\n"));
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find("\x1b[K", at), text.size());
    longest = std::max(longest, end - at - 1);
    at = end + 3;
  }
  CHECK(longest <= 79);
}

namespace {

/// What two epochs write to a terminal of the system's.
std::string on_terminal() {
  return testing::written_to_terminal([](std::FILE* terminal) {
    Progress progress(2, 10, {.out = terminal});
    for (int epoch = 0; epoch < 2; ++epoch) {
      progress.advance(10, {{"loss", 1}});
      progress.end_epoch();
    }
  });
}

}  // namespace

TEST_CASE("a terminal gets a line that is redrawn, one that is no place for it plain lines") {
  if (!testing::has_pseudo_terminals) return testing::skip("this system has no terminals to try");
  const Variable kind("TERM", "xterm"), no_ci("CI", nullptr);
  CHECK(on_terminal().find("\x1b[K") != std::string::npos);
  const auto plain = [](const std::string& text) {
    return text.find('\x1b') == text.npos && text.find("epoch 1/2") != text.npos &&
           text.find("\nepoch 2/2") != text.npos;
  };
  {
    const Variable ci("CI", "true");
    CHECK(plain(on_terminal()));
  }
  {
    const Variable ci("CI", "false");
    CHECK_FALSE(plain(on_terminal()));
  }
  const Variable dumb("TERM", "dumb");
  CHECK(plain(on_terminal()));
}

TEST_CASE("a resumed run goes on from its epoch") {
  const auto text = trained(4, {.first_epoch = 3});
  CHECK(lines(text) == 1);
  CHECK(text.starts_with("epoch 4/4"));
}

TEST_CASE("the end of training before its last epoch leaves a whole line") {
  const Output output;
  {
    Progress progress(5, 10, {.out = output.file(), .terminal = true});
    progress.advance(10, {{"loss", 1}});
    progress.end_epoch();
    CHECK(lines(output.text()) == 0);
    progress.finish();
    progress.finish();
  }
  CHECK(lines(output.text()) == 1);
}

TEST_CASE("progress takes whatever it gets") {
  const Output output;
  {
    Progress progress(-1, -5, {.first_epoch = -3, .out = output.file(), .terminal = true});
    progress.end_epoch();
    progress.advance(0, {{"loss", std::nan("")}});
    progress.advance(-7, {{"loss", std::numeric_limits<double>::infinity()}});
    progress.advance(std::numeric_limits<std::int64_t>::max(), {{"", -1e300}});
    progress.end_epoch({{std::string(1000, 'x'), std::nan("")}});
  }
  CHECK(output.text().find("epoch 2") != std::string::npos);
  Progress nowhere(1, 1, {.out = nullptr});
  nowhere.advance(1);
  nowhere.end_epoch();
}
