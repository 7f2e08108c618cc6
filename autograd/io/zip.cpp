// The numbers are those of APPNOTE.TXT, the .ZIP file format specification, sections 4.3 to 4.5.
#include "gradtape/autograd/io/zip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "gradtape/autograd/io/gzip.hpp"

namespace gradtape::detail {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, directory_signature = 0x02014b50,
                        end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator64_signature = 0x07064b50;
constexpr std::size_t local_size = 30, end_size = 22, locator64_size = 20, longest_comment = 0xffff;
constexpr std::uint16_t stored = 0, deflated_method = 8;
constexpr std::uint16_t encrypted_flag = 1, utf8_flag = 1 << 11;
constexpr std::uint16_t zip64_field = 1;
constexpr std::uint32_t in_zip64 = 0xffffffff;  // "look in the zip64 field"
constexpr std::uint16_t plain_version = 20, zip64_version = 45;
constexpr std::uint16_t unix_made = 3 << 8;
constexpr std::uint32_t readable_file = 0100644u << 16;
constexpr std::uint16_t no_date = 1 << 5 | 1;  // 1 January 1980, the first there is

struct Directory {
  std::uint64_t members, size, offset;
  std::uint64_t end;  // the position of what follows it
};

/// The position of the end record: the last signature whose comment reaches to the end of the file.
std::size_t find_end(std::string_view archive, const Origin& origin) {
  if (archive.size() >= end_size) {
    const auto last = archive.size() - end_size;
    const auto first = last > longest_comment ? last - longest_comment : 0;
    for (std::size_t at = last + 1; at-- > first;) {
      ByteReader reader(archive, origin, at);
      if (reader.little<std::uint32_t>("end record") != end_signature) continue;
      reader.take(16, "end record");
      if (reader.little<std::uint16_t>("comment") == reader.left()) return at;
    }
  }
  if (archive.starts_with("PK\3\4"))
    origin.fail(fmt::format("is truncated: its zip directory is missing at the end, byte {}",
                            archive.size()));
  origin.fail("is not a zip file");
}

Directory read_end(std::string_view archive, const Origin& origin) {
  const auto at = find_end(archive, origin);
  ByteReader end(archive, origin, at + 10);
  Directory directory{};
  directory.end = at;
  directory.members = end.little<std::uint16_t>("member count");
  directory.size = end.little<std::uint32_t>("directory size");
  directory.offset = end.little<std::uint32_t>("directory offset");
  if (at < locator64_size) return directory;
  ByteReader locator(archive, origin, at - locator64_size);
  if (locator.little<std::uint32_t>("zip64 locator") != locator64_signature) return directory;
  locator.take(4, "zip64 locator");
  directory.end = locator.little<std::uint64_t>("zip64 end record offset");
  ByteReader end64(archive, origin, directory.end);
  if (end64.little<std::uint32_t>("zip64 end record") != end64_signature)
    origin.fail("is damaged: its zip64 end record is not where it should be");
  end64.take(28, "zip64 end record");
  directory.members = end64.little<std::uint64_t>("member count");
  directory.size = end64.little<std::uint64_t>("directory size");
  directory.offset = end64.little<std::uint64_t>("directory offset");
  return directory;
}

/// Replaces sizes and offset by those of the zip64 field among the extra fields.
void read_zip64(ByteReader extra, ZipMember& member) {
  while (extra.left() >= 4) {
    const auto id = extra.little<std::uint16_t>("extra field");
    const auto size = extra.little<std::uint16_t>("extra field");
    const auto position = extra.position();
    if (id == zip64_field)
      for (auto* value : {&member.size, &member.packed_size, &member.offset})
        if (*value == in_zip64) *value = extra.little<std::uint64_t>("zip64 extra field");
    const auto used = extra.position() - position;
    if (used > size) extra.origin().fail("is damaged: a zip64 extra field is too short");
    extra.take(size - used, "extra field");
  }
}

ZipMember read_directory_entry(ByteReader& reader) {
  constexpr auto what = "zip directory";
  const auto position = reader.position();
  if (reader.little<std::uint32_t>(what) != directory_signature)
    reader.origin().fail(fmt::format("is damaged: no zip directory entry at byte {}", position));
  ZipMember member;
  reader.take(4, what);  // versions
  member.flags = reader.little<std::uint16_t>(what);
  member.method = reader.little<std::uint16_t>(what);
  reader.take(4, what);  // time and date
  member.crc = reader.little<std::uint32_t>(what);
  member.packed_size = reader.little<std::uint32_t>(what);
  member.size = reader.little<std::uint32_t>(what);
  const auto name_size = reader.little<std::uint16_t>(what);
  const auto extra_size = reader.little<std::uint16_t>(what);
  const auto comment_size = reader.little<std::uint16_t>(what);
  reader.take(8, what);  // disk number and attributes
  member.offset = reader.little<std::uint32_t>(what);
  member.name = reader.take(name_size, what);
  if (member.name.find('\0') != member.name.npos)
    reader.origin().fail(
        fmt::format("is damaged: the name of the member listed at byte {} has a "
                    "zero byte",
                    position));
  read_zip64(ByteReader(reader.take(extra_size, what), reader.origin()), member);
  reader.take(comment_size, what);
  return member;
}

/// Throws where two members share bytes, as if to inflate a small archive to any size.
void check_apart(const std::vector<ZipMember>& members, const Origin& origin) {
  std::vector<const ZipMember*> ordered;
  ordered.reserve(members.size());
  for (const auto& member : members) ordered.push_back(&member);
  std::sort(ordered.begin(), ordered.end(),
            [](const ZipMember* a, const ZipMember* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < ordered.size(); ++i) {
    const auto &before = *ordered[i - 1], &after = *ordered[i];
    const auto space = after.offset - before.offset;
    if (space < local_size || space - local_size < before.packed_size)
      origin.fail(
          fmt::format("is damaged: members '{}' and '{}' overlap", before.name, after.name));
  }
}

constexpr std::uint16_t version_of(bool zip64) { return zip64 ? zip64_version : plain_version; }

/// A size or an offset of 32 bits.
constexpr std::uint32_t size_field(std::uint64_t value, bool zip64) {
  return zip64 ? in_zip64 : static_cast<std::uint32_t>(value);
}

std::string zip64_extra(std::initializer_list<std::uint64_t> values) {
  std::string extra;
  append_little(extra, zip64_field);
  append_little(extra, static_cast<std::uint16_t>(8 * values.size()));
  for (const auto value : values) append_little(extra, value);
  return extra;
}

/// What a member's local header and its entry in the directory have in common.
void append_description(std::string& out, const ZipMember& member, bool zip64,
                        std::size_t extra_size) {
  append_little(out, version_of(zip64));
  append_little(out, member.flags);
  append_little(out, member.method);
  append_little(out, std::uint16_t{0});  // time
  append_little(out, no_date);
  append_little(out, member.crc);
  append_little(out, size_field(member.packed_size, zip64));
  append_little(out, size_field(member.size, zip64));
  append_little(out, static_cast<std::uint16_t>(member.name.size()));
  append_little(out, static_cast<std::uint16_t>(extra_size));
}

}  // namespace

std::vector<ZipMember> zip_directory(std::string_view archive, const Origin& origin) {
  const auto directory = read_end(archive, origin);
  ByteReader reader(archive, origin, directory.offset);
  std::vector<ZipMember> members;
  std::uint64_t inflated = 0;
  const auto limit = inflate_limit(archive.size());
  for (std::uint64_t i = 0; i < directory.members; ++i) {
    members.push_back(read_directory_entry(reader));
    if (members.back().method != deflated_method) continue;
    if (__builtin_add_overflow(inflated, members.back().size, &inflated) || inflated > limit)
      refuse_inflation(limit, origin);
  }
  // Who lists fewer members than there are would hide them.
  if (reader.position() != directory.end || directory.offset + directory.size != directory.end ||
      (members.empty() && directory.end != 0))
    origin.fail(
        fmt::format("is damaged: its directory of {} members ends at byte {}, not at the "
                    "end record at byte {}, or lists nothing of what is there",
                    directory.members, reader.position(), directory.end));
  check_apart(members, origin);
  return members;
}

std::string_view zip_member(std::string_view archive, const ZipMember& member, std::string& storage,
                            const Origin& origin) {
  if (member.flags & encrypted_flag) origin.fail("is encrypted");
  if (member.method != stored && member.method != deflated_method)
    origin.fail(fmt::format("is compressed by zip method {}; stored and deflated can be read",
                            member.method));
  ByteReader reader(archive, origin, member.offset);
  if (reader.little<std::uint32_t>("local header") != local_signature)
    origin.fail(fmt::format("is damaged: it has no local header at byte {}", member.offset));
  reader.take(22, "local header");
  const auto name_size = reader.little<std::uint16_t>("local header");
  const auto extra_size = reader.little<std::uint16_t>("local header");
  reader.take(name_size + extra_size, "local header");
  std::string_view bytes = reader.take(member.packed_size, "member");
  if (member.method == deflated_method)
    bytes = storage = inflate_raw(bytes, member.size, origin);
  else if (member.packed_size != member.size)
    origin.fail(fmt::format("is damaged: it is stored in {} bytes and claims to have {}",
                            member.packed_size, member.size));
  if (const auto crc = crc32(bytes); crc != member.crc)
    origin.fail(
        fmt::format("is damaged: its CRC-32 is {:08x}, the archive says {:08x}", crc, member.crc));
  return bytes;
}

void ZipWriter::add(const std::string& name, std::span<const std::string_view> parts,
                    bool deflated) {
  ZipMember member{.name = name, .method = deflated ? deflated_method : stored};
  if (std::any_of(name.begin(), name.end(), [](char c) { return c & 0x80; }))
    member.flags = utf8_flag;
  member.offset = file_.position();
  for (const auto part : parts) {
    member.crc = crc32(part, member.crc);
    member.size += part.size();
  }
  const auto packed = deflated ? deflate_raw(parts) : std::string();
  member.packed_size = deflated ? packed.size() : member.size;
  file_.write(local_header(member));
  if (deflated)
    file_.write(packed);
  else
    for (const auto part : parts) file_.write(part);
  members_.push_back(std::move(member));
}

std::string ZipWriter::local_header(const ZipMember& member) const {
  const bool zip64 = member.size >= zip64_from_ || member.packed_size >= zip64_from_;
  const auto extra = zip64 ? zip64_extra({member.size, member.packed_size}) : std::string();
  std::string out;
  append_little(out, local_signature);
  append_description(out, member, zip64, extra.size());
  return out + member.name + extra;
}

std::string ZipWriter::directory_entry(const ZipMember& member) const {
  const bool zip64 = std::max({member.size, member.packed_size, member.offset}) >= zip64_from_;
  const auto extra =
      zip64 ? zip64_extra({member.size, member.packed_size, member.offset}) : std::string();
  std::string out;
  append_little(out, directory_signature);
  append_little(out, static_cast<std::uint16_t>(unix_made | version_of(zip64)));
  append_description(out, member, zip64, extra.size());
  append_little(out, std::uint16_t{0});  // comment
  append_little(out, std::uint16_t{0});  // disk
  append_little(out, std::uint16_t{0});  // internal attributes
  append_little(out, readable_file);
  append_little(out, size_field(member.offset, zip64));
  return out + member.name + extra;
}

void ZipWriter::finish() {
  const std::uint64_t offset = file_.position(), count = members_.size();
  for (const auto& member : members_) file_.write(directory_entry(member));
  const std::uint64_t size = file_.position() - offset;
  const bool zip64 = count >= 0xffff || offset >= zip64_from_ || size >= zip64_from_;
  std::string out;
  if (zip64) {
    append_little(out, end64_signature);
    append_little(out, std::uint64_t{44});  // bytes that follow in this record
    append_little(out, static_cast<std::uint16_t>(unix_made | zip64_version));
    append_little(out, zip64_version);
    append_little(out, std::uint64_t{0});  // disks
    for (const auto value : {count, count, size, offset}) append_little(out, value);
    append_little(out, locator64_signature);
    append_little(out, std::uint32_t{0});  // disk
    append_little(out, offset + size);
    append_little(out, std::uint32_t{1});  // disks
  }
  append_little(out, end_signature);
  append_little(out, std::uint32_t{0});  // disks
  for (int i = 0; i < 2; ++i)
    append_little(out, static_cast<std::uint16_t>(zip64 ? 0xffff : count));
  append_little(out, size_field(size, zip64));
  append_little(out, size_field(offset, zip64));
  append_little(out, std::uint16_t{0});  // comment
  file_.write(out);
}

}  // namespace gradtape::detail
