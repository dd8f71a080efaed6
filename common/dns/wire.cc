#include "common/dns/wire.h"

#include "absl/strings/str_cat.h"

namespace norroy::dns {
namespace {

constexpr size_t kMaxWireName = 255;  // RFC 1035 3.1
constexpr int kMaxJumps = 127;        // as many as a name can have labels

}  // namespace

absl::string_view WireReader::Bytes(size_t count) {
  if (left() < count) {
    ok_ = false;
    return {};
  }
  const absl::string_view bytes = message_.substr(offset_, count);
  offset_ += count;
  return bytes;
}

uint8_t WireReader::U8() {
  const absl::string_view bytes = Bytes(1);
  return ok_ ? static_cast<uint8_t>(bytes[0]) : 0;
}

uint16_t WireReader::U16() {
  const uint16_t high = U8();
  return static_cast<uint16_t>(high << 8 | U8());
}

uint32_t WireReader::U32() {
  const uint32_t high = U16();
  return high << 16 | U16();
}

Header WireReader::ReadHeader() {
  Header header;
  header.id = U16();
  header.flags = U16();
  header.questions = U16();
  header.answers = U16();
  header.authority = U16();
  header.additional = U16();
  return header;
}

std::optional<Name> WireReader::ReadName() {
  WireReader at = *this;  // jumps; this one goes on behind the first pointer
  int jumps = 0;
  size_t segment = offset_;
  size_t size = 1;
  bool ordinary = true;
  std::string text;
  while (true) {
    const uint8_t length = at.U8();
    if (jumps == 0) offset_ = at.offset_;
    if (!at.ok_) break;
    if (length == 0) {
      if (!ordinary) return std::nullopt;
      const auto name = Name::Parse(text.empty() ? "." : text);
      if (!name.ok()) return std::nullopt;
      return *name;
    }
    if ((length & 0xc0) == 0xc0) {
      const size_t target = size_t{length & 0x3fu} << 8 | at.U8();
      if (jumps == 0) offset_ = at.offset_;
      if (!at.ok_ || ++jumps > kMaxJumps || target < kHeaderBytes || target >= segment) break;
      segment = at.offset_ = target;
      at.end_ = message_.size();
      continue;
    }
    const absl::string_view label = at.Bytes(length);
    if (jumps == 0) offset_ = at.offset_;
    size += 1u + length;
    if (length > kMaxLabel || !at.ok_ || size > kMaxWireName) break;
    // A dot inside a label would look like two labels.
    if (label.find('.') != absl::string_view::npos) ordinary = false;
    absl::StrAppend(&text, text.empty() ? "" : ".", label);
  }
  ok_ = false;
  return std::nullopt;
}

WireReader WireReader::Part(size_t count) {
  WireReader part = *this;
  Bytes(count);
  part.ok_ = ok_;
  if (ok_) part.end_ = offset_;
  return part;
}

void AppendU16(uint16_t value, std::string& out) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

void AppendU32(uint32_t value, std::string& out) {
  AppendU16(static_cast<uint16_t>(value >> 16), out);
  AppendU16(static_cast<uint16_t>(value & 0xffff), out);
}

void AppendHeader(const Header& header, std::string& out) {
  for (const uint16_t field : {header.id, header.flags, header.questions, header.answers,
                               header.authority, header.additional}) {
    AppendU16(field, out);
  }
}

void AppendName(const Name& name, std::string& out) {
  for (const std::string& label : name.labels()) {
    out.push_back(static_cast<char>(label.size()));
    out.append(label);
  }
  out.push_back('\0');
}

void AppendQuestion(const Name& name, uint16_t type, std::string& out) {
  AppendName(name, out);
  AppendU16(type, out);
  AppendU16(kClassIn, out);
}

}  // namespace norroy::dns
