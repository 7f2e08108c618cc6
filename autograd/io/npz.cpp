#include "gradtape/autograd/io/npz.hpp"

#include <fmt/format.h>

#include "gradtape/autograd/error.hpp"
#include "gradtape/autograd/io/npy.hpp"
#include "gradtape/autograd/io/zip.hpp"

namespace gradtape {
namespace {

constexpr std::string_view suffix = ".npy";

void check_name(const std::string& name) {
  if (name.empty() || name.size() + suffix.size() > 0xffff || name.find('\0') != name.npos)
    fail<ValueError>("save_npz",
                     fmt::format("the name '{}' must have 1 to 65531 bytes, none of them 0",
                                 name.substr(0, 40)));
}

}  // namespace

std::map<std::string, Tensor> load_npz(const std::string& path) {
  const std::string archive = read_file(path, "load_npz");
  const auto origin = detail::file_origin("load_npz", path);
  std::map<std::string, Tensor> arrays;
  for (const auto& member : detail::zip_directory(archive, origin)) {
    const detail::Origin inside{"load_npz",
                                fmt::format("{}, member '{}'", origin.name, member.name)};
    if (!member.name.ends_with(suffix)) inside.fail("is not an array: its name lacks .npy");
    std::string storage;
    const auto bytes = detail::zip_member(archive, member, storage, inside);
    const auto name = member.name.substr(0, member.name.size() - suffix.size());
    if (!arrays.emplace(name, detail::parse_npy(bytes, inside)).second)
      inside.fail("is there twice");
  }
  return arrays;
}

void save_npz(const std::string& path, const std::map<std::string, Tensor>& arrays,
              NpzOptions options) {
  for (const auto& [name, array] : arrays) {
    check_name(name);
    if (!array.defined())
      fail<ValueError>("save_npz", fmt::format("array '{}' is undefined", name));
  }
  AtomicFile file(path, "save_npz");
  detail::ZipWriter zip(file);
  for (const auto& [name, array] : arrays) {
    const auto header = detail::npy_header(array);
    std::string storage;
    const std::string_view parts[] = {header, detail::little_endian_bytes(array, storage)};
    zip.add(name + std::string(suffix), parts, options.compress);
  }
  zip.finish();
  file.commit();
}

}  // namespace gradtape
