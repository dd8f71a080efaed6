#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_CLIENT_HELLO_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_CLIENT_HELLO_H_

// The first message of a TLS client (RFC 8446 4.1.2, RFC 5246 7.4.1.2), as far as a responder of
// TLS-ALPN-01 needs it: whom it wants, what it wants to speak, how new it is. Read before any TLS
// library sees a byte, so that a peer which is no CA never gets that far. Strict: lengths that do
// not add up, an extension twice, a name with odd characters are bad. A pure function: the caller
// owns sockets, times and answers.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace norroy::agent {

// All records that carry it, their headers included.
inline constexpr size_t kMaxClientHello = 16 * 1024;

inline constexpr uint16_t kTls12 = 0x0303;
inline constexpr uint16_t kTls13 = 0x0304;

struct ClientHello {
  // RFC 6066 3: lower case, letters, digits, "-", "_" and "." only.
  std::optional<std::string> server_name;
  // RFC 7301 3.1: in the client's order, none of them empty.
  std::vector<std::string> protocols;
  // The newest version that it offers, of those up to TLS 1.3.
  uint16_t max_version = 0;

  bool operator==(const ClientHello&) const = default;
};

enum class ClientHelloState { kIncomplete, kComplete, kBad };

struct ClientHelloParse {
  ClientHelloState state = ClientHelloState::kIncomplete;
  ClientHello hello;  // kComplete
};

// `bytes`: all that came so far. What follows the message is ignored. A message that does not fit
// into kMaxClientHello is bad, and so is anything that is no TLS.
ClientHelloParse ParseClientHello(absl::string_view bytes);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_CLIENT_HELLO_H_
