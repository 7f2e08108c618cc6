// Readers at their limits: files made to take all time or memory, devices, and numbers beyond a
// dtype.
#include <gradtape/autograd/io/csv.hpp>
#include <gradtape/autograd/io/csv_table.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/idx.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/memory.hpp>
#include <gradtape/autograd/ops.hpp>
#include <gradtape/optim/run_log.hpp>

#include <fmt/format.h>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "support/files.hpp"
#include "support/process.hpp"
#include "support/sanitizers.hpp"
#include "support/skip.hpp"
#include "support/text.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using namespace std::string_literals;

namespace {

/// While it lives, files may inflate to no more.
struct InflateLimit {
  explicit InflateLimit(std::uint64_t bytes) { set_inflate_limit(bytes); }
  ~InflateLimit() { set_inflate_limit(0); }
};

}  // namespace

TEST_CASE("gzip takes time in proportion to its size, however many members it has") {
  // 60,000 members: minutes where each went over all that follows it.
  const TemporaryFolder folder;
  const auto member = gzipped("ab");
  std::string all, text;
  for (int i = 0; i < 60000; ++i) all += member;
  for (int i = 0; i < 60000; ++i) text += "ab";
  CHECK(read_file(folder.file("many.gz", all)) == text);
}

TEST_CASE("a CSV table takes time in proportion to its columns") {
  const TemporaryFolder folder;
  std::string names, numbers;
  for (int i = 0; i < 60000; ++i) {
    names += (i ? ",c" : "c") + std::to_string(i);
    numbers += i ? ",1" : "1";
  }
  const auto table = load_csv_table(folder.file("wide.csv", names + "\n" + numbers + "\n"));
  REQUIRE(table.columns.size() == 60000);
  std::vector<std::string> all;
  for (const auto& column : table.columns) all.push_back(column.name);
  CHECK(table.matrix(all).shape() == Shape{1, 60000});
}

TEST_CASE("no file inflates to more than the limit, and the message says how to raise it") {
  const TemporaryFolder folder;
  const std::string zeros_text = std::string(1 << 20, '0') + "\n";
  const auto csv = folder.file("x.csv.gz", gzipped(zeros_text));
  const auto npy = folder.file(
      "x.npy.gz", gzipped(detail::npy_header(zeros({1 << 18})) + std::string(1 << 20, '\0')));
  const auto npz = folder.path("x.npz");
  save_npz(npz, {{"a", zeros({1 << 17})}, {"b", zeros({1 << 17})}}, {.compress = true});
  {
    const InflateLimit limit(1 << 19);
    for (const auto& text : {error<IoError>([&] { (void)load_csv(csv); }),
                             error<IoError>([&] { (void)load_csv_table(csv); }),
                             error<IoError>([&] { (void)read_file(csv); }),
                             error<IoError>([&] { (void)load_idx(csv); }),
                             error<IoError>([&] { (void)load_npy(npy); }),
                             error<IoError>([&] { (void)load_npz(npz); })})
      CHECK(contains(text, "inflates to more than 524288 bytes, which set_inflate_limit(bytes)"));
  }
  CHECK(load_npy(npy).numel() == 1 << 18);
  CHECK(load_npz(npz).size() == 2);
  CHECK(read_file(csv) == zeros_text);
}

TEST_CASE("decimal numbers beyond a float are 0 or infinity, as IEEE 754 rounds them") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& text, Dtype dtype) {
    return load_csv(folder.file("x.csv", text), {.dtype = dtype}).item<double>();
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK(load("1e-50", float32) == 0);
  CHECK(std::signbit(load("-1e-50", float32)));
  CHECK(load("1e50", float32) == infinity);
  CHECK(load("-1e50", float32) == -infinity);
  CHECK(load("1e-400", float64) == 0);
  CHECK(load("1e400", float64) == infinity);
  CHECK(load("0." + std::string(500, '0') + "1", float64) == 0);
  CHECK(load("1" + std::string(500, '0'), float64) == infinity);
  CHECK(load("0." + std::string(500, '0') + "1e501", float64) == 1);
  CHECK(load("1e-99999999999999999999", float64) == 0);
  CHECK(load("1e+99999999999999999999", float64) == infinity);
  CHECK(load("1e-40", float32) == doctest::Approx(1e-40).epsilon(1e-4));  // subnormal
  CHECK_THROWS_AS(load("99999999999999999999", int64), IoError);
}

TEST_CASE("an npz archive that hides its members is refused") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npz");
  save_npz(path, {{"a", ones({2})}, {"b", ones({3})}});
  auto bytes = read_raw_file(path);
  const auto end = bytes.size() - 22;  // the end record, which has no comment
  REQUIRE(bytes.substr(end, 4) == "PK\5\6");
  for (const char count : {'\0', '\1'}) {
    bytes[end + 8] = bytes[end + 10] = count;
    CHECK(contains(error<IoError>([&] { (void)load_npz(folder.file("y.npz", bytes)); }),
                   "is damaged: its directory"));
  }
  // With a directory of no bytes at its end, too.
  for (std::size_t i = 12; i < 16; ++i) bytes[end + i] = 0;
  bytes[end + 8] = bytes[end + 10] = 0;
  for (std::size_t i = 0; i < 4; ++i) bytes[end + 16 + i] = static_cast<char>(end >> (8 * i));
  CHECK(contains(error<IoError>([&] { (void)load_npz(folder.file("y.npz", bytes)); }),
                 "is damaged: its directory"));
  save_npz(path, {});
  CHECK(load_npz(path).empty());
}

TEST_CASE("names with a zero byte are refused") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npz");
  save_npz(path, {{"abc", ones({2})}});
  auto bytes = read_raw_file(path);
  const auto at = bytes.rfind("abc.npy");
  bytes[at + 1] = '\0';
  CHECK(
      contains(error<IoError>([&] { (void)load_npz(folder.file("y.npz", bytes)); }), "zero byte"));
  const auto csv = folder.file("x.csv", "a\0b,c\n1,2\n"s);
  CHECK(contains(error<IoError>([&] { (void)load_csv_table(csv); }), "zero byte"));
  const auto cut = folder.path("x") + "\0.npy"s;
  CHECK(contains(error<IoError>([&] { save_npy(cut, ones({2})); }), "zero byte"));
  CHECK(contains(error<IoError>([&] { (void)load_npy(cut); }), "zero byte"));
  CHECK(folder.count() == 3);
}

TEST_CASE("what an npy header or a line of a log says twice is refused") {
  const TemporaryFolder folder;
  auto bytes = detail::npy_header(ones({2})) + std::string(8, '\0');
  const auto at = bytes.find(", }");
  bytes.replace(at, 17, ", 'shape': (1,), ");
  bytes[at + 17] = '}';
  CHECK(contains(error<IoError>([&] { (void)load_npy(folder.file("x.npy", bytes)); }),
                 "'shape' is there twice"));
  const auto log =
      folder.file("x.jsonl", "{\"step\":1,\"epoch\":0,\"seconds\":1,\"a\":1,\"a\":2}\n");
  CHECK(contains(error<IoError>([&] { (void)optim::load_log(log); }), "'a' twice"));
}

TEST_CASE("devices, pipes and folders are not read") {
  const TemporaryFolder folder;
  std::vector<std::string> paths = {null_device};
  if (make_pipe(folder.path("pipe"))) paths.insert(paths.end(), {"/dev/zero", folder.path("pipe")});
  for (const auto& path : paths)
    CHECK(contains(error<IoError>([&] { (void)load_npy(path); }), "a device or a pipe"));
  CHECK(contains(error<IoError>([&] { (void)load_csv(folder.path("")); }), "it is a folder"));
}

namespace {

/// What f() takes at most beyond what this process holds, in bytes, in a process of its own; -1
/// where it throws or gives false.
std::int64_t peak_of(const TemporaryFolder& folder, const std::function<bool()>& f) {
  const auto path = folder.path("peak");
  Child child([&] {
    const auto before = peak_resident_memory();
    if (!f()) return false;
    std::ofstream(path) << peak_resident_memory() - before;
    return true;
  });
  std::int64_t peak = -1;
  if (child.wait()) std::ifstream(path) >> peak;
  return peak;
}

/// A safetensors file with a header of `bytes` or a little less, of tensors of one byte.
std::string wide_safetensors(std::size_t bytes, std::size_t& count) {
  std::string header = "{";
  for (count = 0; header.size() + 100 < bytes; ++count)
    header += fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          count ? "," : "", count, count, count + 1);
  header += "}";
  std::string file;
  detail::append_little(file, std::uint64_t{header.size()});
  return file + header + std::string(count, '\7');
}

}  // namespace

TEST_CASE("the longest safetensors header takes three times its size in memory") {
  if (!can_fork) return skip(no_fork);
  if (under_thread_sanitizer) return skip("the sanitizer's memory is several times the program's");
  if (memory_use().small == 0) return skip("only the library's own allocator packs small tensors");
  const TemporaryFolder folder;
  std::size_t count = 0;
  const auto path = folder.file("wide.safetensors", wide_safetensors(100'000'000, count));
  REQUIRE(count > 1'000'000);
  double seconds = 0;
  const auto peak = peak_of(folder, [&] {
    const auto start = std::clock();
    const auto tensors = load_safetensors(path);
    seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    return tensors.size() == count && tensors.at("t777777").item<int>() == 7 &&
           seconds < 4;  // 1.5 at most on a machine without other work
  });
  CHECK(peak > 0);
  CHECK(peak < 300'000'000);
}

TEST_CASE("a header of 250,000 levels is refused at once, and takes no stack") {
  const TemporaryFolder folder;
  const auto deep = [&](const std::string& open, const std::string& close) {
    std::string header = R"({"a":)", file;
    for (int i = 0; i < 250'000; ++i) header += open;
    for (int i = 0; i < 250'000; ++i) header += close;
    header += "}";
    detail::append_little(file, std::uint64_t{header.size()});
    return folder.file("deep.safetensors", file + header);
  };
  for (const auto& path : {deep("[", "]"), deep(R"({"a":)", "}")}) {
    CHECK(contains(error<IoError>([&] { (void)load_safetensors(path); }), "tensor 'a'"));
    CHECK(contains(error<IoError>([&] { (void)load_safetensors_metadata(path); }), "tensor 'a'"));
  }
}
