#include "agent/presenter/tls_alpn/client_hello.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace norroy::agent {
namespace {

constexpr uint8_t kHandshakeRecord = 22;
constexpr uint8_t kClientHelloMessage = 1;
constexpr size_t kRecordHeader = 5;
constexpr size_t kMessageHeader = 4;
constexpr size_t kMaxFragment = 16 * 1024;  // RFC 8446 5.1
constexpr size_t kRandom = 32;
constexpr size_t kMaxSessionId = 32;
constexpr size_t kMaxServerName = 255;

constexpr uint16_t kServerName = 0;          // RFC 6066 3
constexpr uint16_t kProtocols = 16;          // RFC 7301 3.1
constexpr uint16_t kSupportedVersions = 43;  // RFC 8446 4.2.1

// Takes fields off the front of bytes. After one that was not there whole, nothing is ok.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }
  // All was there, and nothing is left.
  bool Done() const { return ok_ && rest_.empty(); }

  absl::string_view Take(size_t count) {
    if (count > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const absl::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  // Big-endian, of `width` bytes.
  size_t Number(size_t width) {
    size_t number = 0;
    for (const unsigned char byte : Take(width)) number = number << 8 | byte;
    return number;
  }
  // RFC 8446 3.4: a vector with its length before it.
  absl::string_view Vector(size_t width) { return Take(Number(width)); }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

enum class Assembly { kIncomplete, kWhole, kBad };

// RFC 8446 5.1: a message may be spread over records, but none of them is empty, and none of
// another type comes between. `message` gets what was said so far, header included.
Assembly Assemble(absl::string_view bytes, std::string& message) {
  const bool over = bytes.size() > kMaxClientHello;
  bytes = bytes.substr(0, kMaxClientHello);
  const Assembly more = over ? Assembly::kBad : Assembly::kIncomplete;
  for (;;) {
    // What is wrong already is bad at once: nobody waits for the rest of an HTTP request.
    if (!bytes.empty() && static_cast<uint8_t>(bytes[0]) != kHandshakeRecord) return Assembly::kBad;
    // RFC 8446 5.1: the minor number means nothing.
    if (bytes.size() > 1 && bytes[1] != 3) return Assembly::kBad;
    if (bytes.size() < kRecordHeader) return more;
    Reader header(bytes.substr(3, 2));
    const size_t length = header.Number(2);
    if (length == 0 || length > kMaxFragment) return Assembly::kBad;
    absl::StrAppend(&message, bytes.substr(kRecordHeader, length));
    if (!message.empty() && message[0] != kClientHelloMessage) return Assembly::kBad;
    if (message.size() >= kMessageHeader) {
      Reader size(absl::string_view(message).substr(1, 3));
      const size_t whole = kMessageHeader + size.Number(3);
      if (whole > kMaxClientHello) return Assembly::kBad;
      if (message.size() >= whole) {
        message.resize(whole);
        return Assembly::kWhole;
      }
    }
    if (bytes.size() < kRecordHeader + length) return more;
    bytes.remove_prefix(kRecordHeader + length);
  }
}

// RFC 6066 3: one host_name, the only type that there is.
bool ParseServerName(absl::string_view data, ClientHello& hello) {
  Reader reader(data);
  Reader list(reader.Vector(2));
  const size_t type = list.Number(1);
  const absl::string_view name = list.Vector(2);
  if (!reader.Done() || !list.Done() || type != 0) return false;
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (!plain || name.empty() || name.size() > kMaxServerName) return false;
  hello.server_name = absl::AsciiStrToLower(name);
  return true;
}

// RFC 7301 3.1.
bool ParseProtocols(absl::string_view data, ClientHello& hello) {
  Reader reader(data);
  Reader list(reader.Vector(2));
  while (list.ok() && !list.empty()) {
    const absl::string_view protocol = list.Vector(1);
    if (protocol.empty()) return false;
    hello.protocols.emplace_back(protocol);
  }
  return reader.Done() && list.Done() && !hello.protocols.empty();
}

// RFC 8446 4.2.1: what it lists counts, not the version in the message's head. Drafts, GREASE
// (RFC 8701 2) and what is newer than we know are passed over.
bool ParseVersions(absl::string_view data, ClientHello& hello) {
  Reader reader(data);
  const absl::string_view versions = reader.Vector(1);
  if (!reader.Done() || versions.empty() || versions.size() % 2 != 0) return false;
  hello.max_version = 0;
  Reader list(versions);
  while (!list.empty()) {
    const uint16_t version = static_cast<uint16_t>(list.Number(2));
    if (version <= kTls13) hello.max_version = std::max(hello.max_version, version);
  }
  return true;
}

bool ParseExtensions(absl::string_view extensions, ClientHello& hello) {
  Reader reader(extensions);
  std::set<uint16_t> seen;
  while (reader.ok() && !reader.empty()) {
    const uint16_t type = static_cast<uint16_t>(reader.Number(2));
    const absl::string_view data = reader.Vector(2);
    // RFC 8446 4.2: no type twice.
    if (!reader.ok() || !seen.insert(type).second) return false;
    if (type == kServerName && !ParseServerName(data, hello)) return false;
    if (type == kProtocols && !ParseProtocols(data, hello)) return false;
    if (type == kSupportedVersions && !ParseVersions(data, hello)) return false;
  }
  return reader.ok();
}

bool ParseBody(absl::string_view body, ClientHello& hello) {
  Reader reader(body);
  const uint16_t version = static_cast<uint16_t>(reader.Number(2));
  // RFC 8446 4.2.1: without supported_versions nothing above TLS 1.2 is negotiated.
  hello.max_version = std::min(version, kTls12);
  reader.Take(kRandom);
  const absl::string_view session_id = reader.Vector(1);
  const absl::string_view cipher_suites = reader.Vector(2);
  const absl::string_view compression = reader.Vector(1);
  if (!reader.ok() || session_id.size() > kMaxSessionId || cipher_suites.empty() ||
      cipher_suites.size() % 2 != 0 || compression.empty()) {
    return false;
  }
  // RFC 5246 7.4.1.2: extensions may be absent altogether.
  if (reader.empty()) return true;
  const absl::string_view extensions = reader.Vector(2);
  return reader.Done() && ParseExtensions(extensions, hello);
}

}  // namespace

ClientHelloParse ParseClientHello(absl::string_view bytes) {
  ClientHelloParse result;
  std::string message;
  const Assembly assembly = Assemble(bytes, message);
  if (assembly == Assembly::kIncomplete) return result;
  const bool good = assembly == Assembly::kWhole &&
                    ParseBody(absl::string_view(message).substr(kMessageHeader), result.hello);
  result.state = good ? ClientHelloState::kComplete : ClientHelloState::kBad;
  if (!good) result.hello = ClientHello();
  return result;
}

}  // namespace norroy::agent
