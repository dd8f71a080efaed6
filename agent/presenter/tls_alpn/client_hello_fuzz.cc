// What a parsed ClientHello may hold, and that it does not matter how it came in pieces.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/tls_alpn/client_hello.h"
#include "common/check.h"

namespace {

using norroy::agent::ClientHello;
using norroy::agent::ClientHelloParse;
using norroy::agent::ClientHelloState;
using norroy::agent::kMaxClientHello;
using norroy::agent::ParseClientHello;

void CheckHello(const ClientHello& hello) {
  NORROY_CHECK(hello.max_version <= norroy::agent::kTls13);
  for (const std::string& protocol : hello.protocols) {
    NORROY_CHECK(!protocol.empty() && protocol.size() <= 255);
  }
  if (!hello.server_name.has_value()) return;
  NORROY_CHECK(!hello.server_name->empty() && hello.server_name->size() <= 255);
  for (const unsigned char c : *hello.server_name) {
    NORROY_CHECK(c != 0 && c < 0x7f && c > 0x20 && !absl::ascii_isupper(c));
  }
#ifdef PLANTED
  NORROY_CHECK(hello.protocols.size() != 1 || !absl::StrContains(*hello.server_name, ".."));
#endif
}

size_t Number(absl::string_view bytes) {
  size_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

// The message alone, out of records that a parse found good.
std::string MessageOf(absl::string_view bytes) {
  std::string message;
  while (bytes.size() > 5) {
    const size_t length = Number(bytes.substr(3, 2));
    absl::StrAppend(&message, bytes.substr(5, length));
    bytes.remove_prefix(std::min(bytes.size(), 5 + length));
    if (message.size() >= 4 && message.size() >= 4 + Number(message.substr(1, 3))) break;
  }
  message.resize(4 + Number(message.substr(1, 3)));
  return message;
}

std::string InRecordsOf(absl::string_view message, size_t fragment) {
  std::string bytes;
  while (!message.empty()) {
    const absl::string_view part = message.substr(0, fragment);
    const char header[] = {22, 3, 1, static_cast<char>(part.size() >> 8),
                           static_cast<char>(part.size())};
    absl::StrAppend(&bytes, absl::string_view(header, sizeof(header)), part);
    message.remove_prefix(part.size());
  }
  return bytes;
}

void CheckOtherRecords(absl::string_view bytes, const ClientHelloParse& parse) {
  const std::string message = MessageOf(bytes);
  for (const size_t fragment : {1 + bytes.size() % 7, 1 + bytes.size() % 251, message.size()}) {
    const std::string again = InRecordsOf(message, fragment);
    if (again.size() > kMaxClientHello) continue;
    const ClientHelloParse second = ParseClientHello(again);
    NORROY_CHECK(second.state == parse.state && second.hello == parse.hello);
    // Not one byte less.
    NORROY_CHECK(ParseClientHello(absl::string_view(again).substr(0, again.size() - 1)).state ==
                 ClientHelloState::kIncomplete);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ClientHelloParse parse = ParseClientHello(bytes);
  // What came first may be all that is said so far, never something else.
  for (const size_t cut : {size_t{0}, std::min<size_t>(size, 1), std::min<size_t>(size, 6),
                           size / 2, size - size / 8}) {
    const ClientHelloParse first = ParseClientHello(bytes.substr(0, cut));
    if (first.state == ClientHelloState::kIncomplete) continue;
    NORROY_CHECK(first.state == parse.state && first.hello == parse.hello);
  }
  if (parse.state != ClientHelloState::kComplete) {
    NORROY_CHECK(parse.hello == ClientHello());
    return 0;
  }
  CheckHello(parse.hello);
  CheckOtherRecords(bytes, parse);
  return 0;
}
