#include <gradtape/autograd/io/bytes.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/idx.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <vector>

#include "support/files.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using namespace std::string_literals;
using namespace gradtape::testing;
namespace fs = std::filesystem;

namespace {

/// A .npy file of format 1.0 with this header, padding aside.
std::string npy(const std::string& header, std::string_view elements) {
  std::string out("\x93NUMPY\1\0", 8);
  detail::append_little(out, static_cast<std::uint16_t>(header.size() + 1));
  return out + header + "\n" + std::string(elements);
}
std::string npy_of(const char* descr, const char* shape, std::string_view elements) {
  return npy(
      std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': " + shape + ", }",
      elements);
}

/// An IDX file: element type, extents, elements.
std::string idx(char type, const std::vector<std::uint32_t>& extents, std::string_view elements) {
  std::string out{'\0', '\0', type, static_cast<char>(extents.size())};
  for (const auto extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(extent >> shift & 0xff);
  return out + std::string(elements);
}

}  // namespace

// ---- files ----

TEST_CASE("read_file inflates gzip, several members of it and zero padding") {
  const TemporaryFolder folder;
  CHECK(read_file(folder.file("plain", "a\0b"s)) == "a\0b"s);
  CHECK(read_file(folder.file("none", "")) == "");
  CHECK(read_file(folder.file("one.gz", gzipped("hello"))) == "hello");
  const std::string large(3'000'000, 'x');
  CHECK(read_file(folder.file("two.gz", gzipped(large) + gzipped("y") + "\0\0"s)) == large + "y");
}

TEST_CASE("read_file names the file and what the system says") {
  const TemporaryFolder folder;
  const auto missing = folder.path("missing");
  CHECK_THROWS_WITH_AS(
      read_file(missing),
      ("read_file: '" + missing + "' cannot be opened: No such file or directory").c_str(),
      IoError);
  CHECK_THROWS_WITH_AS(
      read_file(folder.path("")),
      ("read_file: '" + folder.path("") + "' cannot be read: it is a folder").c_str(), IoError);
}

TEST_CASE("truncated and damaged gzip files are told apart") {
  const TemporaryFolder folder;
  const auto whole = gzipped("1,2\n3,4\n");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    const auto path = folder.file("cut.gz", whole.substr(0, size));
    CHECK_THROWS_WITH_AS(
        read_file(path),
        ("read_file: '" + path + "' is truncated: its compressed data break off at byte " +
         std::to_string(size))
            .c_str(),
        IoError);
  }
  auto damaged = whole;
  damaged[damaged.size() - 8] ^= 1;  // in the CRC
  CHECK_THROWS_WITH_AS(read_file(folder.file("bad.gz", damaged)),
                       doctest::Contains("is damaged: incorrect data check at byte"), IoError);
  CHECK_THROWS_WITH_AS(read_file(folder.file("more.gz", whole + "more")),
                       doctest::Contains(("is damaged: at byte " + std::to_string(whole.size()) +
                                          " something follows the gzip data")
                                             .c_str()),
                       IoError);
}

TEST_CASE("an AtomicFile that is not committed leaves the old file whole and nothing else") {
  const TemporaryFolder folder;
  const auto path = folder.file("data", "old");
  {
    AtomicFile file(path);
    file.write("half of the n");
    CHECK(folder.count() == 2);
  }
  CHECK(read_file(path) == "old");
  CHECK(folder.count() == 1);
  write_file(path, "new");
  CHECK(read_file(path) == "new");
  CHECK(folder.count() == 1);
}

TEST_CASE("what writers that died left behind is removed, and nothing else") {
  const TemporaryFolder folder;
  const auto path = folder.file("data", "old");
  for (const char* name : {"data.7-0.part", "data.123-45.part", "data.7.part", "data.a-1.part",
                           "other.7-0.part", "data.7-0"})
    folder.file(name, "half");
  AtomicFile alive(path);
  remove_unfinished(path);
  CHECK(folder.count() == 6);  // without the first two, with that of `alive`
  CHECK_FALSE(fs::exists(folder.path("data.7-0.part")));
  CHECK_FALSE(fs::exists(folder.path("data.123-45.part")));
  alive.write("new");
  alive.commit();
  CHECK(read_file(path) == "new");
  remove_unfinished(folder.path("nowhere/data"));
}

TEST_CASE("an AtomicFile keeps the mode of what it replaces and follows symbolic links") {
  const TemporaryFolder folder;
  const auto path = folder.file("data", "old");
  fs::permissions(path, fs::perms(0640));
  const auto mode = fs::status(path).permissions();  // those of 0640 that the system knows
  std::error_code none;
  fs::create_symlink(path, folder.path("link"), none);
  if (none) return skip("symbolic links cannot be made here");
  write_file(folder.path("link"), "new");
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK(read_file(path) == "new");
  CHECK(fs::status(path).permissions() == mode);
}

TEST_CASE("what cannot be written is refused with the path, and not replaced") {
  const TemporaryFolder folder;
  const auto nowhere = folder.path("nowhere/x.npy");
  CHECK_THROWS_WITH_AS(
      save_npy(nowhere, ones({2})),
      ("save_npy: '" + nowhere + "' cannot be written: No such file or directory").c_str(),
      IoError);
  CHECK_THROWS_WITH_AS(
      save_npy(null_device, ones({2})),
      ("save_npy: '"s + null_device + "' cannot be written: it is not a regular file").c_str(),
      IoError);
  const auto path = folder.file("x.npy", "old");
  CHECK_THROWS_WITH_AS(save_npy(path, Tensor()),
                       ("save_npy: the tensor for '" + path + "' is undefined").c_str(),
                       ValueError);
  CHECK(read_file(path) == "old");
}

TEST_CASE("a write that fails half way is an IoError, and the old file stays") {
  if (!can_limit) return skip(no_limits);
  const TemporaryFolder folder;
  const auto path = folder.file("x.npy", "old");
  const FileSizeLimit limit(4096);
  CHECK_THROWS_WITH_AS(save_npy(path, ones({100'000})),
                       ("save_npy: '" + path + "' cannot be written: File too large").c_str(),
                       IoError);
  CHECK(read_file(path) == "old");
  CHECK(folder.count() == 1);
}

// ---- npy ----

TEST_CASE("npy files round-trip every dtype and rank bit for bit") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  for (const Tensor& x : {tensor({{1.5, -0.0}, {1e-40, 3e38}}), tensor({0.1, 1e-310}, float64),
                          randn({2, 1, 3, 1, 1, 2, 1, 2}),
                          tensor({{1, -2}, {std::numeric_limits<std::int64_t>::max(), 0}}),
                          tensor({true, false, true}), full({}, 2.5, float64), zeros({0, 3}),
                          zeros({4, 0}, int64), transpose(randn({300, 200}))}) {
    save_npy(path, x);
    CHECK(array_equal(load_npy(path), x));
  }
  save_npy(path, full({2}, nan));
  CHECK(std::isnan(load_npy(path).values<float>()[1]));
}

TEST_CASE("npy files are written as NumPy writes them") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  save_npy(path, tensor({{1, 2, 3}}));
  const auto bytes = read_file(path);
  CHECK(bytes.size() == 128 + 24);
  CHECK(bytes.substr(0, 10) == "\x93NUMPY\1\0\x76\0"s);
  CHECK(bytes.substr(10, 60) == "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 3), } ");
  CHECK(bytes[127] == '\n');
  save_npy(path, tensor({true}));
  CHECK(read_file(path).substr(10, 58) ==
        "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), } ");
  save_npy(path, full({}, 1));
  CHECK(read_file(path).substr(10, 56) ==
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), } ");
}

TEST_CASE(
    "npy files of other writers load: small integers, big-endian, column-major, versions 2 and 3") {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& bytes) { return load_npy(folder.file("x.npy", bytes)); };
  CHECK(array_equal(load(npy_of("|i1", "(2,)", "\xff\1")), tensor({-1, 1})));
  CHECK(array_equal(load(npy_of("|u1", "(2L,)", "\xff\1")), tensor({255, 1})));
  CHECK(array_equal(load(npy_of("<i2", "(1,)", "\xfe\xff")), tensor({-2})));
  CHECK(array_equal(load(npy_of("<u2", "(1,)", "\xfe\xff")), tensor({65534})));
  CHECK(array_equal(load(npy_of(">i4", "(1,)", "\xff\xff\xff\xfe")), tensor({-2})));
  CHECK(array_equal(load(npy_of("<u4", "(1,)", "\xfe\xff\xff\xff")), tensor({4294967294})));
  CHECK(array_equal(load(npy_of(">f4", "()", "\x3f\xc0\0\0"s)), tensor(1.5)));
  CHECK(array_equal(load(npy_of(">f8", "(1,)", "\x3f\xf8\0\0\0\0\0\0"s)), tensor({1.5}, float64)));
  CHECK(array_equal(load(npy_of("|b1", "(3,)", "\0\1\7"s)), tensor({false, true, true})));
  CHECK(array_equal(load(gzipped(npy_of("|u1", "(2,)", "\5\6"))), tensor({5, 6})));
  CHECK(array_equal(
      load(npy("{'shape': (2, 3), 'fortran_order': True, 'descr': \"|u1\"}", "\1\4\2\5\3\6")),
      tensor({{1, 2, 3}, {4, 5, 6}})));
  for (const char version : {'\2', '\3'}) {
    const auto one = npy_of("|u1", "(2,)", "\5\6");
    CHECK(array_equal(
        load("\x93NUMPY"s + version + '\0' + one.substr(8, 2) + "\0\0"s + one.substr(10)),
        tensor({5, 6})));
  }
}

TEST_CASE("a truncated npy file is refused wherever it is cut") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  save_npy(path, tensor({{1, 2}, {3, 4}}));
  const auto whole = read_file(path);
  for (std::size_t size = 6; size < whole.size(); ++size) {
    folder.file("x.npy", whole.substr(0, size));
    CHECK_THROWS_WITH_AS(load_npy(path),
                         doctest::Contains(("load_npy: '" + path + "' is truncated: the ").c_str()),
                         IoError);
  }
  folder.file("x.npy", whole.substr(0, whole.size() - 1));
  CHECK_THROWS_WITH_AS(load_npy(path),
                       doctest::Contains("is truncated: the array of shape [2, 2] needs 32 "
                                         "bytes from byte 128 on, 31 are there"),
                       IoError);
}

TEST_CASE("a foreign or hostile npy file is refused with the reason") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& bytes, const std::string& cause) {
    const auto path = folder.file("x.npy", bytes);
    CHECK_THROWS_WITH_AS(load_npy(path), ("load_npy: '" + path + "' " + cause).c_str(), IoError);
  };
  refuses("", "is not a .npy file: it does not begin with \\x93NUMPY");
  refuses("PK\3\4 and more", "is not a .npy file: it does not begin with \\x93NUMPY");
  refuses("\x93NUMPY\4\0 and more"s, "has .npy version 4.0; 1.0, 2.0 and 3.0 are known");
  refuses("\x93NUMPY\2\0\xff\xff\xff\xff{"s,
          "is truncated: the header needs 4294967295 bytes from byte 12 on, 1 are there");
  refuses(npy_of("<f4", "(2,)", "12345678X"),
          "has 1 bytes too many: the array of shape [2] ends at byte " +
              std::to_string(npy_of("<f4", "(2,)", "12345678").size()));
  refuses(npy_of("<c8", "(1,)", "12345678"),
          "has elements of type '<c8'; float32, float64, bool and integers of up to 32 bits, or 64 "
          "with a sign, can be read");
  refuses(npy_of("<f4", "(4000000000, 4000000000, 4000000000)", ""),
          "claims an impossible shape: [4000000000, 4000000000, 4000000000]");
  refuses(npy_of("<f4", "(0, 4000000000, 4000000000)", ""),
          "claims an impossible shape: [0, 4000000000, 4000000000]");
  const auto needed = npy_of("<f8", "(1000000000000,)", "").size();
  refuses(npy_of("<f8", "(1000000000000,)", ""),
          "is truncated: the array of shape [1000000000000] needs 8000000000000 bytes "
          "from byte " +
              std::to_string(needed) + " on, 0 are there");
  const auto malformed = [&](const std::string& header, const std::string& cause) {
    refuses(npy(header, ""), "has a malformed header: " + cause + ": " + header + "\n");
  };
  malformed("", "expected '{' at character 1");
  malformed("{'descr' '<f4'}", "expected ':' at character 9");
  malformed("{'descr': '<f4}", "a string does not end");
  malformed("{'descr': <f4}", "expected a string at character 10");
  malformed("{'descr': [('x', '<f4')]}", "structured arrays are not tensors");
  malformed("{'fortran_order': 0}", "expected True or False at character 18");
  malformed("{'shape': (-1,)}", "expected an extent at character 11");
  malformed("{'shape': (99999999999999999999,)}", "expected an extent at character 11");
  malformed("{'shape': (1,1,1,1,1,1,1,1,1)}", "a tensor has at most 8 axes");
  malformed("{'colour': 1}", "unknown key 'colour'");
  malformed("{'descr': '<f4'}", "it needs 'descr', 'fortran_order' and 'shape'");
  malformed("{} {}", "text after the closing brace");
}

TEST_CASE("whatever byte of an npy file is damaged, loading succeeds or throws IoError") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npy");
  save_npy(path, tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}));
  const auto whole = read_raw_file(path);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char flip : {'\1', '\x10', '\x80'}) {
      auto damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      try {
        (void)load_npy(folder.file("damaged", damaged));
      } catch (const IoError&) {
        ++refused;
      }
    }
  CHECK(refused == 383);  // of 3 * 128 in the header, and of none in the elements
}

// ---- IDX ----

TEST_CASE("IDX files load in the dtype asked for") {
  const TemporaryFolder folder;
  const auto images = folder.file("images.gz", gzipped(idx(0x08, {2, 1, 2}, "\0\1\x80\xff"s)));
  CHECK(array_equal(load_idx(images), tensor({{{0, 1}}, {{128, 255}}}, float32)));
  CHECK(array_equal(load_idx(images, {.dtype = int64}), tensor({{{0, 1}}, {{128, 255}}})));
  const auto load = [&](const std::string& bytes, Dtype dtype) {
    return load_idx(folder.file("x", bytes), {.dtype = dtype});
  };
  CHECK(array_equal(load(idx(0x09, {1}, "\xff"), int64), tensor({-1})));
  CHECK(array_equal(load(idx(0x0b, {1}, "\xff\xfe"), int64), tensor({-2})));
  CHECK(array_equal(load(idx(0x0c, {1}, "\1\0\0\1"s), int64), tensor({16777217})));
  CHECK(array_equal(load(idx(0x0c, {1}, "\1\0\0\1"s), float64), tensor({16777217}, float64)));
  CHECK(array_equal(load(idx(0x0d, {1}, "\x3f\xc0\0\0"s), float32), tensor({1.5})));
  CHECK(array_equal(load(idx(0x0e, {1}, "\x3f\xf8\0\0\0\0\0\0"s), float32), tensor({1.5})));
  CHECK(load(idx(0x08, {0, 28, 28}, ""), float32).shape() == Shape{0, 28, 28});
}

TEST_CASE("a truncated, foreign or hostile IDX file is refused with the reason") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& bytes, const std::string& cause) {
    const auto path = folder.file("x", bytes);
    CHECK_THROWS_WITH_AS(load_idx(path), ("load_idx: '" + path + "' " + cause).c_str(), IoError);
  };
  refuses("", "is truncated: the magic number needs 2 bytes from byte 0 on, 0 are there");
  refuses("\0\0\x08"s, "is truncated: the magic number needs 1 bytes from byte 3 on, 0 are there");
  refuses("1,2,3", "is not an IDX file: it does not begin with two zero bytes");
  refuses("\0\0\7\1\0\0\0\1X"s, "has the unknown IDX element type 0x07");
  refuses("\0\0\x08\x09"s, "has 9 axes, a tensor has at most 8");
  refuses("\0\0\x08\2\0\0\0\1\0\0"s,
          "is truncated: the shape needs 4 bytes from byte 8 on, 2 are there");
  refuses(idx(0x08, {2, 3}, "12345"),
          "is truncated: the array of shape [2, 3] needs 6 bytes from byte 12 on, 5 are there");
  refuses(idx(0x08, {2}, "123"), "has 1 bytes too many: the array of shape [2] ends at byte 10");
  refuses(idx(0x0e, {4000000000, 4000000000, 4000000000}, ""),
          "claims an impossible shape: [4000000000, 4000000000, 4000000000]");
  refuses(idx(0x0c, {2}, "\0\0\0\1\1\0\0\1"s),
          "holds 16777217 as element 1, which float32 would round; ask for float64 or int64");
  const auto floats = folder.file("floats", idx(0x0d, {1}, "\x3f\xc0\0\0"s));
  CHECK_THROWS_WITH_AS(
      load_idx(floats, {.dtype = int64}),
      ("load_idx: '" + floats + "' holds floats, which do not become int64").c_str(), DtypeError);
  CHECK_THROWS_WITH_AS(load_idx(floats, {.dtype = bool_}),
                       "load_idx: dtype must be float32, float64 or int64, got bool", DtypeError);
}
