#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CONVERSATION_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CONVERSATION_H_

// TLS-ALPN-01's conversation (RFC 8737 3): a ClientHello is read without any TLS library; if it is
// a validator's for a name that is up, one handshake with that name's certificate, then the end.
//
// A ClientHello that is something else gets one fatal alert and no handshake byte: the alert tells
// whoever looks (a doctor, a CA's error text) "the responder is here and does not know that name"
// from a closed port, and tells a stranger nothing that an answer of any TLS server would not. What
// is no TLS at all is closed without a byte.

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/bounded_server.h"
#include "agent/presenter/tls_alpn/alpn_table.h"
#include "agent/presenter/tls_alpn/client_hello.h"

namespace norroy::agent {

// RFC 8737 6.2.
inline constexpr char kAcmeTlsProtocol[] = "acme-tls/1";

// RFC 8446 6.
enum class Alert : uint8_t {
  kProtocolVersion = 70,
  kUnrecognizedName = 112,
  kNoApplicationProtocol = 120,
};

enum class AlpnOutcome { kServed, kRefused };

// What all conversations of one responder share; outlives them.
class AlpnResponder {
 public:
  // `report` is called once for each ClientHello that came whole and well formed, on the server's
  // thread: kServed when its handshake is complete.
  static absl::StatusOr<std::unique_ptr<AlpnResponder>> Make(
      AlpnTable& table, std::function<void(AlpnOutcome)> report);
  virtual ~AlpnResponder() = default;

  virtual std::unique_ptr<Conversation> Greet() = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_CONVERSATION_H_
