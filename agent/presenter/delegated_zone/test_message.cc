#include "agent/presenter/delegated_zone/test_message.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace norroy::agent {
namespace {

class Walker {
 public:
  explicit Walker(absl::string_view bytes) : bytes_(bytes) {}

  size_t at = 0;
  bool ok = true;

  bool at_end() const { return at == bytes_.size(); }
  uint8_t U8() {
    if (at >= bytes_.size()) ok = false;
    return ok ? static_cast<uint8_t>(bytes_[at++]) : 0;
  }
  uint16_t U16() {
    const int high = U8();
    return static_cast<uint16_t>(high << 8 | U8());
  }
  uint32_t U32() {
    const uint32_t high = U16();
    return high << 16 | U16();
  }
  std::string Take(size_t size) {
    if (at + size > bytes_.size()) ok = false;
    if (!ok) return "";
    at += size;
    return std::string(bytes_.substr(at - size, size));
  }
  // Text with dots; follows pointers, at most 16.
  std::string Name() {
    std::string text;
    size_t back_to = 0;
    for (int jumps = 0; ok && jumps < 16;) {
      const uint8_t length = U8();
      if (length >= 0xc0) {
        const size_t target = static_cast<size_t>(length & 0x3f) << 8 | U8();
        if (jumps++ == 0) back_to = at;
        ok = ok && target < at - 2;
        at = target;
        continue;
      }
      if (length == 0) {
        if (back_to != 0) at = back_to;
        return text;
      }
      if (!text.empty()) text += ".";
      text += Take(length);
    }
    ok = false;
    return text;
  }

 private:
  absl::string_view bytes_;
};

std::string DataText(Walker walker, uint16_t type, size_t size) {
  const size_t end = walker.at + size;
  if (type == 2) return absl::StrCat(" NS ", walker.Name());
  if (type == 16) {
    std::string text = " TXT";
    while (walker.ok && walker.at < end) absl::StrAppend(&text, " ", walker.Take(walker.U8()));
    return text;
  }
  if (type == 6) {
    std::string text = absl::StrCat(" SOA ", walker.Name());
    absl::StrAppend(&text, " ", walker.Name());
    for (int i = 0; i < 5; ++i) absl::StrAppend(&text, " ", walker.U32());
    return text;
  }
  return absl::StrCat(" TYPE", type);
}

TestRecord ReadRecord(Walker& walker) {
  TestRecord record;
  record.owner = walker.Name();
  record.type = walker.U16();
  record.klass = walker.U16();
  record.ttl = walker.U32();
  const uint16_t size = walker.U16();
  const Walker data = walker;
  record.data = walker.Take(size);
  if (walker.ok) {
    record.text = absl::StrCat(record.owner, " ", record.ttl, DataText(data, record.type, size));
  }
  return record;
}

}  // namespace

std::string TestU16(uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

std::string TestName(absl::string_view text) {
  std::string name;
  if (!text.empty()) {
    for (const absl::string_view label : absl::StrSplit(text, '.')) {
      name.push_back(static_cast<char>(label.size()));
      name.append(label.data(), label.size());
    }
  }
  name.push_back('\0');
  return name;
}

std::string TestQuery::Bytes() const {
  std::string bytes =
      absl::StrCat(TestU16(id), TestU16(flags), TestU16(1), TestU16(0), TestU16(0),
                   TestU16(edns ? 1 : 0), TestName(name), TestU16(type), TestU16(klass));
  if (!edns) return bytes;
  bytes.push_back('\0');
  absl::StrAppend(&bytes, TestU16(41), TestU16(payload), TestU16(version),
                  TestU16(dnssec_ok ? 0x8000 : 0), TestU16(options.size()), options);
  return bytes;
}

TestReply ReadTestReply(absl::string_view bytes) {
  TestReply reply;
  Walker walker(bytes);
  reply.id = walker.U16();
  reply.flags = walker.U16();
  reply.rcode = reply.flags & 0xf;
  const int questions = walker.U16();
  const int counts[] = {walker.U16(), walker.U16(), walker.U16()};
  std::vector<TestRecord>* const sections[] = {&reply.answers, &reply.authority, &reply.additional};
  for (int i = 0; i < questions && walker.ok; ++i) {
    const size_t begin = walker.at;
    walker.Name();
    walker.U32();
    if (walker.ok) reply.question += std::string(bytes.substr(begin, walker.at - begin));
  }
  for (int section = 0; section < 3; ++section) {
    for (int i = 0; i < counts[section] && walker.ok; ++i) {
      sections[section]->push_back(ReadRecord(walker));
      const TestRecord& record = sections[section]->back();
      if (record.type == 41) reply.rcode |= static_cast<int>(record.ttl >> 24) << 4;
    }
  }
  reply.good = walker.ok && walker.at_end();
  return reply;
}

std::string Texts(const std::vector<TestRecord>& records) {
  std::string all;
  for (const TestRecord& record : records) {
    absl::StrAppend(&all, all.empty() ? "" : "\n", record.text);
  }
  return all;
}

}  // namespace norroy::agent
