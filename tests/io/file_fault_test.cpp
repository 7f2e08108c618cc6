// Every system call on a file fails once, for whoever writes and reads files: the old file stays
// whole or the new one is there, and the message says what and why.
#include <gradtape/autograd/io/csv.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/optim/checkpoint.hpp>
#include <gradtape/optim/run_log.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cerrno>
#include <functional>
#include <random>
#include <system_error>
#include <thread>

#include "support/file_faults.hpp"
#include "support/files.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"

#ifndef EDQUOT  // Windows knows no quotas
#define EDQUOT ENOSPC
#endif

using namespace gradtape;
using namespace gradtape::testing;

namespace {

struct Format {
  const char* name;
  std::function<void(const std::string& path, const Tensor&)> save;
  std::function<Tensor(const std::string& path)> load;
};

const Format formats[] = {
    {"x.npy", [](const auto& path, const Tensor& x) { save_npy(path, x); },
     [](const auto& path) { return load_npy(path); }},
    {"x.npz",
     [](const auto& path, const Tensor& x) {
       save_npz(path, {{"x", x}});
     },
     [](const auto& path) { return load_npz(path).at("x"); }},
    {"deflated.npz",
     [](const auto& path, const Tensor& x) {
       save_npz(path, {{"x", x}}, {.compress = true});
     },
     [](const auto& path) { return load_npz(path).at("x"); }},
    {"x.safetensors",
     [](const auto& path, const Tensor& x) {
       save_safetensors(path, {{"x", x}});
     },
     [](const auto& path) { return load_safetensors(path).at("x"); }},
    {"run.safetensors",
     [](const auto& path, const Tensor& x) {
       optim::Checkpoint checkpoint(path);
       std::int64_t step = static_cast<std::int64_t>(x[0].item());
       checkpoint.track("step", step);
       checkpoint.save();
     },
     [](const auto& path) {
       std::int64_t step = 0;
       optim::Checkpoint checkpoint(path);
       checkpoint.track("step", step);
       checkpoint.load();
       return full({1000}, static_cast<double>(step), float32);
     }},
};

Tensor filled(double value) { return full({1000}, value, float32); }

}  // namespace

TEST_CASE("whatever call on a file fails, a save leaves the old file or the new one") {
  if (!file_faults_work) return skip("this linker has no --wrap");
  for (const auto& format : formats)
    for (const int error : {EIO, ENOSPC, EDQUOT, EACCES}) {
      CAPTURE(format.name);
      const TemporaryFolder folder;
      const auto path = folder.path(format.name);
      format.save(path, filled(1));
      std::int64_t failed = 0, calls = 0;
      for (;; ++calls) {
        REQUIRE(calls < 1000);
        std::string call, message;
        {
          const FileFault fault(calls, error);
          try {
            format.save(path, filled(2));
          } catch (const IoError& e) {
            message = e.what();
          }
          call = fault.call();
        }
        if (call.empty()) break;
        CAPTURE(call);
        CHECK(folder.count() == 1);  // no temporary file stays
        if (message.empty()) {       // the file was in place, or the call did not matter
          CHECK(array_equal(format.load(path), filled(2)));
          format.save(path, filled(1));
        } else {
          ++failed;
          CHECK(message.find(path) != message.npos);
          CHECK(message.find(std::generic_category().message(error)) != message.npos);
          CHECK(array_equal(format.load(path), filled(1)));
        }
      }
      CHECK(failed >= 4);  // open, write, fsync, rename
      CHECK(array_equal(format.load(path), filled(2)));
    }
}

TEST_CASE("whatever call on a file fails, loading throws IoError with its cause, or succeeds") {
  if (!file_faults_work) return skip("this linker has no --wrap");
  for (const auto& format : formats) {
    CAPTURE(format.name);
    const TemporaryFolder folder;
    const auto path = folder.path(format.name);
    format.save(path, filled(1));
    std::int64_t failed = 0;
    for (std::int64_t n = 0;; ++n) {
      REQUIRE(n < 1000);
      const FileFault fault(n, EIO);
      try {
        const Tensor loaded = format.load(path);
        CHECK(array_equal(loaded, filled(1)));
        if (fault.call().empty()) break;
      } catch (const IoError& e) {
        ++failed;
        CHECK(std::string(e.what()).find("Input/output error") != std::string::npos);
        CHECK(std::string(e.what()).find(path) != std::string::npos);
      }
    }
    CHECK(failed >= 3);  // open, fstat, pread
  }
}

TEST_CASE("reads and writes that are interrupted or cut short are gone on with") {
  for (const auto& format : formats)
    for (const std::int64_t most : {1, 7, 100}) {
      CAPTURE(format.name);
      const TemporaryFolder folder;
      const auto path = folder.path(format.name);
      const SlowFiles slow(most);
      format.save(path, filled(3));
      CHECK(array_equal(format.load(path), filled(3)));
    }
  const TemporaryFolder folder;
  const SlowFiles slow(1);
  const auto path = folder.path("log.csv");
  optim::RunLog log(path);
  log.write(1, 0, {{"loss", 0.5}});
  log.write(2, 0, {{"loss", 0.25}, {"accuracy", 1}});
  CHECK(optim::load_log(path).size() == 2);
}

TEST_CASE("a file system that takes nothing is an error, not an endless loop") {
  if (!file_faults_work) return skip("this linker has no --wrap");
  const TemporaryFolder folder;
  const auto path = folder.file("x.npy", "old");
  {
    const SlowFiles slow(0);
    CHECK_THROWS_AS(save_npy(path, filled(1)), IoError);
  }
  CHECK(read_file(path) == "old");
  optim::RunLog log(folder.path("log.csv"));
  log.write(1, 0, {{"loss", 0.5}});
  {
    const SlowFiles slow(0);
    CHECK_THROWS_AS(log.write(2, 0, {{"loss", 0.25}}), IoError);
  }
  log.write(3, 0, {{"loss", 0.125}});
  CHECK(optim::load_log(folder.path("log.csv")).size() == 2);
}

TEST_CASE("a log whose line cannot be written has the lines before it, and goes on") {
  if (!file_faults_work) return skip("this linker has no --wrap");
  for (const char* name : {"log.csv", "log.jsonl"})
    for (std::int64_t n = 0;; ++n) {
      REQUIRE(n < 1000);
      CAPTURE(name);
      const TemporaryFolder folder;
      optim::RunLog log(folder.path(name));
      log.write(1, 0, {{"loss", 0.5}});
      bool failed = false;
      std::string call;
      {
        const FileFault fault(n, ENOSPC);
        try {
          log.write(2, 0,
                    {{"loss", 0.25}, {"accuracy", 1}});  // a column more: the table is rewritten
        } catch (const IoError&) {
          failed = true;
        }
        call = fault.call();
      }
      CAPTURE(call);
      log.write(3, 0, {{"loss", 0.125}});
      const auto records = optim::load_log(folder.path(name));
      REQUIRE(records.size() == (failed ? 2u : 3u));
      CHECK(records.front().step == 1);
      CHECK(records.back().step == 3);
      if (call.empty()) break;
    }
}

TEST_CASE("a file that shrinks while it is read is an error") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.safetensors");
  save_safetensors(path, {{"x", full({100'000}, 1.0, float32)}});
  const auto whole = read_file(path);
  const FileReader reader(path);
  std::filesystem::resize_file(path, 1000);
  CHECK(reader.read(0, 1000) == whole.substr(0, 1000));
  CHECK_THROWS_WITH_AS(
      (void)reader.read(0, whole.size()),
      ("FileReader: '" + path + "' has become shorter while it was read: it ends at byte 1000")
          .c_str(),
      IoError);
  CHECK_THROWS_AS((void)load_safetensors(path), IoError);
}

TEST_CASE("two processes that save to one path leave one of the two files, whole") {
  if (!can_fork) return skip(no_fork);
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  const auto save_often = [&](double value) {
    return Child([&] {
      for (int i = 0; i < 200; ++i) save_npy(path, filled(value));
      return true;
    });
  };
  save_npy(path, filled(1));
  Child children[] = {save_often(1), save_often(2)};
  for (bool running = true; running;) {
    running = !children[0].ended() || !children[1].ended();
    const Tensor x = load_npy(path);
    const double first = x[0].item();
    CHECK((first == 1 || first == 2));
    CHECK(array_equal(x, filled(first)));
  }
  for (auto& child : children) CHECK(child.wait());
  CHECK(folder.count() == 1);
}
