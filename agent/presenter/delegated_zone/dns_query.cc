#include "agent/presenter/delegated_zone/dns_query.h"

#include "absl/strings/ascii.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxWireName = 255;  // RFC 1035 2.3.4
constexpr uint8_t kMaxWireLabel = 63;
constexpr uint16_t kTypeOpt = 41;

// Reads from the front; once something is missing, it stays failed.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

  absl::string_view Take(size_t size) {
    if (rest_.size() < size) ok_ = false;
    if (!ok_) return {};
    const absl::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  uint8_t U8() {
    const absl::string_view taken = Take(1);
    return ok_ ? static_cast<uint8_t>(taken[0]) : 0;
  }
  uint16_t U16() {
    const uint16_t high = U8();
    return static_cast<uint16_t>(high << 8 | U8());
  }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

// The name in lower case. RFC 1035 4.1.4 lets a name be compressed only into what came before it:
// before the question there is no name, so a pointer is an error.
std::string ReadName(Reader& reader, bool& ok) {
  std::string name;
  for (;;) {
    const uint8_t length = reader.U8();
    const absl::string_view label = reader.Take(length);
    ok = reader.ok() && length <= kMaxWireLabel && name.size() + 1 + length <= kMaxWireName;
    if (!ok) return name;
    name.push_back(static_cast<char>(length));
    // RFC 4343 3: only ASCII letters have a case.
    for (const char c : label) name.push_back(absl::ascii_tolower(c));
    if (length == 0) return name;
  }
}

// RFC 6891 6.1.2: options are pairs of code and length, then that many bytes.
bool OptionsAreWellFormed(absl::string_view options) {
  Reader reader(options);
  while (reader.ok() && !reader.empty()) {
    reader.U16();
    reader.Take(reader.U16());
  }
  return reader.ok();
}

// The one additional record that a query may have.
bool ReadOpt(Reader& reader, DnsQuery& query) {
  const uint8_t root = reader.U8();
  const uint16_t type = reader.U16();
  const uint16_t payload = reader.U16();
  reader.U8();  // the upper bits of an rcode, which a query has not
  const uint8_t version = reader.U8();
  const uint16_t flags = reader.U16();
  const absl::string_view options = reader.Take(reader.U16());
  if (!reader.ok() || root != 0 || type != kTypeOpt) return false;
  query.edns = true;
  query.edns_version = version;
  query.payload = payload;
  query.dnssec_ok = (flags & 0x8000) != 0;
  // What an option area of another version looks like is not known.
  return version != 0 || OptionsAreWellFormed(options);
}

}  // namespace

DnsParse ParseDnsQuery(absl::string_view bytes, size_t max) {
  DnsParse parse;
  DnsQuery& query = parse.query;
  Reader reader(bytes);
  query.id = reader.U16();
  const uint16_t flags = reader.U16();
  const uint16_t questions = reader.U16();
  const uint16_t answers = reader.U16();
  const uint16_t authority = reader.U16();
  const uint16_t additional = reader.U16();
  const bool is_response = (flags & 0x8000) != 0;
  if (!reader.ok() || bytes.size() > max || is_response) return parse;
  query.opcode = static_cast<uint8_t>(flags >> 11 & 0xf);
  query.recursion_desired = (flags & 0x0100) != 0;
  if (query.opcode != 0) {
    parse.state = DnsParseState::kNotImp;
    return parse;
  }
  // RFC 9619 4: a query has one question; no message with more of them is answered.
  if (questions != 1) {
    parse.state = DnsParseState::kFormErr;
    return parse;
  }
  bool name_ok = false;
  query.name = ReadName(reader, name_ok);
  query.type = reader.U16();
  query.klass = reader.U16();
  if (!name_ok || !reader.ok()) return parse;
  query.question = std::string(bytes.substr(kDnsHeader, query.name.size() + 4));
  const bool only_opt = answers == 0 && authority == 0 && additional <= 1;
  const bool good = only_opt && (additional == 0 || ReadOpt(reader, query)) && reader.empty();
  parse.state = good ? DnsParseState::kQuery : DnsParseState::kFormErr;
  return parse;
}

}  // namespace norroy::agent
