#include <gradtape/autograd/io/bytes.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/ops.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "support/files.hpp"

using namespace gradtape;
using namespace std::string_literals;
using namespace gradtape::testing;

namespace {

using Tensors = std::map<std::string, Tensor>;

/// A file with this header and these data.
std::string safetensors(const std::string& header, const std::string& data = "") {
  std::string out;
  detail::append_little(out, std::uint64_t{header.size()});
  return out + header + data;
}

/// The tensor of a file that holds one, described so.
Tensor loaded(const std::string& dtype, const std::string& shape, const std::string& data) {
  const TemporaryFolder folder;
  const auto header = R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape +
                      R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
  return load_safetensors(folder.file("x", safetensors(header, data))).at("x");
}

template <class T> std::string little(std::initializer_list<T> values) {
  std::string out;
  for (const T value : values) detail::append_little(out, value);
  return out;
}

/// What load_safetensors says of a file, after its name.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  const auto path = folder.file("bad.safetensors", bytes);
  try {
    (void)load_safetensors(path);
  } catch (const IoError& e) {
    const auto start = "load_safetensors: '" + path + "'";
    const std::string message = e.what();
    CHECK(message.starts_with(start));
    return message.substr(std::min(message.size(), start.size()));
  }
  return "was read";
}

std::string bad_header(const std::string& header, const std::string& data = "") {
  const auto message = refusal(safetensors(header, data));
  constexpr std::string_view start = " has a malformed header: ";
  return message.starts_with(start) ? message.substr(start.size()) : "not malformed:" + message;
}

/// The header of one tensor `x`.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

const Tensors tensors = {{"fc1.weight", tensor({{1.5, -2.0}, {0.25, 1e30}})},
                         {"steps", tensor(std::vector<std::int64_t>{7}, {})},
                         {"empty", zeros({0, 3}, float64)},
                         {"double", tensor({0.1, 1e300, -0.0}, float64)},
                         {"maské/0 \"q\"\n", tensor({true, false, true})}};

}  // namespace

TEST_CASE("save_safetensors and load_safetensors give back names, dtypes, shapes and elements") {
  const TemporaryFolder folder;
  const auto path = folder.path("x.safetensors");
  save_safetensors(path, tensors, {.metadata = {{"format", "pt"}, {"é", "\"\n"}}});
  const auto back = load_safetensors(path);
  REQUIRE(back.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    REQUIRE(back.contains(name));
    CHECK(array_equal(back.at(name), tensor));
  }
  CHECK(std::signbit(back.at("double").data<double>()[2]));
  const auto metadata = load_safetensors_metadata(path);
  CHECK(metadata == std::map<std::string, std::string>{{"format", "pt"}, {"é", "\"\n"}});
  CHECK(folder.count() == 1);
}

TEST_CASE("save_safetensors writes the bytes that the format describes") {
  const TemporaryFolder folder;
  const auto path = folder.path("x");
  save_safetensors(path, {{"b", tensor({true})}, {"a", tensor({1, 2})}, {"c", tensor({1.0})}},
                   {.metadata = {{"k", "v"}}});
  std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},)"
      R"("c":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},)"
      R"("b":{"dtype":"BOOL","shape":[1],"data_offsets":[20,21]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  CHECK(read_raw_file(path) ==
        safetensors(header, little<std::uint64_t>({1, 2}) + "\0\0\x80\x3f\1"s));
  save_safetensors(path, {});
  CHECK(read_raw_file(path) == safetensors("{}      "));
  CHECK(load_safetensors(path).empty());
  CHECK(load_safetensors_metadata(path).empty());
}

TEST_CASE("load_safetensors widens what gradtape has no dtype for") {
  CHECK(array_equal(loaded("U8", "[2]", "\x01\xff"), tensor({1, 255})));
  CHECK(array_equal(loaded("I8", "[2]", "\x01\xff"), tensor({1, -1})));
  CHECK(array_equal(loaded("I16", "[2]", little<std::uint16_t>({1, 0xfffe})), tensor({1, -2})));
  CHECK(array_equal(loaded("U16", "[1]", little<std::uint16_t>({0xfffe})), tensor({0xfffe})));
  CHECK(array_equal(loaded("I32", "[1]", little<std::uint32_t>({0xfffffffd})), tensor({-3})));
  CHECK(array_equal(loaded("U32", "[]", little<std::uint32_t>({0xffffffff})),
                    tensor(std::vector<std::int64_t>{0xffffffff}, {})));
  CHECK(array_equal(loaded("BOOL", "[3]", "\0\1\7"s), tensor({false, true, true})));
  // 1, -2, the largest, the smallest and the largest subnormal, and 1/3 as IEEE 754 binary16
  const auto half = loaded("F16", "[2,3]",
                           little<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x3555}));
  CHECK(array_equal(half,
                    tensor({{1.0, -2.0, 65504.0}, {0x1p-24, -0x1p-14 + 0x1p-24, 0.333251953125}})));
  const auto special =
      loaded("F16", "[4]", little<std::uint16_t>({0x7c00, 0xfc00, 0x7e00, 0x8000}));
  CHECK(special.data<float>()[0] == std::numeric_limits<float>::infinity());
  CHECK(special.data<float>()[1] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(special.data<float>()[2]));
  CHECK(std::signbit(special.data<float>()[3]));
  CHECK(array_equal(loaded("BF16", "[3]", little<std::uint16_t>({0x3f80, 0xc049, 0x7f7f})),
                    tensor({1.0, -3.140625, 0x1.fep127})));
}

TEST_CASE("load_safetensors reads headers as other writers lay them out") {
  const TemporaryFolder folder;
  // no padding, keys in another order, blanks, data in another order than the names, empty tensors
  const auto header = R"({ "b": {"data_offsets": [4, 8], "shape": [1], "dtype": "F32"},)"
                      R"("e":{"dtype":"I64","shape":[0,5],"data_offsets":[4,4]},)"
                      "\n"
                      R"("a": {"shape": [], "dtype": "F32", "data_offsets": [0, 4]}, )"
                      R"("f":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}})";
  const auto back =
      load_safetensors(folder.file("x", safetensors(header, "\0\0\x80\x3f\0\0\0\x40"s)));
  CHECK(array_equal(back.at("a"), tensor(std::vector<float>{1}, {})));
  CHECK(array_equal(back.at("b"), tensor({2.0})));
  CHECK(array_equal(back.at("e"), zeros({0, 5}, int64)));
  CHECK(back.size() == 4);
}

TEST_CASE("load_safetensors takes a header length that looks like gzip for what it is") {
  const TemporaryFolder folder;
  auto header = entry("F32", "[1]", "[0,4]");
  header.resize(0x8b1f, ' ');
  const auto bytes = safetensors(header, "\0\0\x80\x3f"s);
  REQUIRE(bytes.starts_with("\x1f\x8b"));
  CHECK(array_equal(load_safetensors(folder.file("x", bytes)).at("x"), tensor({1.0})));
}

TEST_CASE("load_safetensors refuses a file that is none, and says why") {
  CHECK(refusal("").starts_with(" is truncated: the header's length needs 8 bytes"));
  CHECK(refusal("\1\0\0\0"s).starts_with(" is truncated: the header's length needs 8 bytes"));
  CHECK(refusal("\x64\0\0\0\0\0\0\0{}"s) ==
        " is truncated: the header needs 100 bytes from byte 8 on, 2 are there");
  CHECK(refusal("\0\xe1\xf5\x05\0\0\0\0{}"s) ==
        " is truncated: the header needs 100000000 bytes from byte 8 on, 2 are there");
  CHECK(refusal("\x01\xe1\xf5\x05\0\0\0\0{}"s) ==
        " is not a safetensors file: its header would have 100000001 bytes");
  CHECK(refusal("\xff\xff\xff\xff\xff\xff\xff\xff{}"s) ==
        " is not a safetensors file: its header would have 18446744073709551615 bytes");
  CHECK(refusal(safetensors("")) == " is not a safetensors file: its header does not begin with {");
  CHECK(refusal(safetensors("[1]")) ==
        " is not a safetensors file: its header does not begin with {");
  CHECK(refusal(safetensors(" {}")) ==
        " is not a safetensors file: its header does not begin with {");
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(load_safetensors(folder.path("none")),
                       ("load_safetensors: '" + folder.path("none") +
                        "' cannot be opened: No such file or directory")
                           .c_str(),
                       IoError);
  CHECK_THROWS_AS(load_safetensors_metadata(folder.path("none")), IoError);
}

TEST_CASE("load_safetensors refuses a header that is not JSON of the right form, and says why") {
  CHECK(bad_header("{").starts_with("no JSON at character "));
  CHECK(bad_header("{} x").starts_with("no JSON at character "));
  CHECK(bad_header("{\"\xff\":1}").find("ill-formed UTF-8") != std::string::npos);
  for (const char* text : {"\\ud800", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3"}) {
    CHECK(bad_header("{\""s + text + "\":1}").starts_with("no JSON at character "));
    CHECK(bad_header(R"({"__metadata__":{"a":")"s + text + "\"}}").starts_with("no JSON at "));
  }
  CHECK(bad_header("{" + std::string(1000, '[')).starts_with("no JSON at character "));
  CHECK(bad_header(R"({"x":1})") == "tensor 'x' cannot be a number");
  CHECK(bad_header(R"({"x":null})") == "tensor 'x' cannot be null");
  CHECK(bad_header(R"({"x":[)" + std::string(100'000, '[')) == "tensor 'x' cannot be an array");
  CHECK(bad_header(R"({"x":{}})") == "tensor 'x' lacks dtype, shape or data_offsets");
  CHECK(bad_header(R"({"x":{"dtype":"F32","shape":[1]}})") ==
        "tensor 'x' lacks dtype, shape or data_offsets");
  CHECK(bad_header(R"({"x":{"dtype":"F32","dtype":"F64"}})") == "tensor 'x' has dtype twice");
  CHECK(bad_header(R"({"x":{"shape":[],"shape":[]}})") == "tensor 'x' has shape twice");
  CHECK(bad_header(R"({"x":{"strides":[]}})") == "tensor 'x' has the unknown key 'strides'");
  CHECK(bad_header(R"({"x":{"dtype":{}}})") == "dtype of tensor 'x' cannot be an object");
  CHECK(bad_header(R"({"x":{"dtype":[]}})") == "dtype of tensor 'x' cannot be an array");
  CHECK(bad_header(R"({"x":{"dtype":3}})") == "dtype of tensor 'x' cannot be a number");
  CHECK(bad_header(R"({"x":{"shape":"3"}})") == "shape of tensor 'x' cannot be a string");
  CHECK(bad_header(R"({"x":{"shape":[[1]]}})") == "shape of tensor 'x' cannot be an array");
  CHECK(bad_header(R"({"x":{"shape":[true]}})") == "shape of tensor 'x' cannot be a bool");
  CHECK(bad_header(R"({"x":{"shape":[-1]}})") == "shape of tensor 'x' cannot be a negative number");
  CHECK(bad_header(R"({"x":{"shape":[1.5]}})") ==
        "shape of tensor 'x' cannot be a fraction or huge number");
  CHECK(bad_header(R"({"x":{"shape":[1e30]}})") ==
        "shape of tensor 'x' cannot be a fraction or huge number");
  CHECK(bad_header(R"({"x":{"shape":[18446744073709551615]}})") ==
        "shape of tensor 'x' cannot be a number beyond 2^63");
  CHECK(bad_header(R"({"x":{"shape":[1,1,1,1,1,1,1,1,1]}})") == "tensor 'x' has more than 8 axes");
  CHECK(bad_header(entry("F32", "[]", "[0]")) == "tensor 'x' needs two data_offsets");
  CHECK(bad_header(entry("F32", "[]", "[0,4,4]")) == "tensor 'x' needs two data_offsets");
  CHECK(bad_header(R"({"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                   R"("x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})") ==
        "'x' is there twice");
  CHECK(bad_header(R"({"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                   R"("\u0078":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})") ==
        "'x' is there twice");
  CHECK(bad_header(R"({"__metadata__":{},"__metadata__":{}})") == "'__metadata__' is there twice");
  CHECK(bad_header(R"({"__metadata__":{"a":"1","a":"2"}})") == "the metadata have 'a' twice");
  const TemporaryFolder folder;
  const auto twice = folder.file("x", safetensors(R"({"__metadata__":{"a":"1","a":"2"}})"));
  CHECK_THROWS_WITH_AS(load_safetensors_metadata(twice),
                       doctest::Contains("the metadata have 'a' twice"), IoError);
  CHECK(bad_header(R"({"__metadata__":{"a":1}})") ==
        "the metadata may hold only strings, got a number");
  CHECK(bad_header(R"({"__metadata__":{"a":{}}})") ==
        "the metadata may hold only strings, got an object");
  CHECK(bad_header(R"({"__metadata__":"a"})") ==
        "the metadata may hold only strings, got a string");
}

TEST_CASE("load_safetensors refuses tensors that do not fill the file one after the other") {
  const std::string eight(8, '\0');
  auto two = [](const char* a, const char* b) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)"s + a +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + b + "}}";
  };
  CHECK(bad_header(two("[0,4]", "[0,4]"), eight) == "tensor 'b' at bytes 0 to 4 overlaps another");
  CHECK(bad_header(two("[0,4]", "[2,6]"), eight) == "tensor 'b' at bytes 2 to 6 overlaps another");
  CHECK(bad_header(two("[0,4]", "[5,9]"), eight + "0") ==
        "tensor 'b' at bytes 5 to 9 leaves a gap after byte 4");
  CHECK(bad_header(two("[4,8]", "[8,12]"), eight + "0000") ==
        "tensor 'a' at bytes 4 to 8 leaves a gap after byte 0");
  CHECK(bad_header(entry("F32", "[1]", "[4,0]"), "0000") ==
        "tensor 'x' at bytes 4 to 0 ends before it begins");
  CHECK(refusal(safetensors(entry("F32", "[2]", "[0,8]"), "0000")) ==
        " is truncated: tensor 'x' at bytes 0 to 8 is beyond the 4 bytes of data");
  CHECK(
      refusal(safetensors(entry("F32", "[2]", "[0,9223372036854775807]"), "0000")) ==
      " is truncated: tensor 'x' at bytes 0 to 9223372036854775807 is beyond the 4 bytes of data");
  CHECK(refusal(safetensors(entry("F32", "[1]", "[0,4]"), "00001")) ==
        " has 1 bytes after the last tensor");
  CHECK(refusal(safetensors("{}", "1")) == " has 1 bytes after the last tensor");
}

TEST_CASE("load_safetensors refuses a tensor whose shape or dtype its bytes contradict") {
  CHECK(refusal(safetensors(entry("F32", "[3]", "[0,8]"), "00000000"))
            .starts_with(", tensor 'x' is truncated: the array of shape [3] needs 12 bytes"));
  CHECK(refusal(safetensors(entry("F32", "[]", "[0,8]"), "00000000"))
            .starts_with(", tensor 'x' has 4 bytes too many: the array of shape []"));
  CHECK(refusal(safetensors(entry("F64", "[4294967296,4294967296]", "[0,0]"))) ==
        ", tensor 'x' claims an impossible shape: [4294967296, 4294967296]");
  CHECK(refusal(safetensors(entry("F64", "[0,4294967296,4294967296]", "[0,0]"))) ==
        ", tensor 'x' claims an impossible shape: [0, 4294967296, 4294967296]");
  CHECK(refusal(safetensors(entry("U8", "[9223372036854775807]", "[0,4]"), "0000"))
            .starts_with(", tensor 'x' is truncated: the array of shape [9223372036854775807]"));
  // a header that agrees with itself, but not with the file, takes no memory: 2^60 bytes
  CHECK(
      refusal(safetensors(entry("U8", "[1152921504606846976]", "[0,1152921504606846976]"))) ==
      " is truncated: tensor 'x' at bytes 0 to 1152921504606846976 is beyond the 0 bytes of data");
}

TEST_CASE("a tensor of a type that is not held leaves the others readable, and says why") {
  const TemporaryFolder folder;
  const std::string header = R"({"good":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                             R"("eight":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[4,8]},)"
                             R"("complex":{"dtype":"C64","shape":[1],"data_offsets":[8,16]},)"
                             R"("small":{"dtype":"U64","shape":[1],"data_offsets":[16,24]},)"
                             R"("large":{"dtype":"U64","shape":[1],"data_offsets":[24,32]}})";
  const auto path =
      folder.file("some.safetensors",
                  safetensors(header, little<std::uint32_t>({0x3fc00000}) + std::string(12, '\1') +
                                          little<std::uint64_t>({7, ~std::uint64_t{0}})));
  const auto loaded = load_safetensors(path);
  CHECK(loaded.size() == 2);
  CHECK(loaded.at("good").item() == 1.5);
  CHECK(loaded.at("small").item<int>() == 7);
  const auto refuses = [&](const std::string& name, const std::string& cause) {
    CHECK_THROWS_WITH_AS(
        loaded.at(name),
        ("load_safetensors: '" + path + "', tensor '" + name + "' has elements of type " + cause)
            .c_str(),
        IoError);
  };
  const std::string read = "; F64, F32, F16, BF16, BOOL and integers can be read";
  refuses("eight", "'F8_E4M3'" + read);
  refuses("complex", "'C64'" + read);
  refuses("large", "'U64' beyond int64, such as 18446744073709551615");
  CHECK_THROWS_WITH_AS(loaded.at("none"), "load_safetensors: there is no tensor 'none'", IoError);
}

TEST_CASE("a safetensors file cut anywhere is refused") {
  const TemporaryFolder folder;
  save_safetensors(folder.path("x"), tensors);
  const auto whole = read_raw_file(folder.path("x"));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(load_safetensors(folder.file("cut", whole.substr(0, size))), IoError);
}

TEST_CASE("whatever byte of a safetensors file is damaged, loading succeeds or throws IoError") {
  const TemporaryFolder folder;
  save_safetensors(folder.path("x"), tensors, {.metadata = {{"a", "b"}}});
  const auto whole = read_raw_file(folder.path("x"));
  std::size_t refused = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char flip : {'\1', '\x20', '\x80'}) {
      auto damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      try {
        (void)load_safetensors(folder.file("damaged", damaged));
      } catch (const IoError&) {
        ++refused;
      }
    }
  CHECK(refused > whole.size());
}

TEST_CASE("a long header that breaks off or goes wrong late is refused as a short one is") {
  std::string header = "{";
  for (int i = 0; header.size() < 1'000'000; ++i)
    header += "\"" + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)";
  CHECK(bad_header(header).starts_with("no JSON at character 10"));
  CHECK(bad_header(header + R"("7":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})") ==
        "'7' is there twice");
  CHECK(refusal(safetensors(header + R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})")) ==
        " is truncated: tensor 'x' at bytes 0 to 4 is beyond the 0 bytes of data");
  const std::string name(1'000'000, 'n');
  CHECK(refusal(safetensors(R"({")" + name + R"(":{"dtype":"?"}})")).size() < 300);
}

TEST_CASE("save_safetensors refuses what the format cannot hold and leaves the old file") {
  const TemporaryFolder folder;
  const auto path = folder.file("x", "old");
  const Tensor x = tensor({1.0});
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"a", x}, {"w", Tensor()}}),
                       "save_safetensors: tensor 'w' is undefined", ValueError);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"__metadata__", x}}),
                       "save_safetensors: '__metadata__' cannot be a tensor's name", ValueError);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {{"\xff", x}}),
                       "save_safetensors: a name is not UTF-8", ValueError);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {}, {.metadata = {{"k", "\xc0"}}}),
                       "save_safetensors: a text of the metadata is not UTF-8", ValueError);
  CHECK_THROWS_WITH_AS(save_safetensors(path, {}, {.metadata = {{"\xc0", ""}}}),
                       "save_safetensors: a key of the metadata is not UTF-8", ValueError);
  CHECK(read_raw_file(path) == "old");
  CHECK(folder.count() == 1);
  CHECK_THROWS_AS(save_safetensors(folder.path("no/x"), {{"a", x}}), IoError);
}
