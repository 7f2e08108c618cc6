#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/zip.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "support/files.hpp"

using namespace gradtape;
using namespace std::string_literals;
using namespace gradtape::testing;

namespace {

struct TestMember {
  std::string name, bytes;
};

/// A zip archive of these members.
std::string zip(const std::vector<TestMember>& members, bool deflated = false,
                std::uint64_t zip64_from = 0xffffffff) {
  const TemporaryFolder folder;
  AtomicFile file(folder.path("zip"));
  detail::ZipWriter writer(file, zip64_from);
  for (const auto& member : members) {
    const std::string_view parts[] = {member.bytes};
    writer.add(member.name, parts, deflated);
  }
  writer.finish();
  file.commit();
  return read_file(folder.path("zip"));
}

std::string npy(const Tensor& x) {
  std::string storage;
  return detail::npy_header(x) + std::string(detail::little_endian_bytes(x, storage));
}

std::string with(std::string bytes, std::size_t at, std::string_view replacement) {
  return bytes.replace(at, replacement.size(), replacement);
}

void check_equal(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, array] : a) {
    REQUIRE(b.contains(name));
    CHECK(array_equal(array, b.at(name)));
  }
}

const std::map<std::string, Tensor> arrays = {{"fc1.weight", tensor({{1.5, -2.0}, {0.25, 1e30}})},
                                              {"steps", tensor(std::vector<std::int64_t>{7}, {})},
                                              {"empty", zeros({0, 3}, float64)},
                                              {"maské/0", tensor({true, false})}};

}  // namespace

TEST_CASE("npz files round-trip names, shapes, dtypes and elements, stored and deflated") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npz");
  for (const bool compress : {false, true}) {
    save_npz(path, arrays, {.compress = compress});
    check_equal(load_npz(path), arrays);
  }
  save_npz(path, {});
  CHECK(load_npz(path).empty());
  CHECK(folder.count() == 1);
}

TEST_CASE("the same arrays give the same npz file, and compression makes it smaller") {
  const TemporaryFolder folder;
  const std::map<std::string, Tensor> zero = {{"zero", zeros({100'000})}};
  save_npz(folder.path("a"), zero);
  save_npz(folder.path("b"), zero);
  save_npz(folder.path("c"), zero, {.compress = true});
  CHECK(read_file(folder.path("a")) == read_file(folder.path("b")));
  CHECK(read_file(folder.path("a")).size() > 400'000);
  CHECK(read_file(folder.path("c")).size() < 1'000);
  check_equal(load_npz(folder.path("c")), zero);
}

TEST_CASE("zip64 archives load") {
  const TemporaryFolder folder;
  for (const std::uint64_t zip64_from : {0, 100, 200}) {  // everything, or some of it
    const auto archive =
        zip({{"a.npy", npy(tensor({1, 2}))}, {"b.npy", npy(ones({3}))}}, true, zip64_from);
    check_equal(load_npz(folder.file("x.npz", archive)), {{"a", tensor({1, 2})}, {"b", ones({3})}});
  }
}

TEST_CASE("npz files that NumPy 1.24 wrote load") {
  for (const auto* name : {"numpy_savez.npz", "numpy_savez_compressed.npz"})
    check_equal(load_npz(std::string(GRADTAPE_SOURCE_DIR "/tests/files/") + name),
                {{"half", tensor(0.5, float64)},
                 {"columns", tensor({{1, 2, 3}, {4, 5, 6}}, float32)},
                 {"small", tensor({-1, 7})}});
}

TEST_CASE("an npz file may have a comment") {
  const TemporaryFolder folder;
  auto archive = zip({{"a.npy", npy(tensor({1, 2}))}});
  archive = archive.substr(0, archive.size() - 2) + "\5\0hello"s;
  check_equal(load_npz(folder.file("x.npz", archive)), {{"a", tensor({1, 2})}});
}

TEST_CASE("a truncated npz file is refused wherever it is cut") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.npz");
  const auto whole = zip({{"a.npy", npy(tensor({1, 2}))}});
  for (std::size_t size = 4; size < whole.size(); ++size) {
    folder.file("x.npz", whole.substr(0, size));
    CHECK_THROWS_WITH_AS(
        load_npz(path),
        ("load_npz: '" + path + "' is truncated: its zip directory is missing at the end, byte " +
         std::to_string(size))
            .c_str(),
        IoError);
  }
}

TEST_CASE("whatever byte of an npz file is damaged, loading succeeds or throws IoError") {
  const TemporaryFolder folder;
  for (const std::uint64_t zip64_from : {0xffffffff, 0u}) {
    const auto whole =
        zip({{"a.npy", npy(tensor({1, 2}))}, {"b.npy", npy(ones({3}))}}, true, zip64_from);
    int refused = 0;
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (const char flip : {'\1', '\x80', '\xff'}) {
        auto damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ flip);
        const auto path = folder.file("x.npz", damaged);
        try {
          (void)load_npz(path);
        } catch (const IoError&) {
          ++refused;
        }
      }
    CHECK(refused > static_cast<int>(whole.size()));
  }
}

TEST_CASE("a foreign, damaged or hostile npz file is refused with the reason") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& bytes, const std::string& cause) {
    const auto path = folder.file("x.npz", bytes);
    CHECK_THROWS_WITH_AS(load_npz(path), ("load_npz: '" + path + "'" + cause).c_str(), IoError);
  };
  const auto array = npy(tensor({1, 2}));
  const auto stored = zip({{"a.npy", array}}), deflated = zip({{"a.npy", array}}, true);
  const std::size_t data = 30 + 5, directory = data + array.size();
  const std::string member = ", member 'a.npy' ";
  REQUIRE(stored.substr(directory, 4) == "PK\1\2");
  const auto directory_of_deflated = deflated.find("PK\1\2");

  refuses("", " is not a zip file");
  refuses(array, " is not a zip file");
  refuses(zip({{"word/document.xml", "<xml/>"}}),
          ", member 'word/document.xml' is not an array: its name lacks .npy");
  refuses(zip({{"a.npy", "text"}}),
          member + "is not a .npy file: it does not begin with \\x93NUMPY");
  refuses(zip({{"a.npy", array}, {"a.npy", array}}), member + "is there twice");
  refuses(with(stored, directory, "XX"),
          " is damaged: no zip directory entry at byte " + std::to_string(directory));
  refuses(with(stored, data + array.size() - 1, "\1"),
          member + "is damaged: its CRC-32 is 9e1bcc9a, the archive says e91cfc0c");
  refuses(with(stored, directory + 8, "\1"), member + "is encrypted");
  refuses(with(stored, directory + 10, "\x0c"),
          member + "is compressed by zip method 12; stored and deflated can be read");
  refuses(with(stored, directory + 24, "\1"),
          member + "is damaged: it is stored in 144 bytes and claims to have 1");
  refuses(with(stored, directory + 42, "\1"),
          member + "is damaged: it has no local header at byte 1");
  refuses(with(stored, directory + 20, "\xff\xff\xff\x7f"s),
          member + "is truncated: the member needs 2147483647 bytes from byte 35 on, " +
              std::to_string(stored.size() - data) + " are there");
  refuses(with(deflated, directory_of_deflated + 24, "\1\0"s),
          member + "is damaged: it inflates to more than the 1 bytes it claims");
  refuses(with(deflated, directory_of_deflated + 24, "\xff\xff\xff\3"s),
          member + "is damaged: " + std::to_string(directory_of_deflated - data) + " of " +
              std::to_string(directory_of_deflated - data) +
              " bytes inflate to 144, it claims 67108863");
  refuses(with(deflated, directory_of_deflated + 24, "\xff\xff\xff\x7f"s),
          " inflates to more than 1073741824 bytes, which set_inflate_limit(bytes) of "
          "gradtape/autograd/io/file.hpp allows for a file that you trust");
  refuses(with(deflated, directory_of_deflated + 20, "\5\0"s),
          member + "is truncated: its compressed data break off at byte 5");
  refuses(with(deflated, data, "\7"), member + "is damaged: invalid block type at byte 1");
  const auto twice = zip({{"a.npy", array}, {"b.npy", array}});
  const auto second = twice.find("PK\1\2", twice.find("PK\1\2") + 1);
  refuses(with(twice, second + 42, "\0\0\0\0"s),
          " is damaged: members 'a.npy' and 'b.npy' overlap");
  refuses(with(twice, second + 42, "\x28\0\0\0"s),
          " is damaged: members 'a.npy' and 'b.npy' overlap");
  const auto zip64 = zip({{"a.npy", array}}, false, 0);
  refuses(with(zip64, zip64.find("PK\6\6"), "XX"),
          " is damaged: its zip64 end record is not where it should be");
  refuses(with(zip64, zip64.find("PK\1\2") + 46 + 5 + 2, "\1"),
          " is damaged: a zip64 extra field is too short");
}

TEST_CASE("save_npz refuses undefined tensors and impossible names before it writes") {
  const TemporaryFolder folder;
  const auto path = folder.file("x.npz", "old");
  CHECK_THROWS_WITH_AS(save_npz(path, {{"a", ones({2})}, {"b", Tensor()}}),
                       "save_npz: array 'b' is undefined", ValueError);
  CHECK_THROWS_WITH_AS(save_npz(path, {{"", ones({2})}}),
                       "save_npz: the name '' must have 1 to 65531 bytes, none of them 0",
                       ValueError);
  CHECK_THROWS_AS(save_npz(path, {{std::string(70'000, 'x'), ones({2})}}), ValueError);
  CHECK_THROWS_AS(save_npz(path, {{"a\0b"s, ones({2})}}), ValueError);
  CHECK(read_file(path) == "old");
  CHECK(folder.count() == 1);
}
